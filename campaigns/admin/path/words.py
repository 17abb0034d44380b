"""A campaign's path in words: what each step says once it is done, and where one goes on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import checks, journeys, schedule
from campaigns.admin import words
from campaigns.models import Campaign

STEPS: dict[str, Promise] = {
    "goal": gettext_lazy("Goal"),
    "audience": gettext_lazy("Audience"),
    "offers": gettext_lazy("Offers"),
    "message": gettext_lazy("Message"),
    "experiment": gettext_lazy("Experiment"),
    "schedule": gettext_lazy("Schedule"),
    "check": gettext_lazy("Check"),
    "launch": gettext_lazy("Launch"),
}
ABOUT: dict[str, Promise] = {
    "goal": gettext_lazy("What this campaign is for."),
    "audience": gettext_lazy("Who it is for. Only those who allow it are ever written to."),
    "offers": gettext_lazy("What people get. A campaign may also go without."),
    "message": gettext_lazy("What it says."),
    "experiment": gettext_lazy("How you will know what it caused."),
    "schedule": gettext_lazy("When it is sent."),
    "check": gettext_lazy("Everything once more, before anybody gets anything."),
    "launch": gettext_lazy("Two presses: approve it, then launch it."),
}
_SEEN = re.compile(r'"object": "(\w+)"|the step “(\w+)”')
LOOKED_BACK = 200


@dataclass
class Step:
    """One of the eight, as the page shows it. `is_done`: its sentence stands for it."""

    name: str
    number: int
    is_done: bool
    sentence: str
    is_open: bool = False

    @property
    def title(self) -> str:
        return str(STEPS[self.name])

    @property
    def about(self) -> str:
        return str(ABOUT[self.name])


def left_as_it_was(step: str) -> str:
    """For the record: looked at and not changed, so nobody's hand (S5)."""
    return f"Left the step “{step}” as it was."


