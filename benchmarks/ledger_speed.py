"""How long `verify_ledger` and a checkpoint take on a million records, against a bare loop of the same SHA-256."""

import argparse
import hashlib
import random
import resource
import shutil
import time
from collections.abc import Iterator
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
from customers.proof import checking, checkpoints
from customers.purposes import PURPOSES

TABLE = "customers_consentrecord"
COLUMNS = """customer_id sequence purpose granted notice notice_sha256 language method source actor at commitment
previous_hash hash""".split()  # noqa: SIM905 - a list would take fourteen lines
PAGE = 20_000


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


def fill(people: int, records: int) -> tuple[list[int], float]:
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
    bare = 0.0
    page: list[ConsentRecord] = []
    blobs: list[bytes] = []

    def flush() -> float:
        write(page)
        began = time.perf_counter()
        for hashed in blobs:
            hashlib.sha256(hashed).hexdigest()
        spent = time.perf_counter() - began
        page.clear()
        blobs.clear()
        return spent

    for record, hashed in chains(range(ids[0], ids[-1] + 1), records, seed=1):
        page.append(record)
        blobs.append(hashed)
        if len(page) == PAGE:
            bare += flush()
    bare += flush() if page else 0.0
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


def seconds(work: Any, *arguments: Any, **named: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work(*arguments, **named)
    return time.perf_counter() - began, result


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
    print(f"  bare SHA-256 of the same bytes            {bare:8.2f} s")
    before = megabytes()
    verify_s, found = seconds(ledger.verify)
    assert found.records == total and not found.faults, found.faults[:3]
    print(f"  verify: chains and states                 {verify_s:8.2f} s  {verify_s / bare:.1f} times bare")
    print(f"    memory beyond the start                 {megabytes() - before:8.0f} MB")
    first_s, row = seconds(checkpoints.make, at=world.NOW)
    assert row is not None and row.records == total
    print(f"  first checkpoint                          {first_s:8.2f} s")
    checked_s, found = seconds(checking.check, line=checkpoints.newest_line())
    assert not found.faults, found.faults[:3]
    print(
        f"  verify against the checkpoint             {checked_s:8.2f} s  {checked_s / bare:.1f} times bare"
    )
    answer(ids, 1000)
    next_s, row = seconds(checkpoints.make, at=world.NOW)
    assert row is not None and row.records == total + 1000
    print(f"  next checkpoint, 1,000 more records       {next_s:8.2f} s")
    (Path(settings.CHECKPOINT_DIR) / "tree.bin").unlink()
    answer(ids, 1000)
    lost_s, row = seconds(checkpoints.make, at=world.NOW)
    assert row is not None
    print(f"  the same when the tree's file was lost    {lost_s:8.2f} s")
    print(f"    largest memory                          {megabytes():8.0f} MB")
    figures = {
        "bare_s": bare,
        "verify_s": verify_s,
        "verify_by_bare": verify_s / bare,
        "verify_with_checkpoint_s": checked_s,
        "first_checkpoint_s": first_s,
        "next_checkpoint_s": next_s,
        "lost_tree_s": lost_s,
        "megabytes": megabytes(),
    }
    save(f"ledger_speed_{connection.vendor}", {"people": asked.people, "records": total}, figures)
    shutil.rmtree(settings.CHECKPOINT_DIR, ignore_errors=True)


if __name__ == "__main__":
    main()
