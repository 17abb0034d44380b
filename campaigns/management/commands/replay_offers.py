"""What another order of offers would have earned, on the terminal or as JSON."""

import argparse
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from campaigns import replay
from campaigns.models import Campaign, Placement
from campaigns.offers import InvalidFormula
from campaigns.offers.learning import WINDOW

RANKINGS = ("priority", "bandit", "personal")


class Command(BaseCommand):
    help = "Try another order of a placement's offers on the decisions it has logged."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("placement", help="a placement's slug, or campaign:SLUG for one campaign of it")
        parser.add_argument(
            "--ranking", required=True, help=f"{', '.join(RANKINGS)}, or a file with a formula in JSON"
        )
        parser.add_argument(
            "--days", type=int, default=replay.LOOKBACK.days, help="how far back (default: %(default)s)"
        )
        parser.add_argument("--until-now", action="store_true", help="also decisions whose week is not over")
        parser.add_argument("--reward", choices=replay.REWARDS, default="success")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        until = now if options["until_now"] else now - WINDOW
        try:
            found = replay.replay(
                self.asked(options["placement"]),
                self.ranking(options["ranking"]),
                at=now,
                since=until - timedelta(days=options["days"]),
                until=until,
                reward=options["reward"],
                rng=np.random.default_rng(options["seed"]),
            )
        except InvalidFormula as error:
            raise CommandError(f"The formula cannot be read. At {error.path}: {error.message}.") from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_dict()))
        else:
            self.tell(found)
        if found.found is None:
            raise CommandError(found.refusal)

    def asked(self, name: str) -> Placement | Campaign:
        kind, _colon, slug = name.rpartition(":")
        rows: Any = Campaign.objects if kind == "campaign" else Placement.objects
        found: Placement | Campaign | None = rows.filter(slug=slug).first()
        if found is None:
            raise CommandError(f"There is no {kind or 'placement'} {slug!r}.")
        return found

    def ranking(self, said: str) -> Any:
        if said in RANKINGS:
            return said
        try:
            return json.loads(Path(said).read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"{said}: neither a ranking ({', '.join(RANKINGS)}) nor a file.") from error
        except ValueError as error:
            raise CommandError(f"{said} is not JSON: {error}.") from error

    def tell(self, found: replay.Replayed) -> None:
        self.stdout.write(f"{found.placement}: {found.decisions:,} decisions, {found.left_out:,} left out")
        if found.found is None:
            return
        words = {
            "logged": "as it was",
            "doubly_robust": f"by {found.by}, doubly robust",
            "snips": f"by {found.by}, weighted (SNIPS)",
            "ips": f"by {found.by}, weighted (IPS)",
        }
        for name, told in words.items():
            value = getattr(found.found, name)
            self.stdout.write(f"{told:40} {value.value:10.4f}  {value.low:.4f} to {value.high:.4f}")
        self.stdout.write(
            f"{found.reward} a decision, 95 % intervals; as good as {found.found.effective:,.0f} decisions of its own"
        )
