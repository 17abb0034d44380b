"""The simulated shop, from the command line."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from tqdm import tqdm

from config.processes import Processes, free_port, web
from customers import access
from simulator import run
from simulator.answer import answer
from simulator.client import Client, Refused
from simulator.shop import Shop, Size


class Command(BaseCommand):
    help = "Drive a running platform as a shop would, through its public API."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=2000)
        parser.add_argument("--products", type=int, default=300)
        parser.add_argument("--days", type=int, default=120)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--url", help="a running platform; default: this one, served for the while")
        parser.add_argument("--key", help="a secret key of that platform, from create_key")
        parser.add_argument("--truth", type=Path, help="write every person's true outcomes to this file")
        parser.add_argument("--end", help="RFC 3339; the last moment of the history (default: now)")
        parser.add_argument("--phase", choices=["history", "answer"], default="history")
        parser.add_argument("--outbox", type=Path, help="for --phase answer: the folder of mails")

    def handle(self, *args: Any, **options: Any) -> None:
        if min(options["customers"], options["products"], options["days"]) < 1:
            raise CommandError("A shop needs at least one customer, one product and one day.")
        end = parse_datetime(options["end"]) if options["end"] else datetime.now(UTC)
        if end is None or end.tzinfo is None:
            raise CommandError("--end is a time such as 2026-11-24T12:00:00Z.")
        if bool(options["url"]) != bool(options["key"]):
            raise CommandError("--url and --key go together: a key opens the platform that made it.")
        if options["phase"] == "answer" and (options["outbox"] is None or not options["outbox"].is_dir()):
            raise CommandError("--phase answer needs --outbox, the folder of the mails.")
        size = Size(options["customers"], options["products"], options["days"], options["seed"])
        shop = Shop.of(size, end=end.astimezone(UTC))
        try:
            with ExitStack() as stack:
                url, key = options["url"], options["key"]
                client = Client(url, key) if url else stack.enter_context(own_platform())
                if options["phase"] == "answer":
                    done = answer(shop, client, options["outbox"])
                else:
                    done = run.tell_history(shop, client, tell=self.bar())
        except (Refused, ConnectionError) as error:
            raise CommandError(str(error)) from error
        if options["truth"]:
            run.write_truth(shop, options["truth"])
        for name, count in done.items():
            self.stdout.write(f"  {name:36} {count:>9,}")

    def bar(self) -> run.Tell:
        bars: dict[str, Any] = {}

        def tell(what: str, sent: int, total: int) -> None:
            if what not in bars:
                bars[what] = tqdm(total=total, desc=what, disable=not sys.stderr.isatty(), leave=False)
            bars[what].update(sent - bars[what].n)

        return tell


@contextmanager
def own_platform() -> Iterator[Client]:
    """This installation, served on a free port, and a key that opens it until the end."""
    call_command("migrate", verbosity=0)
    port = free_port()
    os.environ["ALLOWED_HOSTS"] = ",".join([*settings.ALLOWED_HOSTS, "127.0.0.1"])
    row, key = access.create_key("secret", label="simulate")
    try:
        with Processes() as processes:
            processes.start("web", web(port))
            yield Client(f"http://127.0.0.1:{port}", key)
    finally:
        access.revoke(row, at=timezone.now())
