"""The rows as they are written and read: one a day, a name, and what it is about."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from campaigns.models import DailyFigure

PERIOD = timedelta(days=30)
WEEK = timedelta(days=7)
# The home shows this day and the same weekday of so many weeks before, and compares with the thirty days before these.
WEEKS = 12
KEPT = timedelta(days=400)
Key = tuple[str, str]


@dataclass(frozen=True)
class Told:
    """A number that may be shown; None where it would tell of a few, or cannot be told yet, and `why`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    people: int | None = None
    why: str = ""


def days_shown(today: date) -> list[date]:
    """The days that the home reads, the newest first."""
    return [today - WEEK * n for n in range(WEEKS + 1)]


def write(day: date, found: Mapping[Key, Told], *, at: datetime) -> None:
    """Keep them as the day's; what stood there already is replaced. One query."""
    DailyFigure.objects.bulk_create(
        [
            DailyFigure(
                day=day, name=name, about=about, value=told.value, low=told.low, high=told.high,
                people=told.people, why=told.why, counted_at=at,
            )
            for (name, about), told in found.items()
        ],
        update_conflicts=True,
        unique_fields=["day", "name", "about"],
        update_fields=["value", "low", "high", "people", "why", "counted_at"],
    )  # fmt: skip


def drop_old(*, at: datetime) -> None:
    DailyFigure.objects.filter(day__lt=day_of(at) - KEPT).delete()


def day_of(at: datetime) -> date:
    """By the shop's own clock, in UTC as all that is kept."""
    return timezone.localtime(at, timezone=timezone.get_default_timezone()).date()


@dataclass(frozen=True)
class Figures:
    """What stands of the days that the home shows."""

    today: date
    """The newest day that was counted; of it `counted_at` is the newest moment."""
    counted_at: datetime | None
    rows: Mapping[tuple[date, str, str], DailyFigure]

    def get(self, name: str, about: str = "", *, back: timedelta = timedelta(0)) -> DailyFigure | None:
        """The figure of the newest day, or of so long before it."""
        return self.rows.get((self.today - back, name, about))

    def about(self, name: str) -> list[DailyFigure]:
        """Every figure of that name of the newest day, in the order of what it is about."""
        found = [
            row for (day, called, _about), row in self.rows.items() if (day, called) == (self.today, name)
        ]
        return sorted(found, key=lambda row: row.about)

    def over_time(self, name: str, about: str = "") -> list[DailyFigure | None]:
        """One a week, the oldest first; None where nothing was counted."""
        return [self.rows.get((day, name, about)) for day in reversed(days_shown(self.today))]


def read(*, at: datetime) -> Figures:
    """Two queries: the newest day, and the days around it."""
    newest = DailyFigure.objects.order_by("-day").values_list("day", flat=True).first()
    today = newest or day_of(at)
    days: Collection[date] = {*days_shown(today), today - PERIOD}
    rows: Sequence[DailyFigure] = list(DailyFigure.objects.filter(day__in=days)) if newest else []
    return Figures(
        today,
        max((row.counted_at for row in rows if row.day == today), default=None),
        {(row.day, row.name, row.about): row for row in rows},
    )
