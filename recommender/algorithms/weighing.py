"""How much each opinion of a hybrid counts, learnt from what people did next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.algorithms import metrics
from recommender.algorithms.base import Mode, Recommender
from recommender.algorithms.compare import Candidate
from recommender.algorithms.hybrid import scale
from recommender.algorithms.interactions import (
    BoolArray,
    FloatArray,
    IntArray,
    Queries,
    SingleArray,
    places_of,
)
from recommender.algorithms.registry import make
from recommender.algorithms.split import Split

MODES: tuple[Mode, ...] = ("all", "again", "new")
MOST_PEOPLE = 3000
PAGE = 200
DEEP = 50
"""How many of a component's best are looked at: who stands behind in every one of them never gets to the top."""
STEPS = (0.0, 0.6, 0.85, 1.2, 1.7)
FROM_NOTHING = (0.02, 0.05, 0.1, 0.2, 0.4)
ROUNDS = 4
ORDERS = 3


@dataclass(frozen=True, eq=False)
class Opinions:
    """What the components say of each person's candidates, the union of each one's best, padded with what is closed.

    scores : (n_parts, n, m) float32, each part's row scaled to 1 · taken : (n, m) bool, what was taken next ·
    rest : (n, m) float32, breaks ties by popularity, −inf for the padding · relevant : (n,), all that was taken next.
    """

    scores: SingleArray
    taken: BoolArray
    rest: SingleArray
    relevant: IntArray

    def total(self, weights: FloatArray) -> SingleArray:
        """(n, m) float32: the weighted sum, ties broken."""
        return np.tensordot(weights.astype(np.float32), self.scores, axes=1) + self.rest

    def ndcg(self, total: SingleArray) -> float:
        """Mean NDCG@10 of the candidates in the order of these totals."""
        k = min(10, total.shape[1])
        best = np.argpartition(-total, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(total, best, 1), axis=1, kind="stable")
        hits = np.take_along_axis(self.taken, np.take_along_axis(best, order, 1), 1)
        return float(metrics.ndcg(hits, self.relevant).mean())


def weighed(
    candidate: Candidate, split: Split, *, texts: Mapping[int, str] | None = None, seed: int = 0
) -> Candidate:
    """The candidate with weights learnt on the split, its components without any gone; any other as it is.

    A hybrid asks for it by components that name no weight. The split's future must be before what it is measured on.
    """
    components = candidate.parameters.get("components", ())
    if all("weight" in component for component in components):
        return candidate
    parts = [
        make(component["algorithm"], component["parameters"]).fit(split.past, at=split.at, texts=texts)
        for component in components
    ]
    found = learn_weights(parts, split, rng=np.random.default_rng(seed))
    kept = [
        {**component, "weight": weight}
        for component, weight in zip(components, found, strict=True)
        if any(weight.values())
    ]
    return replace(candidate, parameters={"components": kept})


def by_mode(best: Mapping[Mode, Candidate]) -> Candidate:
    """One candidate that ranks in each mode as the one that is best in it."""
    different = list(dict.fromkeys(candidate.label for candidate in best.values()))
    if len(different) == 1:
        return best["all"]
    components = []
    for label in different:
        modes = [mode for mode in MODES if best[mode].label == label]
        one = best[modes[0]]
        components.append(
            {
                "weight": dict.fromkeys(modes, 1.0),
                "algorithm": one.algorithm,
                "parameters": one.make().parameters,
            }
        )
    return Candidate("/".join(best[mode].label for mode in MODES), "hybrid", {"components": components})


def learn_weights(
    parts: Sequence[Recommender], split: Split, *, rng: np.random.Generator
) -> list[dict[Mode, float]]:
    """Each part's weight in each mode, the weights of a mode adding to 1. `parts` are fitted on the split's past.

    They are where NDCG@10 is best over at most 3,000 people of the split. A mode in which nobody has a future keeps
    equal weights.
    """
    found = [dict.fromkeys(MODES, round(1 / len(parts), 4)) for _part in parts]
    for mode, opinions in hear(parts, split, rng=rng).items():
        if len(opinions.relevant):
            for place, weight in enumerate(ascend(opinions, len(parts), rng=rng)):
                found[place][mode] = round(float(weight), 4)
    return found


def ascend(opinions: Opinions, n_parts: int, *, rng: np.random.Generator) -> FloatArray:
    """(n_parts,) weights that add to 1: the mean of where `ORDERS` coordinate ascents from equal weights end.

    Many weights are as good as each other; their mean depends less on the people who happened to be asked. A part
    that says nothing of any candidate weighs nothing.
    """
    speaks = opinions.scores.any(axis=(1, 2)).astype(np.float64)
    if not speaks.any():
        return np.full(n_parts, 1 / n_parts)
    return np.mean([_climb(opinions, speaks / speaks.sum(), rng=rng) for _order in range(ORDERS)], axis=0)


