"""What an export is made of: sets of rows with typed columns, read a page at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

PAGE = 5000
Page = Sequence[Sequence[Any]]
"""Rows in the order of their set's columns."""


@dataclass(frozen=True)
class Column:
    """`type` is text, uuid, json, integer, float, boolean, moment or decimal(digits,places); every one may be null.

    `source` is the look-up it is read by, where that is not its name. An empty text is a null.
    """

    name: str
    type: str
    about: str
    source: str = ""


@dataclass(frozen=True)
class Span:
    """From `since` (included) to `until` (excluded), either open; `at` is now."""

    at: datetime
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Dataset:
    """`time` names the column that a span asks about; without it the set tells only how things are now."""

    name: str
    title: Promise
    about: str
    columns: tuple[Column, ...]
    of_people: bool
    pages: Callable[["Dataset", Span], Iterator[Page]]
    time: str = ""


def told_by(rows: Callable[[], QuerySet[Any]]) -> Callable[[Dataset, Span], Iterator[Page]]:
    """The pages of a set whose rows are one query, streamed in no order; memory holds one page.

    Neither sorted nor asked page by page: SQLite sorts in our memory, and would sort all that are left for each page.
    """

    def pages(dataset: Dataset, span: Span) -> Iterator[Page]:
        sources = [column.source or column.name for column in dataset.columns]
        time = next(
            (column.source or column.name for column in dataset.columns if column.name == dataset.time), ""
        )
        found = _within(rows(), time, span).order_by().values_list(*sources)
        stream = found.iterator(chunk_size=PAGE)
        while page := list(islice(stream, PAGE)):
            yield page

    return pages


def _within(rows: QuerySet[Any], time: str, span: Span) -> QuerySet[Any]:
    if time and span.since is not None:
        rows = rows.filter(**{f"{time}__gte": span.since})
    if time and span.until is not None:
        rows = rows.filter(**{f"{time}__lt": span.until})
    return rows
