"""A person says that this database may send."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from customers import installation


class Command(BaseCommand):
    help = "Release sending, which a restored backup or a copy holds; without --by only say how it stands."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--by", default="", help="who says so; it is written down")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        is_held = not installation.may_send(at=now)
        row = installation.current(at=now)
        why = installation.reasons(row)
        if row.held_since is not None and options["by"]:
            row = installation.release(by=options["by"], at=now)
            why = installation.reasons(row)
        if options["json"]:
            held_since = row.held_since.isoformat() if row.held_since else None
            told = {"id": str(row.pk), "held_since": held_since, "why": why, "released_by": row.released_by}
            self.stdout.write(json.dumps(told))
        elif not is_held:
            self.stdout.write("Sending is not held.")
        elif why and row.held_since is None:
            self.stdout.write("Sending is held. " + " ".join(why))
        elif row.held_since is None:
            self.stdout.write(f"Released by {row.released_by}. Running campaigns go on.")
        else:
            self.stdout.write("Sending is held. " + " ".join(why))
            self.stdout.write("`release_sending --by NAME` releases it.")
        if why or row.held_since is not None:
            raise SystemExit(1)
