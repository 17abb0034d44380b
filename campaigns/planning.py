"""Runs: who is matched, a page of people at a time. What is decided for them is `deciding`'s; nothing is sent here.

A run is planned a span of people at a time by any number of planners. A span is claimed in the run's row and planned
in one transaction that also gives the claim up: killed at any line, nothing of the span is there and it is taken again
when its claim has run out; nobody is planned twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns import deciding, segments, timing
from campaigns.models import Campaign, CampaignRun, CampaignSegment
from campaigns.waterfall import Waterfall
from customers import installation
from customers.models import Customer

PAGE = 500
log = structlog.get_logger()
# After this long a span is taken from a planner that has not come back.
LEASE = timedelta(minutes=5)
OPEN_STATES = (CampaignRun.State.DUE, CampaignRun.State.PLANNING)
# A run that is due longer ago than this waits until a person says that it may still go (R4, `lifecycle.catch_up`).
TOO_LATE = timedelta(hours=2)


class Overtaken(Exception):
    """The span was taken over, or the run cancelled, while we planned it; nothing of it was kept."""


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
    planned = 0
    for run in ordered:
        try:
            planned += plan(run, at=at)
        except segments.Withheld as why:  # nobody is chosen by it; `stopping` pauses its campaign
            log.warning("a run waits for an approval", run=run.pk, why=str(why))
    return planned


def late(*, at: datetime) -> QuerySet[CampaignRun]:
    """Runs that came too late and wait for a person."""
    return CampaignRun.objects.filter(
        state=CampaignRun.State.DUE, due_at__lte=at - TOO_LATE, campaign__status=Campaign.Status.RUNNING
    )


def plan(run: CampaignRun, *, at: datetime) -> int:
    """Plan a run to its end; answers how many people were planned by this call."""
    planned = 0
    while True:
        try:
            page = plan_page(run, at=at)
        except Overtaken as reason:
            log.info("a span was overtaken", reason=str(reason))
            continue
        if page is None:
            return planned
        planned += page


def plan_page(run: CampaignRun, *, at: datetime) -> int | None:
    """Plan whom the audiences match of the next span of customers; answers how many those are.

    None when there is none to take: the run is planned, paused or cancelled, sending is held, or others are at work on
    what is left.
    Several may do it at once. A span is claimed in the run's row, and planned in one transaction that also gives the
    claim up; who died in the midst has written nothing, and the span is taken again when its claim has run out.
    """
    claimed = _claim(run, at=at) if installation.may_send(at=at) else None
    if claimed is None:
        return None
    row, span, claim = claimed
    try:
        return _plan_claimed(row, span, claim, at=at)
    except Overtaken:
        raise
    except Exception:
        _give_up(run, claim, at=at)
        raise


def _plan_claimed(run: CampaignRun, span: tuple[int, int], claim: str, *, at: datetime) -> int:
    audiences = list(run.campaign.audiences.select_related("segment").prefetch_related("offers__categories"))
    with transaction.atomic():
        page = plan_span(run, audiences, span, at=at)
        now = _held(run.pk)
        left = [one for one in now.spans if one["claim"] != claim]
        if len(left) == len(now.spans) or now.state not in OPEN_STATES:
            raise Overtaken(
                f"run {run.pk}: customers {span[0]} to {span[1]} are another's, or nobody's any more"
            )
        waterfall = Waterfall.from_dict(now.waterfall)
        waterfall += page
        now.spans, now.waterfall = left, waterfall.as_dict()
        if not left and next_span(after=now.cursor) is None:
            now.state = CampaignRun.State.DELIVERING
        now.save(update_fields=["state", "spans", "waterfall"])
    return page.matched


def _give_up(run: CampaignRun, claim: str, *, at: datetime) -> None:
    """The span failed: it may be taken again at once."""
    with transaction.atomic():
        row = _held(run.pk)
        for one in row.spans:
            if one["claim"] == claim:
                one["until"] = at.isoformat()
        row.save(update_fields=["spans"])


def _held(pk: int) -> CampaignRun:
    """The run's row, held; not its key, which the rows of others' pages point at."""
    rows = CampaignRun.objects.select_for_update(of=("self",), no_key=True).select_related(
        "campaign__message"
    )
    return rows.get(pk=pk)


def _claim(run: CampaignRun, *, at: datetime) -> tuple[CampaignRun, tuple[int, int], str] | None:
    """Take a span whose planner has died, else the next one; a short transaction of its own."""
    with transaction.atomic():
        row = _held(run.pk)
        if row.state not in OPEN_STATES or row.campaign.status != Campaign.Status.RUNNING:
            return None
        row.planned_at, row.state = row.planned_at or at, CampaignRun.State.PLANNING
        dead = next((one for one in row.spans if datetime.fromisoformat(one["until"]) <= at), None)
        if dead is not None:
            row.spans.remove(dead)
            span: tuple[int, int] | None = (dead["first"], dead["last"])
        elif (span := next_span(after=row.cursor)) is not None:
            row.cursor = span[1]
        elif not row.spans:
            row.state = CampaignRun.State.DELIVERING
        claim = uuid4().hex
        if span is not None:
            row.spans.append(
                {"first": span[0], "last": span[1], "claim": claim, "until": (at + LEASE).isoformat()}
            )
        row.save(update_fields=["state", "cursor", "spans", "planned_at"])
        return None if span is None else (row, span, claim)


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
        matching = segments.matching(audience.segment, at=at, span=span)
        for pk in matching.order_by("pk").values_list("pk", flat=True):
            people.setdefault(pk, index)
    return dict(sorted(people.items()))
