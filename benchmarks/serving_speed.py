"""How soon a ranking is there: the algorithm alone against a bare numpy loop, the whole answer against a bare view.

Alone: `item_knn.recommend` for one history of 50 acts at 50,000 items with 200 neighbours each, popular by Zipf's law.
Whole: GET /api/v1/recommendations?customer=… through gunicorn, against a constant answer under the same gunicorn.
"""

import argparse
import http.client
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import world
from benchmarks.report import ratios, save, spread, told
from customers.access import create_key
from recommender.algorithms.interactions import History
from recommender.algorithms.item_knn import ItemKNN

LENGTH, DEPTH, HALF_LIFE, TODAY = 50, 20, 60.0, 20_000.0
Figures = dict[str, dict[str, float]]


def shop(rng: np.random.Generator, items: int, neighbours: int, count: int) -> tuple[ItemKNN, list[History]]:
    """As if learnt: popular items are more often somebody's neighbour, and stand anywhere in the catalogue."""
    share, place = 1 / np.arange(1, items + 1), rng.permutation(items)
    drawn = np.searchsorted(np.cumsum(share / share.sum()), rng.random((items, neighbours)))
    popularity = np.empty(items, dtype=np.float32)
    popularity[place] = np.ceil(items * share)
    model = ItemKNN(neighbours, half_life=HALF_LIFE).restore(
        {
            "items": np.arange(items, dtype=np.int64),
            "popularity": popularity,
            "ids": place[np.minimum(drawn, items - 1)].astype(np.int32),
            "values": -np.sort(-rng.random((items, neighbours), dtype=np.float32), axis=1),
        }
    )
    return model, [
        History(
            place[rng.choice(items, LENGTH, replace=False, p=share / share.sum())],
            np.ones(LENGTH, dtype=np.float32),
            TODAY - rng.uniform(0, 300, LENGTH),
        )
        for _ in range(count)
    ]


def bare(model: ItemKNN, history: History) -> np.ndarray[Any, Any]:
    """The twenty best scores: gather, bincount, the nonzero ones, partition. No mask, no order of ties, no padding."""
    ids, weights = history.items, np.exp2((history.days - history.days.max()) / HALF_LIFE)
    scores = np.bincount(
        model.ids_[ids].ravel(),
        weights=(model.values_[ids] * weights[:, np.newaxis]).ravel(),
        minlength=len(model.items_),
    )
    scored = np.flatnonzero(scores)
    best = scored[np.argpartition(-scores[scored], DEPTH)[:DEPTH]]
    return np.sort(scores[best])[::-1]


def side_by_side(
    ours: Callable[[Any], object], theirs: Callable[[Any], object], asked: Sequence[Any], *, repetitions: int
) -> Figures:
    """Microseconds of each request, ours and theirs in turn so that both meet the same machine. The first warms up."""
    rows: dict[str, list[float]] = {}
    for repetition in range(repetitions + 1):
        times = np.empty((len(asked), 2))
        for n, one in enumerate(asked):
            for side, work in enumerate((ours, theirs)):
                began = time.perf_counter()
                work(one)
                times[n, side] = (time.perf_counter() - began) * 1e6
        if repetition:
            for percent in (50, 95):
                mine, bare_one = np.percentile(times, percent, axis=0)
                rows.setdefault(f"p{percent}_us", []).append(float(mine))
                rows.setdefault(f"bare_p{percent}_us", []).append(float(bare_one))
    found = {name: spread(values) for name, values in rows.items()}
    for percent in (50, 95):
        found[f"p{percent}_by_bare"] = ratios(rows[f"p{percent}_us"], rows[f"bare_p{percent}_us"])
    return found


def alone(items: int, neighbours: int, requests: int, repetitions: int) -> Figures:
    model, asked = shop(np.random.default_rng(1), items, neighbours, requests)
    (first,) = model.recommend(asked[:1], DEPTH, at=TODAY)
    assert np.allclose(first.scores, bare(model, asked[0]), rtol=1e-5), "the loop ranks something else"
    return side_by_side(
        lambda one: model.recommend([one], DEPTH, at=TODAY),
        lambda one: bare(model, one),
        asked,
        repetitions=repetitions,
    )


def get(line: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    line.request("GET", path, headers=headers)
    answer = line.getresponse()
    said = answer.read()
    assert answer.status == 200 and said.startswith(b"{"), said


def whole(people: int, products: int, requests: int, repetitions: int) -> Figures:
    world.migrate()
    skus, names = world.products(products), list(world.people(people))
    world.purchases(names, skus, each=12)
    world.learn("blend", "popularity", "frequency")
    headers = {"Authorization": f"Bearer {create_key('secret')[1]}"}
    with world.servers() as (port, bare_port):
        ours = http.client.HTTPConnection("127.0.0.1", port)
        theirs = http.client.HTTPConnection("127.0.0.1", bare_port)
        return side_by_side(
            lambda name: get(ours, f"/api/v1/recommendations?customer={name}&limit=10", headers),
            lambda _name: get(theirs, "/constant", headers),
            [names[n % len(names)] for n in range(requests)],
            repetitions=repetitions,
        )


def tell(title: str, figures: Figures) -> None:
    print(f"  {title}")
    for percent in (50, 95):
        print(
            f"    p{percent}  {told(figures[f'p{percent}_us'], 0)} µs; bare {told(figures[f'bare_p{percent}_us'], 0)} µs;"
            f" {told(figures[f'p{percent}_by_bare'], 2)} times"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--neighbours", type=int, default=200)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--products", type=int, default=300)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    algorithm = alone(asked.items, asked.neighbours, asked.requests, asked.repetitions)
    answer = whole(asked.people, asked.products, asked.requests, asked.repetitions)
    print(f"serving_speed: {asked.requests} requests, {asked.repetitions} repetitions")
    tell(f"item_knn alone, {asked.items:,} items x {asked.neighbours}, {LENGTH} acts", algorithm)
    tell(f"GET /api/v1/recommendations, {asked.products} products", answer)
    sizes = {**vars(asked), "history": LENGTH, "depth": DEPTH}
    save("serving_speed", sizes, {"alone": algorithm, "whole": answer}, also=("scikit-learn",))


if __name__ == "__main__":
    main()
