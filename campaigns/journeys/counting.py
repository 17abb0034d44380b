"""How many people stand at and came by each step of a journey's version. Bounded: never reads all who ever came."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, IntegerField, Min, OuterRef, Q, QuerySet, Subquery

from campaigns.models import Campaign, JourneyEntry, JourneyVersion, JourneyVisit

# What became of people is counted of so many who came in last; who is inside, up to so many.
MOST_CAME, MOST_INSIDE = 10_000, 50_000


@dataclass
class Figures:
    """Of one step: who waits there now, who went on and how, and who left there and why."""

    waiting: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> int:
        return self.outcomes.total()


@dataclass
class Counted:
    """Of one version: its steps, and the arms of everyone who came in."""

    steps: dict[str, Figures]
    arms: Counter[str] = field(default_factory=Counter)
    done: int = 0
    left: Counter[str] = field(default_factory=Counter)
    since: datetime | None = None
    """When the first of those counted came in."""

    @property
    def waiting(self) -> int:
        return sum(step.waiting for step in self.steps.values())

    @property
    def is_cut(self) -> bool:
        """Only those who came in last are counted."""
        return self.arms.total() >= MOST_CAME


def counted(version: JourneyVersion) -> Counted:
    """Four queries."""
    found = Counted({name: Figures() for name in version.definition["steps"]})
    for step, n in _inside(JourneyEntry.objects.filter(version=version), "step"):
        found.steps.setdefault(step, Figures()).waiting += n
    last = JourneyEntry.objects.filter(version=version).order_by("-pk").values("pk")[:MOST_CAME]
    entries = JourneyEntry.objects.filter(pk__in=Subquery(last))
    grouped = entries.values_list("step", "arm", "state", "left_by")
    for step, arm, state, left_by, n, first in grouped.annotate(
        n=Count("pk"), first=Min("entered_at")
    ).order_by():
        found.arms[arm] += n
        found.since = min(found.since or first, first)
        if arm == "treated" and state == JourneyEntry.State.LEFT:
            found.steps.setdefault(step, Figures()).left[left_by] += n
            found.left[left_by] += n
        elif arm == "treated" and state == JourneyEntry.State.DONE:
            found.done += n
    # Whoever left at a step has a visit there too, which ended by that: they did not go on.
    visits = JourneyVisit.objects.filter(entry__in=Subquery(last), left_at__isnull=False)
    for step, outcome, n in visits.values_list("step", "outcome").annotate(n=Count("pk")).order_by():
        if outcome not in JourneyEntry.Left.values:
            found.steps.setdefault(step, Figures()).outcomes[outcome] += n
    return found


def inside(campaign: Campaign) -> list[tuple[int, str, int]]:
    """Who is on the way in a journey: (version's key, step, how many), of all its versions. One query."""
    return _inside(JourneyEntry.objects.filter(campaign=campaign), "version_id", "step")


def _inside(entries: QuerySet[JourneyEntry], *by: str) -> list[Any]:
    rows = entries.filter(state=JourneyEntry.State.WAITING).order_by()
    some = JourneyEntry.objects.filter(pk__in=Subquery(rows.values("pk")[:MOST_INSIDE]))
    return list(some.values_list(*by).annotate(n=Count("pk")).order_by())


class Bounded(Subquery):
    """How many rows a query finds that is cut off: as many as it takes at most."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def came(*, waiting: bool = False) -> Bounded:
    """Of each version how many came in, or are on the way: an annotation, which reads MOST_CAME rows at most."""
    which = Q(state=JourneyEntry.State.WAITING) if waiting else Q()
    rows = JourneyEntry.objects.filter(which, version=OuterRef("pk")).order_by()
    return Bounded(rows.values("pk")[:MOST_CAME])
