"""POST /api/v1/events, 100 events a batch, through gunicorn, against a bare view that bulk-inserts the same rows."""

import argparse
import http.client
import json
import time
from datetime import timedelta

from benchmarks import world
from benchmarks.report import ratios, save, spread, told
from catalog.models import Product
from customers.access import create_key


def batch(number: int, size: int, names: list[str], skus: list[str]) -> bytes:
    moment = (world.NOW - timedelta(hours=1)).isoformat()
    events = [
        {
            "message_id": f"m{number}-{n}",
            "customer": names[(number * size + n) % len(names)],
            "type": "viewed",
            "sku": skus[n % len(skus)],
            "occurred_at": moment,
        }
        for n in range(size)
    ]
    return json.dumps({"batch": events}).encode()


def post(port: int, path: str, bodies: list[bytes], key: str) -> float:
    """Events a second over one connection that stays open."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    began = time.perf_counter()
    for body in bodies:
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        said = answer.read()
        assert answer.status == 200, said
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=5)
    asked = parser.parse_args()
    world.migrate()
    skus = world.products(300)
    people = world.people(500)
    key = create_key("secret")[1]
    one = f"{next(iter(people.values()))},{Product.objects.values_list('pk', flat=True)[0]}"
    ours, theirs = [], []
    with world.servers() as (port, bare_port):
        for repetition in range(asked.repetitions + 1):
            first = repetition * asked.batches
            bodies = [batch(first + n, asked.size, list(people), skus) for n in range(asked.batches)]
            seconds = post(port, "/api/v1/events", bodies, key)
            bare_seconds = post(bare_port, f"/insert?ids={one}", bodies, key)
            if repetition:  # the first one warms up
                ours.append(seconds)
                theirs.append(bare_seconds)
    events = asked.batches * asked.size
    figures = {
        "events_a_second": spread([events / s for s in ours]),
        "bare_events_a_second": spread([events / s for s in theirs]),
        "time_by_bare": ratios(ours, theirs),
        "ms_a_batch": spread([s / asked.batches * 1000 for s in ours]),
    }
    print(f"events_speed: {asked.batches} batches of {asked.size}, {asked.repetitions} repetitions")
    print(f"  POST /api/v1/events   {told(figures['events_a_second'], 0)} events/s")
    print(f"  bare bulk insert      {told(figures['bare_events_a_second'], 0)} events/s")
    print(f"  time against bare     {told(figures['time_by_bare'], 2)} times")
    save("events_speed", {"batches": asked.batches, "events_a_batch": asked.size, "people": 500}, figures)


if __name__ == "__main__":
    main()
