"""The same walk with the caller waiting: what a placement in the shop shows this person now.

In a hurry: the person's leave and what holds still are one question. Deciding anew takes two more, about the placement's
programme and, with the person held, about the person; then the changes, which miss where somebody else was faster.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import BigIntegerField, CharField, DateTimeField

from campaigns import codes, deciding, experiments, segments
from campaigns.deciding import NOTHING, Chosen
from campaigns.models import Campaign, CampaignSegment, Decision, Offer
from campaigns.offers import Taste, caps, choosing, is_in_force, rooms
from campaigns.offers.candidates import page_of
from campaigns.offers.facts import Facts
from campaigns.programme import MOST_SLOTS, Everybody, Programme, is_running
from campaigns.reach import PURPOSE_OF_CHANNEL, Reach
from catalog import together
from catalog.questions import Given, Question, Rows
from catalog.together import Change
from customers import consent
from customers.consent import Permission
from customers.models import Identity
from recommender import serving
from recommender.serving import Recommendation

PURPOSE = PURPOSE_OF_CHANNEL[Campaign.Channel.ONSITE]
# How long a decision without a code stays the same for a person, so that what they see does not flicker.
KEPT_FOR = timedelta(hours=24)
SPARE_CODES = 10
"""Of a pool as many are looked at, so that those who come at once do not all take the first."""


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


class Asked:
    """What is asked first of a person at a place, by their id or the shop's own. Nothing is asked yet (`catalog.together`).

    The programme comes along where each table that changes is a statement of its own, so that there are six in all.
    """

    def __init__(self, placement: str, *, at: datetime, person: int | None = None, named: str = "") -> None:
        self.at = at
        self.leave = consent.Asked([] if person is None else [person], PURPOSE, named=named)
        self.kept = (
            _HOLDING_OF(named=named, placement=placement, at=at)
            if person is None
            else _HOLDING(person=person, placement=placement, at=at)
        )
        self.programme = Programme(placement, at=at)
        self.is_whole = connection.vendor == "sqlite"

    @property
    def questions(self) -> Sequence[Rows]:
        return (self.leave.rows, self.kept, *(self.programme.questions if self.is_whole else ()))


def decide(customer_id: int | None, placement: str, *, at: datetime, asked: Asked | None = None) -> Shown:
    """The decision of the first running campaign of the placement whose audience the person is in.

    A person who does not allow it, a stranger and a control person see what everybody sees; of the last the
    decision is kept, for the measurement. Asked again before it ends, the same decision is the answer, while its offers
    are in force. How many statements each takes: docs/decisions/0019.

    asked : what was asked with the key of the same person, at the same placement, a moment ago.
    """
    decisions: list[Decision] = []
    everybody: Everybody | None = None
    if customer_id is not None:
        if asked is None:
            asked = Asked(placement, at=at, person=customer_id)
            together.read(*asked.questions)
        programme, is_read = asked.programme, asked.is_whole
        if customer_id in Permission.of_asked(asked.leave, at=asked.at):
            decisions = _standing(asked.kept, at=asked.at)
            if not decisions:
                if not is_read:
                    together.read(*programme.questions)
                    is_read = True
                decisions = _anew(customer_id, programme) if programme.audiences else []
        everybody = programme.everybody if is_read else None
    offers = [row.offer for row in decisions if row.arm == Decision.Arm.TREATED and row.offer is not None]
    if offers:
        return Shown(decisions, offers, fallback=False)
    if everybody is None:
        everybody = Everybody(placement, at=at)
        together.read(*everybody.questions)
    return Shown(decisions, everybody.offers, fallback=True)


# --- what holds still ------------------------------------------------------------------------------------------------


def _holding(person: Any, placement: Given, at: Given) -> Rows:
    return (
        Decision.objects.select_related("offer", "code", "campaign")
        .filter(is_running(placement, at=at, campaign="campaign__"))
        .filter(customer=person, placement=placement, expires_at__gt=at, run__isnull=True)
        .order_by("-decided_at", "slot")[:MOST_SLOTS]
    )


_HOLDING = Question(_holding, person=BigIntegerField(), placement=CharField(), at=DateTimeField())
_HOLDING_OF = Question(
    lambda named, placement, at: _holding(Identity.objects.person(named), placement, at),
    named=CharField(), placement=CharField(), at=DateTimeField(),
)  # fmt: skip


def _standing(kept: Iterable[Decision], *, at: datetime) -> list[Decision]:
    """The newest of them; of several slots those whose offers are in force."""
    rows = list(kept)
    newest = [row for row in rows if row.decided_at == rows[0].decided_at]
    return [row for row in newest if row.offer is None or is_in_force(row.offer, at=at)]


# --- deciding anew ---------------------------------------------------------------------------------------------------


class _Look:
    """All that is asked about the person, held, before something is decided for them. Nothing is asked yet."""

    def __init__(self, customer_id: int, programme: Programme, offers: Sequence[Offer]) -> None:
        at, placement, of = programme.at, programme.placement, list(programme.caps)
        self.kept = _HOLDING(person=customer_id, placement=programme.slug, at=at)
        self.taste = serving.Asked([customer_id], learnt=programme.learnt)
        self.facts = Facts(offers, [customer_id], of, placement=placement, at=at, declared=programme.declared)
        self.supply = rooms.Supply(offers, [customer_id], of, at=at, spare=SPARE_CODES)
        self.numbers = codes.numbers(offers)
        self._matching: list[tuple[CampaignSegment, Rows]] = []
        for one in programme.audiences:
            # Where it is withheld nobody is chosen by it; `stopping` pauses its campaign.
            with contextlib.suppress(segments.Withheld):
                rows = segments.matching_one(one.segment, customer_id, at=at, declared=programme.declared)
                self._matching.append((one, rows))

    @property
    def questions(self) -> Sequence[Rows]:
        return (
            self.kept, self.numbers, *self.taste.questions, *self.facts.questions, *self.supply.questions,
            *(rows for _one, rows in self._matching),
        )  # fmt: skip

    def audience(self) -> CampaignSegment | None:
        """The first that the person is in."""
        return next((one for one, rows in self._matching if rows), None)


def _anew(customer_id: int, programme: Programme) -> list[Decision]:
    """The person's decisions, one a slot; none where they do not allow it or nothing is for them."""
    try:
        with transaction.atomic():
            consent.hold_only([customer_id])
            return _decided(customer_id, programme, programme.offers)
    except together.Missed:
        # Somebody took the last one since it was read. Nothing was kept; now with the offers held, as a planner does.
        with transaction.atomic():
            consent.hold_only([customer_id])
            return _decided(customer_id, programme, caps.lock(programme.offers))


