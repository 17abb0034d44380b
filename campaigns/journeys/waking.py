"""What people do wakes them before their time: what a step waits for, and what the journey is for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.journeys import facts
from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, JourneyEntry, JourneyVersion, JourneyVisit

# What happened longer ago is seen when they wake by themselves: this only makes it sooner.
LATELY = timedelta(hours=2)


def wake(*, at: datetime) -> int:
    """Wake whoever did lately what they are waited for to do; answers how many.

    Asked from the newest events, so it costs as much as happened and not as many as wait. A statement a goal and a
    statement a step that waits for something, of the versions that have people inside.
    """
    inside = JourneyEntry.objects.filter(version=OuterRef("pk"), state=JourneyEntry.State.WAITING)
    running = JourneyVersion.objects.filter(
        campaign__kind=Campaign.Kind.JOURNEY, campaign__status=Campaign.Status.RUNNING
    )
    woken = 0
    for version in running.filter(Exists(inside)):
        definition = Definition.of(version.definition)
        asleep = JourneyEntry.objects.filter(
            version=version, state=JourneyEntry.State.WAITING, wake_at__gt=at
        )
        if definition.goal is not None:
            woken += _doers(asleep, definition.goal, "entered_at", at=at).update(wake_at=at)
        for name, step in definition.steps.items():
            if step["kind"] == "wait_for":
                woken += _waited_for(asleep.filter(step=name), step, at=at)
    return woken


def _doers(
    entries: QuerySet[JourneyEntry], act: Mapping[str, Any], since: str, *, at: datetime
) -> QuerySet[JourneyEntry]:
    """Of these entries, whose person did it lately and since the entry's own moment."""
    lately = facts.acts(act, since=at - LATELY)
    own = lately.filter(customer_id=OuterRef("customer_id"), occurred_at__gte=OuterRef(since))
    return entries.filter(Exists(own), customer__in=lately.order_by().values("customer_id"))


def _waited_for(entries: QuerySet[JourneyEntry], step: Mapping[str, Any], *, at: datetime) -> int:
    lately = facts.acts(step["event"], since=at - LATELY)
    own = lately.filter(customer_id=OuterRef("entry__customer_id"), occurred_at__gte=OuterRef("arrived_at"))
    here = JourneyVisit.objects.filter(Exists(own), entry=OuterRef("pk"), left_at__isnull=True)
    doers = entries.filter(Exists(here), customer__in=lately.order_by().values("customer_id"))
    return doers.update(wake_at=at)


def is_over(entry_id: int, *, at: datetime) -> bool:
    """Whether a message of this way through a journey is not wanted any more: they left, or did what it is for.

    Asked before each message leaves. Two queries.
    """
    entry = JourneyEntry.objects.select_related("version").filter(pk=entry_id).first()
    if entry is None:
        return True
    if entry.state == JourneyEntry.State.LEFT:
        # A step that says so has earned the message before it.
        return entry.left_by != JourneyEntry.Left.EXIT
    goal = entry.version.definition.get("goal")
    return goal is not None and bool(facts.did_since(goal, {entry.customer_id: entry.entered_at}))
