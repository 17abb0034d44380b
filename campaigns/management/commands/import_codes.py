"""Codes from a file into an offer's pool, whole or not at all."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from campaigns import codes
from campaigns.models import Offer

EVERY = 1000


class Command(BaseCommand):
    help = "Bring the first column of a CSV file into the pool of an offer; - reads what is piped in."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("offer", help="the offer's slug")
        parser.add_argument("path")
        parser.add_argument("--expires-at", help="when the codes lose their worth, as 2026-12-31T23:00:00Z")
        parser.add_argument("--dry-run", action="store_true", help="read and check, and bring nothing in")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        offer = Offer.objects.filter(slug=options["offer"]).first()
        if offer is None:
            raise CommandError(f"There is no offer {options['offer']!r}.")
        if offer.code_kind != Offer.CodeKind.POOL:
            raise CommandError(f"The offer {offer.slug!r} takes no codes from a pool.")
        try:
            done = codes.import_file(
                offer,
                self.lines(options["path"]),
                name=Path(options["path"]).name,
                by="import_codes",
                at=timezone.now(),
                expires_at=self.moment(options["expires_at"]),
                dry_run=options["dry_run"],
            )
        except codes.InvalidFile as error:
            for problem in error.problems:
                self.stderr.write(f"line {problem.line}: {problem.value} {problem.told}")
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"codes": done.count, "kept": done.batch is not None}))
        else:
            told = "would be brought in" if options["dry_run"] else "are in the pool"
            self.stdout.write(f"{done.count:,} codes {told}.")

    def moment(self, said: str | None) -> datetime | None:
        if not said:
            return None
        found = parse_datetime(said)
        if found is None or found.tzinfo is None:
            raise CommandError(f"{said!r} is no moment with its zone, such as 2026-12-31T23:00:00Z.")
        return found

    def lines(self, path: str) -> Iterator[str]:
        if path == "-":
            yield from self.told(sys.stdin)
            return
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                yield from self.told(file)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error

    def told(self, file: TextIO) -> Iterator[str]:
        """The lines, with how far it has come on a terminal."""
        try:
            for n, line in enumerate(file, start=1):
                if n % EVERY == 0 and sys.stderr.isatty():
                    self.stderr.write(f"\r{n:,} lines", ending="")
                yield line
        except UnicodeDecodeError as error:
            raise CommandError(f"The file is not UTF-8: {error.reason}.") from error
