"""Items that the same people take."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from scipy import sparse

from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.interactions import IntArray, Interactions, Queries, SingleArray

BLOCK = 1024


def cosine(a: "np.typing.ArrayLike", b: "np.typing.ArrayLike") -> float:
    """a·b / (|a||b|); nought when either is nought."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norm if norm else 0.0


class ItemKNN(LinearRecommender):
    """sim(i, j) = c_ij / (n_i^α · n_j^(1−α) + shrink), c_ij the people who took both, n_i those who took i.

    α = 1/2 is the cosine; another α is the asymmetric cosine (Aiolli 2013). Each item keeps its `neighbours` most
    similar ones in fixed-width arrays, so one request costs history × neighbours, hardly the catalogue.
    `ids_` : (n_items, N) int32 · `values_` : (n_items, N) float32, row i the items that i speaks for, nought-padded.
    """

    name = "item_knn"
    ids_: np.ndarray[Any, np.dtype[np.int32]]
    values_: SingleArray

    def __init__(
        self,
        neighbours: int = 200,
        similarity: Literal["cosine", "asymmetric"] = "cosine",
        alpha: float = 0.5,
        shrink: float = 0.0,
        half_life: float | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.similarity = similarity
        self.alpha = alpha if similarity == "asymmetric" else 0.5
        self.shrink = shrink
        self.half_life = half_life

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        binary = interactions.binary()
        by_item = binary.T.tocsr()
        n = by_item.shape[0]
        taken = np.asarray(by_item.sum(axis=1)).ravel().astype(np.float64)
        width = max(1, min(self.neighbours, n - 1)) if n else 1
        self.ids_ = np.zeros((n, width), dtype=np.int32)
        self.values_ = np.zeros((n, width), dtype=np.float32)
        for start in range(0, n, BLOCK):
            together = (by_item[start : start + BLOCK] @ binary).tocsr()
            rows = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr)) + start
            columns = together.indices
            norm = taken[rows] ** self.alpha * taken[columns] ** (1 - self.alpha) + self.shrink
            values = (together.data / norm).astype(np.float32)
            values[rows == columns] = 0.0
            self._keep_best(start, together.indptr, columns, values, width)

    def _keep_best(
        self, start: int, indptr: IntArray, columns: IntArray, values: SingleArray, width: int
    ) -> None:
        for local in range(len(indptr) - 1):
            mine = slice(indptr[local], indptr[local + 1])
            ids, sims = columns[mine], values[mine]
            if len(ids) > width:
                keep = np.argpartition(-sims, width - 1)[:width]
                ids, sims = ids[keep], sims[keep]
            order = np.lexsort((ids, -sims))
            self.ids_[start + local, : len(ids)] = ids[order]
            self.values_[start + local, : len(ids)] = sims[order]

    def _score(self, queries: Queries) -> SingleArray:
        query = queries.matrix(self.half_life)
        if queries.n == 1:  # the live path: no sparse product to set up
            ids, weights = query.indices, query.data
            flat = np.bincount(
                self.ids_[ids].ravel(),
                weights=(self.values_[ids] * weights[:, np.newaxis]).ravel(),
                minlength=queries.n_items,
            )
            return flat.astype(np.float32)[np.newaxis, :]
        n, width = self.ids_.shape
        weights_matrix = sparse.csr_matrix(
            (self.values_.ravel(), self.ids_.ravel(), np.arange(0, n * width + 1, width)), shape=(n, n)
        )
        dense: SingleArray = (query @ weights_matrix).toarray()
        return dense

    def _column(self, column: int) -> SingleArray:
        hits = self.ids_ == column
        return (self.values_ * hits).sum(axis=1, dtype=np.float32)
