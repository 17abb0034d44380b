"""The same walk with the caller waiting: what a placement in the shop shows this person now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from campaigns import deciding, experiments, segments
from campaigns.models import Campaign, CampaignSegment, Decision, Offer, Placement
from campaigns.offers import is_in_force
from campaigns.reach import reachable
from customers import consent
from recommender import serving

# How long a decision without a code stays the same for a person, so that what they see does not flicker.
KEPT_FOR = timedelta(hours=24)
MOST_SLOTS = 30


@dataclass(frozen=True)
class Shown:
    """What to show: a person's own decisions, one a slot, or what everybody may see (`fallback`)."""

    decisions: Sequence[Decision]
    """Kept also where everybody's is shown to a person of the control group, for the measurement."""
    offers: Sequence[Offer]
    fallback: bool

    @property
    def decision(self) -> Decision | None:
        return self.decisions[0] if self.decisions else None


def decide(customer_id: int | None, placement: str, *, at: datetime) -> Shown:
    """The decision of the first running campaign of the placement whose audience the person is in.

    A person who does not allow it, a stranger and a control person see what everybody sees; of the last the
    decision is kept, for the measurement. Asked again before it ends, the same decision is the answer, while its offers
    are in force. A bounded number of queries.
    """
    running = list(
        Campaign.objects.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=at),
            Q(ends_at__isnull=True) | Q(ends_at__gt=at),
            channel=Campaign.Channel.ONSITE,
            status=Campaign.Status.RUNNING,
            placement=placement,
        )
        .order_by("-priority", "pk")
        .prefetch_related("audiences__segment", "audiences__offers__categories", "audiences__offers__caps")
    )
    decisions: list[Decision] = []
    if customer_id is not None and running:
        with transaction.atomic():
            consent.hold([customer_id])
            decisions = _own(customer_id, running, placement, at=at)
        offers = [row.offer for row in decisions if row.arm == Decision.Arm.TREATED and row.offer is not None]
        if offers:
            return Shown(decisions, offers, fallback=False)
    return Shown(decisions, _for_everybody(running, placement, at=at), fallback=True)


def _own(customer_id: int, running: Sequence[Campaign], placement: str, *, at: datetime) -> list[Decision]:
    """The person's decisions, one a slot; none where they do not allow it or nothing is for them. Call it with the
    person held."""
    reach = reachable([customer_id], channel=Campaign.Channel.ONSITE, at=at)
    if customer_id not in reach.permissions:
        return []
    if kept := _kept(customer_id, running, placement, at=at):
        return kept
    found = _audience(customer_id, running, at=at)
    if found is None:
        return []
    campaign, audience = found
    held = not campaign.ignores_holdout and bool(experiments.held_out_of_all([customer_id], at=at))
    arm = (
        Decision.Arm.HOLDOUT
        if held
        else experiments.arms(campaign.salt, campaign.control_percent, [customer_id])[customer_id]
    )
    recommendation = serving.recommend(customer_id, at=at, limit=deciding.TASTE_SIZE, explain=False)
    chosen = {}
    if arm == Decision.Arm.TREATED:
        chosen = deciding.choose_offers(
            campaign, {customer_id: audience}, {customer_id: recommendation}, at=at
        )
    decisions = deciding.decisions_of(
        campaign,
        None,
        customer_id,
        audience,
        arm=arm,
        reach=reach,
        recommendation=recommendation,
        chosen=chosen.get(customer_id, deciding.NOTHING),
        at=at,
    )
    for decision in decisions:
        decision.state = Decision.State.COMMITTED  # it is shown with this answer
        decision.expires_at = decision.expires_at or at + KEPT_FOR
    Decision.objects.bulk_create(decisions)
    return decisions


def _kept(customer_id: int, running: Sequence[Campaign], placement: str, *, at: datetime) -> list[Decision]:
    """The newest decisions that hold still; of several slots those whose offers are in force. One query."""
    rows = list(
        Decision.objects.select_related("offer", "code", "campaign")
        .filter(
            customer=customer_id,
            placement=placement,
            campaign__in=running,
            expires_at__gt=at,
            run__isnull=True,
        )
        .order_by("-decided_at", "slot")[:MOST_SLOTS]
    )
    newest = [row for row in rows if row.decided_at == rows[0].decided_at]
    return [row for row in newest if row.offer is None or is_in_force(row.offer, at=at)]


def _audience(
    customer_id: int, running: Sequence[Campaign], *, at: datetime
) -> tuple[Campaign, CampaignSegment] | None:
    for campaign in running:
        for audience in campaign.audiences.all():
            if segments.matches(audience.segment.rule, customer_id, at=at):
                return campaign, audience
    return None


def _for_everybody(running: Sequence[Campaign], placement: str, *, at: datetime) -> list[Offer]:
    """The placement's fallback, whatever its dates; else of the running campaigns' offers those that need nobody's leave:
    without a code and without a cap, the highest priority first. One query."""
    described = Placement.objects.select_related("fallback").filter(slug=placement).first()
    if described is not None and described.fallback is not None:
        return [described.fallback]
    found = {
        offer.pk: offer
        for campaign in running
        for audience in campaign.audiences.all()
        for offer in audience.offers.all()
        if offer.code_kind == Offer.CodeKind.NONE
        and offer.max_total is None
        and offer.max_per_customer is None
        and offer.budget is None
        and offer.eligibility is None
        and not offer.caps.all()
        and is_in_force(offer, at=at)
    }
    return sorted(found.values(), key=lambda offer: (-offer.priority, offer.slug))[
        : described.slots if described is not None else 1
    ]
