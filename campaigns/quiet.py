"""Quiet hours: when nobody is written to, by each person's own clock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from campaigns import clocks
from campaigns.models import QuietHours

DAY = timedelta(days=1)
# A month of quiet in one piece is no pause but an end.
LONGEST = timedelta(days=31)


@dataclass(frozen=True)
class Rule:
    """One row of quiet hours, read once."""

    begins: time
    ends: time
    weekdays: Collection[int]
    skips: bool

    def end_at(self, shown: datetime) -> datetime | None:
        """Where the hours that hold at this time of the clock end on it; None outside them."""
        for day in (shown.date() - DAY, shown.date()):
            if self.weekdays and day.weekday() not in self.weekdays:
                continue
            begins = datetime.combine(day, self.begins)
            ends = datetime.combine(day if self.ends > self.begins else day + DAY, self.ends)
            if begins <= shown < ends:
                return ends
        return None


@dataclass(frozen=True)
class Verdict:
    """`until`: the first moment outside; None when there is none within a month. `skips`: do not wait for it."""

    until: datetime | None
    skips: bool


@dataclass
class Hours:
    """The quiet hours of a channel. Answers are kept: a page of people shares few zones and moments."""

    rules: Sequence[Rule]
    _known: dict[tuple[datetime, ZoneInfo], Verdict] = field(default_factory=dict)

    def verdict(self, moment: datetime, zone: ZoneInfo) -> Verdict:
        """Where the moment itself may be used, `until` is the moment."""
        key = (moment, zone)
        if key not in self._known:
            self._known[key] = self._asked(moment, zone)
        return self._known[key]

    def _asked(self, moment: datetime, zone: ZoneInfo) -> Verdict:
        until = moment
        while until - moment < LONGEST:
            shown = clocks.wall(until, zone)
            holding = [(rule, end) for rule in self.rules if (end := rule.end_at(shown)) is not None]
            if not holding:
                return Verdict(until, skips=False)
            if any(rule.skips for rule, _end in holding):
                return Verdict(None, skips=True)
            # One edge at a time: where clocks go back the hours may begin anew before another rule's edge.
            end = min(end for _rule, end in holding)
            comings = (clocks.instant(end, zone), clocks.instant(end, zone, second=True))
            until = min(coming for coming in comings if coming > until)
        return Verdict(None, skips=False)


def hours_of(channel: str) -> Hours:
    """One query."""
    rows: Any = QuietHours.objects.filter(Q(channel="") | Q(channel=channel), is_active=True)
    return Hours(
        [
            Rule(row.begins, row.ends, frozenset(row.weekdays), row.policy == QuietHours.Policy.SKIP)
            for row in rows.order_by("pk")
        ]
    )