def changed(step: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """For the record, as a form's own changes are told."""
    return [{"changed": {"name": "step", "object": step, "fields": list(names)}}]


def seen(campaign: Campaign) -> set[str]:
    """Which steps somebody has gone through. One query."""
    kind = ContentType.objects.get_for_model(Campaign)
    told = LogEntry.objects.filter(content_type=kind, object_id=str(campaign.pk)).order_by("-pk")
    found = [_SEEN.search(text) for text in told.values_list("change_message", flat=True)[:LOOKED_BACK]]
    return {match[1] or match[2] for match in found if match is not None}


def steps(campaign: Campaign, problems: Sequence[checks.Problem], *, at: datetime) -> list[Step]:
    """All eight. Four queries."""
    is_draft = campaign.status == Campaign.Status.DRAFT
    gone_through = seen(campaign) if is_draft else set(STEPS)
    stuck = {problem.step for problem in problems}
    audiences = list(campaign.audiences.select_related("segment").prefetch_related("offers"))
    offers = list(dict.fromkeys(offer.title for audience in audiences for offer in audience.offers.all()))
    message = message_words(campaign)
    told = {
        "goal": (True, goal_words(campaign)),
        "audience": (bool(audiences), ", ".join(audience.segment.name for audience in audiences)),
        "offers": (
            bool(audiences) and (bool(offers) or "offers" in gone_through),
            ", ".join(offers) or _("No offer: the message alone."),
        ),
        "message": (bool(message) and "message" not in stuck, message),
        "experiment": ("experiment" in gone_through, experiment_words(campaign)),
        "schedule": ("schedule" in gone_through and "schedule" not in stuck, when_words(campaign, at=at)),
        "check": (not problems, _check_words(problems)),
        "launch": (campaign.status not in ("draft", "approved"), ""),
    }
    return [
        Step(name, number, is_done, sentence if is_done or name == "check" else _to_do(name))
        for number, (name, (is_done, sentence)) in enumerate(told.items(), 1)
    ]


def _to_do(step: str) -> str:
    return {
        "audience": _("Nobody chosen yet."),
        "offers": _("Not decided yet."),
        "message": _("Not ready yet: choose or write a message."),
        "experiment": _("Not looked at yet: the usual values stand."),
        "schedule": _("Not looked at yet: the usual values stand."),
        "launch": "",
    }.get(step, "")


def _check_words(problems: Sequence[checks.Problem]) -> str:
    if not problems:
        return _("Nothing keeps it from being approved.")
    n = len(problems)
    return ngettext("%s thing is to be mended first.", "%s things are to be mended first.", n) % n


def goes_on_at(found: Sequence[Step]) -> str:
    """Where one goes on: the first step that is not done; what is complete waits to be looked at, or launched."""
    for step in found[:6]:
        if not step.is_done:
            return step.name
    return "check"


def goal_words(campaign: Campaign) -> str:
    told = {
        Campaign.Kind.ONCE: _("Sent once"),
        Campaign.Kind.RECURRING: _("Sent again and again"),
        Campaign.Kind.JOURNEY: _("A journey, begun by what people do"),
    }[Campaign.Kind(campaign.kind)]
    if campaign.channel == Campaign.Channel.ONSITE:
        told = _("Shown in the shop")
    channel = {"email": _("by e-mail"), "webhook": _("by a webhook")}.get(campaign.channel, "")
    if channel:
        told = _("%(what)s %(channel)s") % {"what": told, "channel": channel}
    return told + (f" · {campaign.topic}" if campaign.topic_id else "")


def message_words(campaign: Campaign) -> str:
    """What is said; empty where nothing is yet. Two queries at most."""
    if campaign.channel == Campaign.Channel.ONSITE:
        return _("At “%s” in the shop.") % campaign.placement if campaign.placement else ""
    if campaign.channel == Campaign.Channel.WEBHOOK:
        return campaign.webhook_url
    if campaign.kind == Campaign.Kind.JOURNEY:
        version = journeys.newest(campaign)
        if version is None:
            return ""
        n = sum("message" in step for step in version.definition.get("steps", {}).values())
        return ngettext("%s message on the way.", "%s messages on the way.", n) % n
    variants = list(campaign.variants.select_related("message").order_by("key"))
    if variants:
        total = sum(variant.weight for variant in variants)
        each = [f"“{v.message.name}” {v.weight / total:.0%}" for v in variants]
        return _("A test: %s. The winner is told by money per person.") % ", ".join(each)
    return f"“{campaign.message.name}”" if campaign.message else ""


def experiment_words(campaign: Campaign) -> str:
    if not campaign.control_percent:
        return _("Nobody is held out, so its effect cannot be measured.")
    return ngettext(
        "%(share)s %% get nothing; compared for %(days)s day.",
        "%(share)s %% get nothing; compared for %(days)s days.",
        campaign.window_days,
    ) % {
        "share": f"{campaign.control_percent.normalize():f}",
        "days": campaign.window_days,
    }


def moment_words(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def when_words(campaign: Campaign, *, at: datetime) -> str:
    if campaign.kind == Campaign.Kind.JOURNEY:
        told = _("From its launch on, whenever something calls a person in.")
    elif campaign.kind == Campaign.Kind.RECURRING:
        try:
            told = schedule.told(campaign, at=at)
        except schedule.BadRule as why:
            return str(why)
        told = f"{told[:1].upper()}{told[1:]}"
    elif campaign.starts_at:
        told = moment_words(campaign.starts_at)
    else:
        told = _("As soon as it is launched")
    if campaign.channel == Campaign.Channel.EMAIL and campaign.kind != Campaign.Kind.JOURNEY:
        told = _("%(when)s, %(how)s") % {"when": told, "how": campaign.get_send_time_display()}
    if campaign.ends_at:
        told = _("%(when)s, until %(end)s") % {"when": told, "end": moment_words(campaign.ends_at)}
    return told


def who_words(campaign: Campaign, reached: int | None, *, in_tens: bool) -> str:
    """How many can be reached now; None where nobody could be asked."""
    if reached is None:
        return _("Nobody yet.")
    return _("%s people can be reached now.") % words.people(reached, in_tens=in_tens)
