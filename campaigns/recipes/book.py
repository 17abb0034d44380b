"""The recipes themselves, and the making of a draft from one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import journeys
from campaigns.models import Campaign, CampaignSegment, Message, Segment
from campaigns.recipes import words
from campaigns.recipes.words import Words
from campaigns.segments import ready

NAME = re.compile(r"[a-z0-9_-]{1,60}\Z")


class UnknownRecipe(Exception):
    """There is no such recipe. The message names those that there are."""


class BadName(Exception):
    """A campaign's name in addresses has letters a to z, digits, - and _, sixty at most."""


class AlreadyThere(Exception):
    """A campaign or message of that name is there already; nothing was made."""


@dataclass(frozen=True)
class Recipe:
    slug: str
    name: Promise
    about: Promise
    """When it is sent, to whom, and when it stops, in a sentence."""
    definition: Mapping[str, Any]
    """The journey; its messages are named by the keys of `messages`."""
    messages: Mapping[str, Words]


def make(recipe: str, *, slug: str = "", by: str = "") -> Campaign:
    """A draft campaign from a recipe, with its messages, audience and first version, all or nothing.

    Raises UnknownRecipe, BadName or AlreadyThere.
    """
    if recipe not in RECIPES:
        raise UnknownRecipe(
            _("There is no recipe “%(name)s”; there are %(all)s.")
            % {"name": recipe, "all": ", ".join(RECIPES)}
        )
    found = RECIPES[recipe]
    slug = slug or recipe
    if not NAME.match(slug):
        raise BadName(_("A name has letters a to z, digits, - and _, sixty at most."))
    names = {key: f"{slug}-{key}" for key in found.messages}
    if Campaign.objects.filter(slug=slug).exists():
        raise AlreadyThere(_("The campaign “%s” is there already; give another name.") % slug)
    if taken := Message.objects.filter(slug__in=names.values()).values_list("slug", flat=True).first():
        raise AlreadyThere(_("The message “%s” is there already; give another name.") % taken)
    with transaction.atomic():
        rows = {
            key: Message.objects.create(slug=names[key], **spoken.fields())
            for key, spoken in found.messages.items()
        }
        campaign = Campaign.objects.create(
            slug=slug,
            name=str(found.name),
            kind=Campaign.Kind.JOURNEY,
            channel=Campaign.Channel.EMAIL,
            message=next(iter(rows.values())),
            created_by=by,
        )
        CampaignSegment.objects.create(campaign=campaign, segment=_everyone())
        journeys.publish(campaign, _named(found.definition, names), by=by)
    return campaign


def make_empty(name: str, *, by: str = "") -> Campaign:
    """A draft campaign of a journey without steps, for everyone the shop knows. Raises BadName where it has no name."""
    if not name:
        raise BadName(_("Give it a name."))
    with transaction.atomic():
        campaign = Campaign.objects.create(
            slug=_free_slug(slugify(name)[:50].strip("-") or "journey"),
            name=name[:200],
            kind=Campaign.Kind.JOURNEY,
            channel=Campaign.Channel.EMAIL,
            created_by=by,
        )
        CampaignSegment.objects.create(campaign=campaign, segment=_everyone())
    return campaign


