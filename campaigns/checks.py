"""What keeps a campaign from being approved or launched, each with its mend; and how many people it would reach."""

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import contents, fairness, journeys, messages, schedule, segments
from campaigns.models import Campaign, Offer
from customers import few

# An audience may grow a little between approval and launch; more is approved again.
GROWTH = 1.1


def problems(campaign: Campaign, *, at: datetime) -> list[str]:
    """What keeps a campaign from being approved, each with its mend. Four queries, more where attributes are sensitive."""
    found = fairness.withheld(campaign, at=at)
    audiences = list(campaign.audiences.prefetch_related("offers"))
    if not audiences:
        found.append(_("It has no audience: add at least one segment."))
    for audience in audiences:
        for offer in audience.offers.all():
            if offer.status != Offer.Status.APPROVED:
                found.append(_("The offer “%s” is not approved: approve it or take it out.") % offer.title)
            elif offer.ends_at is not None and offer.ends_at <= at:
                found.append(_("The offer “%s” is over: change its end or take it out.") % offer.title)
    if campaign.channel == Campaign.Channel.EMAIL:
        found += problems_of_the_sender()
        found += _words(campaign)
    if campaign.channel == Campaign.Channel.ONSITE and not campaign.placement:
        found.append(_("It has no placement: say where in the shop it shows."))
    if campaign.channel == Campaign.Channel.WEBHOOK and not campaign.webhook_url.startswith("https://"):
        found.append(_("It has no webhook address beginning with https://."))
    found += schedule.problems(campaign, at=at)
    if campaign.kind == Campaign.Kind.JOURNEY:
        version = journeys.newest(campaign)
        steps = journeys.check(version.definition, channel=campaign.channel) if version is not None else []
        found += [str(problem) for problem in steps]
        if version is None:
            found.append(_("It has no steps yet: write them, or start from a recipe."))
    if campaign.kind != Campaign.Kind.ONCE and campaign.channel == Campaign.Channel.ONSITE:
        found.append(_("What shows in the shop is there all the time: its kind is “once”."))
    if campaign.allocation == Campaign.Allocation.BANDIT and campaign.kind == Campaign.Kind.ONCE:
        found.append(
            _(
                "A bandit learns from those who came before: it needs a campaign that goes on, not one sent once."
            )
        )
    return found


def _words(campaign: Campaign) -> list[str]:
    """What is wrong with the messages it says. A journey's stand in its steps."""
    if campaign.kind == Campaign.Kind.JOURNEY:
        return []
    variants = list(campaign.variants.select_related("message"))
    said = [variant.message for variant in variants] or ([campaign.message] if campaign.message else [])
    if not said:
        return [_("It has no message: choose or write one.")]
    if len(variants) == 1:
        return [_("It has one variant only: add another to compare it with, or take it out.")]
    return [str(problem) for message in said for problem in messages.check(message)]


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
