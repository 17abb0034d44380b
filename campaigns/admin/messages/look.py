"""What stands beside a message while it is written: how it looks and to whom, what is wrong, what could be better."""

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import messages, previews
from campaigns.admin import words
from campaigns.admin.messages.blocks import OTHER, PREFIX
from campaigns.admin.messages.form import field_of
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages import Finished, Layout
from campaigns.messages.layout_faults import Fault
from campaigns.models import Message
from customers import encryption
from customers.models import Customer

LOOKS = {
    "desktop": gettext_lazy("Desktop"),
    "phone": gettext_lazy("Mobile"),
    "dark": gettext_lazy("Dark"),
    "text": gettext_lazy("Only text"),
}
# What a mailbox's list shows, in letters as wide as an English one's; a Chinese one takes two.
ON_A_PHONE, ON_A_DESKTOP, PREVIEW_LINE = 40, 70, 90
_DARK = re.compile(r"\(prefers-color-scheme:\s*dark\)")
log = structlog.get_logger()


@dataclass(frozen=True)
class Told:
    """A problem or a hint: where it stands, and which field and line a press leads to."""

    field: str
    line: int
    text: str
    where: str = ""
    mend: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class Cut:
    """A line as a mailbox shows it, and what it leaves out."""

    shown: str
    rest: str


def cut(line: str, most: int) -> Cut:
    width = 0
    for n, letter in enumerate(line):
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width > most:
            return Cut(line[:n], line[n:])
    return Cut(line, "")


# --- what is wrong, and what could be better ---------------------------------------------------------------------


def checked(message: Message) -> dict[str, Any]:
    """Problems and hints, each with the field that it stands in."""
    layout = messages.layout_of(message)
    if layout is None:
        problems = [
            Told(field_of(problem.part) or "body", problem.line, str(problem))
            for problem in messages.check(message)
        ]
        hints = [
            Told(field_of(hint.part) or "body", hint.line, hint.why, hint.part, hint.mend)
            for hint in messages.hints(message)
        ]
        return {"problems_found": problems, "hints": hints, "untranslated": untranslated(message)}
    faults = messages.faults(layout)
    problems = [_of_fault(layout, fault) for fault in faults]
    if not faults:
        problems = [
            _of_line(layout, problem.part, problem.line, problem.text) for problem in messages.check(message)
        ]
    hints = [_of_line(layout, hint.part, hint.line, hint.why, hint.mend) for hint in messages.hints(message)]
    return {"problems_found": problems, "hints": hints, "untranslated": untranslated(message)}


def untranslated(message: Message) -> list[Told]:
    """Which words are not Chinese yet, or were changed in the original since; nothing where there is no Chinese."""
    own = message.translations.get(OTHER)
    if not own:
        return []
    told = {
        "missing": _("not translated: the original stands there"),
        "copied": _("not translated: it says what the original says"),
        "outdated": _("the original has changed since"),
    }
    return [
        Told(f"{PREFIX}{one.field}", 0, told[one.state], _in(one.label, OTHER), one.state)
        for one in messages.untranslated(message, OTHER)
    ]


def _of_fault(layout: Layout, fault: Fault) -> Told:
    prefix = "" if fault.language == messages.LANGUAGES[0] else PREFIX
    return Told(
        f"{prefix}{fault.key}-{fault.part}",
        fault.line,
        str(fault),
        _place(layout, fault.key, fault.language),
        is_missing=fault.is_missing,
    )


def _of_line(layout: Layout, part: str, line: int, text: str, mend: str = "") -> Told:
    """At the block that made the line; a line of ours is nobody's to mend, so it leads nowhere."""
    name, _space, language = part.partition(" ")
    language = language.strip("()") or messages.LANGUAGES[0]
    if name != "body":
        return Told(field_of(part) or "subject", line, text, _part(name, language), mend)
    found = messages.source(layout, language).at(line) if line else None
    if found is None:
        return Told("", 0, text, _part(name, language), mend)
    span, at = found
    prefix = "" if language == messages.LANGUAGES[0] else PREFIX
    field = f"{prefix}{span.key}-{span.part}" if span.part else ""
    return Told(field, at, text, _place(layout, span.key, language), mend)


def _place(layout: Layout, key: str, language: str) -> str:
    return _in(messages.block_label(layout, key), language)


