"""What the faults of keeping do to a small installation: people demand, erase, learn and ask, each in a process of its own.

Run as a program: `python -m tests.faults.keeping demand|links|behave|learn|erase|left …`.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from tests import searching
from tests.faults.world import World
from tests.private_servers import on_server, program

# --- the processes ---------------------------------------------------------------------------------------------------


def numbers(names: list[str]) -> dict[str, int]:
    from customers import identities  # noqa: PLC0415

    return identities.find(names)


def demand(withdrawing: list[str], erasing: list[str]) -> None:
    """These people say no to marketing, and those are erased."""
    from django.utils import timezone  # noqa: PLC0415

    from customers import consent, privacy  # noqa: PLC0415

    found = numbers([*withdrawing, *erasing])
    for name in withdrawing:
        consent.withdraw(
            found[name], "marketing_email", method="page", source="tests", actor="customer", at=timezone.now()
        )
    for name in erasing:
        privacy.erase(found[name], actor="customer", at=timezone.now())


def links(names: list[str]) -> None:
    """The path of each one's page, as JSON."""
    from customers import links  # noqa: PLC0415
    from customers.models import Customer  # noqa: PLC0415

    people = Customer.objects.select_related("key").filter(pk__in=numbers(names).values())
    print(json.dumps({one.external_id: urlsplit(links.preferences_url(one)).path for one in people}))


def behave(people: int) -> None:
    """Everybody buys a few things, some of them often."""
    import random  # noqa: PLC0415
    from decimal import Decimal  # noqa: PLC0415

    from django.utils import timezone  # noqa: PLC0415

    from catalog.imports import ProductInput, save_products  # noqa: PLC0415
    from customers import events  # noqa: PLC0415
    from customers.events import Incoming  # noqa: PLC0415

    rng, now = random.Random(3), timezone.now()
    save_products(
        [
            ProductInput(
                sku=f"s{n}", title=f"Thing {n}", category=f"C{n % 3}", price=Decimal(9), currency="EUR"
            )
            for n in range(24)
        ],
        at=now,
    )
    rows = [
        Incoming(
            message_id=f"{n}-{k}", type="ordered", customer=f"c{n:03}", sku=f"s{rng.randrange(8) * 3 + n % 3}",
            order_id=f"{n}-{k}", value=Decimal(9), currency="EUR",
            occurred_at=now - timedelta(days=rng.uniform(0.1, 170)),
        )
        for n in range(people)
        for k in range(14)
    ]  # fmt: skip
    for start in range(0, len(rows), 500):
        events.take_in(rows[start : start + 500], source="tests", at=now)


def fates() -> None:
    """What became of each one's message, and the faults of the ledger, as JSON."""
    from campaigns.models import Delivery  # noqa: PLC0415
    from customers import ledger  # noqa: PLC0415

    rows = dict(Delivery.objects.values_list("customer__external_id", "status"))
    print(json.dumps({"fates": rows, "ledger": [str(fault) for fault in ledger.verify().faults]}))


def erased() -> None:
    """The numbers of everybody who was erased, as JSON."""
    from customers.models import Customer  # noqa: PLC0415

    print(json.dumps(list(Customer.objects.filter(erased_at__isnull=False).values_list("pk", flat=True))))


def learn(until: Path) -> None:
    """Train everything once, and again and again until that file is there, and keep the models up; answers how often."""
    from django.utils import timezone  # noqa: PLC0415

    from recommender import training  # noqa: PLC0415

    rounds, is_enough = 0, False
    while not is_enough:
        for task in ("interests", "clusters", "recommend"):
            training.ask(task, algorithms=["item_knn", "popularity"] if task == "recommend" else None)
        while (run := training.claim(at=timezone.now())) is not None:
            training.work(run, at=timezone.now())
            rounds += 1
        training.renew(at=timezone.now())
        is_enough = until.exists()
    print(rounds)


