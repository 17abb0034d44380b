"""What keeps a campaign from being approved or launched, each with its mend; and how many people it would reach."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import contents, fairness, journeys, messages, schedule, segments
from campaigns.models import Campaign, Message, Offer
from customers import few

# An audience may grow a little between approval and launch; more is approved again.
GROWTH = 1.1


@dataclass(frozen=True)
class Problem:
    """What keeps a campaign from being approved, and where it is mended."""

    words: str
    step: str
    """Of the campaign's path: audience, offers, message, schedule or installation."""
    row: Offer | Message | None = None
    """The row to be mended, where it is not the campaign itself."""

    def __str__(self) -> str:
        return self.words


def problems(campaign: Campaign, *, at: datetime) -> list[str]:
    """What keeps a campaign from being approved, each with its mend, in words. As `found`."""
    return [str(problem) for problem in found(campaign, at=at)]


def found(campaign: Campaign, *, at: datetime) -> list[Problem]:
    """What keeps a campaign from being approved, each with where to mend it. Four queries, more where attributes are sensitive."""
    told = [Problem(words, "audience") for words in fairness.withheld(campaign, at=at)]
    audiences = list(campaign.audiences.prefetch_related("offers"))
    if not audiences:
        told.append(Problem(_("It has no audience: add at least one segment."), "audience"))
    offers = {offer.pk: offer for audience in audiences for offer in audience.offers.all()}
    told += [problem for offer in offers.values() for problem in _of_the_offer(offer, at=at)]
    if campaign.channel == Campaign.Channel.EMAIL:
        told += [Problem(words, "installation") for words in problems_of_the_sender()]
        told += _words(campaign)
    if campaign.channel == Campaign.Channel.ONSITE and not campaign.placement:
        told.append(Problem(_("It has no placement: say where in the shop it shows."), "message"))
    if campaign.channel == Campaign.Channel.WEBHOOK and not campaign.webhook_url.startswith("https://"):
        told.append(Problem(_("It has no webhook address beginning with https://."), "message"))
    told += [Problem(words, "schedule") for words in schedule.problems(campaign, at=at)]
    return told + _of_the_kind(campaign)


def _of_the_offer(offer: Offer, *, at: datetime) -> Iterator[Problem]:
    if offer.status != Offer.Status.APPROVED:
        words = _("The offer “%s” is not approved: approve it or take it out.") % offer.title
        yield Problem(words, "offers", offer)
    elif offer.ends_at is not None and offer.ends_at <= at:
        words = _("The offer “%s” is over: change its end or take it out.") % offer.title
        yield Problem(words, "offers", offer)


def _of_the_kind(campaign: Campaign) -> list[Problem]:
    told = []
    if campaign.kind == Campaign.Kind.JOURNEY:
        version = journeys.newest(campaign)
        steps = journeys.check(version.definition, channel=campaign.channel) if version is not None else []
        told += [Problem(str(problem), "message") for problem in steps]
        if version is None:
            told.append(Problem(_("It has no steps yet: write them, or start from a recipe."), "message"))
    if campaign.kind != Campaign.Kind.ONCE and campaign.channel == Campaign.Channel.ONSITE:
        words = _("What shows in the shop is there all the time: its kind is “once”.")
        told.append(Problem(words, "schedule"))
    if campaign.allocation == Campaign.Allocation.BANDIT and campaign.kind == Campaign.Kind.ONCE:
        words = _(
            "A bandit learns from those who came before: it needs a campaign that goes on, not one sent once."
        )
        told.append(Problem(words, "message"))
    return told


def _words(campaign: Campaign) -> list[Problem]:
    """What is wrong with the messages it says. A journey's stand in its steps."""
    if campaign.kind == Campaign.Kind.JOURNEY:
        return []
    variants = list(campaign.variants.select_related("message"))
    said = [variant.message for variant in variants] or ([campaign.message] if campaign.message else [])
    if not said:
        return [Problem(_("It has no message: choose or write one."), "message")]
    if len(variants) == 1:
        words = _("It has one variant only: add another to compare it with, or take it out.")
        return [Problem(words, "message")]
    return [
        Problem(str(problem), "message", message) for message in said for problem in messages.check(message)
    ]


def problems_of_the_sender() -> list[str]:
    """What keeps this installation from sending marketing mail at all."""
    found = []
    if not settings.POSTAL_ADDRESS:
        found.append(_("POSTAL_ADDRESS is not set; marketing mail must carry a postal address."))
    if not (settings.PUBLIC_URL.startswith("https://") or settings.DEBUG or settings.DEMO):
        found.append(
            _(
                "PUBLIC_URL does not begin with https://; marketing mail must carry an https address by which one click "
                "unsubscribes."
            )
        )
    return found


def recipients(campaign: Campaign, *, at: datetime) -> int:
    """How many people its audiences would reach now, each once, exactly. Three queries."""
    audiences = [audience.segment for audience in campaign.audiences.select_related("segment")]
    if not audiences:
        return 0
    reached: int = segments.waterfall(*audiences, channel=campaign.channel, at=at)["sendable"]
    return reached


def why_not_approved(campaign: Campaign, people: int, *, by: str) -> str:
    """Above a size a second person approves (S5); empty when `by` may."""
    if people <= settings.APPROVAL_ABOVE or by not in contents.hands(campaign):
        return ""
    return _(
        "It reaches %(people)s people. Above %(limit)s somebody approves it who neither made nor changed it."
    ) % {"people": f"{people:,}", "limit": f"{settings.APPROVAL_ABOVE:,}"}


def why_not_by_a_program(people: int) -> str:
    """Above that size no program approves, whatever its key may do; empty when it may."""
    if people <= settings.APPROVAL_ABOVE:
        return ""
    return _("It reaches %(people)s people. Above %(limit)s a person approves it, on the desk.") % {
        "people": f"{people:,}",
        "limit": f"{settings.APPROVAL_ABOVE:,}",
    }


def why_not_launched(campaign: Campaign, people: int) -> str:
    """Changed since it was approved, or approved for fewer people; empty when the approval still covers them (S5)."""
    approved = campaign.approved_people or 0
    if people <= settings.APPROVAL_ABOVE:
        return ""
    if campaign.approved_contents != contents.fingerprint(campaign):
        return _(
            "It was changed after it was approved: take it back to a draft and let it be approved again."
        )
    if people <= approved * GROWTH:
        return ""
    return _(
        "It was approved for %(approved)s people and reaches %(people)s now: take it back to a draft and let it be "
        "approved again."
    ) % {"people": f"{people:,}", "approved": few.told(approved)}
