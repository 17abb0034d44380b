"""Give another shop counts of which products go together, with noise, so that nobody can be found in them."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from recommender import sharing


class Command(BaseCommand):
    help = "Write a signed file of pairs of products bought by the same people, with noise, for another shop."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--name", default="", help="whose it is, as the other shop will read it")
        parser.add_argument(
            "--identifier", default="sku", help="sku, or an attribute of products such as gtin"
        )
        parser.add_argument("--epsilon", type=float, default=1.0)
        parser.add_argument("--delta", type=float, default=1e-6)
        parser.add_argument("--most-items", type=int, default=5, help="products of one person that count")
        parser.add_argument(
            "--key", action="store_true", help="print the public key of our files, and nothing else"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["key"]:
            self.stdout.write(sharing.public_key())
            return
        if options["file"] is None:
            raise CommandError("Say where to write the file.")
        try:
            row = sharing.share(
                options["file"],
                name=options["name"] or "a shop",
                identifier=options["identifier"],
                epsilon=options["epsilon"],
                delta=options["delta"],
                most_items=options["most_items"],
                at=timezone.now(),
                by="the command",
            )
        except sharing.NotShared as reason:
            raise CommandError(str(reason)) from reason
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
        told = {
            "pairs": row.pairs,
            "people": row.people,
            "epsilon": row.epsilon,
            "delta": row.delta,
            "sha256": row.sha256,
        }
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(
            f"{row.pairs:,} pairs of about {row.people:,} people; ε = {row.epsilon:g}, δ = {row.delta:g}, one person at most "
            f"{row.most_pairs} pairs. Given so far in all: ε = {sharing.epsilon_spent():g} of {sharing.EPSILON_IN_ALL:g}."
        )
