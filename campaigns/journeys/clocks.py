"""When a wait is over, by the person's own clock."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns import clocks
from campaigns.journeys.steps import clock

# A day that only a date names begins for a person at this hour.
MORNING = time(9)


def over_at(
    step: Mapping[str, Any], *, arrived_at: datetime, time_zone: str, expected: date | None
) -> datetime:
    """When the wait that began at `arrived_at` is over; a moment not after it where there is nothing to wait for.

    expected : the day of the person's next order, for a wait that asks for it; None where none is expected.
    """
    zone = clocks.zone(time_zone)
    if "until_expected_order" in step:
        if expected is None:
            return arrived_at
        day = expected - timedelta(days=step["until_expected_order"]["days_before"])
        return clocks.instant(datetime.combine(day, MORNING), zone)
    least = arrived_at + timedelta(hours=step.get("hours", 0), days=step.get("days", 0))
    hour = clock(step.get("until"))
    return least if hour is None else _next(hour, step.get("weekdays"), least, arrived_at, zone)


def _next(
    hour: time, weekdays: list[int] | None, least: datetime, arrived_at: datetime, zone: ZoneInfo
) -> datetime:
    """The first such hour on such a day at or after `least`, and after the arrival."""
    first = least.astimezone(zone).date()
    for ahead in range(9):
        day = first + timedelta(days=ahead)
        moment = clocks.instant(datetime.combine(day, hour), zone)
        if moment >= least and moment > arrived_at and (not weekdays or day.weekday() in weekdays):
            return moment
    raise AssertionError("every weekday comes within eight days")
