"""A file as rows: plain or gzipped, UTF-8 only, columns found by what they mean."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

# A field longer than this is no field but a quote that was never closed.
csv.field_size_limit(1_000_000)
Progress = Callable[[int], None]
"""Told how many bytes of the file were read since the last time."""


class BadFile(Exception):
    """The file cannot be taken in. The message is one line that says where and what to do; nothing was kept."""


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
def opened(path: Path, *, progress: Progress | None = None) -> Iterator[IO[bytes]]:
    """The bytes of a file; `.gz` is read as is. Raises BadFile."""
    try:
        with path.open("rb") as file:
            is_zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            counted = io.BufferedReader(_Counted(file, progress), 1 << 16)
            yield cast(IO[bytes], gzip.GzipFile(fileobj=counted) if is_zipped else counted)
    except FileNotFoundError as error:
        raise BadFile(f"{path} is not there.") from error
    except IsADirectoryError as error:
        raise BadFile(f"{path.name} is a folder; name a file.") from error


def lines(path: Path, *, progress: Progress | None = None) -> Iterator[str]:
    """The text of a file, line by line with its line ends. Raises BadFile."""
    number = 0
    try:
        with opened(path, progress=progress) as content:
            for line in io.TextIOWrapper(content, encoding="utf-8-sig", newline=""):
                number += 1
                if "\0" in line:
                    raise BadFile(f"{path.name}, line {number}: a NUL character; this is no text file.")
                yield line
    except UnicodeDecodeError as error:
        raise BadFile(
            f"{path.name}, near line {number + 1}: not UTF-8. Convert it first, e.g. "
            f"iconv -f LATIN1 -t UTF-8 {path.name}"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"{path.name} is cut or damaged after line {number}. Fetch it again.") from error


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, and its values by the columns' meaning (empty where the column is absent)."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


def rows(path: Path, columns: Sequence[Column], *, progress: Progress | None = None) -> Iterator[Row]:
    """A CSV's rows. Raises BadFile for an empty file, a missing column, or a row that is cut."""
    reader = csv.reader(lines(path, progress=progress), strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise BadFile(f"{path.name} is empty. The first line must name the columns.")
        places = _places(path.name, header, columns)
        for record in reader:
            if len(record) != len(header):
                if not record:
                    continue
                raise BadFile(
                    f"{path.name}, line {reader.line_num}: {len(record)} columns where the first line names "
                    f"{len(header)}. The file seems cut or broken there."
                )
            yield Row(reader.line_num, {name: record[place].strip() for name, place in places})
    except csv.Error as error:
        raise BadFile(
            f"{path.name}, line {reader.line_num}: {error}. The file seems cut or broken there."
        ) from error


def _places(file: str, header: Sequence[str], columns: Sequence[Column]) -> list[tuple[str, int]]:
    flat = [_flat(name) for name in header]
    places, missing = [], []
    for column in columns:
        spellings = column.spellings()
        place = next((index for index, name in enumerate(flat) if name in spellings), None)
        if place is not None:
            places.append((column.name, place))
        elif column.required:
            missing.append(f"{column.name} (or {', '.join(column.also)})" if column.also else column.name)
    if missing:
        found = ", ".join(name.strip() or "(no name)" for name in header[:30])
        raise BadFile(f"{file} has no column for {'; '.join(missing)}. It has: {found}.")
    return places
