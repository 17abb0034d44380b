"""Does the ledger still hold?"""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand

from customers import ledger


class Command(BaseCommand):
    help = "Recompute every person's chain and the table of states; name the first bad row; exit 1 if any is bad."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        result = ledger.verify()
        faults = [str(fault) for fault in result.faults]
        if options["json"]:
            self.stdout.write(
                json.dumps({"records": result.records, "people": result.people, "faults": faults})
            )
        else:
            state = "clean" if not faults else f"BROKEN, first at {faults[0]}"
            self.stdout.write(f"Ledger: {result.records:,} records of {result.people:,} people, {state}.")
        if faults:
            raise SystemExit(1)
