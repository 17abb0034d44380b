"""Every person's key under the newest master key; or every index of an address under the newest index key."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from customers import reindexing, rotation

Done = TypeVar("Done", reindexing.Reindexed, rotation.Rotated)


class Command(BaseCommand):
    help = (
        "Wrap every person's key under the first of FIELD_KEYS, and say which older ones nothing needs any more. "
        "With --index: make every index of an address anew with INDEX_KEY, and say what rests on earlier keys."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--index", action="store_true", help="the indexes of addresses instead")
        parser.add_argument(
            "--give-up",
            metavar="MARK",
            help="this index key is lost for good: its entries recognise nobody any more",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        done: reindexing.Reindexed | rotation.Rotated
        if mark := options["give_up"]:
            try:
                n = reindexing.give_up(mark)
            except ValueError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{n:,} entries of the suppression list recognise nobody any more.")
            return
        if options["index"]:
            done = self.walk(reindexing.waiting(), " people", reindexing.reindex)
        else:
            done = self.walk(rotation.waiting(), " keys", rotation.rotate)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        elif isinstance(done, reindexing.Reindexed):
            self.say_of_indexes(done)
        else:
            self.say(done)
        if done.left or (isinstance(done, reindexing.Reindexed) and done.missing):
            raise SystemExit(1)

    def walk(self, total: int, unit: str, work: Callable[..., Done]) -> Done:
        with tqdm(total=total, unit=unit, disable=None) as bar:

            def progress(seen: int) -> None:
                bar.update(seen)

            return work(progress=progress)

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

    def say_of_indexes(self, done: reindexing.Reindexed) -> None:
        self.stdout.write(
            f"The indexes of {done.rewritten:,} people and {done.gathered:,} entries of the suppression list are made "
            f"anew, with {done.newest!r}."
        )
        for name, n in done.left.items():
            self.stdout.write(f"  {n:,} people are still found by {self.named(name)} only")
        if done.unreadable:
            self.stdout.write(
                f"The address of {done.unreadable:,} people cannot be read: their key does not open."
            )
        for name, n in done.resting.items():
            self.stdout.write(f"  {n:,} entries of the suppression list rest on {self.named(name)}")
        if done.resting:
            self.stdout.write(
                "Whose addresses those entries are is not known here. Each is made anew when its address is seen again; "
                "until there is none, their keys must stay in INDEX_KEY_FALLBACKS (or INDEX_KEY_RETIRED)."
            )
        for name in done.missing:
            self.stdout.write(f"The key {name} is NOT in the settings. Nothing is sent until it is.")
        for name in done.unneeded:
            self.stdout.write(
                f"Nothing in this database rests on {name!r}. Without it no link of a mail sent while it was INDEX_KEY "
                f"opens any more, and no backup or journal from before can be used."
            )

    def named(self, name: str) -> str:
        return (
            "a key that nobody names (the journal brought them back, or it was given up)"
            if name == "?"
            else repr(name)
        )
