"""Sign what the ledger holds now."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from customers.proof import checkpoints
from customers.proof.reading import DoesNotExtend


class Command(BaseCommand):
    help = "Sign the ledger's root and write it to CHECKPOINT_DIR, if anything is new; exit 1 if it was cut or altered."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--begin-anew",
            action="store_true",
            help="after a backup was restored: a new series, which shows by its missing previous root",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = checkpoints.make(at=timezone.now(), begin_anew=options["begin_anew"])
        except DoesNotExtend as error:
            if options["json"]:
                self.stdout.write(json.dumps({"checkpoint": None, "fault": str(error)}))
            else:
                self.stdout.write(
                    f"NOT signed: {error}. Run verify_ledger --checkpoint with the newest file."
                )
            raise SystemExit(1) from None
        if options["json"]:
            line = asdict(checkpoints.line_of(row)) if row else None
            self.stdout.write(json.dumps({"checkpoint": line, "fault": ""}))
        elif row is None:
            self.stdout.write("Nothing is new since the last checkpoint, or another is being made.")
        else:
            self.stdout.write(f"Signed: {row.records:,} records of {row.people:,} people, root {row.root}.")
