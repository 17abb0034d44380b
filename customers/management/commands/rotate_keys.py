"""Every person's key under the newest master key."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from customers import rotation


class Command(BaseCommand):
    help = "Wrap every person's key under the first of FIELD_KEYS, and say which older ones nothing needs any more."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        with tqdm(total=rotation.waiting(), unit=" keys", disable=None) as bar:

            def progress(seen: int) -> None:
                bar.update(seen)

            done = rotation.rotate(progress=progress)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        else:
            self.say(done)
        if done.left:
            raise SystemExit(1)

    def say(self, done: rotation.Rotated) -> None:
        self.stdout.write(f"{done.rewrapped:,} keys are wrapped anew, under {done.newest!r}.")
        for name, n in done.left.items():
            self.stdout.write(f"  {n:,} are still under {name!r}")
        if done.unreadable:
            self.stdout.write(
                f"{done.unreadable:,} cannot be opened: their master key is not in FIELD_KEYS, or another."
            )
        for name in done.removable:
            self.stdout.write(
                f"{name!r} may be taken out of FIELD_KEYS, once no backup from before is to be read."
            )
        if done.pinned and done.pinned != done.newest:
            self.stdout.write(
                f"{done.pinned!r} wraps nothing any more. Addresses are found and links opened by it: "
                f"move it from FIELD_KEYS to INDEX_KEY."
            )
