"""Journeys to begin with: each makes a draft campaign with its steps, its words in both languages and an audience."""

from campaigns.recipes.book import RECIPES, AlreadyThere, Recipe, UnknownRecipe, make

__all__ = ["RECIPES", "AlreadyThere", "Recipe", "UnknownRecipe", "make"]
