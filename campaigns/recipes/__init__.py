"""Journeys to begin with: each makes a draft campaign with its steps, its words in both languages and an audience."""

from campaigns.recipes.book import RECIPES, AlreadyThere, BadName, Recipe, UnknownRecipe, make

__all__ = ["RECIPES", "AlreadyThere", "BadName", "Recipe", "UnknownRecipe", "make"]
