"""What a person keeps coming back to."""

from collections.abc import Mapping

import numpy as np

from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.interactions import Interactions, Queries, SingleArray


class Frequency(LinearRecommender):
    """How often, and how lately, this very person took each item; ties and the rest of the list by popularity.

    The strongest simple method where people buy again (Li et al. 2023, arXiv 2109.14233); the second floor.
    """

    name = "frequency"

    def __init__(self, half_life: float | None = None) -> None:
        self.half_life = half_life

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        """Nothing is learnt but the popularity that breaks ties."""

    def _score(self, queries: Queries) -> SingleArray:
        dense: SingleArray = queries.matrix(self.half_life).toarray()
        return dense

    def _column(self, column: int) -> SingleArray:
        out = np.zeros(len(self.items_), dtype=np.float32)
        out[column] = 1.0
        return out
