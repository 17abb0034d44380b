"""A person's copy of everything as a stream: JSON, a table, and both in one zip. Memory holds one page of rows."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import orjson

from customers import privacy
from customers.models import Customer

JSON_NAME, CSV_NAME, ZIP_NAME = "my-data.json", "my-data.csv", "my-data.zip"
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


class Sink(Protocol):
    def write(self, data: bytes, /) -> Any: ...
    def flush(self) -> None: ...


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=_OPTIONS)


def as_json(customer: Customer, *, at: datetime, counted: Counter[str] | None = None) -> Iterator[bytes]:
    """The export as one JSON object (UTF-8), a row a line. `counted` is given the rows of each kind of record."""
    yield b'{"format":' + _json(privacy.FORMAT) + b',\n"made_at":' + _json(at)
    section = ""
    for part in privacy.parts(customer, at=at):
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
        while page := list(islice(part.rows, privacy.PAGE)):
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
    table.writerow(privacy.CELLS)
    for part in privacy.parts(customer, at=at):
        kind, number = part.kind or part.section, 0
        for number, row in enumerate(part.rows, start=1):
            table.writerows((kind, number, name, privacy.harmless(value)) for name, value in row.items())
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
