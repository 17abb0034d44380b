"""Everything held about one person, by hand."""

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from customers import exports, identities
from customers.models import Customer


class Command(BaseCommand):
    help = "Write everything held about a person as JSON, or as a table to a file that ends in .csv, or as both to .zip."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("customer", help="the shop's own id")
        parser.add_argument("--output", type=Path, help="the file to write; without it, standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        customer_id = identities.find([options["customer"]]).get(options["customer"])
        if customer_id is None:
            raise CommandError(f"There is no customer {options['customer']!r}.")
        customer, now = Customer.objects.select_related("key").get(pk=customer_id), timezone.now()
        output: Path | None = options["output"]
        if output is None:
            for chunk in exports.as_json(customer, at=now):
                self.stdout.write(chunk.decode(), ending="")
            return
        counted: Counter[str] = Counter()
        draft = output.with_name(f".{output.name}.draft")
        try:
            with draft.open("wb") as file:
                if output.suffix == ".zip":
                    counted = exports.write_zip(customer, file, at=now)
                else:
                    file.writelines(_chunks(customer, output, now, counted))
            draft.replace(output)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        finally:
            draft.unlink(missing_ok=True)
        self.stdout.write(f"Wrote {counted.total():,} records about {options['customer']} to {output}.")


def _chunks(customer: Customer, output: Path, at: datetime, counted: Counter[str]) -> Iterator[bytes]:
    make = exports.as_table if output.suffix == ".csv" else exports.as_json
    return make(customer, at=at, counted=counted)
