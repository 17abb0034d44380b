"""Rows out as a file, for analysts."""

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from campaigns import exports
from campaigns.models import Export


def moment(text: str) -> datetime:
    """A day or a moment; without a zone it is UTC."""
    try:
        found = parse_datetime(text) or parse_date(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: {error}") from error
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write 2026-11-24 or 2026-11-24T12:00:00Z")
    at = found if isinstance(found, datetime) else datetime(found.year, found.month, found.day)  # noqa: DTZ001
    return at if timezone.is_aware(at) else timezone.make_aware(at, timezone.get_default_timezone())


class Command(BaseCommand):
    help = "Write a set of rows to a file: all of it or none. Memory does not grow with the rows."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("set", choices=sorted(exports.DATASETS))
        parser.add_argument("path", type=Path)
        parser.add_argument("--format", choices=Export.Format.values, default=Export.Format.CSV.value)
        parser.add_argument("--since", type=moment, help="from this day or moment on (UTC)")
        parser.add_argument("--until", type=moment, help="before this day or moment (UTC)")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        with tqdm(unit=" rows", desc=options["set"], disable=None) as bar:
            try:
                done = exports.write_to(
                    path,
                    options["set"],
                    form=options["format"],
                    at=timezone.now(),
                    since=options["since"],
                    until=options["until"],
                    tell=lambda rows: bar.update(rows - bar.n),
                )
            except (ValueError, OSError, DatabaseError, exports.SomebodyLeft) as error:
                raise CommandError(f"{error} Nothing was written.") from error
        if options["json"]:
            said = {"set": done.dataset, "format": done.format, "rows": done.rows, "bytes": done.size}
            self.stdout.write(json.dumps(said))
            return
        self.stdout.write(f"{done.rows:,} rows of {done.dataset} in {path} ({done.size:,} bytes).")