def erase(names: list[str], threads: int) -> None:
    """Erase these people, several at once; the moment after which each is gone, as JSON."""
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from customers import privacy  # noqa: PLC0415

    found = numbers(names)

    def one(name: str) -> float:
        try:
            privacy.erase(found[name], actor="customer", at=timezone.now())
            return time.time()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps({"at": dict(zip(names, pool.map(one, names), strict=True)), "numbers": found}))


def left(people: list[int]) -> None:
    """After the sweeps of a scheduler: what is still there of these people, as JSON."""
    from django.utils import timezone  # noqa: PLC0415

    from customers import privacy  # noqa: PLC0415
    from recommender import training  # noqa: PLC0415
    from recommender.models import ModelVersion  # noqa: PLC0415
    from recommender.training import renewal  # noqa: PLC0415

    privacy.sweep(at=timezone.now())
    training.renew(at=timezone.now())
    training.forget_who_left(at=timezone.now())
    training.drop_files(at=timezone.now() + timedelta(hours=2))
    kept = {"customers.ConsentRecord", "customers.Customer"}
    rows = {
        model._meta.label: privacy.rows(model, people).count()
        for model in privacy.trails()
        if model._meta.label not in kept
    }
    live = ModelVersion.objects.filter(state="live").exclude(acts_file="")
    learnt = set(people) & {int(who) for version in live for who in renewal.read_acts(version)[0].users}
    names = sorted({version.task for version in ModelVersion.objects.filter(state="live")})
    print(json.dumps({"rows": {k: n for k, n in rows.items() if n}, "learnt": sorted(learnt), "live": names}))


# --- the parent's side -------------------------------------------------------------------------------------------------


class Keeping(World):
    def do(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One process of the installation, to its end."""
        return self.end("tests.faults.keeping", *arguments, **environment)

    def watch(self, known: str, listing: str, erasing: str, marker: Path, **environment: str) -> str:
        """What one process found that looked everybody up once (`tests.faults.looking`)."""
        done = self.end("tests.faults.looking", known, listing, erasing, str(marker), **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.end("manage", *arguments, **environment)

    def fates(self) -> dict[str, str]:
        """What became of each one's message; the ledger must verify."""
        done = self.do("fates")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["ledger"] == []
        found: dict[str, str] = told["fates"]
        return found

    @property
    def url(self) -> str:
        return self.environment.get("DATABASE_URL", "")

    def back_up(self) -> Path:
        """A backup as docs/operations.md says."""
        copy = self.folder / "backup"
        if self.url:
            subprocess.run([str(program("pg_dump")), "-Fc", "-f", copy, _plain(self.url)], check=True)
        else:
            with sqlite3.connect(self.file) as live, sqlite3.connect(copy) as backup:
                live.backup(backup)
        return copy

    @property
    def file(self) -> Path:
        return Path(self.environment["VAR_DIR"]) / "tact.sqlite3"

    def restore(self, backup: Path) -> None:
        """Put the backup in the place of the database."""
        if not self.url:
            for path in self.file.parent.glob("tact.sqlite3*"):
                path.unlink()
            shutil.copy(backup, self.file)
            return
        name = self.url.rpartition("/")[2]
        on_server("DROP DATABASE {} WITH (FORCE)", name)
        on_server("CREATE DATABASE {}", name)
        restore = [
            str(program("pg_restore")),
            "-d",
            _plain(self.url),
            "--no-owner",
            "--exit-on-error",
            backup,
        ]
        subprocess.run(restore, check=True)


def _plain(url: str) -> str:
    return url.replace("postgres://", "postgresql://")


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=300) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    match sys.argv[1:]:
        case ["demand", withdrawing, erasing]:
            demand(withdrawing.split(","), erasing.split(","))
        case ["links", names]:
            links(names.split(","))
        case ["behave", people]:
            behave(int(people))
        case ["search", *words]:
            print(json.dumps(searching.found(words)))
        case ["erased"]:
            erased()
        case ["fates"]:
            fates()
        case ["learn", until]:
            learn(Path(until))
        case ["erase", names, threads]:
            erase(names.split(","), int(threads))
        case ["left", people]:
            left([int(one) for one in people.split(",")])
