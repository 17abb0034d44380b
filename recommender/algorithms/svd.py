"""Taste in a few dimensions."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from scipy.sparse.linalg import svds

from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.interactions import Interactions, Queries, SingleArray


class SVD(LinearRecommender):
    """R ≈ UΣVᵀ; a history x is folded in as x·V·Vᵀ, which for the people it learnt from is their row of UΣVᵀ.

    `solver` "truncated" (ARPACK) or "randomized" (Halko et al. 2011). PureSVD (Cremonesi et al. 2010) on what was
    taken at all. `vectors_` : (n_items, f) float32, f = min(factors, rank); `values_` : (f,) float32, falling.
    """

    name = "svd"
    vectors_: SingleArray
    values_: SingleArray

    def __init__(
        self,
        factors: int = 64,
        solver: Literal["truncated", "randomized"] = "truncated",
        half_life: float | None = None,
        seed: int = 0,
    ) -> None:
        self.factors = factors
        self.solver = solver
        self.half_life = half_life
        self.seed = seed

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        matrix = interactions.matrix().astype(np.float64)
        matrix.data = np.log1p(matrix.data) / np.log(
            2
        )  # one act is 1; a hundred are not a hundred times as telling
        smaller = min(matrix.shape)
        wanted = min(self.factors, smaller)
        if wanted == 0:
            values, right = np.zeros(0), np.zeros((0, matrix.shape[1]))
        elif self.solver == "randomized":
            from sklearn.utils.extmath import randomized_svd

            _left, values, right = randomized_svd(matrix, wanted, random_state=self.seed)
        elif wanted < smaller:
            start = np.random.default_rng(self.seed).standard_normal(smaller)
            _left, values, right = svds(matrix, k=wanted, v0=start)
        else:
            _left, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
        order = np.argsort(-values)
        order = order[values[order] > 1e-10 * max(values.max(initial=0.0), 1e-300)]
        self.values_ = values[order].astype(np.float32)
        self.vectors_ = np.ascontiguousarray(right[order].T, dtype=np.float32)

    def _score(self, queries: Queries) -> SingleArray:
        folded = queries.matrix(self.half_life) @ self.vectors_
        scores: SingleArray = folded @ self.vectors_.T
        return scores

    def _column(self, column: int) -> SingleArray:
        out: SingleArray = self.vectors_ @ self.vectors_[column]
        return out
