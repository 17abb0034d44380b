"""How long `verify_ledger` and a checkpoint take on a million records, against a bare loop of the same SHA-256."""

import argparse
import hashlib
import random
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction

from benchmarks import world
from benchmarks.report import save
from customers import ledger
from customers.models import ConsentRecord, ConsentState, Customer
from customers.proof import checking, checkpoints, receipts
from customers.purposes import PURPOSES

TABLE = "customers_consentrecord"
COLUMNS = """customer_id sequence purpose granted notice notice_sha256 language method source actor at commitment
previous_hash hash""".split()  # noqa: SIM905 - a list would take fourteen lines
PAGE = 20_000


@dataclass
class Spent:
    """Seconds by the clock, and of this process's own work, which a busy machine changes less."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def more(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def blob(record: ConsentRecord) -> bytes:
    """What is hashed of a record, as `ledger.record_hash` does."""
    at = record.at.isoformat(timespec="microseconds")
    values = [getattr(record, name) for name in COLUMNS[:-1]]
    return orjson.dumps(
        [at if name == "at" else value for name, value in zip(COLUMNS[:-1], values, strict=True)]
    )


def chains(people: range, records: int, seed: int) -> Iterator[tuple[ConsentRecord, bytes]]:
    chance, purposes = random.Random(seed), list(PURPOSES)
    for person in people:
        previous = ledger.GENESIS
        for n in range(records):
            granted = chance.random() < 0.7
            purpose = purposes[(person + n) % len(purposes)]
            record = ConsentRecord(
                customer_id=person,
                sequence=n + 1,
                purpose=purpose,
                granted=granted,
                notice=f"{purpose}@1" if granted else "",
                notice_sha256=hashlib.sha256(purpose.encode()).hexdigest() if granted else "",
                language="en" if granted else "",
                method="preference_page",
                source="preferences",
                actor="customer",
                at=world.NOW - timedelta(seconds=records * 60 - n * 60, microseconds=person % 1_000_000),
                commitment=hashlib.sha256(b"%d" % person).hexdigest(),
                previous_hash=previous,
            )
            hashed = blob(record)
            record.hash = previous = hashlib.sha256(hashed).hexdigest()
            yield record, hashed


def write(records: list[ConsentRecord]) -> None:
    rows = [[getattr(record, name) for name in COLUMNS] for record in records]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            lines = "".join("\t".join(map(str, row)) + "\n" for row in rows)
            cursor.copy_from(StringIO(lines), TABLE, columns=COLUMNS, null="\\N")
        else:
            marks = ", ".join(["%s"] * len(COLUMNS))
            values = [
                [str(v.replace(tzinfo=None)) if hasattr(v, "tzinfo") else v for v in row] for row in rows
            ]
            cursor.executemany(f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({marks})", values)


def fill(people: int, records: int) -> tuple[list[int], Spent]:
    """A ledger of people with so many records each; (their numbers, seconds of a bare loop over the same bytes)."""
    for first in range(0, people, PAGE):
        Customer.objects.bulk_create(
            [
                Customer(external_id=f"c{n}", jurisdiction="EU")
                for n in range(first, min(first + PAGE, people))
            ],
            batch_size=5000,
        )
    ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    bare = Spent()
    page: list[ConsentRecord] = []
    blobs: list[bytes] = []

    def flush() -> None:
        write(page)
        with bare.more():
            for hashed in blobs:
                hashlib.sha256(hashed).hexdigest()
        page.clear()
        blobs.clear()

    for record, hashed in chains(range(ids[0], ids[-1] + 1), records, seed=1):
        page.append(record)
        blobs.append(hashed)
        if len(page) == PAGE:
            flush()
    flush()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_consentstate (customer_id, purpose, granted, record_id, at) "
            "SELECT customer_id, purpose, granted, id, at FROM customers_consentrecord r WHERE NOT EXISTS ("
            "SELECT 1 FROM customers_consentrecord s WHERE s.customer_id = r.customer_id "
            "AND s.purpose = r.purpose AND s.sequence > r.sequence)"
        )
        cursor.execute("ANALYZE")
    return ids, bare


def answer(ids: list[int], people: int) -> None:
    """One more record of some people, spread over all of them."""
    page = []
    for person in ids[:: max(1, len(ids) // people)][:people]:
        last = ConsentRecord.objects.filter(customer_id=person).latest("sequence")
        record = ConsentRecord(**{name: getattr(last, name) for name in COLUMNS})
        record.sequence, record.previous_hash = last.sequence + 1, last.hash
        record.hash = ledger.record_hash(record)
        page.append(record)
    write(page)
    for record in page:
        newest = ConsentRecord.objects.filter(customer_id=record.customer_id).latest("sequence")
        ConsentState.objects.filter(customer_id=record.customer_id, purpose=record.purpose).update(
            record_id=newest.pk, granted=newest.granted
        )


def seconds(work: Any, *arguments: Any, **named: Any) -> tuple[Spent, Any]:
    spent = Spent()
    with spent.more():
        result = work(*arguments, **named)
    return spent, result


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=250_000)
    parser.add_argument("--records", type=int, default=4, help="of each person")
    asked = parser.parse_args()
    world.migrate()
    ids, bare = fill(asked.people, asked.records)
    total = asked.people * asked.records
    print(f"ledger_speed: {total:,} records of {asked.people:,} people, {connection.vendor}")
    figures: dict[str, Any] = {}

    def tell(name: str, words: str, spent: Spent) -> None:
        figures[name] = {"wall_s": spent.wall, "cpu_s": spent.cpu, "wall_by_bare": spent.wall / bare.wall}
        ratio = spent.wall / bare.wall
        print(f"  {words:<42}{spent.wall:8.2f} s, own work {spent.cpu:7.2f} s, {ratio:6.1f} times bare")

    tell("bare", "bare SHA-256 of the same bytes", bare)
    before = megabytes()
    spent, found = seconds(ledger.verify)
    assert found.records == total and not found.faults, found.faults[:3]
    tell("verify", "verify: chains and states", spent)
    figures["verify_megabytes"] = megabytes() - before
    print(f"    memory beyond the start {figures['verify_megabytes']:.0f} MB")
    spent, row = seconds(checkpoints.make, at=world.NOW)
    assert row is not None and row.records == total
    tell("first", "first checkpoint", spent)
    spent, found = seconds(checking.check, line=checkpoints.newest_line())
    assert not found.faults, found.faults[:3]
    tell("against", "verify against the checkpoint", spent)
    answer(ids, 1000)
    spent, row = seconds(checkpoints.make, at=world.NOW)
    assert row is not None and row.records == total + 1000
    tell("next", "next checkpoint, 1,000 more records", spent)
    (Path(settings.CHECKPOINT_DIR) / "tree.bin").unlink()
    answer(ids, 1000)
    spent, row = seconds(checkpoints.make, at=world.NOW)
    assert row is not None
    tell("lost", "the same when the tree's file was lost", spent)
    record = ConsentRecord.objects.filter(pk__lte=row.newest_record).latest("pk")
    spent, _receipt = seconds(receipts.issue, record)
    tell("receipt", "a receipt", spent)
    figures["megabytes"] = megabytes()
    print(f"    largest memory {figures['megabytes']:.0f} MB")
    save(f"ledger_speed_{connection.vendor}", {"people": asked.people, "records": total}, figures)
    shutil.rmtree(settings.CHECKPOINT_DIR, ignore_errors=True)


if __name__ == "__main__":
    main()
