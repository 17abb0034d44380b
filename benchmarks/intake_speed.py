"""Events a second by each door, 100 and 1,000 a batch, beside a bare INSERT of the same rows by the same driver.

    DATABASE_URL=postgres://… python -m benchmarks.intake_speed

Two processes send at once, to two workers of gunicorn; two processes insert, one statement and one commit a batch.
Rows, indexes and constraints are the same on both sides; ours also knows the people and asks what they allow.
"""

import argparse
import http.client
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from typing import Any
from uuid import uuid4

from django.db import connection

from benchmarks import PORT, world
from benchmarks.report import ratios, save, spread, told
from catalog.models import Product
from config.processes import Processes, web
from customers.access import create_key
from customers.models import Event

SENDERS = 2
SIZES = (100, 1000)
MOMENT = (world.NOW - timedelta(hours=1)).isoformat()
Bodies = list[bytes]


def plain(size: int, names: list[str], skus: list[str]) -> bytes:
    """POST /api/v1/events."""
    events = [
        {"message_id": str(uuid4()), "customer": names[n % len(names)], "type": "viewed", "sku": skus[n % len(skus)],
         "occurred_at": MOMENT}
        for n in range(size)
    ]  # fmt: skip
    return json.dumps({"batch": events}).encode()


def segment(size: int, names: list[str], skus: list[str]) -> bytes:
    """POST /v1/batch, as Segment's client for Python writes it."""
    messages = [
        {"type": "track", "event": "Product Viewed", "userId": names[n % len(names)], "anonymousId": None,
         "messageId": str(uuid4()), "timestamp": MOMENT, "integrations": {}, "properties": {"sku": skus[n % len(skus)]},
         "context": {"library": {"name": "analytics-python", "version": "2.3.4"}}}
        for n in range(size)
    ]  # fmt: skip
    return json.dumps({"batch": messages, "sentAt": world.NOW.isoformat()}).encode()


def post(path: str, key: str, bodies: Bodies) -> int:
    """How many events were accepted, over one connection that stays open."""
    line = http.client.HTTPConnection("127.0.0.1", PORT + 1)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    accepted = 0
    for body in bodies:
        line.request("POST", path, body, headers)
        accepted += json.loads(line.getresponse().read())["accepted"]
    return accepted


COLUMNS = (
    "customer_id", "type", "product_id", "quantity", "value", "currency", "order_id", "occurred_at", "received_at",
    "source", "message_id", "context", "basis", "consent_record_id", "cancels_id",
)  # fmt: skip


def insert(owners: list[tuple[int, int, int]], bodies: Bodies) -> int:
    """The same rows of people, products and records that are known already; one statement and one commit a body."""
    row = f"({', '.join(['%s'] * len(COLUMNS))})"
    kept = 0
    with connection.cursor() as cursor:
        for body in bodies:
            values: list[Any] = []
            for n, each in enumerate(json.loads(body)["batch"]):
                customer, product, record = owners[n % len(owners)]
                values += (
                    customer, "viewed", product, 1, None, "", "", MOMENT, MOMENT, "bare", each.get("message_id") or each["messageId"], "{}",
                    "consent", record, None,
                )  # fmt: skip
                kept += 1
            rows = ", ".join([row] * (len(values) // len(COLUMNS)))
            cursor.execute(f"INSERT INTO customers_event ({', '.join(COLUMNS)}) VALUES {rows}", values)
    return kept


def rate(pool: ProcessPoolExecutor, work: Callable[..., int], shares: list[tuple[Any, ...]]) -> float:
    began = time.perf_counter()
    n = sum(future.result() for future in [pool.submit(work, *share) for share in shares])
    seconds = time.perf_counter() - began
    assert n == sum(len(json.loads(body)["batch"]) for *_more, bodies in shares for body in bodies), n
    return n / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000, help="of each door, size and repetition")
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    world.migrate()
    skus, people = world.products(300), world.people(asked.people)
    names, key = list(people), create_key("secret")[1]
    products = dict(Product.objects.values_list("sku", "pk"))
    owners = [(people[name], products[skus[n % len(skus)]], 1) for n, name in enumerate(names)]
    connection.close()
    doors = {"/api/v1/events": plain, "/v1/batch": segment}
    print(f"intake_speed: {connection.vendor}, {SENDERS} senders, {os.cpu_count()} cores", flush=True)
    found: dict[str, dict[str, dict[str, float]]] = {}
    world.free(PORT + 1)
    with Processes() as processes, ProcessPoolExecutor(SENDERS, mp_context=get_context("spawn")) as pool:
        processes.start("ours", web(PORT + 1, workers=SENDERS))
        world.wait_for(PORT + 1)
        for path, write in doors.items():
            for size in SIZES:
                ours, bare = [], []
                for repetition in range(asked.repetitions + 1):
                    each = max(asked.events // size // SENDERS, 1)
                    shares = [[write(size, names, skus) for _ in range(each)] for _ in range(SENDERS)]
                    n = rate(pool, post, [(path, key, bodies) for bodies in shares])
                    m = rate(pool, insert, [(owners, bodies) for bodies in shares])
                    if repetition:  # the first one warms up
                        ours.append(n)
                        bare.append(m)
                title = f"{path}, {size} a batch"
                found[title] = {
                    "ours": spread(ours),
                    "bare": spread(bare),
                    "rate_by_bare": ratios(ours, bare),
                }
                print(
                    f"  {title:<30} {told(found[title]['ours'], 0)} events/s; bare INSERT {told(found[title]['bare'], 0)};"
                    f" {told(found[title]['rate_by_bare'], 2)} of it",
                    flush=True,
                )
    assert Event.objects.filter(source="bare").exists()
    save("intake_speed", {"people": asked.people, "events": asked.events, "senders": SENDERS}, found)


if __name__ == "__main__":
    main()
