"""How many people allow what."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Q

from customers import consent, purposes
from customers.models import ConsentState, Customer


class Command(BaseCommand):
    help = "How many people allow each purpose, how many said no, and on what the answers rest."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        present = Customer.objects.present()
        total = present.count()
        known = present.filter(external_id__isnull=False).count()
        answers = {
            row["purpose"]: row
            for row in ConsentState.objects.filter(customer__in=present)
            .values("purpose")
            .annotate(yes=Count("pk", filter=Q(granted=True)), no=Count("pk", filter=Q(granted=False)))
            .order_by()
        }
        rows: list[dict[str, Any]] = []
        for purpose in purposes.PURPOSES:
            said = answers.get(purpose, {"yes": 0, "no": 0})
            allowed = consent.permitted(purpose).count()
            rows.append(
                {
                    "purpose": purpose,
                    "allowed": allowed,
                    "said_yes": said["yes"],
                    "by_default": allowed - said["yes"],
                    "said_no": said["no"],
                }
            )
        if options["json"]:
            self.stdout.write(json.dumps({"people": total, "known": known, "purposes": rows}))
            return
        self.stdout.write(f"{total:,} people, {known:,} of them known by name.")
        self.stdout.write(
            f"{'purpose':18}{'allow':>9}{'share':>8}{'said yes':>10}{'by law':>8}{'said no':>9}"
        )
        for row in rows:
            share = row["allowed"] / total if total else 0.0
            self.stdout.write(
                f"{row['purpose']:18}{row['allowed']:>9,}{share:>8.0%}{row['said_yes']:>10,}"
                f"{row['by_default']:>8,}{row['said_no']:>9,}"
            )
