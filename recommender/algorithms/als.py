"""Taste in a few dimensions, learnt from what was taken and, more lightly, from what was not."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recommender.algorithms.base import Mode, Recommender
from recommender.algorithms.interactions import (
    BoolArray,
    FloatArray,
    History,
    IntArray,
    Interactions,
    Queries,
    SingleArray,
    decay,
    places_of,
)

AnyFloat = np.ndarray[Any, np.dtype[np.floating[Any]]]

BLOCK = 2**18  # numbers gathered at once: 1 MiB; half as many took a third longer, twice as many as long
STEPS = 3  # of conjugate gradients a half step
TINY = np.float32(1e-30)  # so that what has arrived divides nought by something


class ALS(Recommender):
    """Weighted matrix factorisation (Hu, Koren and Volinsky 2008), by alternating least squares.

    Minimises Σ_ui c_ui (p_ui − x_u·y_i)² + λ(Σ|x_u|² + Σ|y_i|²) with p_ui = 1 where r_ui > 0, else 0, and
    c_ui = 1 + α·r_ui. Each half step goes three conjugate gradients on from where the one before ended (Takács et al.
    2011), for rows of about one length together.
    A history is folded in by the exact solve for its person, x = (YᵀCY + λI)⁻¹ YᵀC p: the next act changes the next
    answer. `factors_` : (n_items, f) float32 · `gram_` : (f, f) float64, YᵀY.
    """

    name = "als"
    factors_: SingleArray
    gram_: FloatArray

    def __init__(
        self,
        factors: int = 64,
        regularization: float = 20.0,
        alpha: float = 3.0,
        iterations: int = 8,
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
        confidence.data = 1 + np.float32(self.alpha) * confidence.data
        by_item = confidence.T.tocsr()
        rng = np.random.default_rng(self.seed)
        items = rng.normal(0, 0.01, (confidence.shape[1], self.factors)).astype(np.float32)
        people = np.zeros((confidence.shape[0], self.factors), dtype=np.float32)
        with threadpool_limits(1, "blas"):  # several threads on such small products wait for each other
            for _ in range(self.iterations):
                people = self._nearer(confidence, items, people)
                items = self._nearer(by_item, people, items)
        self.factors_ = items
        self.gram_ = items.T.astype(np.float64) @ items

    def _nearer(self, confidence: sparse.csr_matrix, factors: AnyFloat, found: AnyFloat) -> AnyFloat:
        """(n_rows, f): `found` brought nearer to each row's own least squares against fixed `factors` (n_columns, f)."""
        system = self._regular(factors.T @ factors)
        nearer = np.zeros_like(found)  # a row without an act is nought
        for rows, places, real in _blocks(confidence, BLOCK // max(1, self.factors)):
            taken = factors[confidence.indices[places]]  # (n, width, f)
            weights = np.where(real, confidence.data[places], 0)[:, np.newaxis]  # (n, 1, width)
            wanted, beyond = (weights @ taken)[:, 0], np.where(real, confidence.data[places] - 1, 0)

            def times(x: AnyFloat, taken: AnyFloat = taken, beyond: AnyFloat = beyond) -> AnyFloat:
                said = (taken @ x[:, :, np.newaxis])[:, :, 0] * beyond
                return x @ system + (said[:, np.newaxis] @ taken)[:, 0]

            x = found[rows]
            rest = wanted - times(x)
            way, size = rest, np.einsum("nf,nf->n", rest, rest)
            for _ in range(STEPS):
                ahead = times(way)
                step = size / np.maximum(np.einsum("nf,nf->n", way, ahead), TINY)
                x = x + step[:, np.newaxis] * way
                rest = rest - step[:, np.newaxis] * ahead
                before, size = size, np.einsum("nf,nf->n", rest, rest)
                way = rest + (size / np.maximum(before, TINY))[:, np.newaxis] * way
            nearer[rows] = x
        return nearer

    def _solved(self, confidence: sparse.csr_matrix, factors: AnyFloat, gram: AnyFloat) -> AnyFloat:
        """(n_rows, f), as precise as `gram`: each row's own least squares against fixed `factors` (n_columns, f)."""
        gram = self._regular(gram)
        found = np.zeros((confidence.shape[0], factors.shape[1]), dtype=gram.dtype)
        for row in range(confidence.shape[0]):
            mine = slice(confidence.indptr[row], confidence.indptr[row + 1])
            columns, weights = confidence.indices[mine], confidence.data[mine]
            if len(columns):
                taken = factors[columns].astype(gram.dtype)
                found[row] = np.linalg.solve(gram + (taken.T * (weights - 1)) @ taken, weights @ taken)
        return found

    def _regular(self, gram: AnyFloat) -> AnyFloat:
        return gram + np.eye(len(gram), dtype=gram.dtype) * gram.dtype.type(self.regularization)

    def _score(self, queries: Queries) -> SingleArray:
        confidence = queries.matrix(self.half_life).copy()
        confidence.data = 1 + self.alpha * confidence.data
        people = self._solved(confidence, self.factors_, self.gram_)
        return people.astype(np.float32) @ self.factors_.T

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


def _blocks(matrix: sparse.csr_matrix, most: int) -> Iterator[tuple[IntArray, IntArray, BoolArray]]:
    """Rows of about one length together, the longest first: (n,) their numbers, (n, width) where their entries stand, and
    which of those places are theirs. A block has about `most` places; rows without an entry are in none.
    """
    lengths = np.diff(matrix.indptr)
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        width = int(lengths[order[start]])
        rows = order[start : start + max(1, most // width)]
        across = np.arange(width)
        real = across < lengths[rows, np.newaxis]
        yield rows, np.where(real, matrix.indptr[rows, np.newaxis] + across, 0), real
        start += len(rows)
