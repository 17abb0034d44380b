"""A person of 10,000 events: their copy and their erasure, against the same rows read and deleted by plain SQL."""

import argparse
import json
import subprocess
import sys
from datetime import timedelta

from django.db import connection, transaction

from benchmarks import world
from benchmarks.report import ratios, save, spread, timed, told
from customers import events, export_files, exports, privacy
from customers.events import Incoming
from customers.models import Customer, PrivacyRequest

# Where most of a person's rows stand, and the column that leads to them.
TABLES = (
    ("customers_event", "customer_id"),
    ("customers_consentrecord", "customer_id"),
    ("customers_consentstate", "customer_id"),
    ("customers_identity", "customer_id"),
    ("campaigns_decision", "customer_id"),
    ("campaigns_delivery", "customer_id"),
    ("recommender_shown", "customer_id"),
    ("recommender_interest", "customer_id"),
)
LIMITS_S = {"copy": 10.0, "erasure": 60.0}


def lived(name: str, count: int, skus: list[str]) -> None:
    """So many events of one person, a thousand a batch."""
    kinds = ("viewed", "viewed", "added", "ordered")
    for start in range(0, count, 1000):
        page = [
            Incoming(
                message_id=f"{name}-{n}",
                type=kinds[n % 4],
                customer=name,
                sku=skus[n % len(skus)],
                occurred_at=world.NOW - timedelta(minutes=n),
                order_id=f"{name}-{n}" if n % 4 == 3 else "",
                context={"page": f"https://shop.example/p/{n}"},
            )
            for n in range(start, min(start + 1000, count))
        ]
        kept = events.take_in(page, source="benchmark", at=world.NOW)
        assert kept.accepted == len(page), kept


def bare_copy(customer_id: int) -> None:
    """The same tables by plain SQL, dumped as JSON: no names, no table, no seal, no zip."""
    with connection.cursor() as cursor:
        for table, column in TABLES:
            cursor.execute(f"SELECT * FROM {table} WHERE {column} = %s", [customer_id])
            json.dumps(cursor.fetchall(), default=str)


def bare_deletion(customer_id: int) -> None:
    """The events gone by one statement, and rolled back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM campaigns_outcome WHERE event_id IN (SELECT id FROM customers_event WHERE customer_id = %s)",
            [customer_id],
        )
        cursor.execute("DELETE FROM customers_event WHERE customer_id = %s", [customer_id])
        transaction.set_rollback(True)


def copy_of(name: str) -> None:
    customer = Customer.objects.select_related("key").get(external_id=name)
    assert customer.key is not None
    with export_files.Sealing(PrivacyRequest(customer=customer).pk, customer.key) as file:
        exports.write_zip(customer, file, at=world.NOW)
    file.discard()


MEMORY = """
from resource import RUSAGE_SELF, getrusage
from benchmarks import rights_speed
rights_speed.copy_of("{first}")
before = getrusage(RUSAGE_SELF).ru_maxrss
rights_speed.copy_of("{name}")
print((getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def memory_of(name: str, *, first: str) -> float:
    """MiB that one copy more adds to the peak of a process of its own, which has made another one before."""
    script = MEMORY.format(name=name, first=first)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=5)
    asked = parser.parse_args()
    world.migrate()
    skus = world.products(300)
    people = world.people(asked.repetitions + 2)
    warm, large, *names = people
    for name in (warm, *names):
        lived(name, asked.events, skus)
    lived(large, 3 * asked.events, skus)
    # (wall, CPU) seconds of this process; on PostgreSQL the server's own CPU is not in it.
    copies, bare_copies, erasures, bare_erasures = [], [], [], []
    copy_of(warm)
    for name in names:
        bare_copies.append(timed(lambda name=name: bare_copy(people[name])))
        copies.append(timed(lambda name=name: copy_of(name)))
    added = memory_of(large, first=warm)
    for name in names:
        bare_erasures.append(timed(lambda name=name: bare_deletion(people[name])))
        erasures.append(timed(lambda name=name: privacy.erase(people[name], actor="benchmark", at=world.NOW)))
    figures = {
        "copy_s": spread([wall for wall, _cpu in copies]),
        "copy_cpu_s": spread([cpu for _wall, cpu in copies]),
        "copy_by_bare": ratios([wall for wall, _cpu in copies], [wall for wall, _cpu in bare_copies]),
        "erasure_s": spread([wall for wall, _cpu in erasures]),
        "erasure_cpu_s": spread([cpu for _wall, cpu in erasures]),
        "erasure_by_bare": ratios([wall for wall, _cpu in erasures], [wall for wall, _cpu in bare_erasures]),
        "memory_mib_of_three_times_the_events": added,
    }
    print(f"rights_speed: {asked.events:,} events a person, {connection.vendor}, {asked.repetitions} people")
    print(
        f"  copy, sealed     {told(figures['copy_s'], 2)} s, CPU {told(figures['copy_cpu_s'], 2)} s   {told(figures['copy_by_bare'], 1)} times a bare dump"
    )
    print(
        f"  erasure          {told(figures['erasure_s'], 2)} s, CPU {told(figures['erasure_cpu_s'], 2)} s   {told(figures['erasure_by_bare'], 1)} times a bare DELETE"
    )
    print(f"  three times the events add {added:,.1f} MiB to the peak")
    save(f"rights_speed_{connection.vendor}", {"events": asked.events, "people": asked.repetitions}, figures)
    slow = [k for k, limit in LIMITS_S.items() if figures[f"{k}_s"]["max"] > limit]
    if slow:
        raise SystemExit(f"Slower than D1 allows: {', '.join(slow)}")


if __name__ == "__main__":
    main()
