"""The ranking a shop would get."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers import identities
from recommender import serving
from recommender.serving import Item, Reason


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
            items = [_plain(item) for item in answer.items]
            self.stdout.write(json.dumps({"personalized": answer.personalized, "items": items}))
            return
        model = answer.model.algorithm if answer.model else "no model yet"
        self.stdout.write(f"{'Personal' if answer.personalized else 'Not personal'}, {model}")
        for place, item in enumerate(answer.items, 1):
            reason = f"  {_told(item.reason)}" if options["explain"] else ""
            self.stdout.write(f"{place:3}. {item.sku:20} {item.score:8.4f}{reason}")


def _told(reason: Reason) -> str:
    """In words, with the part of the score that the named products carry."""
    return f"{reason.text} ({reason.share:.0%} of the score)" if reason.share else reason.text


def _plain(item: Item) -> dict[str, Any]:
    reason = item.reason
    return {
        "sku": item.sku,
        "score": item.score,
        "reason": reason.type,
        "skus": list(reason.skus),
        "share": reason.share,
        "text": reason.text,
    }
