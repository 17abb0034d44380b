"""Read the mailbox that bounces and complaints go to."""

import argparse
import mailbox
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from campaigns import bounces, returned

BATCH = 500
LARGEST = 10 * 2**20
"""Bytes; a report quotes a message, and ours are far smaller."""


class Command(BaseCommand):
    help = (
        "Take in delivery status notifications (RFC 3464) and complaints (RFC 5965) from an mbox, a Maildir, or one "
        "mail on standard input. Each is taken in once, however often it is read."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path", nargs="?", default="-", help="mbox file or Maildir; - reads one mail")
        parser.add_argument(
            "--delete", action="store_true", help="take reports that were read out of the mailbox"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        box = None if options["path"] == "-" else _box(Path(options["path"]))
        mails = _mails(box) if box is not None else iter([("", sys.stdin.buffer.read(LARGEST))])
        read, kept, reports = 0, Counter[str](), list[str]()
        while batch := list(islice(mails, BATCH)):
            notices = []
            for key, raw in batch:
                found = returned.notices_of(raw)
                notices += found
                reports += [key] if found else []
            read += len(batch)
            kept += bounces.take(notices, at=timezone.now())
        if box is not None and options["delete"]:
            _forget(box, reports)
        told = ", ".join(f"{n:,} {kind}" for kind, n in sorted(kept.items())) or "nothing new"
        self.stdout.write(f"{read:,} mails, {len(reports):,} reports of our messages: {told}.")


def _box(path: Path) -> mailbox.Mailbox[Any]:
    if path.is_dir():
        return mailbox.Maildir(path, create=False)
    if not path.is_file():
        raise CommandError(f"There is no mailbox {path}.")
    return mailbox.mbox(path, create=False)


def _mails(box: mailbox.Mailbox[Any]) -> Iterator[tuple[str, bytes]]:
    for key in box.iterkeys():
        with box.get_file(key) as file:
            yield key, file.read(LARGEST)


def _forget(box: mailbox.Mailbox[Any], keys: list[str]) -> None:
    """Only what was understood; whatever else came there is for a person to read."""
    box.lock()
    try:
        for key in keys:
            box.discard(key)
        box.flush()
    finally:
        box.unlock()
