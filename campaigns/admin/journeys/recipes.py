"""The recipes as cards: what each is, a small drawing of its way, what it needs, and a name that is still free."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from campaigns import recipes
from campaigns.admin.journeys import words as journey_words
from campaigns.admin.journeys.sentences import Names
from campaigns.journeys import counting
from campaigns.journeys.definition import Definition
from campaigns.recipes import Recipe
from catalog.models import ProductChange
from customers.models import Event
from recommender.models import Score


@dataclass(frozen=True)
class Need:
    """Something that a recipe rests on, and whether it is there."""

    words: str
    is_there: bool


@dataclass(frozen=True)
class RecipeCard:
    slug: str
    name: str
    about: str
    way: journey_words.Told
    needs: list[Need]
    free_slug: str
    wrong: str


def cards(wrong: Mapping[str, str], *, typed: str) -> list[RecipeCard]:
    """wrong : what was refused, by recipe; `typed` is the name that was asked for. A few queries for all of them."""
    free = recipes.free_names()
    facts = _facts()
    return [_card(recipe, free, facts, wrong, typed) for recipe in recipes.RECIPES.values()]


def _card(
    recipe: Recipe,
    free: Mapping[str, str],
    facts: Mapping[str, bool],
    wrong: Mapping[str, str],
    typed: str,
) -> RecipeCard:
    definition = Definition.of(recipe.definition)
    names = Names({key: spoken.name for key, spoken in recipe.messages.items()})
    refused = wrong.get(recipe.slug, "")
    return RecipeCard(
        recipe.slug,
        str(recipe.name),
        str(recipe.about),
        journey_words.told(definition, counting.Counted({}), names),
        _needs(recipe, definition, facts),
        typed if refused else free[recipe.slug],
        refused,
    )


def _needs(recipe: Recipe, definition: Definition, facts: Mapping[str, bool]) -> list[Need]:
    found = [
        Need(_("messages, which it brings along: %s") % len(recipe.messages), True),
        Need(
            _("people who allow offers by e-mail and the use of what they did")
            if definition.calls.is_behaviour
            else _("people who allow offers by e-mail"),
            True,
        ),
    ]
    match definition.calls.name:
        case "event":
            found.append(Need(_("the shop tells what people do"), facts["events"]))
        case "score":
            found.append(Need(_("a model that tells who will stay away or order"), facts["scores"]))
        case "expected_order":
            found.append(Need(_("a model that expects people's next order"), facts["expected"]))
        case "price_drop" | "back_in_stock":
            found.append(Need(_("the shop tells when prices and stock change"), facts["changes"]))
    return found


def _facts() -> dict[str, bool]:
    """Four queries, each of one row."""
    return {
        "events": Event.objects.exists(),
        "scores": Score.objects.filter(churn__isnull=False).exists(),
        "expected": Score.objects.filter(expected_at__isnull=False).exists(),
        "changes": ProductChange.objects.exists(),
    }
