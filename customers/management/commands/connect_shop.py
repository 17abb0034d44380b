"""Connect a Shopify or WooCommerce shop, and say what to enter there."""

import argparse
import getpass
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.models import ShopConnection
from customers.shops import connections


class Command(BaseCommand):
    help = (
        "Connect a Shopify or WooCommerce shop and print the address and topics of its webhooks. The secret that "
        "they are signed with is asked for, or read from standard input; it is never an argument."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("kind", choices=ShopConnection.Kind.values)
        parser.add_argument("domain", help="garden.myshopify.com, or www.garden.example")
        parser.add_argument("--currency", required=True, help="of the shop's prices, such as EUR")
        parser.add_argument("--label", default="")
        parser.add_argument(
            "--prefix",
            help="before the shop's numbers of customers and orders; without it the first shop has none",
        )
        parser.add_argument(
            "--make-secret", action="store_true", help="make a secret and print it once (WooCommerce)"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        made = connections.make_secret() if options["make_secret"] else ""
        try:
            row = connections.connect(
                options["kind"],
                options["domain"],
                label=options["label"],
                currency=options["currency"].upper(),
                secret=made or _asked(),
                prefix=options["prefix"],
            )
        except connections.NotPossible as error:
            raise CommandError(str(error)) from error
        address, topics = connections.address_of(row), connections.TOPICS[row.kind]
        if options["json"]:
            said = {"id": str(row.pk), "address": address, "topics": topics, "prefix": row.prefix}
            self.stdout.write(json.dumps(said | ({"secret": made} if made else {})))
            return
        self.stdout.write(f"Connected. Let the shop deliver to:\n  {address}\nthese topics:")
        for topic in topics:
            self.stdout.write(f"  {topic}")
        if made:
            self.stdout.write(f"with this secret, which is not shown again:\n  {made}")


def _asked() -> str:
    return getpass.getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
