"""Where one person stands in a journey, and what of it would keep a message from them: asked to look, never to act."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.journeys import facts, looks
from campaigns.journeys.definition import Definition
from campaigns.journeys.versions import newest
from campaigns.models import Campaign, CampaignSegment, JourneyEntry, JourneyVersion, Message
from campaigns.reach import PURPOSE_OF_CHANNEL
from customers import consent

State = JourneyEntry.State
# Of so many of the newest journeys it is looked up which messages they say.
MOST = 200


@dataclass
class Standing:
    """`entry` is None for whoever is not on the way; they are shown as if they were called now."""

    entry: JourneyEntry | None = None
    skus: Sequence[str] = ()
    """What the journey was, or would be, begun by."""
    answers: list[tuple[bool, str]] = field(default_factory=list)
    """Whether it lets the message go, in words; all must."""

    def audience(self, audiences: Sequence[CampaignSegment]) -> CampaignSegment | None:
        """The audience they entered by; the first where that is gone. Only for who has entered."""
        if self.entry is None:
            return None
        by_pk = {row.pk: row for row in audiences}
        return by_pk.get(self.entry.cause.get("audience", 0), next(iter(audiences), None))


def saying(message: Message) -> list[Campaign]:
    """The journeys by e-mail whose newest version says this message, the newest first. One query."""
    latest = JourneyVersion.objects.filter(campaign=OuterRef("campaign")).order_by("-number").values("pk")[:1]
    by_mail = {"campaign__kind": Campaign.Kind.JOURNEY, "campaign__channel": Campaign.Channel.EMAIL}
    rows = JourneyVersion.objects.filter(pk=Subquery(latest), **by_mail)
    versions = rows.select_related("campaign").order_by("-campaign_id")[:MOST]
    return [version.campaign for version in versions if _says(version.definition, message)]


def _says(definition: object, message: Message) -> bool:
    steps = definition.get("steps") if isinstance(definition, dict) else None
    found = steps.values() if isinstance(steps, dict) else ()
    return any(isinstance(step, dict) and step.get("message") == message.slug for step in found)


def standing(campaign: Campaign, customer_id: int, message: Message, *, at: datetime) -> Standing:
    """What moving on would ask before it plans this message for them. Five queries at most."""
    rows = JourneyEntry.objects.filter(campaign=campaign, customer=customer_id).select_related("version")
    last = rows.order_by("-entered_at", "-pk").first()
    inside = last if last is not None and last.state == State.WAITING else None
    version = inside.version if inside is not None else newest(campaign)
    if version is None:
        return Standing(answers=[(False, _("It has no steps yet."))])
    definition, found = Definition.of(version.definition), Standing(inside)
    if not _says(version.definition, message):
        found.answers.append((False, _("The version that they are in does not say this message.")))
    if inside is not None:
        cause = inside.cause.get("skus")
        found.skus = cause if isinstance(cause, list) else ()
        told = {"when": _told(inside.entered_at), "step": inside.step}
        found.answers.append((True, _("On the way since %(when)s, now at the step “%(step)s”.") % told))
    else:
        found.skus = looks.products_now(definition.entry, customer_id, at=at)
        found.answers.append(_as_if_called(definition, last, at=at))
    found.answers += _exclusions(definition, campaign, inside, customer_id)
    return found


def _as_if_called(definition: Definition, last: JourneyEntry | None, *, at: datetime) -> tuple[bool, str]:
    again = definition.again_after
    if last is None:
        return True, _("Not on the way: shown as if the journey called them now.")
    if again is None:
        return False, _("Has been through it, and nobody enters twice.")
    if last.entered_at + again > at:
        return False, _("Has been through it, and may not enter again before %s.") % _told(
            last.entered_at + again
        )
    return True, _("Has been through it: shown as if it called them again now.")


def _exclusions(
    definition: Definition, campaign: Campaign, inside: JourneyEntry | None, customer_id: int
) -> list[tuple[bool, str]]:
    found = []
    own = PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)]
    for purpose in definition.purposes(own):
        # That of the channel is told by itself.
        if purpose != own and not consent.verdicts({customer_id}, purpose)[customer_id].allowed:
            found.append((False, _("Does not allow “%s”, which this journey rests on.") % purpose))
    if (
        inside is not None
        and definition.goal is not None
        and facts.did_since(definition.goal, {customer_id: inside.entered_at})
    ):
        found.append((False, _("Has done what the journey is for, and leaves it before the next message.")))
    return found


def _told(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
