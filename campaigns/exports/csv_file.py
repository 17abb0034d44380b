"""Rows as CSV (RFC 4180, UTF-8, headings first), perhaps gzipped."""

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import orjson

from campaigns.exports.datasets import Column, Page
from catalog.files import harmless

Cells = Sequence[Any]


def _texts(values: Cells) -> Cells:
    """No cell is a formula (S4). What begins with a letter or digit is none, and that is nearly all."""
    return [value if not value or value[0].isalnum() else harmless(value) for value in values]


def _moments(values: Cells) -> Cells:
    return [value and value.isoformat().replace("+00:00", "Z") for value in values]


def _booleans(values: Cells) -> Cells:
    return [value if value is None else "true" if value else "false" for value in values]


def _json(values: Cells) -> Cells:
    return [orjson.dumps(value).decode() for value in values]


TOLD: dict[str, Callable[[Cells], Cells]] = {
    "text": _texts,
    "moment": _moments,
    "boolean": _booleans,
    "json": _json,
}


class CsvFile(AbstractContextManager["CsvFile"]):
    """Written forwards only; memory holds one page."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column], *, is_zipped: bool = False) -> None:
        # Without the time of writing the same rows are the same bytes.
        self._file: Any = gzip.GzipFile("", "wb", 6, file, mtime=0) if is_zipped else file
        self._is_zipped = is_zipped
        self._told = [TOLD.get(column.type) for column in columns]
        self._put([[column.name for column in columns]])

    def write(self, page: Page) -> None:
        cells = zip(*page, strict=True)
        self._put(
            zip(
                *(tell(values) if tell else values for tell, values in zip(self._told, cells, strict=False)),
                strict=True,
            )
        )

    def _put(self, rows: Any) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode())

    def __exit__(self, *_error: object) -> None:
        if self._is_zipped:
            self._file.close()  # the file beneath stays open
