"""A file as rows: plain or gzipped, UTF-8 only, columns found by what they mean."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from django.utils.translation import gettext as _

# A field longer than this is no field but a quote that was never closed.
csv.field_size_limit(1_000_000)
Progress = Callable[[int], None]
"""Told how many bytes of the file were read since the last time."""


class BadFile(Exception):
    """The file cannot be taken in. The message is one line that says where and what to do; nothing was kept.

    `kept` is what may be written down of it: a file without a first line has a person's data where the names of the
    columns should stand, and they are told only to whoever brought it.
    """

    def __init__(self, message: str, *, heads: str = "") -> None:
        super().__init__(f"{message} {heads}".strip())
        self.kept = message


@dataclass(frozen=True)
class Held:
    """A file that is in memory alone, read as one on the disk is."""

    name: str
    content: bytes

    def open(self, _mode: str = "rb") -> io.BytesIO:
        return io.BytesIO(self.content)

    def is_dir(self) -> bool:
        return False


Source = Path | Held


@dataclass(frozen=True)
class Column:
    """A column by its meaning: any of these names, spelt in any way (case, spaces and underscores do not count)."""

    name: str
    also: Sequence[str] = ()
    required: bool = True

    def spellings(self) -> set[str]:
        return {_flat(name) for name in (self.name, *self.also)}


def _flat(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


class _Counted(io.RawIOBase):
    """The raw file, telling how far it was read."""

    def __init__(self, file: IO[bytes], progress: Progress | None) -> None:
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        if self._progress is not None:
            self._progress(len(data))
        return len(data)


@contextmanager
def opened(path: Source, *, progress: Progress | None = None) -> Iterator[IO[bytes]]:
    """The bytes of a file; `.gz` is read as is. Raises BadFile."""
    try:
        with path.open("rb") as file:
            is_zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            counted = io.BufferedReader(_Counted(file, progress), 1 << 16)
            yield cast(IO[bytes], gzip.GzipFile(fileobj=counted) if is_zipped else counted)
    except FileNotFoundError as error:
        raise BadFile(_("%s is not there.") % path) from error
    except IsADirectoryError as error:
        raise BadFile(_("%s is a folder; name a file.") % path.name) from error


def lines(path: Source, *, progress: Progress | None = None) -> Iterator[str]:
    """The text of a file, line by line with its line ends. Raises BadFile."""
    number = 0
    try:
        with opened(path, progress=progress) as content:
            for line in io.TextIOWrapper(content, encoding="utf-8-sig", newline=""):
                number += 1
                if "\0" in line:
                    told = _("%(name)s, line %(line)s: a NUL character; this is no text file.")
                    raise BadFile(told % {"name": path.name, "line": number})
                yield line
    except UnicodeDecodeError as error:
        told = _(
            "%(name)s, near line %(line)s: not UTF-8. Convert it first, e.g. iconv -f LATIN1 -t UTF-8 %(name)s"
        )
        raise BadFile(told % {"name": path.name, "line": number + 1}) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        told = _("%(name)s is cut or damaged after line %(line)s. Fetch it again.")
        raise BadFile(told % {"name": path.name, "line": number}) from error


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, and its values by the columns' meaning (empty where the column is absent)."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


def rows(path: Source, columns: Sequence[Column], *, progress: Progress | None = None) -> Iterator[Row]:
    """A CSV's rows. Raises BadFile for an empty file, a missing column, or a row that is cut."""
    reader = csv.reader(lines(path, progress=progress), strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise BadFile(_("%s is empty. The first line must name the columns.") % path.name)
        places = _places(path.name, header, columns)
        for record in reader:
            if len(record) != len(header):
                if not record:
                    continue
                told = _(
                    "%(name)s, line %(line)s: %(there)s columns where the first line names %(named)s. The file seems cut or "
                    "broken there."
                )
                raise BadFile(
                    told
                    % {
                        "name": path.name,
                        "line": reader.line_num,
                        "there": len(record),
                        "named": len(header),
                    }
                )
            yield Row(reader.line_num, {name: record[place].strip() for name, place in places})
    except csv.Error as error:
        told = _(
            "%(name)s, line %(line)s cannot be read as CSV: it seems cut or broken there, or a quotation mark was opened and not closed."
        )
        raise BadFile(told % {"name": path.name, "line": reader.line_num}) from error


def not_json(path: Source, line: int, error: json.JSONDecodeError) -> BadFile:
    told = _("%(name)s, line %(line)s: not JSON from its sign %(sign)s on. The file seems cut or broken.")
    return BadFile(told % {"name": path.name, "line": line, "sign": error.colno})


def _places(file: str, header: Sequence[str], columns: Sequence[Column]) -> list[tuple[str, int]]:
    flat = [_flat(name) for name in header]
    places, missing = [], []
    for column in columns:
        spellings = column.spellings()
        place = next((index for index, name in enumerate(flat) if name in spellings), None)
        if place is not None:
            places.append((column.name, place))
        elif column.required:
            missing.append(
                _("%(name)s (or %(others)s)") % {"name": column.name, "others": ", ".join(column.also)}
                if column.also
                else column.name
            )
    if missing:
        found = ", ".join(name.strip() or _("(no name)") for name in header[:30])
        told = _("%(name)s has no column for %(missing)s.") % {"name": file, "missing": "; ".join(missing)}
        raise BadFile(told, heads=_("It has: %s.") % found)
    return places
