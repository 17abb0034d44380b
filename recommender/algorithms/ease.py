"""Item weights in closed form."""

from collections.abc import Mapping

import numpy as np
from scipy import linalg

from recommender.algorithms.fading import FadingRecommender
from recommender.algorithms.interactions import Interactions, Queries, SingleArray


class EASE(FadingRecommender):
    """B = −P / diag(P) off the diagonal, P = (XᵀX + λI)⁻¹ (Steck 2019, eq. 8); score = x·B.

    O(n_items³) time and O(n_items²) memory: `fit` raises ValueError above `max_items`.
    `weights_` : (n_items, n_items) float32 with a zero diagonal.
    """

    name = "ease"
    weights_: SingleArray

    def __init__(
        self,
        reg: float = 200.0,
        half_life: float | None = None,
        max_items: int = 20_000,
        half_life_acts: float | None = None,
    ) -> None:
        self.reg = reg
        self.half_life = half_life
        self.max_items = max_items
        self.half_life_acts = half_life_acts

    @property
    def most_items(self) -> int:
        return self.max_items

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        n = len(interactions.items)
        if n > self.max_items:
            raise ValueError(
                f"{n} items need {n * n * 4 / 2**30:.0f} GiB; the limit is {self.max_items} items"
            )
        binary = interactions.binary()
        gram = (binary.T @ binary).toarray().astype(np.float64)
        gram[np.diag_indices(n)] += self.reg
        inverse = linalg.inv(gram, overwrite_a=True, check_finite=False) if n else gram
        weights = inverse / -np.diag(inverse)
        weights[np.diag_indices(n)] = 0.0
        self.weights_ = weights.astype(np.float32)

    def _score(self, queries: Queries) -> SingleArray:
        scores: SingleArray = np.asarray(
            queries.matrix(self.half_life, self.half_life_acts) @ self.weights_, dtype=np.float32
        )
        return scores

    def _column(self, column: int) -> SingleArray:
        return self.weights_[:, column]
