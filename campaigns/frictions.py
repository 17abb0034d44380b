"""Where a campaign's settings and the rules of the house rub: nothing that keeps it from being approved, but what a marketer would want to have known before."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import agenda, clocks, journeys, messages, quiet, rules
from campaigns.checks import Problem
from campaigns.models import Campaign, Holdout, Message, Offer

DAY = timedelta(days=1)
# Where a message speaks of what its person is given.
OFFER = re.compile(r"\{[{%][^}]*\boffers?\b")


def frictions(campaign: Campaign, *, at: datetime) -> list[Problem]:
    """Each in words, with the step where it can be changed. Eleven queries at most."""
    due = agenda.first_due(campaign, at=at)
    found = [*_of_offers(campaign, due, at=at), *_of_messages(campaign), *_of_holdouts(campaign, at=at)]
    found += _of_translations(campaign)
    if due is not None and campaign.channel != Campaign.Channel.ONSITE:
        found += [*_of_quiet_hours(campaign, due), *_of_caps(campaign, due)]
    return found


def _of_offers(campaign: Campaign, due: datetime | None, *, at: datetime) -> Iterator[Problem]:
    sent = due or at
    for offer in Offer.objects.filter(audiences__campaign=campaign).distinct():
        if offer.starts_at is not None and offer.starts_at > sent:
            words = _("The offer “%s” begins only after the campaign is sent: until then nobody gets it.")
            yield Problem(words % offer, "offers", offer)
        if offer.ends_at is not None and sent < offer.ends_at < sent + DAY:
            words = _("The offer “%s” ends within a day of the sending: few will be in time for it.")
            yield Problem(words % offer, "offers", offer)
        if offer.ends_at is not None and campaign.kind != Campaign.Kind.ONCE and offer.ends_at > sent + DAY:
            words = _("The offer “%s” ends while the campaign goes on: from then on nobody gets it.")
            if campaign.ends_at is None or offer.ends_at < campaign.ends_at:
                yield Problem(words % offer, "offers", offer)
        if offer.max_total is not None:
            left = max(0, offer.max_total - offer.given)
            words = ngettext(
                "The offer “%(offer)s” can be given %(left)s time more; whoever comes later goes without.",
                "The offer “%(offer)s” can be given %(left)s times more; whoever comes later goes without.",
                left,
            )
            yield Problem(words % {"offer": offer, "left": f"{left:,}"}, "offers", offer)


def _of_messages(campaign: Campaign) -> Iterator[Problem]:
    """A message that shows no offer although its campaign gives some. A journey's steps give their own."""
    if campaign.channel != Campaign.Channel.EMAIL or campaign.kind == Campaign.Kind.JOURNEY:
        return
    if not campaign.audiences.filter(offers__isnull=False).exists():
        return
    for message in _said(campaign):
        if not OFFER.search(f"{message.subject} {message.body}"):
            words = _("The message “%s” does not show the offer: whoever gets it does not learn of it.")
            yield Problem(words % message.name, "message", message)


def _said(campaign: Campaign) -> list[Message]:
    """The messages of its variants, or its own."""
    said = [variant.message for variant in campaign.variants.select_related("message").order_by("key")]
    return said or ([campaign.message] if campaign.message else [])


def _of_translations(campaign: Campaign) -> Iterator[Problem]:
    """Messages begun in another language, with what its readers would get in the original."""
    if campaign.channel != Campaign.Channel.EMAIL:
        return
    is_journey = campaign.kind == Campaign.Kind.JOURNEY
    for message in _of_steps(campaign) if is_journey else _said(campaign):
        for language in message.translations:
            left = [one for one in messages.untranslated(message, language) if one.state != "outdated"]
            if left:
                words = _(
                    "“%(message)s” is translated into Chinese in part: its Chinese readers get these parts in the original: %(parts)s."
                )
                parts = ", ".join(dict.fromkeys(one.label for one in left))
                yield Problem(words % {"message": message.name, "parts": parts}, "message", message)


def _of_steps(campaign: Campaign) -> list[Message]:
    """The messages that a journey's newest version names."""
    version = journeys.newest(campaign)
    steps = version.definition.get("steps", {}) if version is not None else {}
    slugs = [step["message"] for step in steps.values() if isinstance(step.get("message"), str)]
    return list(Message.objects.filter(slug__in=slugs).order_by("slug"))


def _of_holdouts(campaign: Campaign, *, at: datetime) -> Iterator[Problem]:
    if campaign.ignores_holdout:
        yield Problem(_("It goes to the people of the global holdout too, who are to be left in peace."), "")
        return
    for holdout in Holdout.objects.filter(starts_at__lte=at).exclude(ends_at__lte=at):
        words = _(
            "The global holdout “%(name)s” leaves %(share)s %% of all people in peace; they get nothing."
        )
        share = f"{holdout.percent.normalize():f}"
        yield Problem(words % {"name": holdout.name, "share": share}, "")


def _of_quiet_hours(campaign: Campaign, due: datetime) -> Iterator[Problem]:
    """By the shop's clock; every person keeps their own."""
    if campaign.send_time == Campaign.SendTime.BEST_HOUR:
        return
    verdict = quiet.hours_of(campaign.channel).verdict(due, clocks.shop_zone())
    if verdict.skips or verdict.until is None:
        yield Problem(
            _("It is due in quiet hours that let nothing go out: by the shop's clock nobody would get it."),
            "schedule",
        )
    elif verdict.until > due:
        until = clocks.wall(verdict.until, clocks.shop_zone())
        words = _("It is due in quiet hours: by the shop's clock it waits until %s.")
        yield Problem(words % f"{until:%Y-%m-%d %H:%M}", "schedule")


def _of_caps(campaign: Campaign, due: datetime) -> Iterator[Problem]:
    """Of what comes again and again, the caps that its own times alone would pass."""
    if campaign.kind != Campaign.Kind.RECURRING:
        return
    for cap in rules.caps():
        if not cap.is_about(campaign.pk, campaign.channel):
            continue
        since, until = cap.window(due, clocks.shop_zone())
        length = until - due if cap.rolling else until - since
        times = sum(1 for _time in agenda.of(campaign, since=due, until=due + length))
        if times > cap.most:
            words = ngettext(
                "It is due %(times)s times in a while in which a cap allows %(most)s message: the rest is not sent.",
                "It is due %(times)s times in a while in which a cap allows %(most)s messages: the rest is not sent.",
                cap.most,
            )
            yield Problem(words % {"times": times, "most": cap.most}, "schedule")
            return
