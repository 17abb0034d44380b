"""Days since the epoch, with the fraction: the unit of time of every algorithm."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import FloatField, Func

SECONDS_A_DAY = 86400.0


def day(moment: datetime) -> float:
    """Days since the epoch, with the fraction: the unit of time of every algorithm."""
    return moment.timestamp() / SECONDS_A_DAY


def moment(days: float) -> datetime:
    """The inverse of `day`."""
    return datetime.fromtimestamp(days * SECONDS_A_DAY, tz=UTC)


class _Day(Func):
    """A moment as `day` gives it, to the millisecond, worked out where the rows are: a quarter of the time."""

    output_field = FloatField()
    template = f"(EXTRACT(EPOCH FROM %(expressions)s)::double precision / {SECONDS_A_DAY})"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="(julianday(%(expressions)s) - 2440587.5)", **more)


def as_day(expression: Any) -> Func:
    """A column's moment as `day` gives it, for a query whose rows become arrays."""
    return _Day(expression)
