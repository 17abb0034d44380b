"""What one person would get at this moment, and why: the lists of each place, and every campaign that runs.

Asked for one place or campaign at a time: each is worked out as serving and planning would, and nothing of it is kept.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import previews
from campaigns.admin.person.lines import channel, verdicts
from campaigns.models import Campaign, Message
from campaigns.previews import Verdict
from customers import consent
from customers.models import Customer
from recommender import serving
from recommender.admin.lists import Row, rows_of
from recommender.models import Placement
from recommender.serving import placements

MOST = 200
"""So many places and so many campaigns are offered at most, the newest first."""


@dataclass(frozen=True)
class Answer:
    """What they would get. `state` says it in one sentence; `is_good`, whether it is something of their own."""

    state: str
    is_good: bool
    verdicts: list[Verdict] = field(default_factory=list)
    offers: list[tuple[str, str]] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """One place or campaign that can be asked about: `ask` is what stands in the address."""

    ask: str
    name: str
    about: str | Promise
    answer: Answer | None = None


def choices(customer: Customer, asked: str, *, at: datetime) -> list[tuple[str | Promise, list[Choice]]]:
    """The places of lists and the running campaigns, the one that was asked for with its answer."""
    lists = [Choice("list:", gettext("Anywhere else"), _("the plain list, without a placement's rules"))]
    lists += [
        Choice(f"list:{slug}", name, slug)
        for name, slug in Placement.objects.order_by("-pk").values_list("name", "slug")[:MOST]
    ]
    running = list(
        Campaign.objects.filter(status=Campaign.Status.RUNNING)
        .select_related("message")
        .order_by("-pk")[:MOST]
    )
    campaigns = [Choice(f"campaign:{row.pk}", row.name, channel(row.channel)) for row in running]
    by_ask = {f"campaign:{row.pk}": row for row in running}

    def answered(one: Choice) -> Choice:
        if one.ask != asked:
            return one
        if (campaign := by_ask.get(one.ask)) is not None:
            return Choice(one.ask, one.name, one.about, of_campaign(campaign, customer, at=at))
        return Choice(one.ask, one.name, one.about, of_list(one.ask.removeprefix("list:"), customer, at=at))

    return [
        (_("Lists in the shop"), [answered(one) for one in lists]),
        (_("Running campaigns"), [answered(one) for one in campaigns]),
    ]


def of_list(slug: str, customer: Customer, *, at: datetime) -> Answer:
    """The list of a placement as this person would get it, each item with its reason."""
    placed = placements.named(slug, at=at) if slug else placements.ANYWHERE
    found = serving.recommend(customer.pk, at=at, filters=placed.filters, how=placed.how)
    if found.personalized:
        state = gettext("Chosen for them from what they did.")
    else:
        state = _why_not(customer) + " " + gettext("They get what everybody sees:")
    return Answer(state, found.personalized, items=rows_of(found))


def _why_not(customer: Customer) -> str:
    """Why a list is not of their own."""
    verdict = consent.verdicts([customer.pk], "personalization").get(customer.pk)
    if verdict is None:
        return gettext("Not used for personalisation: restricted, merged or gone.")
    if not verdict.allowed:
        return gettext("Not used for personalisation: they do not allow it.")
    return gettext("Nothing that they did speaks for a list of their own yet, or nothing has been learnt.")


def of_campaign(campaign: Campaign, customer: Customer, *, at: datetime) -> Answer:
    """Every question that planning would ask about this person, each with its answer in words."""
    found = previews.preview(campaign.message or Message(), customer, at=at, campaign=campaign)
    against = [verdict for verdict in found.verdicts if not verdict.is_good]
    if not against:
        state = gettext("They would get it.")
    else:
        state = gettext("They would not get it: %s") % against[0].words
    return Answer(state, not against, list(found.verdicts), verdicts(found.candidates))


def context(customer: Customer, asked: str, *, at: datetime) -> dict[str, Any]:
    return {"groups": choices(customer, asked, at=at), "asked": asked}
