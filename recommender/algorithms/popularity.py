"""What many people act on, lately more than long ago."""

from collections.abc import Mapping

import numpy as np

from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import Interactions, Queries, SingleArray, decay


class Popularity(Recommender):
    """Counts of acts per item; with a half-life each act counts 2^(−age/half_life).

    The floor that every other algorithm must beat, and what strangers get. `counts_` : (n_items,) float32.
    """

    name = "popularity"
    counts_: SingleArray

    def __init__(self, half_life: float | None = None) -> None:
        self.half_life = half_life

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        fade = decay(at - interactions.days, self.half_life) * interactions.weights
        counts = np.bincount(interactions.columns, weights=fade, minlength=len(interactions.items))
        self.counts_ = counts.astype(np.float32)

    def _score(self, queries: Queries) -> SingleArray:
        return np.repeat(self.counts_[np.newaxis, :], queries.n, axis=0)