def _free_slug(stem: str) -> str:
    taken = set(Campaign.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, n = stem, 1
    while slug in taken:
        n += 1
        slug = f"{stem}-{n}"
    return slug


def _everyone() -> Segment:
    """Whoever the shop itself knows; a marketer narrows it."""
    segment, _made = ready.make(ready.EVERYONE, at=timezone.now())
    return segment


def free_names() -> dict[str, str]:
    """For each recipe a name that no campaign and none of its messages would share: welcome, welcome-2 … Two queries."""
    stems = tuple(RECIPES)
    pattern = rf"^({'|'.join(stems)})"
    taken = set(Campaign.objects.filter(slug__regex=pattern).values_list("slug", flat=True))
    spoken = set(Message.objects.filter(slug__regex=pattern).values_list("slug", flat=True))
    found = {}
    for slug, recipe in RECIPES.items():
        name, n = slug, 1
        while name in taken or spoken & {f"{name}-{key}" for key in recipe.messages}:
            n += 1
            name = f"{slug}-{n}"
        found[slug] = name
    return found


def _named(definition: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The definition with its messages by their own names."""
    copy: dict[str, Any] = json.loads(json.dumps(definition))
    for step in copy["steps"].values():
        if step["kind"] == "message":
            step["message"] = names[step["message"]]
    return copy


def _message(name: str, then: str | None, *, if_not_sent: str = "go_on", **more: Any) -> dict[str, Any]:
    return {"kind": "message", "message": name, "if_not_sent": if_not_sent, **more, "next": then}


def _wait(then: str, **how: Any) -> dict[str, Any]:
    return {"kind": "wait", **how, "next": then}


def _journey(
    entry: Mapping[str, Any], reentry: str, steps: Mapping[str, Any], *, goal: str = "ordered"
) -> dict[str, Any]:
    return {
        "entry": entry,
        "reentry": reentry,
        "goal": {"did": goal},
        "start": next(iter(steps)),
        "steps": steps,
    }


RECIPES: Mapping[str, Recipe] = {
    recipe.slug: recipe
    for recipe in (
        Recipe(
            "welcome",
            gettext_lazy("Welcome"),
            gettext_lazy(
                "To whoever newly says yes to offers by e-mail, and once more three days later; it stops at the first order."
            ),
            _journey(
                {"consented": "marketing_email"},
                "never",
                {
                    "hello": _message("hello", "pause", if_not_sent="wait", wait_hours=24),
                    "pause": _wait("tips", days=3, until="10:00"),
                    "tips": _message("tips", None),
                },
            ),
            {"hello": words.WELCOME, "tips": words.WELCOME_TIPS},
        ),
        Recipe(
            "abandoned-basket",
            gettext_lazy("Abandoned basket"),
            gettext_lazy(
                "Four hours after something was put into the basket and not ordered, and once more a day later; it stops "
                "at an order."
            ),
            _journey(
                {
                    "event": "added",
                    "unless": [
                        {"did": "ordered", "within_hours": 4},
                        {"did": "added", "within_hours": 4},
                    ],
                },
                "after_days:7",
                {
                    "remind": _message("remind", "pause", if_not_sent="wait", wait_hours=24),
                    "pause": _wait("last", hours=20),
                    "last": _message("last", None, if_not_sent="exit"),
                },
            ),
            {"remind": words.BASKET, "last": words.BASKET_LAST},
        ),
        Recipe(
            "browse-reminder",
            gettext_lazy("Looked at again and again"),
            gettext_lazy(
                "The morning after someone looked at the same product twice within a week and for a day neither put "
                "anything into the basket nor ordered."
            ),
            _journey(
                {
                    "event": "viewed",
                    "where": {"times": 2},
                    "unless": [
                        {"did": "added", "within_hours": 24},
                        {"did": "ordered", "within_hours": 24},
                    ],
                },
                "after_days:14",
                {
                    "morning": _wait("remind", until="10:00"),
                    "remind": _message("remind", None, if_not_sent="exit"),
                },
            ),
            {"remind": words.BROWSE},
        ),
        Recipe(
            "win-back",
            gettext_lazy("Win back"),
            gettext_lazy(
                "To whoever will probably stay away (70 percent or more), and a last word a week later unless they click; it "
                "stops at an order."
            ),
            _journey(
                {"score": "churn", "gte": 0.7},
                "after_days:90",
                {
                    "morning": _wait("miss", until="10:00", weekdays=[1, 2, 3]),
                    "miss": _message("miss", "answer", if_not_sent="wait", wait_hours=72),
                    "answer": {
                        "kind": "wait_for",
                        "event": {"did": "clicked"},
                        "within_hours": 168,
                        "next": None,
                        "otherwise": "last",
                    },
                    "last": _message("last", None, if_not_sent="exit"),
                },
            ),
            {"miss": words.WIN_BACK, "last": words.WIN_BACK_LAST},
        ),
        Recipe(
            "replenishment",
            gettext_lazy("Running low"),
            gettext_lazy(
                "Three days before the next order is expected of someone, with what they order again and again."
            ),
            _journey(
                {"expected_order": {"days_before": 3}},
                "after_days:14",
                {"morning": _wait("soon", until="10:00"), "soon": _message("soon", None)},
            ),
            {"soon": words.REPLENISH},
        ),
        Recipe(
            "price-drop",
            gettext_lazy("It costs less now"),
            gettext_lazy(
                "When a product becomes cheaper by 10 percent or more, to whoever looked at it within thirty days and has not "
                "bought it since."
            ),
            _journey(
                {"price_drop": {"percent": 10}},
                "after_days:7",
                {"told": _message("told", None, if_not_sent="wait", wait_hours=24)},
            ),
            {"told": words.PRICE_DROP},
        ),
        Recipe(
            "back-in-stock",
            gettext_lazy("It is back"),
            gettext_lazy(
                "When a product can be had again, to whoever looked at it within thirty days and has not bought it since."
            ),
            _journey(
                {"back_in_stock": {}},
                "always",
                {"told": _message("told", None, if_not_sent="wait", wait_hours=48)},
            ),
            {"told": words.BACK_IN_STOCK},
        ),
        Recipe(
            "post-purchase",
            gettext_lazy("After an order"),
            gettext_lazy(
                "Ten days after an order a question how it was, and a week later what goes with it; it stops when they "
                "have rated it."
            ),
            _journey(
                {"event": "ordered"},
                "after_days:30",
                {
                    "use": _wait("ask", days=10, until="10:00"),
                    "ask": _message("ask", "pause"),
                    "pause": _wait("more", days=7, until="10:00"),
                    "more": _message("more", None),
                },
                goal="rated",
            ),
            {"ask": words.REVIEW, "more": words.GOES_WITH},
        ),
    )
}
