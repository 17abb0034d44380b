"""EASE for more products than one dense solve holds: each product's weights from its nearest products only."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.ease import faded
from recommender.algorithms.fixed_width import Ids
from recommender.algorithms.gram import WORKERS
from recommender.algorithms.interactions import FloatArray, IntArray, Interactions, Queries, SingleArray

BLOCK = 256  # columns whose pairs are counted at once: BLOCK × n_items numbers at the most
STACK = 2**21  # numbers of the systems solved at once: 16 MiB


class EASESparse(LinearRecommender):
    """b_N = (G_NN + λI)⁻¹ G_Nj for each item j, G = XᵀX, N its `neighbours` of the greatest cosine; all else is nought.

    X as in `EASE`, faded too. That is ridge regression of each item on a chosen few (SLIM with its support fixed by
    neighbours, Ning and Karypis 2011). With `neighbours` = n_items − 1 it is EASE itself. Ties go to the smaller id, also
    among those never taken with j, where there are no others.
    O(n_items · (neighbours³ + pairs among the neighbours)) time, O(n_items · (neighbours + a block)) memory.
    The weights by rows, row i what i speaks for: `starts_` : (n_items + 1,) int64, where each row begins · `ids_` : (m,)
    int32 · `values_` : (m,) float32.
    """

    name = "ease_sparse"
    starts_: IntArray
    ids_: Ids
    values_: SingleArray

    def __init__(
        self,
        neighbours: int = 100,
        reg: float = 200.0,
        half_life: float | None = None,
        fade: float | None = None,
        half_life_acts: float | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.reg = reg
        self.half_life = half_life
        self.fade = fade
        self.half_life_acts = half_life_acts

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        by_item = faded(interactions, at=at, fade=self.fade).T.tocsr().astype(np.float64)
        n = by_item.shape[0]
        width = max(0, min(self.neighbours, n - 1))
        by_person = by_item.T.tocsr()
        size = np.sqrt(np.asarray(by_item.multiply(by_item).sum(axis=1)).ravel())
        near = np.empty((n, width), dtype=np.int32)
        weights = np.empty((n, width), dtype=np.float32)

        def learn(start: int) -> None:
            mine = slice(start, start + BLOCK)
            near[mine], together = _nearest(by_item[mine] @ by_person, size, start, width)
            weights[mine] = self._solved(by_item, near[mine], together)

        # Threads, since scipy and LAPACK let go of the interpreter; BLAS with its own would only get in their way.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(os.cpu_count() or 1, WORKERS)) as threads:
            list(threads.map(learn, range(0, n if width else 0, BLOCK)))
        targets = np.repeat(np.arange(n, dtype=np.int32), width)
        by_row = sparse.csr_matrix((weights.ravel(), (near.ravel(), targets)), shape=(n, n))
        by_row.eliminate_zeros()
        self.starts_ = by_row.indptr.astype(np.int64)
        self.ids_ = by_row.indices.astype(np.int32)
        self.values_ = by_row.data

    def _solved(self, by_item: sparse.csr_matrix, ids: Ids, together: FloatArray) -> FloatArray:
        """(b, width): each column's ridge regression on its neighbours."""
        width = ids.shape[1]
        found = np.empty(ids.shape)
        for start in range(0, len(ids), stack := max(1, min(STACK // width**2, STACK // by_item.shape[1]))):
            mine = slice(start, start + stack)
            systems = _grams(by_item, ids[mine])
            systems[:, np.arange(width), np.arange(width)] += self.reg
            found[mine] = np.linalg.solve(systems, together[mine, :, np.newaxis])[:, :, 0]
        return found

    def _score(self, queries: Queries) -> SingleArray:
        weights, n = self._fade(queries), queries.n_items
        if queries.n == 1:  # the live path: no sparse product to set up
            first, last = self.starts_[queries.columns], self.starts_[queries.columns + 1]
            lengths = last - first
            places = np.repeat(last - np.cumsum(lengths), lengths) + np.arange(lengths.sum())
            said = self.values_[places] * np.repeat(weights, lengths)
            return np.bincount(self.ids_[places], weights=said, minlength=n).astype(np.float32)[np.newaxis, :]
        matrix = sparse.csr_matrix((self.values_, self.ids_, self.starts_), shape=(n, n))
        dense: SingleArray = (queries.matrix(self.half_life, self.half_life_acts) @ matrix).toarray()
        return dense

    def _column(self, column: int) -> SingleArray:
        places = np.flatnonzero(self.ids_ == column)
        out = np.zeros(len(self.items_), dtype=np.float32)
        out[np.searchsorted(self.starts_, places, side="right") - 1] = self.values_[places]
        return out


def _nearest(pairs: sparse.csr_matrix, size: FloatArray, start: int, width: int) -> tuple[Ids, FloatArray]:
    """(b, width) each row's greatest by cosine, without itself, and (b, width) G between them and it.

    pairs : (b, n) CSR, the rows of G from `start` on · size : (n,), the square roots of its diagonal.
    """
    ids = np.empty((pairs.shape[0], width), dtype=np.int32)
    together = np.zeros((pairs.shape[0], width))
    for row in range(pairs.shape[0]):
        mine = slice(pairs.indptr[row], pairs.indptr[row + 1])
        others = pairs.indices[mine] != start + row
        columns, counts = pairs.indices[mine][others], pairs.data[mine][others]
        cosines = counts / size[columns]  # but for the row's own size, which all have in common
        if len(columns) > width:
            edge = np.partition(cosines, len(columns) - width)[len(columns) - width]
            columns, counts, cosines = (one[cosines >= edge] for one in (columns, counts, cosines))
        best = np.lexsort((columns, -cosines))[:width]
        ids[row, : len(best)], together[row, : len(best)] = columns[best], counts[best]
        if len(best) < width:
            rest = np.setdiff1d(np.arange(width + 1), np.append(columns, start + row))
            ids[row, len(best) :] = rest[: width - len(best)]
    return ids, together


def _grams(by_item: sparse.csr_matrix, ids: Ids) -> FloatArray:
    """(t, width, width): how often any two of each row of `ids` were taken by the same person.

    One product for all: each row has people of its own, so that nobody of one row meets anybody of another.
    """
    t, width = ids.shape
    taken = by_item[ids.ravel()]
    row = np.arange(t).repeat(np.diff(taken.indptr[::width]))
    apart = sparse.csr_matrix(
        (taken.data, taken.indices + row * by_item.shape[1], taken.indptr),
        shape=(t * width, t * by_item.shape[1]),
    )
    pairs = (apart @ apart.T).tocsr()
    out = np.zeros((t * width, width))
    out[np.arange(t * width).repeat(np.diff(pairs.indptr)), pairs.indices % width] = pairs.data
    return out.reshape(t, width, width)
