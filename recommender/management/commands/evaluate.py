"""The table of algorithms on held-out behaviour."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from recommender import evaluation
from recommender.management.progress import progress_bar
from recommender.management.table import table


class Command(BaseCommand):
    help = "Measure algorithms on the last 30 days (or each person's last purchase), against both floors."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--algorithms",
            nargs="+",
            default=[],
            metavar="NAME",
            help="separated by spaces or commas; default: all",
        )
        parser.add_argument("--split", choices=["global", "leave-last"], default="global")
        parser.add_argument("--target", choices=["all", "new", "again"], default="all")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        given = ",".join(options["algorithms"]).split(",")
        labels = [label.strip() for label in given if label.strip()]
        try:
            with progress_bar() as progress:
                done = evaluation.evaluate(
                    at=timezone.now(),
                    labels=labels,
                    split=options["split"],
                    target=options["target"],
                    progress=progress,
                )
        except (evaluation.TooLittle, ValueError) as error:
            raise CommandError(str(error)) from error
        result = done.as_dict()
        self.stdout.write(json.dumps(result) if options["json"] else table(result["algorithms"]))
