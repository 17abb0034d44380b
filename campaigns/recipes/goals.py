"""What a marketer wants, and the draft that fits it: its kind, its channel, and what is sensible until they say otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign, Message
from campaigns.recipes.book import RECIPES, make

Kind, Channel, SendTime = Campaign.Kind, Campaign.Channel, Campaign.SendTime
LONGEST_SLUG = 50


class UnknownGoal(Exception):
    """There is no such goal. The message says what to do."""


@dataclass(frozen=True)
class Goal:
    slug: str
    name: str | Promise
    about: str | Promise
    """What it makes, in a sentence."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    """Of the book of journeys, where it is one."""


GOALS: Mapping[str, Goal] = {
    goal.slug: goal
    for goal in (
        Goal(
            "announce",
            gettext_lazy("Tell people something once"),
            gettext_lazy("One e-mail to a segment, for what is new, a season or a sale."),
            {"kind": Kind.ONCE, "channel": Channel.EMAIL},
        ),
        Goal(
            "stay-in-touch",
            gettext_lazy("Write again and again"),
            gettext_lazy(
                "A newsletter: an e-mail each Tuesday at 10:00, or when you like, with fresh products."
            ),
            {
                "kind": Kind.RECURRING,
                "channel": Channel.EMAIL,
                "recurrence": "FREQ=WEEKLY;BYDAY=TU;BYHOUR=10;BYMINUTE=0",
                "window_days": 7,
            },
        ),
        Goal(
            "win-back-once",
            gettext_lazy("Bring back who stayed away"),
            gettext_lazy("One e-mail, at the hour that suits each person; measured for four weeks."),
            {
                "kind": Kind.ONCE,
                "channel": Channel.EMAIL,
                "send_time": SendTime.BEST_HOUR,
                "window_days": 28,
            },
        ),
        Goal(
            "in-the-shop",
            gettext_lazy("Show an offer in the shop"),
            gettext_lazy("No message: the offer shows on a page of the shop to whom it is for."),
            {"kind": Kind.ONCE, "channel": Channel.ONSITE},
        ),
        *(
            Goal(recipe.slug, recipe.name, recipe.about, {"kind": Kind.JOURNEY}, recipe=recipe.slug)
            for recipe in RECIPES.values()
        ),
    )
}


def begin(goal: str, *, name: str, by: str) -> Campaign:
    """A draft for this goal: a journey with all its steps and messages, or a campaign to be filled in.

    Raises UnknownGoal.
    """
    found = GOALS.get(goal)
    if found is None:
        raise UnknownGoal(_("Choose what you want to do."))
    slug = free_slug(name, otherwise=goal)
    if not found.recipe:
        return Campaign.objects.create(slug=slug, name=name, created_by=by, **found.fields)
    campaign = make(found.recipe, slug=slug, by=by)
    campaign.name = name
    campaign.save(update_fields=["name", "updated_at"])
    return campaign


def free_slug(name: str, *, otherwise: str) -> str:
    """A name in addresses that no campaign has, nor the messages that a recipe makes. A query a try."""
    base = slugify(name)[:LONGEST_SLUG].strip("-_") or otherwise
    n, slug = 1, base
    while (
        Campaign.objects.filter(slug=slug).exists()
        or Message.objects.filter(slug__startswith=f"{slug}-").exists()
    ):
        n += 1
        slug = f"{base}-{n}"
    return slug
