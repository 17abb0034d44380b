"""When: the moment at which each person's message is due.

| sent | meant for |
|---|---|
| at the same moment everywhere | the run's due time |
| at that hour where each person is | the hour the shop's clock shows at the due time, on the person's own clock |
| at the hour that suits each person | their best hour within the 24 hours after the due time |

Quiet hours stand above all three: they put a message off to their edge, or end it.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns import clocks, quiet
from campaigns.models import Campaign
from customers import histories
from customers.models import Event

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Where a person's own hour is over by more than this, theirs is the same hour tomorrow.
MISSED = timedelta(hours=2)
# A message this much later than it was meant is of no use any more: less where the hour was chosen for the person.
TOO_LATE = {
    Campaign.SendTime.AT_ONCE: timedelta(days=3),
    Campaign.SendTime.LOCAL: timedelta(days=1),
    Campaign.SendTime.BEST_HOUR: timedelta(days=1),
}
# The zone whose clock is first on earth.
FIRST_ON_EARTH = timedelta(hours=14)
LEARNT_FROM = timedelta(days=180)
# How many acts of their own it takes to count as much as what everybody does.
EVERYBODY = 5.0


@dataclass(frozen=True)
class Moment:
    """A message is due from `not_before` on, and of no use after `not_after`."""

    not_before: datetime
    not_after: datetime | None = None


def moments(
    campaign: Campaign, customer_ids: Collection[int], *, due_at: datetime, at: datetime
) -> dict[int, Moment]:
    """Each person's moment for a run that is due at `due_at`. Who may not be written to then at all is missing.

    Three queries at most.
    """
    hours = quiet.hours_of(campaign.channel)
    of_use = TOO_LATE[Campaign.SendTime(campaign.send_time)]
    meant: Mapping[int, datetime] = dict.fromkeys(customer_ids, max(due_at, at))
    if campaign.send_time == Campaign.SendTime.AT_ONCE and not hours.rules:
        return {pk: Moment(moment, moment + of_use) for pk, moment in meant.items()}
    zones = clocks.zones_of(customer_ids)
    if campaign.send_time == Campaign.SendTime.LOCAL:
        meant = _local(zones, due_at=due_at, at=at)
    elif campaign.send_time == Campaign.SendTime.BEST_HOUR:
        meant = _best(zones, begins=max(due_at, at), at=at)
    found = {}
    for pk, zone in zones.items():
        until = hours.verdict(meant[pk], zone).until
        if until is not None:
            found[pk] = Moment(until, until + of_use)
    return found


def lead(at: datetime) -> timedelta:
    """How long before its due time a run by local hours must be planned: when the first clock on earth shows it.

    Up to 26 hours; the larger where the shop's own clock jumps meanwhile.
    """
    zone = clocks.shop_zone()
    offsets = (moment.astimezone(zone).utcoffset() or timedelta(0) for moment in (at, at + 2 * DAY))
    return max(FIRST_ON_EARTH - min(offsets), timedelta(0))


def _local(zones: Mapping[int, ZoneInfo], *, due_at: datetime, at: datetime) -> dict[int, datetime]:
    shown = clocks.wall(due_at, clocks.shop_zone())
    by_zone = {}
    for zone in set(zones.values()):
        there = shown
        while (moment := clocks.instant(there, zone)) < at - MISSED:
            there += DAY
        by_zone[zone] = max(moment, at)
    return {pk: by_zone[zone] for pk, zone in zones.items()}


def _best(zones: Mapping[int, ZoneInfo], *, begins: datetime, at: datetime) -> dict[int, datetime]:
    """The next coming of each person's best hour. Where nobody's hours are known, at once. One query."""
    own: dict[int, Counter[int]] = {pk: Counter() for pk in zones}
    acts = histories.behaviour(
        "personalization",
        types=(Event.Type.ORDERED, Event.Type.CLICKED),
        since=at - LEARNT_FROM,
        until=at,
        customers=zones.keys(),
    )
    # What a scanner clicks says nothing about a person's day.
    rows = acts.exclude(outcome__is_machine=True).order_by().values_list("customer_id", "occurred_at")
    for pk, moment in rows.iterator(chunk_size=5000):
        own[pk][clocks.wall(moment, zones[pk]).hour] += 1
    everybody: Counter[int] = sum(own.values(), Counter())
    if not everybody:
        return dict.fromkeys(zones, begins)
    return {
        pk: _next(best_hour(own[pk], everybody, begins, zone), begins, zone) for pk, zone in zones.items()
    }


def best_hour(own: Mapping[int, int], everybody: Mapping[int, int], begins: datetime, zone: ZoneInfo) -> int:
    """The hour (0 to 23) with the most of a person's acts, shrunk to everybody's shares; of equals the next to come.

    An hour's weight is n(own) + 5 · n(everybody) / Σ n(everybody).
    """
    total, now = sum(everybody.values()), clocks.wall(begins, zone).hour

    def weight(hour: int) -> float:
        return own.get(hour, 0) + EVERYBODY * everybody.get(hour, 0) / total

    return max(range(24), key=lambda hour: (weight(hour), -((hour - now) % 24)))


def _next(hour: int, begins: datetime, zone: ZoneInfo) -> datetime:
    shown = clocks.wall(begins, zone)
    if shown.hour == hour:
        return begins
    there = shown.replace(hour=hour, minute=0, second=0, microsecond=0)
    moment = clocks.instant(there, zone)
    return moment if moment > begins else clocks.instant(there + DAY, zone)
