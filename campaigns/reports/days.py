"""The treated against the control over time: what the report would have said on each day, and what each day brought."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from campaigns import statistics
from campaigns.reports import thin
from campaigns.reports.effect import Reading
from campaigns.reports.people import MS_A_DAY, Flags, Ids, People, milliseconds, moment, summed
from campaigns.reports.thin import FEWEST_ORDERS, FEWEST_PEOPLE

MOST = 120
"""So many points at most; of a longer time every second day, every third …"""


@dataclass(frozen=True)
class Day:
    """Up to one moment: the effect so far, and the means of the time since the point before.

    until : the moment, as far as the report reads · treated_people, control_people : planned by then
    treated, control : money per person since the point before; None where fewer than ten of an arm bought
    effect, low, high : per person so far, as a report of that moment read it; None where it might not yet be read
    """

    until: datetime
    treated_people: int
    control_people: int
    treated: float | None
    control: float | None
    effect: float | None
    low: float | None
    high: float | None
    interval: str
    treated_within: float | None = None
    """Half a 95 % interval around the mean of each arm since the point before."""
    control_within: float | None = None


def days(people: People, reading: Reading, *, until: datetime, is_readable: bool) -> list[Day]:
    """A point every 24 hours from the first person's start to `until`; the last is the headline's. Empty: nothing to read.

    Points between which too few people changed are joined (`_joined`).
    """
    if not is_readable or not len(people):
        return []
    first, last = int(people.starts.min()), milliseconds(until)
    every = MS_A_DAY * max(1, -(-(last - first) // (MS_A_DAY * MOST)))
    ends = [*range(first + every, last, every), last]
    order = np.argsort(people.moments, kind="stable")
    who, values, are_orders = people.who[order], people.values[order], people.are_orders[order]
    cuts = np.searchsorted(people.moments[order], ends).tolist()
    revenue, ordered = np.zeros(len(people)), np.zeros(len(people), dtype=bool)
    found: list[Day] = []
    for begin, end, cut in _joined(people, ends, cuts, who):
        today = summed(who[begin:cut], values[begin:cut], len(people))
        bought = np.bincount(who[begin:cut][are_orders[begin:cut]], minlength=len(people)) > 0
        revenue += today
        ordered |= bought
        then = people.starts < end
        so_far = replace(people, revenue=revenue, ordered=ordered)
        known = replace(reading, is_over=reading.is_over and end == last)
        found.append(_day(so_far, then, today, bought, known, until=moment(end)))
    return found


def _joined(people: People, ends: Sequence[int], cuts: Sequence[int], who: Ids) -> list[tuple[int, int, int]]:
    """(first payment, end, payment after the last) of each point, so few of them that none tells of a few people.

    From one point to the next 0 or at least 20 people of an arm are planned, and 0 or at least 10 of it pay: two points
    could be subtracted. A point that would tell of fewer is left out, and its time counted to the next one.
    """
    found: list[tuple[int, int, int]] = []
    for end, cut in zip(ends, cuts, strict=True):
        while True:
            begin, since = (found[-1][2], found[-1][1]) if found else (0, 0)
            paid = np.bincount(who[begin:cut], minlength=len(people)) > 0
            new = (people.starts >= since) & (people.starts < end)
            if not any(
                thin.is_small(int((new & arm).sum())) or thin.is_small(int((paid & arm).sum()), FEWEST_ORDERS)
                for arm in (people.treated, ~people.treated)
            ):
                found.append((begin, end, cut))
            elif end == ends[-1]:
                # The last one is the headline's, and is always told: the point before it makes way.
                if found:
                    found.pop()
                    continue
                found.append((begin, end, cut))
            break
    return found


def _day(
    people: People, then: Flags, today: statistics.Values, bought: Flags, reading: Reading, *, until: datetime
) -> Day:
    arms = [then & people.treated, then & ~people.treated]
    sizes = [int(mask.sum()) for mask in arms]
    means: list[float | None] = [None, None]
    within: list[float | None] = [None, None]
    if min(int(bought[mask].sum()) for mask in arms) >= FEWEST_ORDERS and min(sizes) >= FEWEST_PEOPLE:
        means = [float(today[mask].mean()) for mask in arms]
        within = [float(statistics.Z95 * today[mask].std(ddof=1) / mask.sum() ** 0.5) for mask in arms]
    effect = low = high = None
    if not reading.is_thin(people, *arms):
        y, x = people.revenue, people.before
        a, b = arms
        treated, control, _theta = statistics.cuped(y[a], y[b], x[a], x[b])
        found = reading.difference(treated, control)
        effect, low, high = found.effect, found.low, found.high
    interval = "fixed" if reading.is_over else "sequence"
    return Day(
        until, sizes[0], sizes[1], means[0], means[1], effect, low, high, interval, within[0], within[1]
    )
