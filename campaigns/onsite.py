"""The same walk with the caller waiting: what a placement in the shop shows this person now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from campaigns import deciding, experiments, segments
from campaigns.models import Campaign, CampaignSegment, Decision, Offer, Placement
from campaigns.offers import is_in_force
from campaigns.reach import reachable
from customers import consent
from customers.models import Customer
from recommender import serving

# How long a decision without a code stays the same for a person, so that what they see does not flicker.
KEPT_FOR = timedelta(hours=24)
MOST_SLOTS = 30
ASKED_AT_ONCE = 20


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
    are in force. Four queries at most for what holds still and for what everybody sees; deciding anew costs more,
    whatever the number of offers.
    """
    decisions: list[Decision] = []
    if customer_id is not None:
        reach = reachable([customer_id], channel=Campaign.Channel.ONSITE, at=at)
        if customer_id in reach.permissions:
            decisions = _kept(customer_id, placement, at=at)
            if not decisions and (running := _running(placement, at=at)):
                with transaction.atomic():
                    consent.hold([customer_id])
                    decisions = _own(customer_id, running, placement, at=at)
    offers = [row.offer for row in decisions if row.arm == Decision.Arm.TREATED and row.offer is not None]
    if offers:
        return Shown(decisions, offers, fallback=False)
    return Shown(decisions, _for_everybody(placement, at=at), fallback=True)


def _is_running(placement: str, *, at: datetime, campaign: str = "") -> Q:
    """`campaign` is the way to the campaign from the rows asked, such as `campaign__`."""
    begun = Q((f"{campaign}starts_at__isnull", True)) | Q((f"{campaign}starts_at__lte", at))
    on = Q((f"{campaign}ends_at__isnull", True)) | Q((f"{campaign}ends_at__gt", at))
    return begun & on & Q(
        (f"{campaign}channel", Campaign.Channel.ONSITE),
        (f"{campaign}status", Campaign.Status.RUNNING),
        (f"{campaign}placement", placement),
    )  # fmt: skip


def _running(placement: str, *, at: datetime) -> list[CampaignSegment]:
    """The audiences of the running campaigns, in the order in which they are asked. Three queries."""
    return list(
        CampaignSegment.objects.filter(_is_running(placement, at=at, campaign="campaign__"))
        .select_related("campaign", "segment")
        .prefetch_related("offers__categories")
        .order_by("-campaign__priority", "campaign", "position", "pk")
    )


def _own(
    customer_id: int, running: Sequence[CampaignSegment], placement: str, *, at: datetime
) -> list[Decision]:
    """The person's decisions, one a slot; none where they do not allow it or nothing is for them. Call it with the
    person held."""
    reach = reachable([customer_id], channel=Campaign.Channel.ONSITE, at=at)
    if customer_id not in reach.permissions:
        return []
    if kept := _kept(customer_id, placement, at=at):
        return kept
    audience = _audience(customer_id, running, at=at)
    if audience is None:
        return []
    campaign = audience.campaign
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


def _kept(customer_id: int, placement: str, *, at: datetime) -> list[Decision]:
    """The newest decisions that hold still; of several slots those whose offers are in force. One query."""
    rows = list(
        Decision.objects.select_related("offer", "code", "campaign")
        .filter(_is_running(placement, at=at, campaign="campaign__"))
        .filter(customer=customer_id, placement=placement, expires_at__gt=at, run__isnull=True)
        .order_by("-decided_at", "slot")[:MOST_SLOTS]
    )
    newest = [row for row in rows if row.decided_at == rows[0].decided_at]
    return [row for row in newest if row.offer is None or is_in_force(row.offer, at=at)]


def _audience(
    customer_id: int, running: Sequence[CampaignSegment], *, at: datetime
) -> CampaignSegment | None:
    """The first that the person is in. One query for some twenty audiences."""
    for start in range(0, len(running), ASKED_AT_ONCE):
        page, asked = [], []
        for one in running[start : start + ASKED_AT_ONCE]:
            try:
                asked.append(Exists(segments.matching(one.segment, at=at, ids=[customer_id])))
            except segments.Withheld:  # nobody is chosen by it; `stopping` pauses its campaign
                continue
            page.append(one)
        is_in = Customer.objects.filter(pk=customer_id).values_list(*asked).first() if asked else None
        for audience, matches in zip(page, is_in or (), strict=False):
            if matches:
                return audience
    return None


def _for_everybody(placement: str, *, at: datetime) -> list[Offer]:
    """The placement's fallback, whatever its dates; else of the running campaigns' offers those that need nobody's leave:
    without a code and without a cap, the highest priority first. Two queries at most."""
    described = Placement.objects.select_related("fallback").filter(slug=placement).first()
    if described is not None and described.fallback is not None:
        return [described.fallback]
    rows = Offer.objects.in_force(at).filter(
        Exists(
            CampaignSegment.offers.through.objects.filter(
                _is_running(placement, at=at, campaign="campaignsegment__campaign__"), offer=OuterRef("pk")
            )
        ),
        code_kind=Offer.CodeKind.NONE,
        max_total__isnull=True,
        max_per_customer__isnull=True,
        budget__isnull=True,
        eligibility__isnull=True,
        caps__isnull=True,
    )
    return list(rows.order_by("-priority", "slug")[: described.slots if described is not None else 1])
