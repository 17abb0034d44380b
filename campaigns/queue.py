"""The rows that wait are the queue: a page of them is claimed at a time, the highest priority first.

A priority is one walk along the index of what waits, (priority, not before, id), up to what is due; there are few of
them. The runs it may be of are named by their numbers, so that a paused campaign's rows are told by the index on
(run, status) where they are many.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Max, Q, QuerySet

from campaigns.models import Campaign, CampaignRun, Delivery

LEASE = timedelta(minutes=5)
Status = Delivery.Status
WAITING = (Status.PLANNED, Status.RETRY)


def release_expired(*, at: datetime) -> None:
    """Leases that ran out: what was only claimed waits again, what was being transmitted is unknown for ever."""
    over = Delivery.objects.filter(lease_until__lt=at)
    over.filter(status=Status.CLAIMED).update(status=Status.PLANNED, lease_until=None)
    over.filter(status=Status.TRANSMITTING).update(
        status=Status.UNKNOWN, detail="the sender died while transmitting", ended_at=at, lease_until=None
    )


def claim(*, at: datetime, limit: int) -> list[Delivery]:
    """Make the next page ours. Two workers never get the same row."""
    runs = list(_running().values_list("pk", flat=True))
    if not runs:
        return []
    with transaction.atomic():
        ids: list[int] = []
        for priority in _priorities():
            due = Delivery.objects.filter(
                status__in=WAITING, priority=priority, not_before__lte=at, run_id__in=runs
            ).order_by("not_before", "pk")
            if connection.features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            ids += due.values_list("pk", flat=True)[: limit - len(ids)]
            if len(ids) == limit:
                break
        if ids:
            Delivery.objects.filter(pk__in=ids, status__in=WAITING).update(
                status=Status.CLAIMED, attempt=F("attempt") + 1, lease_until=at + LEASE
            )
    return load(ids) if ids else []


def _running() -> QuerySet[CampaignRun]:
    """The runs whose messages may leave. One that is done has none that waits; only a journey's goes on for ever."""
    is_open = ~Q(state__in=(CampaignRun.State.DONE, CampaignRun.State.CANCELLED))
    is_journey = Q(campaign__kind=Campaign.Kind.JOURNEY)
    return CampaignRun.objects.filter(is_open | is_journey, campaign__status=Campaign.Status.RUNNING)


def _priorities() -> Iterator[int]:
    """Each priority of which something waits, from the highest. One look at the index each."""
    waiting = Delivery.objects.filter(status__in=WAITING)
    highest = waiting.aggregate(highest=Max("priority"))["highest"]
    while highest is not None:
        yield highest
        highest = waiting.filter(priority__lt=highest).aggregate(highest=Max("priority"))["highest"]


def load(ids: Sequence[int]) -> list[Delivery]:
    """Deliveries with all that a message is made from. Five queries: what they share is read once, not joined to each."""
    rows = Delivery.objects.filter(pk__in=ids).select_related("customer__key", "decision__code")
    shared = rows.prefetch_related("run__campaign", "content", "decision__offer")
    return list(shared.defer("decision__candidates").order_by("-priority", "not_before", "pk"))
