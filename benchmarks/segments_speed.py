"""How soon segments are counted in a large shop: about, and exactly, beside a bare COUNT(*) of the customers.

Run: DATABASE_URL=postgresql://… python -m benchmarks.segments_speed (an empty database; it is filled).
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import connection
from django.utils import timezone

from benchmarks import full_shop
from benchmarks.report import save
from campaigns import segments
from customers.models import Customer

ORDERED = {"did": "ordered", "within_days": 30}
RULES: dict[str, Any] = {
    "country": {"attribute": "country", "is": "DE"},
    "ordered in 90 days": {"did": "ordered", "within_days": 90},
    "viewed a category 3 times": {"did": "viewed", "category": "big-3", "times": {"gte": 3}},
    "viewed 3 times in a year": {"did": "viewed", "times": {"gte": 3}, "within_days": 365},
    "never ordered": {"not": {"did": "ordered"}},
    "four conditions, nested": {
        "all": [
            {"attribute": "country", "in": ["DE", "FR"]},
            {"any": [{"did": "viewed", "within_days": 30}, {"frequency": {"gte": 2}}]},
            {"not": ORDERED},
        ]
    },
    "another segment": {"segment": "big-3"},
    "score of churn": {"score": "churn", "gte": 0.5},
    "interest and money": {"all": [{"interest": "big-3"}, {"monetary": {"gte": 100}}]},
    "acts like a group": {"cluster": 3},
}


def median_s(ask: Callable[[], Any], repeats: int) -> float:
    """After one call to warm up."""
    ask()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def measured(repeats: int) -> dict[str, tuple[float, float]]:
    """Of each rule: seconds until the estimate, and until the exact figure with who can be reached."""
    at = timezone.now()
    return {
        name: (
            median_s(lambda rule=rule: segments.estimate_reach(rule, at=at), repeats),
            median_s(lambda rule=rule: segments.waterfall(rule, channel="email", at=at), repeats),
        )
        for name, rule in RULES.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("DATABASE_URL must name a PostgreSQL server: such sizes live there.")
    full_shop.fill(people=asked.people, events=asked.events, campaigns=200)
    bare = median_s(Customer.objects.count, asked.repeats)
    found = measured(asked.repeats)
    print(f"A bare COUNT(*) of {asked.people:,} customers: {bare:.2f} s\n")
    print("| rule | estimate, s | exact, s | exact by a bare count |\n|---|---|---|---|")
    for name, (about, exact) in found.items():
        print(f"| {name} | {about:.2f} | {exact:.1f} | {exact / bare:.0f} |")
    save("segments_speed", vars(asked), {"bare": bare} | found)


if __name__ == "__main__":
    main()
