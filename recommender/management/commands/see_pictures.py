"""Read product pictures from a folder, and learn which products look alike."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from recommender import pictures
from recommender.management.progress import progress_bar

TOLD = 10


class Command(BaseCommand):
    help = (
        "Read pictures named by SKU (tea-1.jpg) from a folder and its subfolders, and learn which products look alike. "
        "Files that have not changed are skipped; the pictures are not kept."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="where the pictures lie: JPEG, PNG, WebP or GIF")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["folder"].is_dir():
            raise CommandError(f"{options['folder']} is no folder.")
        try:
            files = pictures.by_sku(options["folder"])
        except ValueError as error:
            raise CommandError(f"Nothing was read: {error}; one picture a product.") from error
        if not files:
            raise CommandError(f"No picture ({', '.join(pictures.ENDINGS)}) lies in {options['folder']}.")
        with progress_bar() as progress:
            taken = pictures.take_in(files, progress=progress)
        self.stdout.write(f"{taken.read:,} pictures read, {taken.unchanged:,} as they were.")
        if taken.unknown:
            self.stdout.write(f"{len(taken.unknown):,} are of no known SKU: {_some(taken.unknown)}.")
        for name, reason in list(taken.refused.items())[:TOLD]:
            self.stderr.write(f"{name}: {reason}")
        if len(taken.refused) > TOLD:
            self.stderr.write(f"… and {len(taken.refused) - TOLD:,} more that could not be read.")
        if taken.read:
            call_command("train", "--task", "looks", stdout=self.stdout)


def _some(names: list[str]) -> str:
    return ", ".join(names[:TOLD]) + (", …" if len(names) > TOLD else "")
