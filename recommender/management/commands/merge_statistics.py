"""Learn from the counts another shop has given, where they help; or take such a merge back."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from recommender import evaluation, sharing


class Command(BaseCommand):
    help = "Take in a file of share_statistics from another shop where it helps; --undo takes it back."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument(
            "--key", default="", help="the other shop's public key, as its share_statistics --key prints"
        )
        parser.add_argument(
            "--undo", metavar="SHA256", default="", help="the beginning of a taken file's SHA-256"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["undo"]:
            try:
                row = sharing.undo(options["undo"])
            except sharing.NotShared as reason:
                raise CommandError(str(reason)) from reason
            self.stdout.write(f"What {row.name} gave is taken back; the next training learns without it.")
            return
        if options["file"] is None or not options["key"]:
            raise CommandError("Say which file, and with --key by whom it must be signed.")
        try:
            text = options["file"].read_bytes()
            row = sharing.merge(text, key=options["key"], at=timezone.now(), by="the command")
        except (sharing.NotShared, evaluation.TooLittle) as reason:
            raise CommandError(str(reason)) from reason
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(json.dumps({"sha256": row.sha256, **row.figures}))
            return
        told = row.figures
        self.stdout.write(
            f"Taken in from {row.name}, weight {told['parameters']['weight']:g}. NDCG@10 of new products: alone "
            f"{told['ndcg10_alone']:.4f}, merged {told['ndcg10_merged']:.4f}, {told['gain']:+.4f} ({told['low']:+.4f} to "
            f"{told['high']:+.4f}). Training lets it compete. Undo: merge_statistics --undo {row.sha256[:12]}"
        )
