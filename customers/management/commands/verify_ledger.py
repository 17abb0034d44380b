"""Does the ledger still hold?"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.models import ConsentRecord
from customers.proof import checking, signing


class Command(BaseCommand):
    help = (
        "Recompute every person's chain and the table of states, and with --checkpoint the root that was signed; "
        "name the first bad row. Exit 1 if any is bad, 2 if the checkpoint cannot be read or is not genuine."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--checkpoint", type=Path, help="a file of checkpoints; its newest line is compared"
        )
        parser.add_argument(
            "--key", default="", help="the public key (hex) it must be signed with; else any of ours"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        line = None
        if path := options["checkpoint"]:
            try:
                line = checking.read(path, key=options["key"])
            except (signing.NotGenuine, OSError, ValueError) as error:
                raise CommandError(str(error), returncode=2) from error
        result = checking.check(line=line, on_progress=self._progress() if sys.stderr.isatty() else None)
        faults = [str(fault) for fault in result.faults]
        if options["json"]:
            told: dict[str, Any] = {"records": result.records, "people": result.people, "faults": faults}
            if line:
                told["checkpoint"] = {"at": line.at, "root": line.root, "newest_record": line.newest_record}
            self.stdout.write(json.dumps(told))
        else:
            state = "clean" if not faults else f"BROKEN, first at {faults[0]}"
            against = f" against the checkpoint of {line.at}" if line else ""
            self.stdout.write(
                f"Ledger{against}: {result.records:,} records of {result.people:,} people, {state}."
            )
            for fault in faults[1:20]:
                self.stdout.write(f"  also {fault}")
            if len(faults) > 20:
                self.stdout.write(f"  and {len(faults) - 20:,} more")
        if faults:
            raise SystemExit(1)

    def _progress(self) -> Any:
        total, shown_at = max(ConsentRecord.objects.count(), 1), 0.0

        def show(records: int) -> None:
            nonlocal shown_at
            if (now := time.monotonic()) - shown_at > 0.2:
                shown_at = now
                share = min(records / total, 1)
                bar = "█" * round(40 * share)
                self.stderr.write(f"\r{bar:░<40} {share:4.0%} {records:,}", ending="")
                self.stderr.flush()

        return show
