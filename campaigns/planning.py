"""Who x what x when: Decision and Delivery rows. Never sends.

A run is planned a page of people at a time, each page in one transaction that also moves the run's cursor: killed
at any line, planning goes on where the last whole page ended, and nobody is planned twice. Consent is asked before
the arm is drawn, so the control group holds only people who could have been reached.
"""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns import codes, experiments, offers, rules, segments
from campaigns.models import Campaign, CampaignRun, CampaignSegment, Code, Decision, Delivery, Offer
from campaigns.offers import Choice, Taste
from campaigns.reach import Reach, reachable
from customers import consent
from customers.models import Customer
from recommender import serving
from recommender.serving import Recommendation

PAGE = 500
# A run that is due longer ago than this waits until a person says that it may still go (R4, `lifecycle.catch_up`).
TOO_LATE = timedelta(hours=2)
TASTE_SIZE = 20


@dataclass
class Waterfall:
    """Everyone who matched, and where they went. The rows add up: see `left`."""

    matched: int = 0
    no_consent: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    no_address: int = 0
    held_out: int = 0
    capped: int = 0
    quiet_hours: int = 0
    no_offer: int = 0
    sendable: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Waterfall":
        found = cls()
        for name, value in stored.items():
            setattr(found, name, Counter(value) if isinstance(value, dict) else value)
        return found

    @property
    def left(self) -> int:
        """Matched less every loss and less the sendable: always nought."""
        lost = self.no_consent.total() + self.suppressed.total() + self.no_address
        return (
            self.matched
            - lost
            - self.held_out
            - self.capped
            - self.quiet_hours
            - self.no_offer
            - self.sendable
        )


def plan_due(*, at: datetime) -> int:
    """Plan every run that is due of campaigns that run; answers how many people were planned.

    A run that comes too late is left to a person; one that has begun is brought to its end.
    """
    due = CampaignRun.objects.filter(campaign__status=Campaign.Status.RUNNING, due_at__lte=at).filter(
        Q(state=CampaignRun.State.PLANNING) | Q(state=CampaignRun.State.DUE, due_at__gt=at - TOO_LATE)
    )
    return sum(plan(run, at=at) for run in due.select_related("campaign"))


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
        span = _next_span(after=row.cursor)
        waterfall = Waterfall.from_dict(row.waterfall)
        people: dict[int, int] = {}
        if span is None:
            row.state = CampaignRun.State.DELIVERING
        else:
            row.state, row.cursor = CampaignRun.State.PLANNING, span[1]
            if people := _matching(audiences, span, at=at):
                _plan_people(row, audiences, people, waterfall, at=at)
        row.waterfall = waterfall.as_dict()
        row.save(update_fields=["state", "cursor", "waterfall", "planned_at"])
        return None if span is None else len(people)


def _next_span(*, after: int) -> tuple[int, int] | None:
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


def _plan_people(
    run: CampaignRun,
    audiences: Sequence[CampaignSegment],
    people: dict[int, int],
    waterfall: Waterfall,
    *,
    at: datetime,
) -> None:
    campaign = run.campaign
    consent.hold(people)
    waterfall.matched += len(people)
    reach = reachable(people, channel=campaign.channel, at=at)
    waterfall.no_consent += Counter(reach.no_consent.values())
    waterfall.suppressed += Counter(reach.suppressed.values())
    waterfall.no_address += len(reach.no_address)
    arms = experiments.arms(campaign.salt, campaign.control_percent, list(reach.permissions))
    treated = [pk for pk, arm in arms.items() if arm == Decision.Arm.TREATED]
    waterfall.held_out += len(arms) - len(treated)
    capped = rules.capped(treated, channel=campaign.channel, at=at)
    waterfall.capped += len(capped)
    asked = [pk for pk in treated if pk not in capped]
    recommendations = serving.recommend_many(asked, at=at, limit=TASTE_SIZE)
    wanted = {pk: audiences[people[pk]] for pk in asked}
    choices, assigned = choose_offers(wanted, recommendations, at=at)
    sendable = [pk for pk in asked if pk in choices]
    waterfall.no_offer += len(asked) - len(sendable)
    waterfall.sendable += len(sendable)
    decisions = {
        pk: decision_of(
            campaign,
            run,
            pk,
            audiences[people[pk]],
            arm=arms[pk],
            reach=reach,
            recommendation=recommendations.get(pk),
            choice=choices.get(pk),
            code=assigned.get(pk),
            at=at,
        )
        for pk in arms
    }
    Decision.objects.bulk_create(decisions.values(), batch_size=200)
    Delivery.objects.bulk_create(
        [
            Delivery(decision=decisions[pk], run=run, customer_id=pk, channel=campaign.channel, not_before=at)
            for pk in sendable
        ],
        batch_size=500,
    )


def choose_offers(
    audiences: Mapping[int, CampaignSegment], recommendations: Mapping[int, Recommendation], *, at: datetime
) -> tuple[dict[int, Choice], dict[int, Code]]:
    """Each person's offer (of their audience's) and code. Who fits no offer is missing from both.

    An audience without offers needs none: its people get an empty choice and only the products.
    """
    choices: dict[int, Choice] = {}
    by_audience: dict[CampaignSegment, list[int]] = {}
    for pk, audience in audiences.items():
        by_audience.setdefault(audience, []).append(pk)
    for audience, ids in by_audience.items():
        available = list(audience.offers.all())
        if not available:
            choices |= {pk: Choice(offer=None, score=0.0, candidates=[], fallback=False) for pk in ids}
            continue
        tastes = {pk: Taste([item.product_id for item in recommendations[pk].items]) for pk in ids}
        chosen = offers.choose_and_commit(tastes, available, at=at)
        choices |= {pk: choice for pk, choice in chosen.items() if choice.offer is not None}
    assigned: dict[int, Code] = {}
    by_offer: dict[Offer, list[int]] = {}
    for pk, choice in choices.items():
        if choice.offer is not None and choice.offer.code_kind == Offer.CodeKind.UNIQUE:
            by_offer.setdefault(choice.offer, []).append(pk)
    for offer, ids in by_offer.items():
        assigned |= codes.assign(offer, ids, at=at)
    return choices, assigned


def decision_of(
    campaign: Campaign,
    run: CampaignRun | None,
    customer_id: int,
    audience: CampaignSegment,
    *,
    arm: str,
    reach: Reach,
    recommendation: Recommendation | None,
    choice: Choice | None,
    code: Code | None,
    at: datetime,
) -> Decision:
    """What was chosen for one person, not saved yet."""
    permission = reach.permissions[customer_id]
    personal = (
        recommendation.permission if recommendation is not None and recommendation.personalized else None
    )
    return Decision(
        id=uuid.uuid4(),
        campaign=campaign,
        run=run,
        customer_id=customer_id,
        segment_id=audience.segment_id,
        placement=campaign.placement or campaign.channel,
        arm=arm,
        offer=choice.offer if choice else None,
        code=code,
        skus=[item.sku for item in recommendation.items] if recommendation else [],
        candidates=choice.candidates if choice else [],
        personalized=personal is not None,
        model=recommendation.model if recommendation else None,
        purpose=permission.purpose,
        basis=permission.basis,
        consent_record_id=permission.record_id,
        personalization_basis=personal.basis if personal else "",
        personalization_record_id=personal.record_id if personal else None,
        decided_at=at,
        expires_at=code.expires_at if code else None,
    )
