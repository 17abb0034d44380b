"""The privacy officer's papers, made from the code and the database, as files."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from config import papers


class Command(BaseCommand):
    help = "Write the register of processing, the retention table, the data map and a DPIA's beginning as HTML files."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, metavar="DIR", help="where to (default: VAR_DIR/papers)")
        parser.add_argument("--language", choices=[code for code, _name in settings.LANGUAGES], default="en")
        parser.add_argument("--json", action="store_true", help="print them as JSON and write no file")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        with translation.override(options["language"]):
            made = [papers.make(slug, at=now) for slug in papers.MAKERS]
            if options["json"]:
                self.stdout.write(json.dumps([paper.as_dict() for paper in made], ensure_ascii=False))
                return
            files = {f"{paper.slug}.{options['language']}.html": papers.as_file(paper) for paper in made}
        folder: Path = options["output"] or settings.VAR_DIR / "papers"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (folder / name).write_text(text)
        except OSError as error:
            raise CommandError(f"{folder} cannot be written to: {error.strerror}.") from error
        for name in files:
            self.stdout.write(str(folder / name))
