"""Item weights in closed form."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from recommender.algorithms import gram
from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.interactions import (
    FloatArray,
    IntArray,
    Interactions,
    Queries,
    SingleArray,
    decay,
    places_of,
)

FEW = 3  # changed people at most items / FEW: above, solving anew is as fast


class EASE(LinearRecommender):
    """B = −P / diag(P) off the diagonal, P = (XᵀX + λI)⁻¹ (Steck 2019, eq. 8); score = x·B.

    X is 1 where there was any act; with `fade` (days) it is 2^(−age/fade) of the newest one, so that what went together
    long ago counts less.
    O(n_items³) time and O(n_items²) memory: `fit` raises ValueError above `max_items`.
    `weights_` : (n_items, n_items) float32 with a zero diagonal · `diagonal_` : (n_items,) float64, of P: with the weights
    it is P whole, so that people who come, go or change are worked in without solving anew (`refit`) · `at_` : (), the
    moment that `fade` counts from.
    """

    name = "ease"
    weights_: SingleArray
    diagonal_: FloatArray
    at_: FloatArray

    def __init__(
        self,
        reg: float = 200.0,
        half_life: float | None = None,
        max_items: int = 20_000,
        fade: float | None = None,
        half_life_acts: float | None = None,
    ) -> None:
        self.reg = reg
        self.half_life = half_life
        self.max_items = max_items
        self.fade = fade
        self.half_life_acts = half_life_acts

    @property
    def most_items(self) -> int:
        return self.max_items

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        n = len(interactions.items)
        if n > self.max_items:
            raise ValueError(
                f"{n} items need {n * n * 12 / 2**30:.0f} GiB to solve; the limit is {self.max_items} items. "
                "ease_sparse, which solves for each item's nearest only, and item_knn, svd, als and sequential_rules "
                "learn from any number."
            )
        system: FloatArray = gram.gram(faded(interactions, at=at, fade=self.fade), dtype=np.float64).astype(
            np.float64, copy=False
        )
        system[np.diag_indices(n)] += self.reg
        inverse = _inverted(system)
        self.diagonal_, self.at_ = np.diag(inverse).copy(), np.array(at)
        self.weights_ = np.empty((n, n), dtype=np.float32)
        for start in range(0, n, gram.BLOCK):
            rows = slice(start, start + gram.BLOCK)
            self.weights_[rows] = inverse[rows] / -self.diagonal_
        np.fill_diagonal(self.weights_, 0.0)

    def refit(
        self, before: Interactions, after: Interactions, *, at: float, texts: Mapping[int, str] | None = None
    ) -> Self:
        """As `fit(after)`, to 1e-4 in every weight. For k changed people O(k · n_items²) instead of O(n_items³).

        With rows U taken out (sign −1) and put in (+1), C = diag(signs), V = PUᵀ:
        P' = P − V (C + UV)⁻¹ Vᵀ (Woodbury; C is its own inverse).
        """
        self._require_fitted()
        rows, signs = changed(before, after, at=at, fade=self.fade)
        moved = self.fade is not None and at != self.at_  # then everybody's acts weigh otherwise than before
        if moved or len(signs) * FEW > len(after.items):
            return self.fit(after, at=at, texts=texts)
        ids = np.union1d(self.items_, after.items)
        self._stretch(ids)
        u = sparse.csr_matrix((rows.data, rows.indices, rows.indptr), shape=(len(signs), len(ids)))
        diagonal = self.diagonal_
        v = (
            u.multiply(diagonal).toarray() - np.asarray(u @ self.weights_, dtype=np.float64) * diagonal
        )  # UP, (k, n)
        core = np.linalg.solve(np.diag(signs) + u @ v.T, v) if len(signs) else v
        self.weights_ *= diagonal.astype(np.float32)
        self.weights_ += v.T.astype(np.float32) @ core.astype(np.float32)
        self.diagonal_ = diagonal - np.einsum("kn,kn->n", v, core)
        self.weights_ /= self.diagonal_.astype(np.float32)
        np.fill_diagonal(self.weights_, 0.0)
        self._shrink(after)
        return self

    def _stretch(self, ids: IntArray) -> None:
        """Make room for items that nobody had: P is 1/λ there and nought beside."""
        if len(ids) == len(self.items_):
            return
        places, _known = places_of(self.items_, ids)
        weights = np.zeros((len(ids), len(ids)), dtype=np.float32)
        weights[np.ix_(places, places)] = self.weights_
        diagonal = np.full(len(ids), 1 / self.reg)
        diagonal[places] = self.diagonal_
        self.items_, self.weights_, self.diagonal_ = ids, weights, diagonal

    def _shrink(self, after: Interactions) -> None:
        """Let go of items that nobody has any more: nothing depends on them."""
        if len(after.items) != len(self.items_):
            kept = np.isin(self.items_, after.items)
            self.weights_ = np.ascontiguousarray(self.weights_[np.ix_(kept, kept)])
            self.diagonal_ = self.diagonal_[kept]
        self._count(after)

    def _score(self, queries: Queries) -> SingleArray:
        scores: SingleArray = np.asarray(
            queries.matrix(self.half_life, self.half_life_acts) @ self.weights_, dtype=np.float32
        )
        return scores

    def _column(self, column: int) -> SingleArray:
        return self.weights_[:, column]


def _inverted(system: FloatArray) -> FloatArray:
    """The inverse of a symmetric positive definite C-ordered matrix, in its own memory (Cholesky)."""
    if not len(system):
        return system
    # Of a symmetric matrix the transpose is the same, in the order that LAPACK works on without a copy.
    factor, failed = lapack.dpotrf(system.T, lower=1, overwrite_a=1, clean=0)
    inverse, failed_too = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise np.linalg.LinAlgError("the system is not positive definite")
    found: FloatArray = inverse.T  # right above the diagonal; what is below is told by what is above
    for start in range(0, len(found), gram.BLOCK):
        end = start + gram.BLOCK
        square = np.triu(found[start:end, start:end])
        found[start:end, start:end] = square + np.triu(square, 1).T
        found[end:, start:end] = found[start:end, end:].T
    return found


def faded(interactions: Interactions, *, at: float, fade: float | None) -> sparse.csr_matrix:
    """(n_users, n_items) float32 CSR: 1 where there was any act, or 2^(−age/fade) of the newest one."""
    matrix = interactions.binary()
    if fade is not None:
        matrix.data = _newest(interactions, matrix, decay(at - interactions.days, fade))
    return matrix


def _newest(interactions: Interactions, matrix: sparse.csr_matrix, values: FloatArray) -> SingleArray:
    """The greatest of each entry's acts' values, in the matrix's own order."""
    matrix.sort_indices()
    order = np.lexsort((interactions.columns, interactions.rows))
    key = interactions.rows[order] * np.int64(matrix.shape[1]) + interactions.columns[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.int64)
    return np.maximum.reduceat(values[order], starts).astype(np.float32) if len(key) else matrix.data


def changed(
    before: Interactions, after: Interactions, *, at: float, fade: float | None
) -> tuple[sparse.csr_matrix, FloatArray]:
    """Rows to take out (−1) and to put in (+1), over the union of both item lists, and their signs.

    Only of people whose row differs.
    """
    ids = np.union1d(before.items, after.items)
    users = np.union1d(before.users, after.users)

    def over_all(interactions: Interactions) -> sparse.csr_matrix:
        matrix = faded(interactions, at=at, fade=fade).tocoo()
        rows = np.searchsorted(users, interactions.users)[matrix.row]
        columns = np.searchsorted(ids, interactions.items)[matrix.col]
        shape = (len(users), len(ids))
        return sparse.csr_matrix((matrix.data, (rows, columns)), shape=shape)

    was, now = over_all(before), over_all(after)
    differ = np.flatnonzero(np.diff((was != now).tocsr().indptr))
    rows = sparse.vstack([was[differ], now[differ]], format="csr")
    signs = np.repeat([-1.0, 1.0], len(differ))
    some = np.diff(rows.indptr) > 0
    return rows[np.flatnonzero(some)], signs[some]