def _decided(customer_id: int, programme: Programme, offers: dict[int, Offer]) -> list[Decision]:
    """Call it with the person held. Raises together.Missed."""
    at, look = programme.at, _Look(customer_id, programme, list(offers.values()))
    together.read(*look.questions)
    reach = Reach(Permission.of_asked(look.taste.leave, at=at))
    if customer_id not in reach.permissions:
        return []
    if standing := _standing(look.kept, at=at):
        return standing
    audience = look.audience()
    if audience is None:
        return []
    campaign = audience.campaign
    held = not campaign.ignores_holdout and bool(
        experiments.held_out_of_all([customer_id], at=at, among=programme.holdouts)
    )
    arm = (
        Decision.Arm.HOLDOUT
        if held
        else experiments.arms(campaign.salt, campaign.control_percent, [customer_id])[customer_id]
    )
    recommendation = serving.recommend(
        customer_id, at=at, limit=deciding.TASTE_SIZE, explain=False, asked=look.taste
    )
    chosen, changes = NOTHING, list[Change]()
    if arm == Decision.Arm.TREATED:
        available = [offers[pk] for pk in programme.offers_of(audience) if pk in offers]
        chosen, changes = _chosen(customer_id, available, recommendation, look, programme)
    decisions = deciding.decisions_of(
        campaign,
        None,
        customer_id,
        audience,
        arm=arm,
        reach=reach,
        recommendation=recommendation,
        chosen=chosen,
        at=at,
    )
    for decision in decisions:
        decision.state = Decision.State.COMMITTED  # it is shown with this answer
        decision.expires_at = decision.expires_at or at + KEPT_FOR
    together.write(*changes, together.insert(decisions))
    return decisions


def _chosen(
    customer_id: int,
    available: Sequence[Offer],
    recommendation: Recommendation,
    look: _Look,
    programme: Programme,
) -> tuple[Chosen, list[Change]]:
    """The person's offers with their codes, and the changes that make them theirs."""
    at = programme.at
    taste = Taste(
        [item.product_id for item in recommendation.items],
        [item.category_id for item in recommendation.items],
    )
    page = page_of({customer_id: taste}, available, at=at, scopes=programme.scopes())
    if not page.verdicts.size:
        return NOTHING, []
    found, taken = choosing.choose(page, look.facts, lambda wanted: rooms.rooms(wanted, look.supply))
    choices = found.get(customer_id, [])
    coded = [choice.offer for choice in choices if choice.offer.code_kind != Offer.CodeKind.NONE]
    changes = rooms.taken(taken, at=at)
    theirs, more = codes.assign_one(
        coded, customer_id, own=look.supply.own, free=look.supply.free, numbers=dict(look.numbers), at=at
    )
    return Chosen(choices, theirs), [*changes, *more]
