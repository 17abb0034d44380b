"""A person's own clock: which zone it keeps, and which instant a time on it is.

Clocks jump. A time that a jump leaves out is the first one after the jump; a time that comes twice is its first coming
unless the second is asked for.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings

from customers.models import Customer

SECOND = timedelta(seconds=1)


def shop_zone() -> ZoneInfo:
    return _zone(settings.DEFAULT_TIME_ZONE, "UTC")


def zone(name: str) -> ZoneInfo:
    """The zone of this name; the shop's own where there is none (R6): an unknown clock is never no clock."""
    return _zone(name, settings.DEFAULT_TIME_ZONE)


@lru_cache(maxsize=1024)
def _zone(name: str, otherwise: str) -> ZoneInfo:
    for candidate in (name, otherwise):
        try:
            return ZoneInfo(candidate)
        except (KeyError, ValueError, OSError):  # not known; no name at all; a folder of names
            continue
    return ZoneInfo("UTC")


def zones_of(customer_ids: Collection[int]) -> dict[int, ZoneInfo]:
    """Each person's zone. One query."""
    rows = Customer.objects.filter(pk__in=customer_ids).values_list("pk", "time_zone")
    return {pk: zone(name) for pk, name in rows}


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock shows, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def instant(shown: datetime, zone: ZoneInfo, *, second: bool = False) -> datetime:
    """The moment (UTC) at which the clock shows this, or would have shown it but for a jump. `second`: of two."""
    there = shown.replace(tzinfo=zone, fold=int(second))
    found = there.astimezone(UTC)
    if wall(found, zone) == shown:
        return found
    return _jump(shown, zone)


def _jump(shown: datetime, zone: ZoneInfo) -> datetime:
    """The moment of the jump that leaves this time out."""
    before, after = (shown.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1))
    # At `low` the old offset still holds, at `high` the new one does.
    low, high = (shown - after).replace(tzinfo=UTC), (shown - before).replace(tzinfo=UTC)
    while high - low > SECOND:
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins there."""
    return instant(datetime.combine(day, time()), zone)
