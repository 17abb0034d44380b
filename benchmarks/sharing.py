"""What a shop gains by another shop's counts, and what their noise takes away: one real shop dealt into two.

    python -m benchmarks.sharing ONLINE_RETAIL.csv.gz [--seeds 2]

People are dealt by chance: so many to the shop that receives, the rest to the one that gives. NDCG@10 of products that
are new to the person, in the last 30 days, of the receiver's people; its weight is chosen on the 30 days before. To see
what a larger giver would bring, its counts are drawn from each of its people several times (`copies`): a stand-in that
has the larger shop's counts and not its variety.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator
from csv import DictReader
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from recommender.algorithms import noise, sharing, storage
from recommender.algorithms.compare import Candidate, Row, difference, measure
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.split import global_split, validation_split

WEIGHTS = (1.0, 0.1, 0.01, 0.001)
RECEIVERS = (100, 400)
COPIES = (10, 30, 100, 300, 1000)
EPSILONS = (1.0,)
MOST_ITEMS = 5
DELTA = 1e-6
DRAWS = 5


def read(path: Path) -> Interactions:
    """Sales with a customer, an amount above nought, and a code that begins with a digit."""
    people: list[int] = []
    codes: list[str] = []
    days: list[float] = []
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        for row in DictReader(file):
            if row["CustomerID"] and float(row["Quantity"]) > 0 and row["StockCode"][:1].isdigit():
                people.append(int(float(row["CustomerID"])))
                codes.append(row["StockCode"])
                days.append(datetime.fromisoformat(row["InvoiceDate"]).timestamp() / 86400)
    _names, items = np.unique(codes, return_inverse=True)
    return Interactions.of(np.array(people), items.astype(np.int64), np.array(days))


def told(
    giver: Interactions, copies: int, epsilon: float | None, seed: int
) -> tuple[list[tuple[str, str, int]], int]:
    """The pairs as they would be told, and the threshold; without noise for no epsilon."""
    rng = np.random.default_rng(seed)
    names = [str(item) for item in giver.items]
    sums: dict[str, int] = {}
    for _draw in range(min(copies, DRAWS)):
        for key, n in sharing.counted(sharing.bounded(giver, MOST_ITEMS, rng=rng), names).items():
            sums[key] = sums.get(key, 0) + n
    counts = {key: n * copies // min(copies, DRAWS) for key, n in sums.items()}
    threshold = 0
    if epsilon is not None:
        most = sharing.pairs_of(MOST_ITEMS) + 1
        found = noise.release_keyed(counts, most=most, epsilon=epsilon, delta=DELTA)
        counts, threshold = found.counts, found.threshold
    counts.pop(sharing.EVERYONE, None)
    return [(*json.loads(key), n) for key, n in counts.items()], threshold


def compared(all_of_them: Interactions, people: int, seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    users = rng.permutation(all_of_them.users)
    mine = np.isin(all_of_them.users[all_of_them.rows], users[:people])
    receiver, giver = all_of_them.chosen(mine), all_of_them.chosen(~mine)
    # The giver's own past: what it knows before the receiver's test month.
    giver = giver.chosen(giver.days <= giver.days.max() - 60)
    test, valid = global_split(receiver), validation_split(receiver)
    alone = measure(Candidate("alone", "item_knn", {}), test, target="new")
    floor = measure(Candidate("alone", "item_knn", {}), valid, target="new").ndcg10
    yield row(alone, alone, people, seed, "alone", 0, None, len(giver.users), 0)
    items = {str(item): int(item) for item in receiver.items}
    for copies in COPIES:
        for epsilon in (None, *EPSILONS):
            pairs, threshold = told(giver, copies, epsilon, seed)
            file = folder / f"{people}-{seed}-{copies}-{epsilon}.npz"
            sha256 = storage.write_arrays(file, {}, sharing.as_arrays(pairs, items))
            candidates = [
                Candidate(f"{weight}", "item_knn_shared", {"weight": weight, "files": [[str(file), sha256]]})
                for weight in WEIGHTS
            ]
            weighed = [measure(one, valid, target="new").ndcg10 for one in candidates]
            best = candidates[int(np.argmax(weighed))]
            if max(weighed) <= floor:  # what does not help on the month before is not taken in
                best = Candidate("refused", "item_knn", {})
            found = measure(best, test, target="new")
            yield row(found, alone, people, seed, best.label, copies, epsilon, len(pairs), threshold)


def row(
    found: Row, alone: Row, people: int, seed: int, weight: str, copies: int, epsilon: float | None, pairs: int, threshold: int
) -> dict[str, Any]:  # fmt: skip
    gain, low, high = difference(found, alone)
    return {
        "receiver": people, "seed": seed, "copies": copies, "epsilon": epsilon, "weight": weight, "pairs": pairs,
        "threshold": threshold, "tested": found.people, "ndcg10": round(found.ndcg10, 4), "gain": round(gain, 4),
        "low": round(low, 4), "high": round(high, 4),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    everything = read(options.file)
    print(json.dumps({"people": len(everything.users), "products": len(everything.items)}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for people in RECEIVERS:
            for seed in range(options.seeds):
                for line in compared(everything, people, seed, Path(folder)):
                    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
