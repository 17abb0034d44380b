"""Every rule of the product, the tests that hold it, and their last result."""

import argparse
import json
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import rulebook


class Command(BaseCommand):
    help = "Print every rule of docs/rules.md with the tests that hold it and what they said last."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--strict", action="store_true", help="exit 1 if a rule has no test or a failing one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not rulebook.RULES.exists():
            raise CommandError("docs/rules.md is not here: this is a copy without its documentation.")
        if not rulebook.TESTS.is_dir():
            raise CommandError(
                "The tests are not here: this is an installed copy. Run this beside the source."
            )
        found = rulebook.held()
        if options["json"]:
            self.stdout.write(json.dumps([one.as_dict() for one in found]))
        else:
            self.tell(found)
        if options["strict"] and any(one.state in ("no test", "failed") for one in found):
            raise SystemExit(1)

    def tell(self, found: list[rulebook.Held]) -> None:
        section = ""
        for one in found:
            if one.rule.section != section:
                section = one.rule.section
                self.stdout.write(f"\n{section}")
            self.stdout.write(f"\n{one.rule.number:4}{one.state:9}{one.rule.words}")
            for test, said in one.tests.items():
                result = f"{said.outcome} {said.at} {said.commit}" if said else "not run"
                self.stdout.write(f"      {test}: {result}")
        counts = Counter(one.state for one in found)
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        self.stdout.write(f"\n{len(found)} rules: {told}.")
