"""A person's copy of everything as a stream: JSON, a table, and both in one zip. Memory holds one page of rows."""

# ruff: noqa: SLF001 - as in `privacy`, models are asked about themselves

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import orjson
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models import ForeignKey, QuerySet
from django.utils.module_loading import import_string

from catalog.files import harmless
from customers import encryption, preferences, privacy, purposes, retention
from customers.models import Customer

FORMAT = "tact-export/1"
PAGE = 1000
CELLS = ("kind", "row", "field", "value")
JSON_NAME, CSV_NAME, ZIP_NAME = "my-data.json", "my-data.csv", "my-data.zip"
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


class Sink(Protocol):
    def write(self, data: bytes, /) -> Any: ...
    def flush(self) -> None: ...


@dataclass(frozen=True)
class Part:
    """One table of an export. `kind` is empty where the section is one table (or, with `is_one`, one row) by itself."""

    section: str
    kind: str
    rows: Iterator[dict[str, Any]]
    is_one: bool = False


def parts(customer: Customer, *, at: datetime) -> Iterator[Part]:
    """Everything held about a person, table by table, row by row; every model with a path to them, even if empty.

    Sections in order: person, allowed, suppressed, records, worked_out, about; those of one section follow one another.
    A fixed number of queries, and one a kind of named thing for each PAGE rows; memory holds one page.
    """
    people = privacy.family(customer.pk)
    allowed = {purpose: preferences.is_allowed(customer.pk, purpose) for purpose in purposes.PURPOSES}
    yield Part("person", "", iter([{**_plain(customer), **encryption.unseal(customer)}]), is_one=True)
    yield Part("allowed", "", iter([allowed]), is_one=True)
    lines = privacy.suppressions(customer)
    refused = ({"channel": row.channel, "reason": row.reason, "since": row.created_at} for row in lines)
    yield Part("suppressed", "", refused)
    for model in sorted(privacy.trails(), key=lambda model: model._meta.label):
        if model is not Customer:
            yield Part("records", model._meta.label, _readable(privacy.rows(model, people)))
    notes = (
        {"action_time": entry.action_time, "action": entry.get_action_flag_display()}
        for entry in privacy.staff_notes(people).order_by("pk")
    )
    yield Part("records", LogEntry._meta.label, notes)
    # What an app works out of a person without keeping it: its AppConfig names who tells.
    for app in apps.get_app_configs():
        if teller := getattr(app, "tells_of_people", ""):
            yield Part("worked_out", app.label, import_string(teller)(customer.pk, at=at))
    # GDPR 15(1)(a) and (d): what for, and for how long.
    yield Part(
        "about",
        "purposes",
        ({"purpose": p.slug, "allows": str(p.allows)} for p in purposes.PURPOSES.values()),
    )
    kept = ({"what": str(k.what), "days": k.for_long.days, "why": str(k.why)} for k in retention.kept())
    yield Part("about", "kept", kept)


def _shown(model: type[models.Model]) -> "Iterator[models.Field[Any, Any]]":
    for column in model._meta.concrete_fields:
        if column.name not in privacy.HIDDEN and not isinstance(column, models.BinaryField):
            yield column


def _readable(found: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    """Rows as plain values, a page at a time; what a row points at is told by its name."""
    columns = [column for column in _shown(found.model) if column.related_model is not Customer]
    names: dict[str, dict[Any, str]] = {column.name: {} for column in columns if column.is_relation}
    read = found.order_by("pk").values_list(*(column.attname for column in columns))
    pages = read.iterator(chunk_size=PAGE)
    while page := list(islice(pages, PAGE)):
        for place, column in enumerate(columns):
            if column.name in names:
                names[column.name] = _named(
                    column.related_model, {row[place] for row in page}, names[column.name]
                )
        for row in page:
            yield {
                column.name: names[column.name].get(value) if column.name in names else value
                for column, value in zip(columns, row, strict=True)
            }


def _named(model: Any, keys: set[Any], known: dict[Any, str]) -> dict[Any, str]:
    """The names of these rows; those of the page before are kept, so that a catalogue is not read again and again."""
    kept = {key: known[key] for key in keys if key in known}
    missing = keys - kept.keys() - {None}
    if not missing:
        return kept
    # Some names quote the row above.
    above = [column.name for column in model._meta.concrete_fields if isinstance(column, ForeignKey)]
    found = model._default_manager.select_related(*above).in_bulk(missing)
    return kept | {key: str(row) for key, row in found.items()}


def _plain(row: models.Model) -> dict[str, Any]:
    return {
        column.name: getattr(row, column.attname) for column in _shown(type(row)) if not column.is_relation
    }


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=_OPTIONS)


def as_json(customer: Customer, *, at: datetime, counted: Counter[str] | None = None) -> Iterator[bytes]:
    """The export as one JSON object (UTF-8), a row a line. `counted` is given the rows of each kind of record."""
    yield b'{"format":' + _json(FORMAT) + b',\n"made_at":' + _json(at)
    section = ""
    for part in parts(customer, at=at):
        if part.section != section:
            yield (b"\n}" if section else b"") + b",\n" + _json(part.section) + b":"
            if part.kind:
                yield b"{\n"
            between, section = b"", part.section if part.kind else ""
        if part.kind:
            yield between + _json(part.kind) + b":"
            between = b",\n"
        if part.is_one:
            yield _json(next(part.rows))
            continue
        yield b"["
        comma, rows = b"\n", 0
        while page := list(islice(part.rows, PAGE)):
            yield comma + b",\n".join(map(_json, page))
            comma, rows = b",\n", rows + len(page)
        yield b"]"
        if counted is not None and part.section == "records":
            counted[part.kind] = rows
    yield (b"\n}" if section else b"") + b"\n}\n"


def as_table(customer: Customer, *, at: datetime, counted: Counter[str] | None = None) -> Iterator[bytes]:
    """The export as one long table in CSV (UTF-8): kind, row, field, value. `counted` as in `as_json`."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(CELLS)
    for part in parts(customer, at=at):
        kind, number = part.kind or part.section, 0
        for number, row in enumerate(part.rows, start=1):
            table.writerows((kind, number, name, harmless(value)) for name, value in row.items())
            if text.tell() > 100_000:
                yield _taken(text)
        if counted is not None and part.section == "records":
            counted[kind] = number
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return found


def write_zip(customer: Customer, sink: Sink, *, at: datetime) -> Counter[str]:
    """Both forms as one zip, written forwards only, so that the sink may seal as it goes; answers rows by kind.

    The rows are read twice, once a form: a zip takes one file after the other, and nothing readable is put aside.
    """
    counted: Counter[str] = Counter()
    members: tuple[tuple[str, Callable[[], Iterator[bytes]]], ...] = (
        (JSON_NAME, lambda: as_json(customer, at=at, counted=counted)),
        (CSV_NAME, lambda: as_table(customer, at=at)),
    )
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as whole:  # type: ignore[call-overload]
        for name, chunks in members:
            member = zipfile.ZipInfo(name, at.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            with whole.open(member, "w", force_zip64=True) as file:
                for chunk in chunks():
                    file.write(chunk)
    return counted
