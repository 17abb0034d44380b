"""Everything held about one person, by hand."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from customers import identities, privacy
from customers.models import Customer


class Command(BaseCommand):
    help = "Write everything held about a person as JSON (or, to a file that ends in .csv, as a table)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("customer", help="the shop's own id")
        parser.add_argument("--output", type=Path, help="the file to write; without it, standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        customer_id = identities.find([options["customer"]]).get(options["customer"])
        if customer_id is None:
            raise CommandError(f"There is no customer {options['customer']!r}.")
        customer = Customer.objects.select_related("key").get(pk=customer_id)
        exported = privacy.export(customer, at=timezone.now())
        output: Path | None = options["output"]
        if output is not None and output.suffix == ".csv":
            text = privacy.as_csv(exported)
        else:
            text = json.dumps(exported, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
        if output is None:
            self.stdout.write(text)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        count = sum(len(entries) for entries in exported["records"].values())
        self.stdout.write(f"Wrote {count:,} records about {options['customer']} to {output}.")
