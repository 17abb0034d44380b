"""For a page of people: may we, which arm, which offers, which products, when -> Decision and Delivery rows.

The one path of every kind of campaign: runs (`planning`), journeys (`journeys`) and, with the caller waiting, the
shop (`onsite`). Consent, and what people chose for themselves, is asked before the arm is drawn, so the control group
holds only people who could have been reached. Never sends.
"""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns import codes, experiments, offers, rules, timing
from campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignSegment,
    Code,
    Decision,
    Delivery,
    JourneyEntry,
    Message,
    Offer,
    Placement,
    Variant,
)
from campaigns.offers import Choice, Taste, caps
from campaigns.reach import Reach, buyers_see, reachable
from campaigns.timing import Moment
from campaigns.waterfall import Waterfall
from customers import consent, contact
from recommender import serving
from recommender.serving import Recommendation

TASTE_SIZE = 20


@dataclass
class Planned:
    """What became of a page of people: everyone stands in exactly one of the two."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    """customer id -> the waterfall's word for why no message goes out"""
    waterfall: Waterfall = field(default_factory=Waterfall)


@dataclass(frozen=True)
class Chosen:
    """A person's offers, one a slot, and their codes by offer."""

    choices: Sequence[Choice] = ()
    codes: Mapping[int, Code] = field(default_factory=dict)


NOTHING = Chosen()


def plan_people(
    run: CampaignRun,
    people: Mapping[int, CampaignSegment],
    *,
    at: datetime,
    entries: Mapping[int, JourneyEntry] | None = None,
    step: int = 0,
    content: Message | None = None,
) -> Planned:
    """Decide for these people and write what is to be sent. Call it inside a transaction; it holds the people.

    entries : for a step of a journey, each person's way through it. Their arm was drawn when they entered, and only
    who is treated comes here; nobody has a decision then but who gets a message, so a step may be asked again.
    A bounded number of queries, which grows with the offers and not with the people.
    """
    campaign = run.campaign
    consent.hold_only(people)
    planned = Planned()
    reach = _reach(planned, campaign, people, at=at)
    wishes = contact.wishes(reach.permissions)
    unwanted = rules.their_choice(wishes, campaign=campaign, at=at)
    planned.refused |= dict.fromkeys(unwanted, "their_choice")
    wanted = [pk for pk in reach.permissions if pk not in unwanted]
    held = {} if campaign.ignores_holdout else experiments.held_out_of_all(wanted, at=at)
    asked = [pk for pk in wanted if pk not in held]
    arms = (
        experiments.arms(campaign.salt, campaign.control_percent, asked)
        if entries is None
        else dict.fromkeys(asked, Decision.Arm.TREATED)
    )
    treated = [pk for pk in asked if arms[pk] == Decision.Arm.TREATED]
    planned.refused |= dict.fromkeys(held, "holdout")
    planned.refused |= {pk: "held_out" for pk in asked if arms[pk] != Decision.Arm.TREATED}
    capped = rules.capped(treated, campaign=campaign, at=at, wishes=wishes)
    planned.refused |= dict.fromkeys(capped, "capped")
    moments = timing.moments(
        campaign,
        [pk for pk in treated if pk not in capped],
        due_at=run.due_at if entries is None else at,
        at=at,
    )
    planned.refused |= {pk: "quiet_hours" for pk in treated if pk not in capped and pk not in moments}
    recommendations = serving.recommend_many(list(moments), at=at, limit=TASTE_SIZE)
    recommendations = buyers_see(recommendations, reach, campaign)
    chosen = choose_offers(campaign, {pk: people[pk] for pk in moments}, recommendations, at=at)
    planned.refused |= {pk: "no_offer" for pk in moments if pk not in chosen}
    variants = experiments.variants(campaign, treated, at=at)
    decisions: dict[int, list[Decision]] = {}
    for pk in [*arms, *held] if entries is None else list(chosen):
        decisions[pk] = decisions_of(
            campaign,
            run,
            pk,
            people[pk],
            arm=Decision.Arm.HOLDOUT if pk in held else arms[pk],
            reach=reach,
            recommendation=recommendations.get(pk),
            chosen=chosen.get(pk, NOTHING),
            at=at,
            variant=variants.get(pk),
            entry=entries[pk] if entries is not None else None,
            step=step,
        )
    Decision.objects.bulk_create([row for rows in decisions.values() for row in rows], batch_size=200)
    planned.deliveries = {
        pk: _delivery(decisions[pk][0], run, moments[pk], content=content) for pk in moments if pk in chosen
    }
    Delivery.objects.bulk_create(planned.deliveries.values(), batch_size=500)
    count(planned)
    return planned


