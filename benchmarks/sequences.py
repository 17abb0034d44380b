"""People who walk through a catalogue: acts whose order tells what comes next, with a known share of it.

    python -m benchmarks.sequences [--people 6040 --items 3416] [--csv FOLDER]

The size and the lengths are those of MovieLens 1M (6,040 people, 3,416 items, about a million acts, nothing twice).
Each next act follows from the one before with probability `follow` (one of the item's `FOLLOWERS`, falling by rank),
or else is drawn from the person's camp by popularity (Zipf). So a model of what people take can find the camp, and
only a model of the order the rest. `--csv` writes ratings.csv and movies.csv, as `import_data movielens` reads them.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from recommender.algorithms.compare import compare
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import BY_LABEL
from recommender.algorithms.split import leave_last

FOLLOWERS = 10
CAMPS = 12


def walks(
    people: int, items: int, *, follow: float = 0.5, mean: float = 165.0, seed: int = 0
) -> Interactions:
    """Everyone's acts, in time order. Items are 0 … items − 1; acts of one person fall into a few moments."""
    rng = np.random.default_rng(seed)
    popular = rng.permutation(1 / np.arange(1, items + 1) ** 0.8)
    camp_of = rng.integers(0, CAMPS, items)
    # What follows an item: mostly of its own camp, else anything.
    followers = np.empty((items, FOLLOWERS), np.int64)
    for camp in range(CAMPS):
        mine = np.flatnonzero(camp_of == camp)
        followers[mine] = rng.choice(mine, (len(mine), FOLLOWERS))
    anywhere = rng.random((items, FOLLOWERS)) < 0.3
    followers[anywhere] = rng.integers(0, items, int(anywhere.sum()))
    rank = 1 / np.arange(1, FOLLOWERS + 1)
    lengths = np.clip(rng.lognormal(np.log(mean) - 0.5, 1.0, people), 8, items / 3).astype(np.int64)
    taste = rng.dirichlet(np.full(CAMPS, 0.3), people)
    rows, columns = [], []
    for person in range(people):
        odds = popular * taste[person][camp_of]
        drawn = iter(rng.choice(items, 3 * lengths[person], p=odds / odds.sum()).tolist())
        ranks = rng.choice(FOLLOWERS, 3 * lengths[person], p=rank / rank.sum()).tolist()
        chance = (rng.random(3 * lengths[person]) < follow).tolist()
        seen: dict[int, None] = {}
        last = next(drawn)
        for follows, place in zip(chance, ranks, strict=True):
            chosen = int(followers[last, place]) if follows else next(drawn, last)
            if chosen not in seen:
                seen[chosen] = None
                last = chosen
            if len(seen) == lengths[person]:
                break
        rows.append(np.full(len(seen), person))
        columns.append(np.fromiter(seen, np.int64))
    sizes = np.array([len(part) for part in rows])
    step = np.concatenate([np.arange(size) for size in sizes])
    # Ten acts a moment, as people rate: the order within one is the order given.
    days = 18_000.0 + np.repeat(rng.uniform(0, 300, people), sizes) + step // 10 / 1440
    return Interactions.of(np.concatenate(rows), np.concatenate(columns), days)


def write(acts: Interactions, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "movies.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["movieId", "title", "genres"])
        lines.writerows([item, f"Film {item}", "Drama"] for item in acts.items)
    with (folder / "ratings.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["userId", "movieId", "rating", "timestamp"])
        moments = np.round(acts.days * 86400).astype(np.int64)
        people, items = acts.users[acts.rows], acts.items[acts.columns]
        lines.writerows([p, i, 4, t] for p, i, t in zip(people, items, moments, strict=True))


LABELS = (
    "popularity",
    "item_knn",
    "svd_truncated",
    "ease",
    "ease_sequence",
    "sequential_rules",
    "session_knn",
    "slit",
    "slit_pruned",
    "sequence",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=6040)
    parser.add_argument("--items", type=int, default=3416)
    parser.add_argument("--follow", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("labels", nargs="*", default=LABELS)
    asked = parser.parse_args()
    acts = walks(asked.people, asked.items, follow=asked.follow, seed=asked.seed)
    if asked.csv:
        write(acts, asked.csv)
        return
    rows = compare([BY_LABEL[label] for label in asked.labels], leave_last(acts), target="new")
    for row in rows:
        print(json.dumps(row.as_dict()))


if __name__ == "__main__":
    main()
