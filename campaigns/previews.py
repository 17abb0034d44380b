"""A message as one person would get it now: their products, the offers they would be given, and every verdict.

Nothing of it is kept: what choosing counts and sets aside is rolled back, a code is never the real one, and the ways
out lead nowhere, so that who tries them ends nobody's permission.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import deciding, experiments, journeys, messages, rules, segments, timing
from campaigns.deciding import NOTHING, Chosen
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages import Finished
from campaigns.models import Campaign, CampaignSegment, Decision, Delivery, Message, Offer
from campaigns.offers import Choice
from campaigns.reach import Reach, buyers_see, reachable
from customers import contact, encryption
from customers.consent import Permission
from customers.models import Customer
from recommender import serving
from recommender.serving import Recommendation

SAMPLES = 3
# How far back we look for people to show; further back they are found by their id.
NEWEST = 200


@dataclass(frozen=True)
class Verdict:
    """One of the questions asked before a message goes out, and its answer in words."""

    name: str
    is_good: bool
    words: str


@dataclass(frozen=True)
class Preview:
    """`finished` is None where this person would get no message; `wrong` then says why."""

    finished: Finished | None
    wrong: str
    verdicts: Sequence[Verdict] = ()
    offers: Sequence[str] = ()
    is_personal: bool = False
    candidates: Sequence[Mapping[str, Any]] = ()
    """Every offer that was looked at for the first slot, with its verdict; none where nothing was chosen."""


@dataclass
class _Look:
    """What was found on the way to a message."""

    recommendation: Recommendation
    verdicts: list[Verdict] = field(default_factory=list)
    chosen: Chosen = NOTHING
    journey: journeys.Standing | None = None

    def say(self, name: str, is_good: bool, words: str) -> None:
        self.verdicts.append(Verdict(name, is_good, words))


def preview(
    message: Message, customer: Customer, *, at: datetime, campaign: Campaign | None = None
) -> Preview:
    """The message for this person at this moment, in this campaign; without one with an offer in force as an example.

    Whoever calls it has asked whether their own reader may see the person.
    """
    with transaction.atomic():
        look = _Look(serving.recommend(customer.pk, at=at, limit=deciding.TASTE_SIZE, explain=False))
        if campaign is None:
            look.chosen = _example(at=at)
            _reach(look, customer, Campaign.Channel.EMAIL, at=at)
        else:
            _ask(look, campaign, customer, message, at=at)
        transaction.set_rollback(True)
    rows = _decisions(customer, look.recommendation, look.chosen, at=at)
    finished, wrong = None, ""
    try:
        finished = _finish(message, customer, rows, look.journey)
    except (TemplateFailed, Aborted) as failed:
        wrong = str(failed)
    except encryption.Unreadable:
        wrong = _("This person was erased.")
    shown = [row.offer.title for row in rows if row.offer is not None]
    first = look.chosen.choices[0].candidates if look.chosen.choices else ()
    return Preview(finished, wrong, look.verdicts, shown, look.recommendation.personalized, first or ())


def _ask(look: _Look, campaign: Campaign, customer: Customer, message: Message, *, at: datetime) -> None:
    """Everything that planning asks, in its order; what is chosen is for the caller to roll back."""
    pk = customer.pk
    audience = _audience_of(look, campaign, pk, message, at=at)
    reach = _reach(look, customer, campaign.channel, at=at, campaign=campaign)
    look.recommendation = buyers_see({pk: look.recommendation}, reach, campaign)[pk]
    holdout = {} if campaign.ignores_holdout else experiments.held_out_of_all([pk], at=at)
    arm = experiments.arms(campaign.salt, campaign.control_percent, [pk])[pk]
    if holdout:
        look.say(_("Group by lot"), False, _("Held out of all campaigns: “%s”.") % holdout[pk])
    elif arm == Decision.Arm.CONTROL:
        look.say(
            _("Group by lot"),
            False,
            _("In the control group: gets nothing, so that the effect can be measured."),
        )
    else:
        look.say(_("Group by lot"), True, _("Gets the campaign."))
    wishes = contact.wishes([pk])
    match rules.their_choice(wishes, campaign=campaign, at=at).get(pk):
        case Delivery.Reason.PAUSED:
            look.say(_("Their choice"), False, _("Asked for a pause, and it lasts."))
        case Delivery.Reason.LEFT_TOPIC:
            look.say(_("Their choice"), False, _("Left the topic “%s”.") % campaign.topic)
    capped = rules.capped([pk], campaign=campaign, at=at, wishes=wishes)
    look.say(
        _("Frequency"),
        pk not in capped,
        _("Has had as many messages as a cap allows.") if capped else _("No cap stands against it."),
    )
    moment = timing.moments(campaign, [pk], due_at=at, at=at).get(pk)
    if moment is None:
        look.say(_("Hour"), False, _("It is a quiet hour for this person, and nothing is sent later."))
    elif moment.not_before > at:
        look.say(_("Hour"), True, _("Waits for a better hour."))
    if audience is not None:
        chosen = deciding.choose_offers(campaign, {pk: audience}, {pk: look.recommendation}, at=at).get(pk)
        look.chosen = chosen or NOTHING
        if chosen is None:
            look.say(_("Offer"), False, _("No offer of the audience fits, is in force and is left."))
        elif chosen.choices:
            told = ", ".join(choice.offer.title for choice in chosen.choices)
            look.say(_("Offer"), True, _("Would get: %s.") % told)


def _reach(
    look: _Look, customer: Customer, channel: str, *, at: datetime, campaign: Campaign | None = None
) -> Reach:
    reach = reachable([customer.pk], channel=channel, at=at, campaign=campaign)
    if customer.pk in reach.no_consent:
        look.say(_("Consent"), False, _("Does not allow it: gets nothing."))
    elif customer.pk in reach.suppressed:
        look.say(_("Consent"), False, _("The address is on the suppression list."))
    elif customer.pk in reach.no_address:
        look.say(_("Consent"), False, _("There is no address."))
    else:
        look.say(_("Consent"), True, _("Allows it."))
    return reach


def _audience_of(
    look: _Look, campaign: Campaign, customer_id: int, message: Message, *, at: datetime
) -> CampaignSegment | None:
    """By which audience they are, or came to be, in the campaign; in a journey, where they stand in it too."""
    audience = None
    if campaign.kind == Campaign.Kind.JOURNEY:
        look.journey = journeys.standing(campaign, customer_id, message, at=at)
        for is_good, words in look.journey.answers:
            look.say(_("Journey"), is_good, words)
        # Who bought since is still of the audience that they entered by.
        audience = look.journey.audience(_audiences(campaign))
    if audience is not None:
        look.say(_("Audience"), True, _("Entered by the segment “%s”.") % audience.segment)
        return audience
    audience = _audience(campaign, customer_id, at=at)
    if audience is not None:
        look.say(_("Audience"), True, _("In the segment “%s”.") % audience.segment)
    else:
        look.say(_("Audience"), False, _("In none of the campaign's segments."))
    return audience


def _audiences(campaign: Campaign) -> list[CampaignSegment]:
    return list(campaign.audiences.select_related("segment").prefetch_related("offers__categories"))


def _audience(campaign: Campaign, customer_id: int, *, at: datetime) -> CampaignSegment | None:
    for audience in _audiences(campaign):
        try:
            if segments.matches(audience.segment, customer_id, at=at):
                return audience
        except segments.Withheld:
            continue
    return None


def _example(*, at: datetime) -> Chosen:
    offer = Offer.objects.in_force(at).order_by("-priority", "slug").first()
    return Chosen([Choice(offer, 0.0)]) if offer is not None else NOTHING


def _decisions(
    customer: Customer, recommendation: Recommendation, chosen: Chosen, *, at: datetime
) -> list[Decision]:
    """As they would be written, a row a slot; never saved."""
    found = []
    for slot, choice in enumerate(chosen.choices or [None]):
        offer = choice.offer if choice is not None else None
        code = chosen.codes.get(offer.pk) if offer is not None else None
        has_code = offer is not None and offer.code_kind != Offer.CodeKind.NONE
        days = timedelta(days=offer.code_valid_days) if offer is not None else timedelta()
        found.append(
            Decision(
                customer=customer,
                slot=slot,
                offer=offer,
                skus=[item.sku for item in recommendation.items],
                purpose="marketing_email",
                decided_at=at,
                expires_at=code.expires_at if code is not None else at + days if has_code else None,
            )
        )
    return found


def _finish(
    message: Message, customer: Customer, rows: Sequence[Decision], journey: journeys.Standing | None = None
) -> Finished:
    skus = list(journey.skus) if journey is not None else []
    # Nought stands for the entry of who has not entered.
    entry = None if journey is None else journey.entry.pk if journey.entry is not None else 0
    delivery = Delivery(
        decision=rows[0], customer=customer, channel="email", message_id="<preview>", entry_id=entry
    )
    # Nobody is trackable in a preview: looking at it is no open.
    page = messages.Page(
        messages.products_of([*rows[0].skus, *skus]),
        trackable=(),
        siblings={(customer.pk, entry, 0): rows[1:]},
        causes={} if entry is None else {entry: skus},
        code=messages.SAMPLE_CODE,
    )
    return messages.finish(delivery, message, page)


def made_up(message: Message, *, language: str, at: datetime) -> Finished:
    """The message for nobody: someone made up, with what strangers are recommended. Raises TemplateFailed, Aborted.

    What leaves the platform to be looked at carries no customer's data.
    """
    someone = Customer(external_id="sample", country="DE", locale="zh-CN" if language == "zh-hans" else "en")
    recommendation = serving.recommend(None, at=at, limit=deciding.TASTE_SIZE, explain=False)
    rows = _decisions(someone, recommendation, _example(at=at), at=at)
    delivery = Delivery(decision=rows[0], customer=someone, channel="email", message_id="<test>")
    page = messages.Page(messages.products_of(rows[0].skus), trackable=(), code=messages.TEST_CODE)
    name = "小安" if language == "zh-hans" else "Anna"
    return messages.finish(delivery, message, page, fields={"name": name})


def sample_people(*, at: datetime) -> list[Customer]:
    """A few of the newest people who may be written to and allow that products are chosen for them."""
    newest = Customer.objects.present().exclude(email_index="").select_related("key").order_by("-pk")[:NEWEST]
    people = {customer.pk: customer for customer in newest}
    written_to = Permission.of_many(people, "marketing_email", at=at)
    allowed = Permission.of_many(written_to, "personalization", at=at)
    return [customer for pk, customer in people.items() if pk in allowed][:SAMPLES]
