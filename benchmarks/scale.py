"""How far one machine goes: millions of generated purchases through the library, and once through the database.

    python -m benchmarks.scale                               # 1 million, each candidate by itself
    python -m benchmarks.scale --purchases 10000000          # the size that must pass within 8 GiB
    python -m benchmarks.scale --purchases 10000000 --database   # read from the database and trained as the worker does

People have a taste (one of forty), a few things they buy again and again, and otherwise what is popular, by Zipf's
law. Each candidate is fitted and measured in a process of its own, so its peak memory is its own; one that takes longer
than --limit is stopped and said to be. `--database` writes the rows by COPY (PostgreSQL in DATABASE_URL) or by
executemany (SQLite), past the door for events, and trains in this process.
"""

import argparse
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.db import connections
from threadpoolctl import threadpool_limits

from benchmarks import scale_database
from benchmarks.report import save
from recommender.algorithms.compare import Candidate, measure
from recommender.algorithms.interactions import FloatArray, IntArray, Interactions
from recommender.algorithms.presets import ALL, BY_LABEL
from recommender.algorithms.split import Split, validation_split

TASTES = 40
FAVOURITES = 8
DAYS = 360.0
GIB = 2**30
MOST_MEMORY = 8 * GIB  # of one process; beyond it the system says no, and the row says so


def purchases(
    count: int, people: int, products: int, *, seed: int = 0
) -> tuple[IntArray, IntArray, FloatArray]:
    """So many purchases as aligned (people, products, days): numbers from 0, days of a year before day 20,000."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, products + 1) ** 0.9
    share /= share.sum()
    shelf = rng.permutation(products)  # so that a product's id says nothing of how popular it is
    eager = rng.lognormal(0.0, 1.0, people)
    who = rng.choice(people, count, p=eager / eager.sum())
    liking = rng.random(count)
    # A taste is every fortieth place on the shelf, popular ones and rare ones alike.
    taste = rng.integers(0, TASTES, people)
    popular = rng.choice(products, count, p=share)
    to_taste = np.minimum(popular // TASTES * TASTES + taste[who], products - 1)
    own = rng.choice(products, (people, FAVOURITES), p=share)
    own = np.minimum(own // TASTES * TASTES + taste[:, np.newaxis], products - 1)
    again = own[who, rng.integers(0, FAVOURITES, count)]
    places = np.where(liking < 0.35, again, np.where(liking < 0.75, to_taste, popular))
    return who, shelf[places], 20_000.0 - DAYS * rng.random(count)


def alone(work: Callable[[], dict[str, Any]], *, limit_s: float) -> dict[str, Any]:
    """What `work` answers in a process of its own, and the peak memory and CPU seconds of that process."""
    reader, writer = os.pipe()
    began = time.perf_counter()
    connections.close_all()  # a child may not share them
    child = os.fork()
    if not child:
        signal.alarm(round(limit_s))
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        try:
            answer = json.dumps(work())
        except Exception as error:
            answer = json.dumps({"failed": f"{type(error).__name__}: {error}"[:300]})
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _child, status, used = os.wait4(child, 0)
    if not said:
        why = os.waitstatus_to_exitcode(status)
        said = json.dumps(
            {"failed": f"took longer than {limit_s:.0f} s" if why == -14 else f"ended with {why}"}
        )
    return {
        **json.loads(said),
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_gib": round(used.ru_maxrss * 1024 / GIB, 2),
    }


def measured(candidate: Candidate, split: Split) -> dict[str, Any]:
    row = measure(candidate, split)
    return {
        "ndcg10": round(row.ndcg10, 4),
        "people": row.people,
        "people_in_all": row.people_in_all,
        "fit_s": round(row.fit_seconds, 1),
    }


def library(acts: Interactions, candidates: Sequence[Candidate], *, limit_s: float) -> dict[str, Any]:
    """Each candidate fitted on what came before the validation month and measured on it."""
    began = time.perf_counter()
    split = validation_split(acts)
    print(f"  dividing: {time.perf_counter() - began:.1f} s, peak {own_peak():.2f} GiB", flush=True)
    found = {"divide_s": round(time.perf_counter() - began, 1), "data_peak_gib": round(own_peak(), 2)}
    for candidate in candidates:
        row = alone(lambda c=candidate: measured(c, split), limit_s=limit_s)  # type: ignore[misc]
        found[candidate.label] = row
        print(f"  {candidate.label:22} {json.dumps(row)}", flush=True)
    return found


def database(
    acts: Sequence[Any], people: int, products: int, algorithms: list[str], limit_s: float
) -> dict[str, Any]:
    """The same purchases as rows: written, read three ways, and trained on."""
    found: dict[str, Any] = {"fill": scale_database.fill(*acts, people=people, products=products)}
    print(f"  filling: {found['fill']}", flush=True)
    for way in scale_database.WAYS:
        found[way] = alone(lambda w=way: scale_database.read(w), limit_s=limit_s)  # type: ignore[misc]
        print(f"  reading {way}: {json.dumps(found[way])}", flush=True)
    found["training"] = alone(lambda: scale_database.train(algorithms), limit_s=limit_s)
    print(f"  training: {json.dumps(found['training'])}", flush=True)
    return found


def own_peak() -> float:
    """GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--purchases", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, help="default: one for 50 purchases")
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--algorithms", nargs="*", default=[], choices=sorted(BY_LABEL))
    parser.add_argument("--limit", type=float, default=900.0, help="seconds a candidate")
    parser.add_argument("--database", action="store_true")
    asked = parser.parse_args()
    people = asked.people or asked.purchases // 50
    threadpool_limits(os.cpu_count())  # as a worker has, and unlike the other scripts
    print(f"{asked.purchases:,} purchases of {people:,} people and {asked.products:,} products", flush=True)
    began = time.perf_counter()
    made = purchases(asked.purchases, people, asked.products)
    print(f"  generated in {time.perf_counter() - began:.1f} s", flush=True)
    sizes = {"purchases": asked.purchases, "people": people, "products": asked.products}
    if asked.database:
        found = database(made, people, asked.products, asked.algorithms, asked.limit)
    else:
        candidates = [BY_LABEL[name] for name in asked.algorithms] or list(ALL)
        found = library(Interactions.of(*made), candidates, limit_s=asked.limit)
    name = "scale-database" if asked.database else "scale"
    save(f"{name}-{asked.purchases}", sizes, found, also=("scikit-learn",))


if __name__ == "__main__":
    main()
