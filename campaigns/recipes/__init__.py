"""To begin with: goals with what is sensible for each, and journeys with their steps and words."""

from campaigns.recipes.book import (
    RECIPES,
    AlreadyThere,
    BadName,
    Recipe,
    UnknownRecipe,
    free_names,
    make,
    make_empty,
)
from campaigns.recipes.goals import (
    GOALS,
    Goal,
    UnknownGoal,
    begin,
    free_slug,
)

__all__ = [
    "GOALS",
    "RECIPES",
    "AlreadyThere",
    "BadName",
    "Goal",
    "Recipe",
    "UnknownGoal",
    "UnknownRecipe",
    "begin",
    "free_names",
    "free_slug",
    "make",
    "make_empty",
]
