"""A file in, and what became of each row."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from customers.imports import FORMATS, BadFile, import_file


class Command(BaseCommand):
    help = "Take a file in: all of it or nothing; running it again changes nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("format", choices=sorted(FORMATS))
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--grant", default="", help="purposes (commas) to record for people who never answered"
        )
        parser.add_argument(
            "--notice", default="", help="the notice that is the evidence of --grant, as slug@version"
        )
        parser.add_argument("--dry-run", action="store_true", help="read and check everything, keep nothing")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        size = path.stat().st_size if path.is_file() else None
        with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=None) as bar:

            def progress(read: int) -> None:
                bar.update(read)

            try:
                done = import_file(
                    options["format"],
                    path,
                    at=timezone.now(),
                    grant=[purpose for purpose in options["grant"].split(",") if purpose],
                    notice=options["notice"],
                    progress=progress,
                    dry_run=options["dry_run"],
                )
            except BadFile as error:
                raise CommandError(f"{error} Nothing was kept.") from error
        counts = dict(done.counts)
        if options["json"]:
            self.stdout.write(json.dumps({"counts": counts, "skipped_lines": dict(done.skipped_lines)}))
            return
        self.stdout.write(
            f"{'Would keep' if options['dry_run'] else 'Kept'} {counts.pop('kept', 0):,} of {counts.pop('rows'):,} rows; "
            f"{counts.pop('duplicates', 0):,} were there already."
        )
        for name in sorted(counts):
            if name.startswith("skipped:"):
                reason = name.removeprefix("skipped:")
                first = ", ".join(str(line) for line in done.skipped_lines.get(reason, ()))
                where = f"  (first in line {first})" if first else ""
                self.stdout.write(f"  skipped {counts[name]:>9,}  {reason}{where}")
            elif counts[name]:
                self.stdout.write(f"  {name.replace('_', ' ')}: {counts[name]:,}")
