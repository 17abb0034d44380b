"""Erase one person, by hand."""

import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers import identities, privacy


class Command(BaseCommand):
    help = "Erase a person: their key, fields, identities and every row about them. The ledger stays and verifies."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("customer", help="the shop's own id")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["customer"]
        customer_id = identities.find([name]).get(name)
        if customer_id is None:
            raise CommandError(f"There is no customer {name!r}.")
        if not options["yes"]:
            if not sys.stdin.isatty():
                raise CommandError("Erasing cannot be undone: say --yes.")
            if input(f"Erase {name} for ever? Type the id again: ") != name:
                raise CommandError("Nothing was erased.")
        try:
            done = privacy.erase(customer_id, actor="command", at=timezone.now())
        except privacy.NobodyToErase as error:
            raise CommandError(f"There is no customer {name!r} any more.") from error
        deleted, let_go = dict(sorted(done.deleted.items())), dict(sorted(done.let_go.items()))
        if options["json"]:
            self.stdout.write(json.dumps({"people": done.people, "deleted": deleted, "let_go": let_go}))
            return
        self.stdout.write(f"Erased. {sum(deleted.values()):,} rows are gone.")
        for label, count in deleted.items():
            self.stdout.write(f"  {label}: {count:,}")
        for label, count in let_go.items():
            self.stdout.write(f"  {label}: {count:,} stay, without the person")
