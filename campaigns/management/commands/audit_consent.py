"""Was everything permitted at its time?"""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.audit import audit

MOST = 50


class Command(BaseCommand):
    help = "Recompute from the ledger whether every event, decision and delivery was permitted; exit 1 if any was not."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        result = audit()
        if options["json"]:
            self.stdout.write(json.dumps({"checked": result.checked, "violations": result.violations}))
        else:
            checked = ", ".join(f"{n:,} {kind}" for kind, n in result.checked.items())
            self.stdout.write(
                f"Consent: {checked} checked against the ledger, {len(result.violations)} violations."
            )
            for violation in result.violations[:MOST]:
                self.stdout.write(f"  {violation}")
            if (more := len(result.violations) - MOST) > 0:
                self.stdout.write(f"  and {more:,} more; --json names them all.")
        if result.violations:
            raise SystemExit(1)
