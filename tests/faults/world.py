"""A small installation of its own for faults: a database, a sink with its own log, and senders that die.

Run as a program it is one process of that installation: `python -m tests.faults.world setup|send …`. The parent never
touches its database except by such processes, as an operator would.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import tests.environment
from tests.faults.forks import Fork, Forks
from tests.private_servers import on_server

STEPS = ("claimed", "opened", "committed", "half a body", "whole body", "answered", "ended")
assert tests.environment


# --- the processes ---------------------------------------------------------------------------------------------------


def setup(people: int) -> None:
    """Plan a campaign to so many people."""
    from django.utils import timezone  # noqa: PLC0415

    from campaigns import lifecycle, planning  # noqa: PLC0415
    from campaigns.messages import default_message  # noqa: PLC0415
    from campaigns.models import Campaign, CampaignSegment, Message, Segment  # noqa: PLC0415
    from tests.campaigns.conftest import people as make_people  # noqa: PLC0415

    make_people(people)
    now = timezone.now()
    campaign = Campaign.objects.create(
        slug="faults",
        name="Faults",
        control_percent=0,
        message=Message.objects.create(slug="faults", **default_message()),
    )
    everyone = Segment.objects.create(slug="all", name="All", rule={"attribute": "id", "exists": True})
    CampaignSegment.objects.create(campaign=campaign, segment=everyone)
    lifecycle.take(campaign, "approve", by="faults", at=now)
    lifecycle.take(campaign, "launch", by="faults", at=now)
    planning.plan_due(at=timezone.now())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_the(n: int, function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """The function, and death right before or after its nth call."""
    seen = 0

    def dying(*args: Any, **options: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == n and not after:
            die()
        found = function(*args, **options)
        if seen == n and after:
            die()
        return found

    return dying


def send(step: str, n: int, minutes: int) -> None:
    """Send all that is due as if `minutes` had passed; die at the nth occurrence of the step (`none`: live)."""
    import smtplib  # noqa: PLC0415, TID251

    from django.utils import timezone  # noqa: PLC0415

    from campaigns import delivery  # noqa: PLC0415
    from campaigns.channels.email import Email  # noqa: PLC0415

    def half(self: smtplib.SMTP, data: Any) -> None:
        if isinstance(data, bytes) and len(data) > 1000:
            half.seen += 1  # type: ignore[attr-defined]
            if half.seen == n:  # type: ignore[attr-defined]
                original(self, data[: len(data) // 2])
                die()
        original(self, data)

    half.seen = 0  # type: ignore[attr-defined]
    original = smtplib.SMTP.send
    match step:
        case "claimed":
            delivery.claim = at_the(min(n, 2), delivery.claim, after=True)
        case "opened":
            Email.open = at_the(n, Email.open, after=True)  # type: ignore[method-assign]
        case "committed":
            delivery._begin = at_the(n, delivery._begin, after=True)
        case "half a body":
            smtplib.SMTP.send = half  # type: ignore[method-assign, assignment]
        case "whole body":
            # The replies to EHLO, MAIL, RCPT and DATA come before; the body's own is what is never read.
            Email._transmit = unread(n, Email._transmit)  # type: ignore[method-assign]
        case "answered":
            Email._transmit = at_the(n, Email._transmit, after=True)  # type: ignore[method-assign]
        case "ended":
            delivery._end = at_the(n, delivery._end, after=True)
    delivery.deliver_all(clock=lambda: timezone.now() + timedelta(minutes=minutes))


def unread(n: int, transmit: Callable[..., Any]) -> Callable[..., Any]:
    import smtplib  # noqa: PLC0415, TID251

    seen = 0

    def dying(self: Any, message: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == n:
            smtplib.SMTP.getreply = lambda _line: die()  # type: ignore[assignment, method-assign, return-value]
        transmit(self, message)

    return dying


def storm(senders: int, kills: int) -> None:
    """Several senders at once, of whom one is killed at a moment nobody chose, again and again; then all ends in peace."""
    import random  # noqa: PLC0415
    import time  # noqa: PLC0415
    from multiprocessing import get_context  # noqa: PLC0415

    from django.db import connections  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from campaigns import delivery, queue  # noqa: PLC0415
    from campaigns.models import Delivery  # noqa: PLC0415

    queue.LEASE = delivery.LEASE = timedelta(seconds=10)  # type: ignore[attr-defined]
    rng, killed = random.Random(int(os.environ.get("SEED", "11"))), 0

    def start() -> Any:
        connections.close_all()  # a line to the database is not shared with a child
        process = get_context("fork").Process(
            target=delivery.deliver_all, kwargs={"clock": timezone.now, "limit": 20}
        )
        process.start()
        return process

    def is_left() -> bool:
        return Delivery.objects.filter(status__in=("planned", "claimed", "transmitting", "retry")).exists()

    running = [start() for _ in range(senders)]
    while killed < kills and is_left():
        time.sleep(rng.uniform(0.02, 0.2))
        place = rng.randrange(senders)
        if running[place].is_alive():
            running[place].kill()
            killed += 1
        running[place].join()
        running[place] = start()
    for process in running:
        process.join()
    while is_left():  # what the dead had begun waits for the end of their leases
        time.sleep(1)
        delivery.deliver_all(clock=timezone.now)
    print(killed)


def tell() -> None:
    """Every delivery's recipient, state and Message-ID, and what the audits say, as JSON."""
    from campaigns import audit  # noqa: PLC0415
    from campaigns.models import Delivery  # noqa: PLC0415
    from customers import ledger  # noqa: PLC0415

    rows = Delivery.objects.values_list("customer__external_id", "status", "message_id", "reason")
    print(
        json.dumps(
            {
                "deliveries": list(rows),
                "violations": audit.audit().violations,
                "ledger": [str(fault) for fault in ledger.verify().faults],
            }
        )
    )


