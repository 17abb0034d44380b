"""From what suits somebody to a list worth showing: variety, promotions and chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recommender import catalogue
from recommender.algorithms import rerank
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import FloatArray, History, IntArray, places_of
from recommender.serving.answers import Entry

Diversity = Literal["none", "mmr", "calibrated"]


@dataclass(frozen=True, eq=False)
class Promoted:
    """Products that are to have `percent` of the places; the earlier of several comes first where places are few."""

    name: str
    percent: float
    product_ids: IntArray


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What a placement does beside filtering.

    strength : 0 to 1, how much variety counts against relevance · exploration : the share of places left to chance
    · is_padded : whether what suits nobody in particular may fill a personal list.
    """

    diversity: Diversity = "none"
    strength: float = 0.0
    exploration: float = 0.0
    promotions: tuple[Promoted, ...] = ()
    is_padded: bool = True

    def pool(self, limit: int) -> int:
        """How many candidates a list of `limit` places is chosen from."""
        if self.diversity == "none" and not self.exploration:
            return limit + sum(int(limit * promoted.percent / 100) for promoted in self.promotions)
        return max(50, 5 * limit)

    def reranks(self, past: History | None) -> str:
        """What varies the list of a person with this past; empty where relevance alone orders it."""
        needs_past = self.diversity == "calibrated"
        is_varied = self.diversity != "none" and self.strength > 0 and not (needs_past and past is None)
        return self.diversity if is_varied else ""


PLAIN = Arrangement()


def arrange(
    candidates: Sequence[Entry],
    promoted: Sequence[Sequence[Entry]],
    limit: int,
    how: Arrangement,
    *,
    model: Recommender | None,
    past: History | None,
    shelf: catalogue.Catalogue,
    rng: np.random.Generator,
) -> list[Entry]:
    """The list that is shown. `candidates` and each list of `promoted` are best first; `promoted` as `how.promotions`.

    Promoted products stand at random places, each promotion's sorted among themselves; nothing stands there twice.
    """
    lists: list[list[Entry]] = []
    seen: set[int] = set()
    for entries in promoted:
        mine = [entry for entry in entries if entry.product_id not in seen]
        seen |= {entry.product_id for entry in mine}
        lists.append(mine)
    percents = [promotion.percent for promotion in how.promotions]
    counts = rerank.slots(percents, [len(entries) for entries in lists], len(candidates), limit)
    given = [
        [replace(entry, promotion=promotion.name) for entry in entries[:count]]
        for promotion, entries, count in zip(how.promotions, lists, counts, strict=True)
    ]
    placed = {entry.product_id for entries in given for entry in entries}
    others = [entry for entry in candidates if entry.product_id not in placed]
    own = _own(others, limit - len(placed), how, model=model, past=past, shelf=shelf, rng=rng)
    queues = [iter(own), *(iter(entries) for entries in given)]
    if not placed:
        return own
    turns = rerank.interleaved([len(own), *(len(entries) for entries in given)], rng=rng)
    return [next(queues[turn]) for turn in turns]


def _own(
    candidates: Sequence[Entry],
    k: int,
    how: Arrangement,
    *,
    model: Recommender | None,
    past: History | None,
    shelf: catalogue.Catalogue,
    rng: np.random.Generator,
) -> list[Entry]:
    """The places that no promotion has."""
    ids = np.array([entry.product_id for entry in candidates], dtype=np.int64)
    scores = np.array([entry.score for entry in candidates], dtype=np.float64)
    order = _order(ids, scores, k, how, model=model, past=past, shelf=shelf)
    if by := how.reranks(past):
        candidates = [
            replace(entry, reranked_by=by, relevance_place=place) for place, entry in enumerate(candidates, 1)
        ]
    if not how.exploration:
        return [candidates[place] for place in order]
    drawn = rerank.explore(order, np.arange(len(ids)), k, share=how.exploration, rng=rng)
    return [
        replace(candidates[place], propensity=float(propensity))
        for place, propensity in zip(drawn.items, drawn.propensities, strict=True)
    ]


def _order(
    ids: IntArray,
    scores: FloatArray,
    k: int,
    how: Arrangement,
    *,
    model: Recommender | None,
    past: History | None,
    shelf: catalogue.Catalogue,
) -> IntArray:
    """(min(k, n),) places among the candidates, varied as is wanted."""
    by = how.reranks(past)
    if by == "mmr":
        return rerank.mmr(scores, _likeness(ids, model, shelf), k, balance=1 - how.strength)
    if by == "calibrated" and past is not None:
        lived, offered = shelf.categories_of(past.items), shelf.categories_of(ids)
        names = np.unique(np.concatenate([lived[lived >= 0], offered[offered >= 0]]))
        wanted = rerank.distribution(_among(lived, names), past.weights.astype(np.float64), len(names))
        return rerank.calibrated(scores, _among(offered, names), wanted, k, balance=how.strength)
    return np.arange(min(k, len(ids)))


def _among(categories: IntArray, names: IntArray) -> IntArray:
    places, known = places_of(categories, names)
    return np.where(known, places, -1)


def _likeness(ids: IntArray, model: Recommender | None, shelf: catalogue.Catalogue) -> FloatArray:
    """(n, n) the cosine of the model's own vectors where it has some for all of them, else who is of one category."""
    vectors = getattr(model, "vectors_", None)
    if model is not None and isinstance(vectors, np.ndarray) and len(vectors) == len(model.items_):
        places, known = places_of(ids, model.items_)
        if known.all():
            return rerank.cosines(vectors[places].astype(np.float64))
    return rerank.same_group(shelf.categories_of(ids))
