"""The ranking a shop would get."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers import identities
from recommender import serving


class Command(BaseCommand):
    help = "Show the list one customer would get now."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("customer", help="the shop's own id")
        parser.add_argument("--limit", type=int, default=10)
        parser.add_argument("--explain", action="store_true", help="say why each item is there")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1.")
        found = identities.find([options["customer"]])
        if not found:
            raise CommandError(f"No customer has the id {options['customer']!r}.")
        answer = serving.recommend(
            found[options["customer"]], at=timezone.now(), limit=options["limit"], explain=options["explain"]
        )
        if options["json"]:
            items = [
                {"sku": item.sku, "score": item.score, "reason": item.reason.type} for item in answer.items
            ]
            self.stdout.write(json.dumps({"personalized": answer.personalized, "items": items}))
            return
        model = answer.model.algorithm if answer.model else "no model yet"
        self.stdout.write(f"{'Personal' if answer.personalized else 'Not personal'}, {model}")
        for place, item in enumerate(answer.items, 1):
            reason = f"  {item.reason.text}" if options["explain"] else ""
            self.stdout.write(f"{place:3}. {item.sku:20} {item.score:8.4f}{reason}")