# --- the parent's side -------------------------------------------------------------------------------------------------


class World:
    def __init__(self, folder: Path, environment: dict[str, str], forks: Forks) -> None:
        self.folder, self.environment, self.forks = folder, environment, forks

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.end("tests.faults.world", *arguments)

    def begin(self, module: str, *arguments: str, **environment: str) -> Fork:
        """One process of the installation, `python -m module arguments`; its end is not waited for."""
        return self.forks.begin({**self.environment, **environment}, module, *arguments)

    def end(self, module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The same, to its end."""
        return self.forks.run({**self.environment, **environment}, module, *arguments)

    def log(self) -> list[tuple[str, str]]:
        """(recipient, Message-ID) of every mail the sink took in, from its own log."""
        path = self.folder / "sink.log"
        rows = path.read_text().splitlines() if path.exists() else []
        return [(row.split("\t")[1], row.split("\t")[2]) for row in rows]

    def state(self) -> dict[str, Any]:
        done = self.run("tell")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def installation(folder: Path, migrated: str) -> Iterator[tuple[dict[str, str], Forks]]:
    """The environment of an installation in the folder, with a copy of that database, and what begins its processes."""
    with database(folder, of=migrated) as url:
        environment = {
            **os.environ,
            "VAR_DIR": str(folder / "var"),
            "POSTAL_ADDRESS": "Shop, 1 Example Street, 10115 Berlin",
        }
        environment.pop("DATABASE_URL", None)
        if url:
            environment["DATABASE_URL"] = url
        forks = Forks(folder)
        try:
            yield environment, forks
        finally:
            forks.close()


@contextmanager
def database(folder: Path, *, of: str = "") -> Iterator[str]:
    """A database of the kind the suite runs on; its URL ("" for SQLite in the folder). A copy of that one, or empty."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        if of:
            (folder / "var").mkdir()
            shutil.copy(of, folder / "var" / "tact.sqlite3")
        yield ""
        return
    name = f"faults_{uuid4().hex[:12]}"
    if of:
        on_server("CREATE DATABASE {} TEMPLATE {}", name, of)
    else:
        on_server("CREATE DATABASE {}", name)
    try:
        yield f"{url.rpartition('/')[0]}/{name}"
    finally:
        on_server("DROP DATABASE {} WITH (FORCE)", name)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    match sys.argv[1:]:
        case ["setup", count]:
            setup(int(count))
        case ["send", step, n, minutes]:
            send(step, int(n), int(minutes))
        case ["storm", senders, kills]:
            storm(int(senders), int(kills))
        case ["tell"]:
            tell()
