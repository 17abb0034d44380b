"""When to count: each day anew, and, until they are there, the same weekday of the weeks before."""

from datetime import date, datetime, timedelta

from django.db import transaction

from campaigns.figures import counting, domains, earning
from campaigns.figures.rows import PERIOD, Key, Told, day_of, days_shown, drop_old, write
from campaigns.models import DailyFigure

Name = DailyFigure.Name
EVERY = timedelta(hours=6)
# Whoever counts a day has so long before somebody else begins anew.
LEASE = timedelta(hours=1)


def note_due(*, at: datetime) -> date | None:
    """Count one day that is due, if any; answers which. Two queries where none is."""
    today = day_of(at)
    # All of a day is written at once: one that has the number of sent messages is whole.
    whole = dict(
        DailyFigure.objects.filter(name=Name.SENT, day__in=[*days_shown(today), today - PERIOD]).values_list(
            "day", "counted_at"
        )
    )
    if whole.get(today) is None or whole[today] <= at - EVERY:
        due = [today]
    else:
        due = [day for day in (today - PERIOD, *days_shown(today)) if day not in whole]
    for day in due:
        if _claim(day, at=at):
            note(day, at=at)
            return day
    return None


def _claim(day: date, *, at: datetime) -> bool:
    """The first of several who would count it; the count of known customers, made before it is known, is the claim."""
    row, is_new = DailyFigure.objects.get_or_create(
        day=day, name=Name.KNOWN, about="", defaults={"counted_at": at}
    )
    same = DailyFigure.objects.filter(pk=row.pk, counted_at=row.counted_at)
    return is_new or (row.counted_at <= at - LEASE and same.update(counted_at=at) == 1)


def note(day: date, *, at: datetime) -> None:
    """Count everything as of the same hour of that day, and keep it. Queries by the number of campaigns and purposes."""
    then = min(at, at - (day_of(at) - day))
    found: dict[Key, Told] = {
        **counting.reached(at=then),
        **counting.ordered(at=then),
        **counting.allowing(at=then),
        **earning.earned(at=then),
    }
    found |= counting.came_back(at=then) | domains.by_domain(at=then)
    if day == day_of(at):
        found |= counting.here()  # of the past nobody asks
    with transaction.atomic():
        DailyFigure.objects.filter(day=day).exclude(name=Name.KNOWN).delete()
        write(day, found, at=at)
    drop_old(at=at)
