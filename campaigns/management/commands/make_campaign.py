"""A draft campaign from a recipe."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns import recipes


class Command(BaseCommand):
    help = "Make a draft journey from a recipe, with its messages and audience; without a name, list the recipes."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("recipe", nargs="?", default="")
        parser.add_argument(
            "--slug", default="", help="the campaign's name in addresses; the recipe's own without"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["recipe"]:
            for recipe in recipes.RECIPES.values():
                self.stdout.write(f"{recipe.slug:18} {recipe.about}")
            return
        try:
            campaign = recipes.make(options["recipe"], slug=options["slug"], by="make_campaign")
        except (recipes.UnknownRecipe, recipes.BadName, recipes.AlreadyThere) as reason:
            raise CommandError(str(reason)) from reason
        self.stdout.write(
            f"Made the draft “{campaign.slug}”: look at it on the desk, approve and launch it there."
        )