def _climb(opinions: Opinions, weights: FloatArray, *, rng: np.random.Generator) -> FloatArray:
    """One weight at a time is moved to where NDCG@10 is best, in a random order, until none moves."""
    places, weights = np.flatnonzero(weights), weights.copy()
    best = opinions.ndcg(opinions.total(weights))
    for _round in range(ROUNDS):
        before = best
        for place in rng.permutation(places):
            now, found = weights[place], weights[place]
            total = opinions.total(weights)
            for tried in [now * step for step in STEPS] if now > 0 else FROM_NOTHING:
                if tried == 0 and weights.sum() == now:
                    continue  # somebody has to say something
                moved = total + np.float32(tried - now) * opinions.scores[place]
                if (reached := opinions.ndcg(moved)) > best + 1e-6:
                    best, found = reached, tried
            weights[place] = found
        if best - before < 1e-4:
            break
    return weights / weights.sum()


def hear(parts: Sequence[Recommender], split: Split, *, rng: np.random.Generator) -> dict[Mode, Opinions]:
    """What the parts say to the people of the split, for each mode, a page of people at a time."""
    n = len(split.people)
    chosen = np.arange(n) if n <= MOST_PEOPLE else np.sort(rng.choice(n, MOST_PEOPLE, replace=False))
    pages: dict[Mode, list[Opinions]] = {mode: [] for mode in MODES}
    for start in range(0, len(chosen), PAGE):
        for mode, opinions in _page(parts, split, chosen[start : start + PAGE]).items():
            pages[mode].append(opinions)
    return {mode: _joined(found, len(parts)) for mode, found in pages.items()}


def _page(parts: Sequence[Recommender], split: Split, people: IntArray) -> dict[Mode, Opinions]:
    items, popularity = parts[0].items_, parts[0].popularity_
    queries = Queries.of([split.histories[person] for person in people], items, at=split.at)
    scores = [part._score_for(queries, "all") for part in parts]  # noqa: SLF001 - its own kind
    scores = [said * scale(said)[:, np.newaxis] for said in scores]
    held = np.zeros((queries.n, queries.n_items), dtype=np.bool_)
    held[queries.rows, queries.columns] = True
    taken = np.zeros_like(held)
    beyond = np.zeros(queries.n, dtype=np.int64)  # taken next, but unknown to the past: nobody can rank it
    for row, person in enumerate(people):
        places, known = places_of(split.future[person], items)
        taken[row, places[known]] = True
        beyond[row] = (~known).sum()
    tie = popularity / max(float(popularity.max(initial=0.0)), 1.0) * np.float32(1e-5)
    found: dict[Mode, Opinions] = {}
    for mode in MODES:
        open_items = np.ones_like(held) if mode == "all" else held if mode == "again" else ~held
        relevant = (taken & open_items).sum(axis=1) + (0 if mode == "again" else beyond)
        asked = relevant > 0
        said = [np.where(open_items[asked], one[asked], -np.inf) for one in scores]
        candidates, real = _candidates(said)
        flags = open_items[asked]
        real &= np.take_along_axis(flags, candidates, 1)
        found[mode] = Opinions(
            np.stack([np.where(real, np.take_along_axis(one, candidates, 1), 0.0) for one in said]).astype(
                np.float32
            ),
            np.take_along_axis(taken[asked], candidates, 1) & real,
            np.where(real, tie[candidates], -np.inf).astype(np.float32),
            relevant[asked],
        )
    return found


def _candidates(said: Sequence[SingleArray]) -> tuple[IntArray, BoolArray]:
    """(n, m) places of each row's union of every part's best, and whether a place is one or only padding."""
    n, n_items = said[0].shape
    deep = min(DEEP, n_items)
    marked = np.zeros((n, n_items), dtype=np.bool_)
    for one in said:
        best = np.argpartition(-one, deep - 1, axis=1)[:, :deep] if deep else np.empty((n, 0), np.int64)
        np.put_along_axis(marked, best, True, 1)
    width = int(marked.sum(axis=1).max(initial=1))
    order = np.argsort(~marked, axis=1, kind="stable")[:, :width]
    return order, np.take_along_axis(marked, order, 1)


def _joined(pages: Sequence[Opinions], n_parts: int) -> Opinions:
    width = max((page.taken.shape[1] for page in pages), default=1)

    def padded(page: Opinions) -> Opinions:
        extra = ((0, 0), (0, width - page.taken.shape[1]))
        return Opinions(
            np.pad(page.scores, ((0, 0), *extra)),
            np.pad(page.taken, extra),
            np.pad(page.rest, extra, constant_values=-np.inf),
            page.relevant,
        )

    whole = [padded(page) for page in pages]
    if not whole:
        empty = np.zeros((0, width), np.float32)
        return Opinions(
            np.zeros((n_parts, 0, width), np.float32), empty.astype(bool), empty, np.zeros(0, np.int64)
        )
    return Opinions(
        np.concatenate([page.scores for page in whole], axis=1),
        *(np.concatenate([getattr(page, name) for page in whole]) for name in ("taken", "rest", "relevant")),
    )
