"""Full runs in processes of their own: a folder that is thrown away, a database and a mail server inside it.

The installation's own database is never opened: a child is told another folder before Django reads its settings, and
plays only where that folder's database is the one it was given.
"""

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from campaigns.proof import shop
from campaigns.proof.shop import Run
from customers import installation

STARTS_WITHIN_S = 60
# What a child must not inherit: it would lead to the installation's own data or servers.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY_FALLBACKS")


class Stopped(Exception):
    """A process of the proof ended before its work was done; its own words stand in the message."""


@dataclass(frozen=True)
class Child:
    process: "subprocess.Popen[str]"
    complaints: Path


def plan(seeds: int, workers: int) -> list[tuple[int, int]]:
    """(first, count) for each worker, none without work."""
    each = [seeds // workers + (i < seeds % workers) for i in range(workers)]
    return [(sum(each[:i]), count) for i, count in enumerate(each) if count]


@contextmanager
def playing(seeds: int, *, first: int, workers: int, people: int) -> Iterator[Iterator[Run]]:
    """Begin so many full runs; inside, what comes out of them. Leaving stops what still plays and removes every trace.

    Reading raises Stopped when a process ends before its work is done.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tact-proof-")))
        children = [
            stack.enter_context(_worker(folder / str(number), first + start, count, people))
            for number, (start, count) in enumerate(plan(seeds, workers))
        ]
        yield (run for child in children for run in _read(child))


@contextmanager
def _worker(folder: Path, first: int, count: int, people: int) -> Iterator[Child]:
    folder.mkdir()
    port = _free_port()
    environment = _environment(folder, port)
    with ExitStack() as stack:
        server = ["mail_sink", "--port", str(port)]
        sink = stack.enter_context(_child(server, folder / "sink.err", environment))
        _wait(port, sink)
        work = ["prove_statistics", "--inside", str(folder), "--first", str(first), "--seeds", str(count)]
        yield stack.enter_context(
            _child([*work, "--people", str(people)], folder / "worker.err", environment)
        )


def _environment(folder: Path, port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return inherited | {
        "ENV_FILE": "",
        "DEBUG": "0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": f"proof:{key}",
        "LEDGER_KEY": key,
        "VAR_DIR": str(folder),
        "JOURNAL_DIR": str(folder / "journal"),
        "DATABASE_URL": f"sqlite:///{folder / 'tact.sqlite3'}",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "PUBLIC_URL": "https://shop.example",
        "POSTAL_ADDRESS": "Simulated shop, 1 Example Street, 10115 Berlin",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "OPENBLAS_NUM_THREADS": "1",
    }


@contextmanager
def _child(arguments: Sequence[str], complaints: Path, environment: dict[str, str]) -> Iterator[Child]:
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    with complaints.open("w") as err:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, env=environment, stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True
        )
    try:
        yield Child(process, complaints)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read(child: Child) -> Iterator[Run]:
    """The child's runs, one a line, as they come."""
    for line in child.process.stdout or ():
        yield Run(**json.loads(line))
    if child.process.wait():
        raise _stopped(child)


def _stopped(child: Child) -> Stopped:
    told = child.complaints.read_text().strip().splitlines()
    return Stopped(told[-1] if told else f"exit code {child.process.returncode}, without a word")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, sink: Child) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and sink.process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise _stopped(sink)


# --- the child's side ------------------------------------------------------------------------------------------


def play(folder: Path, *, first: int, seeds: int, people: int) -> Iterator[Run]:
    """So many runs, each on a fresh database in this folder, as on an installation of its own.

    Raises Stopped where the settings lead elsewhere, and NotAsPlanned.
    """
    name: Any = settings.DATABASES["default"]["NAME"]
    database, fresh = Path(name), folder / "fresh.sqlite3"
    journal = folder / "journal"
    if (
        database.parent != folder
        or database.exists()
        or (folder, journal) != (settings.VAR_DIR, settings.JOURNAL_DIR)
    ):
        raise Stopped(f"{database} is not the empty database of {folder}; nothing was touched.")
    call_command("migrate", verbosity=0)
    connection.close()
    shutil.copyfile(database, fresh)
    for seed in range(first, first + seeds):
        connection.close()
        for path in folder.glob(f"{database.name}*"):
            path.unlink()
        shutil.copyfile(fresh, database)
        # The journal of the run before would tell of another database, and nothing would be sent.
        shutil.rmtree(journal, ignore_errors=True)
        installation.forget()
        yield shop.run(seed, people=people, sink_log=folder / "outbox.log")
        # What the mail server kept is of no more use, and would make the next run read it all again.
        for kept in (folder / "outbox.log", *(folder / "outbox").glob("*.eml")):
            kept.unlink(missing_ok=True)
