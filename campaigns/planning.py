"""Runs: who is matched, a page of people at a time. What is decided for them is `deciding`'s; nothing is sent here.

A run is planned a page of people at a time, each page in one transaction that also moves the run's cursor: killed
at any line, planning goes on where the last whole page ended, and nobody is planned twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns import deciding, segments, timing
from campaigns.models import Campaign, CampaignRun, CampaignSegment
from campaigns.waterfall import Waterfall
from customers.models import Customer

PAGE = 500
# A run that is due longer ago than this waits until a person says that it may still go (R4, `lifecycle.catch_up`).
TOO_LATE = timedelta(hours=2)


def plan_due(*, at: datetime) -> int:
    """Plan every run that is due of campaigns that run; answers how many people were planned.

    A run that comes too late is left to a person; one that has begun is brought to its end. One by local hours is
    planned ahead: somewhere on earth its hour comes first.
    """
    now_due = Q(due_at__lte=at) | Q(
        campaign__send_time=Campaign.SendTime.LOCAL, due_at__lte=at + timing.lead(at)
    )
    due = CampaignRun.objects.filter(now_due, campaign__status=Campaign.Status.RUNNING)
    due = due.exclude(campaign__kind=Campaign.Kind.JOURNEY).filter(
        Q(state=CampaignRun.State.PLANNING) | Q(state=CampaignRun.State.DUE, due_at__gt=at - TOO_LATE)
    )
    # Where several campaigns want the same person, the higher has the first word.
    ordered = due.select_related("campaign").order_by("-campaign__priority", "due_at", "pk")
    return sum(plan(run, at=at) for run in ordered)


def late(*, at: datetime) -> QuerySet[CampaignRun]:
    """Runs that came too late and wait for a person."""
    return CampaignRun.objects.filter(
        state=CampaignRun.State.DUE, due_at__lte=at - TOO_LATE, campaign__status=Campaign.Status.RUNNING
    )


def plan(run: CampaignRun, *, at: datetime) -> int:
    """Plan a run to its end; answers how many people were planned by this call."""
    planned = 0
    while (page := plan_page(run, at=at)) is not None:
        planned += page
    return planned


def plan_page(run: CampaignRun, *, at: datetime) -> int | None:
    """Plan whom the audiences match of the next page of customers, in one transaction; answers how many those are.

    None when the run is planned, paused or cancelled.
    """
    with transaction.atomic():
        row = (
            CampaignRun.objects.select_for_update(of=("self",))
            .select_related("campaign__message")
            .get(pk=run.pk)
        )
        open_states = (CampaignRun.State.DUE, CampaignRun.State.PLANNING)
        if row.state not in open_states or row.campaign.status != Campaign.Status.RUNNING:
            return None
        row.planned_at = row.planned_at or at
        audiences = list(
            row.campaign.audiences.select_related("segment").prefetch_related("offers__categories")
        )
        span = next_span(after=row.cursor)
        waterfall = Waterfall.from_dict(row.waterfall)
        if span is None:
            row.state = CampaignRun.State.DELIVERING
        else:
            row.state, row.cursor = CampaignRun.State.PLANNING, span[1]
            page = plan_span(row, audiences, span, at=at)
            waterfall += page
        row.waterfall = waterfall.as_dict()
        row.save(update_fields=["state", "cursor", "waterfall", "planned_at"])
        return None if span is None else page.matched


def plan_span(
    run: CampaignRun, audiences: Sequence[CampaignSegment], span: tuple[int, int], *, at: datetime
) -> Waterfall:
    """Plan whom the audiences match of the customers with first < id ≤ last. Call it inside a transaction.

    Touches no row of the run, so several may plan spans of one run at once, each span once.
    """
    people = _matching(audiences, span, at=at)
    if not people:
        return Waterfall()
    return deciding.plan_people(run, {pk: audiences[index] for pk, index in people.items()}, at=at).waterfall


def next_span(*, after: int) -> tuple[int, int] | None:
    """The next page of customers by id, as first < id ≤ last; None after the last one."""
    ids = Customer.objects.present().filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:PAGE]
    return (after, max(ids)) if ids else None


def _matching(audiences: Sequence[CampaignSegment], span: tuple[int, int], *, at: datetime) -> dict[int, int]:
    """Customer id -> index of the first audience that matches them. One query an audience."""
    people: dict[int, int] = {}
    for index, audience in enumerate(audiences):
        matching = segments.matching(audience.segment.rule, at=at, span=span)
        for pk in matching.order_by("pk").values_list("pk", flat=True):
            people.setdefault(pk, index)
    return dict(sorted(people.items()))
