"""Linear models that let acts fade by their age in days, in acts, or by a rule of their own."""

from collections.abc import Sequence

import numpy as np

from recommender.algorithms.base import LinearRecommender, Mode
from recommender.algorithms.interactions import History, Queries, SingleArray, places_of


class FadingRecommender(LinearRecommender):
    """score = (faded history) · W. How much an act counts may hang on its place among the others.

    On clicks and ratings, where a whole history falls into one sitting, days say nothing and places nearly all.
    """

    half_life: float | None = None
    half_life_acts: float | None = None

    def _fade(self, queries: Queries) -> SingleArray:
        """(n_acts,) float32: what each act counts."""
        return queries.faded(self.half_life, self.half_life_acts)

    def _contributions(
        self, history: History, single: Sequence[History], column: int, *, at: float, mode: Mode = "all"
    ) -> SingleArray:
        out = np.zeros(len(history.items), dtype=np.float32)
        queries = Queries.of([history], self.items_, at=at)
        _places, known = places_of(history.items, self.items_)
        out[known] = self._column(column)[queries.columns] * self._fade(queries)
        return out
