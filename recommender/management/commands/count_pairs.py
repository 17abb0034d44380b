"""How often any two products were bought by the same person, counted by as many workers as there are."""

import argparse
import json
import time
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from recommender.training import shards

WAIT_S = 1.0


class Command(BaseCommand):
    help = (
        "Count pairs in shards of people: this process and every running worker take some; the sum is exact."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--shards", type=int, default=4, metavar="N")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            whole = shards.deal(options["shards"], at=timezone.now())
        except ValueError as error:
            raise CommandError(f"Cannot count: {error}.") from error
        while not whole.file:
            shards.work(at=timezone.now())
            whole.refresh_from_db()
            if not whole.file:  # a worker holds a shard; a dead one's is free when its lease is over
                time.sleep(WAIT_S)
        counts, items = shards.result(whole)
        figures = {
            "shards": whole.shards.count(),
            "products": len(items),
            "purchases": int(np.trace(counts)),
            "pairs": int(np.count_nonzero(counts) - np.count_nonzero(np.diagonal(counts))) // 2,
            "file": whole.file,
        }
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self.stdout.write(
                f"{figures['products']:,} products, {figures['pairs']:,} pairs bought by the same person, "
                f"from {figures['shards']} shards of people; in {whole.file}."
            )
