"""The same walk with the caller waiting: what a placement in the shop shows this person now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from campaigns import deciding, experiments, segments
from campaigns.models import Campaign, CampaignSegment, Decision, Offer
from campaigns.reach import reachable
from customers import consent
from recommender import serving

# How long a decision without a code stays the same for a person, so that what they see does not flicker.
KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Shown:
    """What to show: a person's own decision, or what everybody may see (`fallback`)."""

    decision: Decision | None
    offers: Sequence[Offer]
    fallback: bool


def decide(customer_id: int | None, placement: str, *, at: datetime) -> Shown:
    """The decision of the first running campaign of the placement whose audience the person is in.

    A person who does not allow it, a stranger and a control person see what everybody sees; of the last the
    decision is kept, for the measurement. Asked again before it ends, the same decision is the answer. A bounded
    number of queries.
    """
    running = list(
        Campaign.objects.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=at),
            Q(ends_at__isnull=True) | Q(ends_at__gt=at),
            channel=Campaign.Channel.ONSITE,
            status=Campaign.Status.RUNNING,
            placement=placement,
        )
        .order_by("pk")
        .prefetch_related("audiences__segment", "audiences__offers__categories")
    )
    if customer_id is not None and running:
        with transaction.atomic():
            consent.hold([customer_id])
            decision = _own(customer_id, running, placement, at=at)
        if decision is not None and decision.arm == Decision.Arm.TREATED and decision.offer is not None:
            return Shown(decision, [decision.offer], fallback=False)
        if decision is not None:
            return Shown(decision, _for_everybody(running, at=at), fallback=True)
    return Shown(None, _for_everybody(running, at=at), fallback=True)


def _own(customer_id: int, running: Sequence[Campaign], placement: str, *, at: datetime) -> Decision | None:
    reach = reachable([customer_id], channel=Campaign.Channel.ONSITE, at=at)
    if customer_id not in reach.permissions:
        return None
    kept = (
        Decision.objects.select_related("offer", "code", "campaign")
        .filter(
            customer=customer_id,
            placement=placement,
            campaign__in=running,
            expires_at__gt=at,
            run__isnull=True,
        )
        .order_by("-decided_at")
        .first()
    )
    if kept is not None:
        return kept
    found = _audience(customer_id, running, at=at)
    if found is None:
        return None
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
        decision.save(force_insert=True)
    return decisions[0]


def _audience(
    customer_id: int, running: Sequence[Campaign], *, at: datetime
) -> tuple[Campaign, CampaignSegment] | None:
    for campaign in running:
        for audience in campaign.audiences.all():
            if segments.matches(audience.segment.rule, customer_id, at=at):
                return campaign, audience
    return None


def _for_everybody(running: Sequence[Campaign], *, at: datetime) -> list[Offer]:
    """Offers that need nobody's leave: without a code and without a cap, the highest priority first."""
    found = {
        offer.pk: offer
        for campaign in running
        for audience in campaign.audiences.all()
        for offer in audience.offers.all()
        if offer.code_kind == Offer.CodeKind.NONE
        and offer.max_total is None
        and offer.max_per_customer is None
        and offer.status == Offer.Status.APPROVED
        and (offer.starts_at is None or offer.starts_at <= at)
        and (offer.ends_at is None or offer.ends_at > at)
    }
    return sorted(found.values(), key=lambda offer: (-offer.priority, offer.slug))[:1]
