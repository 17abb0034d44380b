"""Entries of the audit log as a reader is told them: fields by their names on the desk, values in short."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, gettext_noop, ngettext

from config.models import Change

# What stands in an entry, said in the reader's language; whoever writes other words has them as they are.
WORDS = (
    gettext_noop("With a second factor."),
    gettext_noop("A wrong code of the second factor."),
    gettext_noop("Set up a second factor."),
    gettext_noop("Made new recovery codes."),
    gettext_noop("Turned the second factor off."),
    gettext_noop("Reset the second factor."),
    gettext_noop("Took the audit log out as a file."),
    gettext_noop("Unlisted."),
    gettext_noop("Listed again."),
    gettext_noop("Revoked."),
    gettext_noop("Withdrew every permission."),
    gettext_noop("Released sending."),
    gettext_noop("Downloaded."),
    gettext_noop("Sent again."),
    gettext_noop("Corrected."),
    gettext_noop("Refused or ended."),
    gettext_noop("Answered the wires crossed."),
    gettext_noop("Sent although it was late."),
    gettext_noop("Began again."),
    gettext_noop("Brought in from a file."),
)
STEP = re.compile(r"Took the step “(.+)”\.")
TAKEN_IN = re.compile(r"Took in (\d+) rows\.")
ASKED_IN = re.compile(r"Asked to take in (\d+) rows\.")


@dataclass(frozen=True)
class Told:
    at: datetime
    who: str
    door: str
    deed: str
    kind: str
    name: str
    link: str
    words: str
    fields: list[tuple[str, str, str]]
    """(field, before, after); both empty where the name alone is told."""


def entries(rows: Iterable[Change]) -> list[Told]:
    return [entry(row) for row in rows]


def entry(row: Change) -> Told:
    return Told(
        at=row.at,
        who=row.who or "–",
        door="" if row.door == Change.Door.DESK else str(row.get_door_display()),
        deed=str(row.get_deed_display()),
        kind=kind_of(row.model),
        name=name_of(row),
        link=link_to(row),
        words=words_of(row),
        fields=[
            (field_name(row.model, name), _told(pair[0]), _told(pair[1]))
            if pair
            else (field_name(row.model, name), "", "")
            for name, pair in row.fields.items()
        ],
    )


def words_of(row: Change) -> str:
    if (step := STEP.fullmatch(row.words)) is not None:
        return gettext("Took the step “%s”.") % step[1]
    if (taken := TAKEN_IN.fullmatch(row.words)) is not None:
        return ngettext("Took in %s row.", "Took in %s rows.", int(taken[1])) % taken[1]
    if (asked := ASKED_IN.fullmatch(row.words)) is not None:
        return ngettext("Asked to take in %s row.", "Asked to take in %s rows.", int(asked[1])) % asked[1]
    return gettext(row.words) if row.words else ""  # of nothing gettext tells the catalogue's own head


def kind_of(model: str) -> str:
    try:
        return str(apps.get_model(model)._meta.verbose_name) if model else ""  # noqa: SLF001
    except LookupError:  # a model of an earlier version
        return model


def name_of(row: Change) -> str:
    return row.name or (f"#{row.object_id}" if row.object_id else "")


def link_to(row: Change) -> str:
    if not row.model or row.deed == Change.Deed.DELETED:
        return ""
    try:
        return reverse(f"admin:{row.model.replace('.', '_')}_change", args=[row.object_id])
    except NoReverseMatch:
        return ""


def field_name(model: str, name: str) -> str:
    try:
        kind = apps.get_model(model)
        field = kind._meta.get_field(name)  # noqa: SLF001 - Django's documented way
    except (LookupError, FieldDoesNotExist, ValueError):
        return name.replace("_", " ")
    return str(getattr(field, "verbose_name", name))


def in_one_line(row: Change, *, longest: int = 200) -> str:
    """Words and fields as a list's column, or a file's, shows them."""
    parts = [words_of(row)] if row.words else []
    for name, pair in row.fields.items():
        field = field_name(row.model, name)
        if not pair:
            parts.append(field)
        else:
            before, after = (_told(value) for value in pair)
            parts.append(f"{field}: {before} → {after}")
    text = "; ".join(parts)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _told(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–" if value is None or value == "" else json.dumps(value)
    if value is True:
        return gettext("yes")
    if value is False:
        return gettext("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