def _reach(
    planned: Planned, campaign: Campaign, people: Mapping[int, CampaignSegment], *, at: datetime
) -> Reach:
    reach = reachable(people, channel=campaign.channel, at=at, campaign=campaign)
    planned.refused |= dict.fromkeys(reach.no_consent, "no_consent")
    planned.refused |= dict.fromkeys(reach.suppressed, "suppressed")
    planned.refused |= dict.fromkeys(reach.no_address, "no_address")
    planned.waterfall.no_consent += Counter(reach.no_consent.values())
    planned.waterfall.suppressed += Counter(reach.suppressed.values())
    return reach


def count(planned: Planned) -> None:
    """The waterfall of a page: its rows add up."""
    waterfall, why = planned.waterfall, Counter(planned.refused.values())
    waterfall.matched = len(planned.refused) + len(planned.deliveries)
    waterfall.sendable = len(planned.deliveries)
    for name in ("no_address", "their_choice", "holdout", "held_out", "capped", "quiet_hours", "no_offer"):
        setattr(waterfall, name, why[name])


def _delivery(decision: Decision, run: CampaignRun, moment: Moment, *, content: Message | None) -> Delivery:
    variant = decision.variant
    return Delivery(
        decision=decision,
        run=run,
        entry=decision.entry,
        step=decision.step,
        customer_id=decision.customer_id,
        channel=run.campaign.channel,
        content=content or (variant.message if variant is not None else run.campaign.message),
        priority=run.campaign.priority,
        not_before=moment.not_before,
        not_after=moment.not_after,
    )


def placement_of(campaign: Campaign) -> Placement:
    """The campaign's placement; one offer by priority where nobody described it."""
    slug = campaign.placement or campaign.channel
    found = Placement.objects.select_related("fallback").filter(slug=slug).first()
    return found or Placement(slug=slug, name=slug)


def choose_offers(
    campaign: Campaign,
    audiences: Mapping[int, CampaignSegment],
    recommendations: Mapping[int, Recommendation],
    *,
    at: datetime,
) -> dict[int, Chosen]:
    """Each person's offers (of their audience's) and codes. Who fits no offer is missing.

    An audience without offers needs none: its people get an empty choice and only the products.
    """
    placement = placement_of(campaign)
    chosen: dict[int, Chosen] = {}
    by_audience: dict[CampaignSegment, list[int]] = {}
    for pk, audience in audiences.items():
        by_audience.setdefault(audience, []).append(pk)
    if len(by_audience) > 1:
        # All at once, in one order: audience by audience, two planners might wait for each other.
        caps.lock(offer.pk for audience in by_audience for offer in audience.offers.all())
    for audience, ids in by_audience.items():
        available = list(audience.offers.all())
        if not available:
            chosen |= dict.fromkeys(ids, NOTHING)
            continue
        tastes = {pk: Taste([item.product_id for item in recommendations[pk].items]) for pk in ids}
        found = offers.choose_and_commit(tastes, available, placement=placement, at=at)
        chosen |= {pk: Chosen(choices) for pk, choices in found.items() if choices}
    by_offer: dict[Offer, list[int]] = {}
    for pk, one in chosen.items():
        for choice in one.choices:
            if choice.offer.code_kind != Offer.CodeKind.NONE:
                by_offer.setdefault(choice.offer, []).append(pk)
    assigned: dict[int, dict[int, Code]] = {}
    for offer, ids in by_offer.items():
        for pk, code in codes.assign(offer, ids, at=at).items():
            assigned.setdefault(pk, {})[offer.pk] = code
    return {pk: Chosen(one.choices, assigned.get(pk, {})) for pk, one in chosen.items()}


def decisions_of(
    campaign: Campaign,
    run: CampaignRun | None,
    customer_id: int,
    audience: CampaignSegment,
    *,
    arm: str,
    reach: Reach,
    recommendation: Recommendation | None,
    chosen: Chosen,
    at: datetime,
    variant: Variant | None = None,
    entry: JourneyEntry | None = None,
    step: int = 0,
) -> list[Decision]:
    """What was chosen for one person, a row a slot, one at least; not saved yet."""
    permission = reach.permissions[customer_id]
    personal = (
        recommendation.permission if recommendation is not None and recommendation.personalized else None
    )
    rows = []
    for slot, choice in enumerate(chosen.choices or [None]):
        code = chosen.codes.get(choice.offer.pk) if choice is not None else None
        rows.append(
            Decision(
                id=uuid.uuid4(),
                campaign=campaign,
                run=run,
                entry=entry,
                step=step,
                customer_id=customer_id,
                segment_id=audience.segment_id,
                placement=campaign.placement or campaign.channel,
                slot=slot,
                variant=variant if arm == Decision.Arm.TREATED else None,
                arm=arm,
                offer=choice.offer if choice else None,
                code=code,
                skus=[item.sku for item in recommendation.items] if recommendation else [],
                candidates=choice.candidates if choice else [],
                propensity=choice.propensity if choice else 1.0,
                explored=choice.explored if choice else False,
                state=Decision.State.RESERVED if choice else Decision.State.COMMITTED,
                set_aside=choice.set_aside if choice else 0,
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
        )
    return rows
