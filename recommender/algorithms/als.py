"""Taste in a few dimensions, learnt from what was taken and, more lightly, from what was not."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.base import Mode, Recommender
from recommender.algorithms.interactions import (
    FloatArray,
    History,
    Interactions,
    Queries,
    SingleArray,
    decay,
    places_of,
)

AnyFloat = np.ndarray[Any, np.dtype[np.floating[Any]]]


class ALS(Recommender):
    """Weighted matrix factorisation (Hu, Koren and Volinsky 2008), by alternating least squares.

    Minimises Σ_ui c_ui (p_ui − x_u·y_i)² + λ(Σ|x_u|² + Σ|y_i|²) with p_ui = 1 where r_ui > 0, else 0, and
    c_ui = 1 + α·r_ui. Learnt by the package `implicit` where it is installed (conjugate gradients, Takács et al. 2011),
    else by exact solves in numpy, which take several times as long.
    A history is folded in by the exact solve for its person, x = (YᵀCY + λI)⁻¹ YᵀC p: the next act changes the next
    answer. `factors_` : (n_items, f) float32 · `gram_` : (f, f) float64, YᵀY.
    """

    name = "als"
    factors_: SingleArray
    gram_: FloatArray

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 0.01,
        alpha: float = 1.0,
        iterations: int = 15,
        half_life: float | None = None,
        seed: int = 0,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self.half_life = half_life
        self.seed = seed

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        confidence = interactions.matrix()
        confidence.data = 1 + self.alpha * confidence.data
        found = self._by_implicit(confidence) if len(interactions) else None
        self.factors_ = self._by_numpy(confidence) if found is None else found
        self.gram_ = self.factors_.T.astype(np.float64) @ self.factors_

    def _by_implicit(self, confidence: sparse.csr_matrix) -> SingleArray | None:
        """(n_items, f) float32, or None where the package is not installed."""
        try:
            library, limited = import_module("implicit.cpu.als"), import_module("threadpoolctl")
        except ImportError:
            return None
        with limited.threadpool_limits(1, "blas"):
            model = library.AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,  # the confidences are already made
                iterations=self.iterations,
                num_threads=1,
                random_state=self.seed,
            )
            model.fit(confidence, show_progress=False)
        return np.asarray(model.item_factors, dtype=np.float32)

    def _by_numpy(self, confidence: sparse.csr_matrix) -> SingleArray:
        """(n_items, f) float32, each half step solved exactly, in single precision."""
        rng = np.random.default_rng(self.seed)
        by_item = confidence.T.tocsr()
        items = rng.normal(0, 0.01, (confidence.shape[1], self.factors)).astype(np.float32)
        for _ in range(self.iterations):
            people = self._solved(confidence, items, items.T @ items)
            items = self._solved(by_item, people, people.T @ people)
        return items

    def _solved(self, confidence: sparse.csr_matrix, factors: AnyFloat, gram: AnyFloat) -> AnyFloat:
        """(n_rows, f), as precise as `gram`: each row's own least squares against fixed `factors` (n_columns, f)."""
        factors, gram = factors.astype(gram.dtype, copy=False), self._regular(gram)
        found = np.zeros((confidence.shape[0], factors.shape[1]), dtype=gram.dtype)
        for row in range(confidence.shape[0]):
            mine = slice(confidence.indptr[row], confidence.indptr[row + 1])
            columns, weights = confidence.indices[mine], confidence.data[mine]
            if len(columns):
                taken = factors[columns]
                found[row] = np.linalg.solve(gram + (taken.T * (weights - 1)) @ taken, weights @ taken)
        return found

    def _regular(self, gram: AnyFloat) -> AnyFloat:
        return gram + np.eye(len(gram), dtype=gram.dtype) * gram.dtype.type(self.regularization)

    def _score(self, queries: Queries) -> SingleArray:
        confidence = queries.matrix(self.half_life).copy()
        confidence.data = 1 + self.alpha * confidence.data
        people = self._solved(confidence, self.factors_, self.gram_)
        return (people @ self.factors_.T).astype(np.float32)

    def _contributions(self, history: History, column: int, *, at: float, mode: Mode = "all") -> SingleArray:
        """x·y = Σ_j c_j · y(YᵀCY + λI)⁻¹y_j (Hu et al., section 5); acts on one item share its part by their weights."""
        out = np.zeros(len(history.items), dtype=np.float32)
        places, is_known = places_of(history.items, self.items_)
        known = np.flatnonzero(is_known)
        if not len(known):
            return out
        columns, ages = places[known], at - history.days[known]
        weights = history.weights[known] * decay(ages - ages.min(), self.half_life)
        items, of_item = np.unique(columns, return_inverse=True)
        total = np.bincount(of_item, weights=weights)
        confidence = 1 + self.alpha * total
        taken = self.factors_[items].astype(np.float64)
        system = self._regular(self.gram_) + (taken.T * (confidence - 1)) @ taken
        parts = confidence * (taken @ np.linalg.solve(system, self.factors_[column].astype(np.float64)))
        out[known] = parts[of_item] * weights / total[of_item]
        return out
