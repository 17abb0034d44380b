"""A local SMTP server that keeps every mail as a file: the demo's post office, and the tests' independent witness."""

import argparse
import asyncio
import signal
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.management.base import BaseCommand


class Outbox:
    """Writes `<n>.eml` whole, and one line of log for each mail, before it says 250.

    Faults, for tests: `drop_every` n: every nth mail is kept and then the line is cut before the 250.
    `refuse`: recipients beginning with these words get 550 (no-such-user), 451 (busy) or no answer (stall).
    """

    def __init__(self, folder: Path, log: Path, *, drop_every: int = 0) -> None:
        self.folder, self.log, self.drop_every = folder, log, drop_every
        folder.mkdir(parents=True, exist_ok=True)
        taken = [int(path.stem) for path in folder.glob("*.eml") if path.stem.isdecimal()]
        self.numbers = count(max(taken, default=0) + 1)
        self.seen = 0
        self.lock = threading.Lock()

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody-"):
            return "550 5.1.1 no such user"
        if address.startswith("policy-"):
            return "550 5.7.1 refused by policy"
        if address.startswith("busy-"):
            return "451 4.3.0 try again later"
        if address.startswith("stall-"):
            await asyncio.sleep(60)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        with self.lock:
            number, self.seen = next(self.numbers), self.seen + 1
            content = envelope.original_content or b""
            written = self.folder / f".{number}.part"
            written.write_bytes(content)
            written.replace(self.folder / f"{number}.eml")
            headers = content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode("utf-8", "replace")
            message_id = next(
                (
                    line.partition(":")[2].strip()
                    for line in headers.splitlines()
                    if line.lower().startswith("message-id:")
                ),
                "",
            )
            with self.log.open("a") as log:
                log.write(f"{time.time():.6f}\t{envelope.rcpt_tos[0]}\t{message_id}\t{number}\n")
        if self.drop_every and self.seen % self.drop_every == 0 and server.transport is not None:
            server.transport.close()
        return "250 OK kept"


class Command(BaseCommand):
    help = "Run a local SMTP server that writes each mail to a file."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=1025)
        parser.add_argument("--outbox", type=Path, default=settings.VAR_DIR / "outbox")
        parser.add_argument("--log", type=Path, default=settings.VAR_DIR / "outbox.log")
        parser.add_argument(
            "--drop-every", type=int, default=0, help="for tests: cut the line before every nth 250"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        box = Outbox(options["outbox"], options["log"], drop_every=options["drop_every"])
        controller = Controller(box, hostname="127.0.0.1", port=options["port"])
        controller.start()
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        try:
            stopped.wait()
        except KeyboardInterrupt:
            pass
        finally:
            controller.stop()
