"""Codes into an offer's pool, by hand, and how many are left there."""

import io
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import codes
from campaigns.codes import working
from campaigns.codes.stock import PACE_OVER
from campaigns.models import CodeBatch, Offer
from catalog.pages import Section, told_time
from customers import few

AT_ONCE = 20_000
"""So many are put in while the page waits, in about half a second; more are the worker's."""


@dataclass(frozen=True)
class Added:
    """What became of the form."""

    sentence: str
    batch: CodeBatch | None = None
    """None where a file was only checked."""


def add_codes(request: HttpRequest, offer: Offer) -> Added:
    """What the form asks for; many codes are left to the worker. Raises ValueError, InvalidFile."""
    by, end = request.user.get_username(), _end(request.POST.get("expires_on") or "")
    if request.POST.get("do") == "generate":
        return _make(offer, request.POST.get("count", ""), by=by, end=end)
    upload = request.FILES.get("file")
    if upload is None or upload.file is None:
        raise ValueError(gettext("Choose a file."))
    is_check = request.POST.get("do") == "check"
    if _lines(upload) > AT_ONCE:
        if is_check:
            raise ValueError(_too_long_to_check())
        return _asked(
            working.ask_to_bring_in(offer, upload.file, name=upload.name or "", by=by, expires_at=end)
        )
    return _bring_in(offer, upload, by=by, end=end, is_check=is_check)


def _end(day: str) -> datetime | None:
    """The last moment of the day that was said. Raises ValueError."""
    if (date := parse_date(day)) is None:
        return None
    end = timezone.make_aware(datetime.combine(date, time.max))
    if end <= timezone.now():
        raise ValueError(gettext("That day is over."))
    return end


def _make(offer: Offer, said: str, *, by: str, end: datetime | None) -> Added:
    said = said.replace(",", "").strip()
    if not said.isdecimal() or not 1 <= int(said) <= codes.MOST_AT_ONCE:
        raise ValueError(gettext("Say how many: from 1 to %s.") % f"{codes.MOST_AT_ONCE:,}")
    if int(said) > AT_ONCE:
        return _asked(working.ask_to_make(offer, int(said), by=by, expires_at=end))
    batch = codes.generate(offer, int(said), by=by, at=timezone.now(), expires_at=end)
    made = ngettext("%s code was made.", "%s codes were made.", batch.count) % f"{batch.count:,}"
    return Added(made, batch)


def _bring_in(offer: Offer, upload: Any, *, by: str, end: datetime | None, is_check: bool) -> Added:
    lines, now = io.TextIOWrapper(upload.file, encoding="utf-8-sig", newline=""), timezone.now()
    try:
        done = codes.import_file(
            offer, lines, name=upload.name or "", by=by, at=now, expires_at=end, dry_run=is_check
        )
    except UnicodeDecodeError as error:
        raise ValueError(gettext("The file is not UTF-8.")) from error
    told = ngettext("%s code was brought in.", "%s codes were brought in.", done.count)
    if is_check:
        told = ngettext("The file is fine: %s code.", "The file is fine: %s codes.", done.count)
    return Added(told % f"{done.count:,}", done.batch)


def _lines(upload: Any) -> int:
    """About how many lines a file has, whatever ends them; it is read again from its beginning."""
    n: int = sum(max(chunk.count(b"\n"), chunk.count(b"\r")) for chunk in upload.chunks())
    upload.seek(0)
    return n


def _asked(batch: CodeBatch) -> Added:
    return Added(gettext("Asked for. The worker begins within seconds; you may leave."), batch)


def _too_long_to_check() -> str:
    return gettext(
        "More than %s lines are checked as they are brought in: press “Bring it in”. If one line is at fault, no code "
        "comes in, and the lines at fault are named."
    ) % (f"{AT_ONCE:,}")


def told_free(left: codes.Stock) -> str:
    """How many are left. All that came in are counted elsewhere: in tens, and while a few were given a lower bound."""
    if not left.offer.given or not left.free:
        return f"{left.free:,}"
    if not few.is_small(left.offer.given):
        return few.told_in_tens(left.free)
    at_least = left.free + left.offer.given - few.FEWEST_PEOPLE + 1
    return f"≥ {at_least:,}" if at_least > 0 else few.told(1)


def stock_words(left: codes.Stock) -> str:
    """How many are left, and for how long; the pace tells how many were given this week."""
    told_left = ngettext("%s code is left.", "%s codes are left.", left.free) % told_free(left)
    if left.days_left is None:
        # Not inside an f-string, where makemessages finds nothing.
        return told_left + " " + gettext("None was given out in the last seven days.")
    if few.is_small(round(left.a_day * PACE_OVER.days)):
        lately = gettext("Fewer than %s were given out in the last seven days.") % few.FEWEST_PEOPLE
        return f"{told_left} {lately}"
    days = max(0, round(left.days_left))
    lasts = ngettext("At this week's pace they last %s day.", "At this week's pace they last %s days.", days)
    return f"{told_left} {lasts % f'{days:,}'}"


def pool_section(offer: Offer) -> Section:
    left = codes.stock([offer], at=timezone.now())[offer.pk]
    warning = gettext("Running low.") + " " if left.is_low else ""
    rows = [
        (
            told_time(batch.created_at),
            batch.get_origin_display(),
            batch.name or "–",
            f"{batch.count:,}",
            batch.get_state_display(),
            told_time(batch.expires_at),
            batch.created_by or "–",
        )
        for batch in offer.batches.order_by("-pk")[:20]
    ]
    every = reverse("admin:campaigns_code_changelist")
    return Section(
        gettext("Pool of codes") + f": {warning}{stock_words(left)}",
        (_("added"), _("origin"), _("file"), _("codes"), _("state"), _("expire"), _("by")),
        rows,
        empty=_(
            "No codes yet: “Add codes” makes them or brings them in from a file. Until then nobody gets this offer."
        ),
        more=f"{every}?offer__id__exact={offer.pk}" if rows else "",
    )
