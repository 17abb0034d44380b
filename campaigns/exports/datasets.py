"""What an export is made of: sets of rows with typed columns, read a page at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.utils.functional import Promise

PAGE = 5000
Page = Sequence[Sequence[Any]]
"""Rows in the order of their set's columns."""


@dataclass(frozen=True)
class Column:
    """`type` is text, uuid, json, integer, float, boolean, moment or decimal(digits,places); every one may be null.

    `source` is the look-up or expression it is read by, where that is not its name. An empty text is a null.
    """

    name: str
    type: str
    about: str
    source: str | Combinable = ""


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
    """The pages of a set whose rows are one query.

    In the order of the primary key and each page a query of its own: memory holds one page, and no transaction stays
    open for as long as the file is written. A row is told as it was when its page was read.
    """

    def pages(dataset: Dataset, span: Span) -> Iterator[Page]:
        sources = {column.name: column.source or column.name for column in dataset.columns}
        named = {f"told_{name}": how for name, how in sources.items() if not isinstance(how, str)}
        looked = (how if isinstance(how, str) else f"told_{name}" for name, how in sources.items())
        found = _within(rows(), sources.get(dataset.time), span).annotate(**named)
        read, last = found.order_by("pk").values_list("pk", *looked), None
        while page := list((read if last is None else read.filter(pk__gt=last))[:PAGE]):
            last = page[-1][0]
            yield [row[1:] for row in page]

    return pages


def _within(rows: QuerySet[Any], time: Any, span: Span) -> QuerySet[Any]:
    if time and span.since is not None:
        rows = rows.filter(**{f"{time}__gte": span.since})
    if time and span.until is not None:
        rows = rows.filter(**{f"{time}__lt": span.until})
    return rows
