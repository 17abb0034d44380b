"""Everything about one person in one line of time, the newest first, a page at a time.

Each table that knows something of them is a source; the apps above add theirs. A page asks each source for no more rows
than it shows, by an index on the person and the moment, so it opens as fast for someone with 100,000 events.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise

from catalog import moments, together
from catalog.pages import told_time

PAGE = 30
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """What a row says: `what` in a few words, `about` which thing, `more` beside it, and where it stands by itself."""

    what: Any
    about: Any = ""
    more: Any = ""
    link: str = ""


@dataclass(frozen=True)
class Source:
    """Rows of one table about one person. `at` is their moment; `name` is unique and orders what is of one moment."""

    name: str
    kind: str
    rows: Callable[[int], QuerySet[Any]]
    at: str
    tell: Callable[[Any], Told]


@dataclass(frozen=True)
class Moment:
    at: datetime
    kind: str
    kind_words: str | Promise
    told: Told

    @property
    def told_at(self) -> str:
        return told_time(self.at)


@dataclass(frozen=True)
class Cursor:
    """The last row of the page before: its moment, its source and its number."""

    at: datetime
    source: str
    pk: str

    @classmethod
    def read(cls, said: str) -> "Cursor | None":
        """None for what is no cursor: the page then begins at the newest."""
        moment, _comma, rest = said.partition("~")
        source, _comma, pk = rest.partition("~")
        try:
            at = parse_datetime(moment)
        except ValueError:
            return None
        if at is None or at.tzinfo is None or not pk:
            return None
        return cls(at, source, pk)

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.source}~{self.pk}"


@dataclass(frozen=True)
class Wish:
    """What the reader asked to see: kinds (none are all), the first and the last day, and where to go on."""

    kinds: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    after: Cursor | None = None

    @classmethod
    def of(cls, given: QueryDict, known: Sequence[str]) -> "Wish":
        """What cannot be read is not asked for."""
        kinds = tuple(kind for kind in known if kind in given.getlist("kind"))
        return cls(kinds, _day(given, "since"), _day(given, "until"), Cursor.read(given.get("after", "")))

    @property
    def is_narrowed(self) -> bool:
        return bool(self.kinds or self.since or self.until)


def _day(given: QueryDict, name: str) -> date | None:
    try:
        return parse_date(given.get(name, "")[:10])
    except ValueError:
        return None


@dataclass(frozen=True)
class Timeline:
    """A page of it. `older` is the cursor of the next page, empty on the last."""

    moments: Sequence[Moment]
    older: str
    wish: Wish


def read(
    customer_id: int, sources: Sequence[Source], wish: Wish, *, kinds: dict[str, str | Promise]
) -> Timeline:
    """The page that is wished for. One query, however many sources there are."""
    asked = [source for source in sources if not wish.kinds or source.kind in wish.kinds]
    ordered = sorted(asked, key=lambda source: source.name)
    try:
        questions = [_question(source, customer_id, wish) for source in ordered]
        together.read(*questions)
    except (ValidationError, ValueError):  # a number in the cursor that no row of the table can have
        return read(customer_id, sources, Wish(wish.kinds, wish.since, wish.until), kinds=kinds)
    lines = [_line(source, rows) for source, rows in zip(ordered, questions, strict=True)]
    merged = list(heapq.merge(*lines, key=lambda found: (_END - found[0], found[1].name)))
    page = merged[:PAGE]
    moments = [Moment(at, source.kind, kinds[source.kind], source.tell(row)) for at, source, row in page]
    older = ""
    if len(merged) > PAGE:
        at, source, row = page[-1]
        older = str(Cursor(at, source.name, str(row.pk)))
    return Timeline(moments, older, wish)


def _line(source: Source, rows: QuerySet[Any]) -> Iterator[tuple[datetime, Source, Any]]:
    for row in rows:
        yield row.timeline_at, source, row


def _question(source: Source, customer_id: int, wish: Wish) -> QuerySet[Any]:
    """No more rows of this source than a page and one more hold."""
    rows = (
        source.rows(customer_id).annotate(timeline_at=F(source.at)).filter(**{f"{source.at}__isnull": False})
    )
    if wish.since is not None:
        rows = rows.filter(**{f"{source.at}__gte": moments.beginning(wish.since)})
    if wish.until is not None:
        rows = rows.filter(**{f"{source.at}__lt": moments.end(wish.until)})
    if (last := wish.after) is not None:
        before = Q(**{f"{source.at}__lt": last.at})
        if source.name > last.source:
            before |= Q(**{source.at: last.at})
        elif source.name == last.source:
            before |= Q(**{source.at: last.at}, pk__lt=last.pk)
        # The bound by itself lets the index begin there; the alternative alone would not.
        rows = rows.filter(**{f"{source.at}__lte": last.at}).filter(before)
    newest: QuerySet[Any] = rows.order_by(f"-{source.at}", "-pk")[: PAGE + 1]
    return newest