def _part(name: str, language: str) -> str:
    return _in(messages.part_label(name), language)


def _in(label: str, language: str) -> str:
    return label if language == messages.LANGUAGES[0] else _("%s, in Chinese") % label


# --- how it looks ------------------------------------------------------------------------------------------------


def look(request: HttpRequest, message: Message, asked: Mapping[str, str], *, at: datetime) -> dict[str, Any]:
    """The message for someone made up, or for a person by name, whom only who may see people is shown."""
    view = asked.get("look", "")
    view = view if view in LOOKS else "desktop"
    language = OTHER if asked.get("look_in") == OTHER else messages.LANGUAGES[0]
    named = asked.get("look_as", "").strip() if words.sees_people(request) else ""
    finished: Finished | None = None
    wrong = note = ""
    if named:
        customer = person(named)
        if customer is None:
            wrong = _("Nobody is known as “%s”.") % named
        else:
            log.info("a person was looked at", message=message.pk, customer=customer.pk, by=request.user.pk)
            customer.locale = language  # only looked at, never saved
            found = previews.preview(message, customer, at=at)
            finished = found.finished
            wrong = _("This person would get no message: %s") % found.wrong if found.wrong else ""
            chosen = (
                _("products chosen for them") if found.is_personal else _("products that everybody is shown")
            )
            refused = [verdict.words for verdict in found.verdicts if not verdict.is_good]
            note = _("As %(name)s would get it, with %(chosen)s.") % {
                "name": customer.external_id,
                "chosen": chosen,
            }
            note = " ".join([note, *refused])
    else:
        note = _("As someone made up would get it.")
        try:
            finished = previews.made_up(message, language=language, at=at)
        except (TemplateFailed, Aborted) as failed:
            finished, wrong = _the_rest(message, language, at=at), str(failed)
            if finished is not None:
                wrong = _("Shown without what needs mending.")
    return {
        "look": view,
        "look_in": language,
        "shown": finished,
        "framed": framed(finished.html, is_dark=view == "dark") if finished else "",
        "shown_wrong": wrong,
        "note": note,
        "mailbox": _mailbox(finished, _preheader(message, language)) if finished else None,
    }


def _the_rest(message: Message, language: str, *, at: datetime) -> Finished | None:
    """The message without the words of its blocks that cannot be rendered; None where that is not why it fails."""
    layout = messages.layout_of(message)
    faults = messages.faults(layout) if layout is not None else []
    if layout is None or not faults:
        return None
    rest = Message(
        subject=messages.subject_of(message), preheader=message.preheader, product_count=message.product_count
    )
    messages.put(rest, messages.without(layout, faults))
    try:
        return previews.made_up(rest, language=language, at=at)
    except (TemplateFailed, Aborted):
        return None


def framed(page: str, *, is_dark: bool) -> str:
    """The frame follows the reader's own scheme: which one is looked at is said here instead."""
    return _DARK.sub("(min-width: 0)" if is_dark else "(max-width: 0)", page)


_HIDDEN_LINE = re.compile(r'(?s)<div style="display:\s*none[^"]*">(.*?)</div>')


def _preheader(message: Message, language: str) -> bool:
    own = message.translations.get(language, {}).get("preheader")
    return bool(own or message.preheader)


def _mailbox(finished: Finished, has_preheader: bool) -> dict[str, Any]:
    """The line of a mailbox's list; without a preview line the first words of the body stand there."""
    found = _HIDDEN_LINE.search(finished.html) if has_preheader else None
    line = html.unescape(found.group(1)) if found else " ".join(finished.text.split())
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return {
        "from": name or address,
        "rows": [
            {
                "label": label,
                "subject": cut(finished.subject, most),
                "line": cut(line, PREVIEW_LINE - most // 2 if most == ON_A_DESKTOP else ON_A_PHONE),
                "has_line": bool(found),
            }
            for label, most in ((_("On a phone"), ON_A_PHONE), (_("On a desktop"), ON_A_DESKTOP))
        ],
    }


def person(named: str) -> Customer | None:
    """By the shop's own id or the exact e-mail address."""
    indexes = encryption.blind_indexes("email", named)
    people = Customer.objects.present().select_related("key")
    found: Customer | None = people.filter(Q(external_id=named) | Q(email_index__in=indexes)).first()
    return found
