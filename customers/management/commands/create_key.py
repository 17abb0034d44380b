"""A new API key, shown once."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers import access
from customers.models import ApiKey


class Command(BaseCommand):
    help = "Make an API key and print it once; only its hash is kept."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--kind", choices=ApiKey.Kind.values, required=True)
        parser.add_argument("--scopes", default="", help=f"comma-separated, of: {', '.join(access.SCOPES)}")
        parser.add_argument("--label", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            row, value = access.create_key(options["kind"], scopes=scopes, label=options["label"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            made = {"id": row.pk, "kind": row.kind, "key": value, "scopes": row.scopes}
            self.stdout.write(json.dumps(made))
            return
        self.stdout.write(f"{value}\nKeep it now: it is not shown again. Scopes: {', '.join(row.scopes)}.")
