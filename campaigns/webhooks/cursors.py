"""How far a kind of row was looked through for an endpoint, so that no row is lost however late it becomes visible.

PostgreSQL shows a row only when it is committed, maybe long after one with a greater number or a later hour. So every
row is looked at twice: once as soon as it shows, following `ahead`; and again, from `floor` up to `mark`, when everyone
who was writing to the table when the mark was old enough is done. What was handed over by the first look is known by
its message. SQLite has one writer, so there nobody is waited for.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from django.db import connection
from django.db.models import Q, QuerySet

from campaigns.webhooks.facts import Source

# Whoever writes a row holds this lock on its table from before the row has its number until it is committed.
_WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = %s::regclass AND mode = 'RowExclusiveLock'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid IS DISTINCT FROM pg_backend_pid()
"""


@dataclass(frozen=True)
class Position:
    """A row's place in the order of its source: its hour, where it goes by one, and its number."""

    stamp: str | None = None
    number: Any = None

    @classmethod
    def of(cls, source: Source, row: tuple[Any, ...]) -> Self:
        """Of a row as `Source.columns` reads it."""
        number = row[0] if isinstance(row[0], int) else str(row[0])
        return cls(row[1].isoformat() if source.stamp else None, number)

    def after(self, source: Source) -> Q:
        """The rows beyond."""
        if self.number is None:
            return Q()
        if not source.stamp:
            return Q(pk__gt=self.number)
        # The first half alone would do for the question; with it the index is walked from the right place.
        hour, stamp = source.stamp, datetime.fromisoformat(self.stamp or "")
        return Q(**{f"{hour}__gte": stamp}) & (
            Q(**{f"{hour}__gt": stamp}) | Q(**{hour: stamp}, pk__gt=self.number)
        )

    def until(self, source: Source) -> Q:
        """The rows up to here, this one among them."""
        if not source.stamp:
            return Q(pk__lte=self.number)
        hour, stamp = source.stamp, datetime.fromisoformat(self.stamp or "")
        return Q(**{f"{hour}__lte": stamp}) & (
            Q(**{f"{hour}__lt": stamp}) | Q(**{hour: stamp}, pk__lte=self.number)
        )


NOWHERE = Position()


@dataclass
class Cursor:
    ahead: Position = NOWHERE
    floor: Position = NOWHERE
    mark: Position | None = None
    marked_at: str = ""
    writers: list[str] | None = None
    """Who was writing when the mark was old enough; None while it is not. Empty: nobody is waited for any more."""

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Self:
        places = {name: Position(**kept[name]) for name in ("ahead", "floor")}
        mark = Position(**kept["mark"]) if kept["mark"] else None
        return cls(**places, mark=mark, marked_at=kept["marked_at"], writers=kept["writers"])

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def is_settled(self) -> bool:
        """Whether no row up to the mark can still appear."""
        return self.mark is not None and self.writers == []

    def watch(self, source: Source, *, at: datetime) -> None:
        """Set a mark where there is none, and see who of those that it waits for is done. One query at most."""
        if self.mark is None:
            if self.ahead != self.floor:
                self.mark, self.marked_at, self.writers = self.ahead, at.isoformat(), None
        elif self.writers is None:
            if at > datetime.fromisoformat(self.marked_at) + source.late:
                self.writers = sorted(_writing(source))
        elif self.writers:
            self.writers = sorted(_writing(source) & set(self.writers))

    def settle(self) -> None:
        """Everything up to the mark is handed over."""
        self.floor, self.mark, self.writers = self.mark or self.floor, None, None


def in_order(source: Source, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.order_by(source.stamp, "pk") if source.stamp else rows.order_by("pk")


def newest(source: Source) -> Cursor:
    """A cursor at the end: what is there already is told to nobody. One query."""
    stamped = Q(**{f"{source.stamp}__isnull": False}) if source.stamp else Q()
    last = in_order(source, source.rows.filter(stamped)).reverse().values_list(*source.columns).first()
    place = Position.of(source, last) if last is not None else NOWHERE
    return Cursor(place, place)


def _writing(source: Source) -> set[str]:
    """The transactions that may have rows of this source which nobody sees yet."""
    if connection.vendor != "postgresql":
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS, [source.model._meta.db_table])  # noqa: SLF001 - documented by Django
        return {row[0] for row in cursor.fetchall()}
