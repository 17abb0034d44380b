"""Web, worker and scheduler on one machine, with nothing else to install."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.processes import Processes, scheduler, web, worker


class Command(BaseCommand):
    help = "Migrate, then run web, worker and scheduler until interrupted."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        with Processes() as processes:
            processes.start("web", web(options["port"]))
            processes.start("worker", worker())
            processes.start("scheduler", scheduler())
            self.stdout.write(f"Tact serves http://127.0.0.1:{options['port']} (Ctrl-C stops it).")
            raise SystemExit(processes.watch())
