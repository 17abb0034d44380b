"""A person's baskets, faded in groups, and those of the people nearest to them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import (
    FloatArray,
    IntArray,
    Interactions,
    Queries,
    SingleArray,
    newest_first,
)

Index = np.ndarray[Any, np.dtype[np.int32]]


def moments_back(rows: IntArray, days: FloatArray) -> tuple[IntArray, IntArray]:
    """(n,) how many of its row's moments are newer than each act's, and (n,) how many moments the row has."""
    order = newest_first(rows, days)
    row, day = rows[order], days[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (row[1:] != row[:-1]) | (day[1:] != day[:-1])
    count = np.cumsum(begins)
    first = np.searchsorted(row, row)
    last = np.searchsorted(row, row, side="right") - 1
    back, moments = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    back[order], moments[order] = count - count[first], count[last] - count[first] + 1
    return back, moments


class TIFUKNN(Recommender):
    """score = alpha · u + (1 − alpha) · mean of the `neighbours` vectors nearest to u (Euclidean), u the person's vector.

    Acts of one moment are a basket. Baskets form groups of `group` from the newest back; u is the mean over groups, the
    g-th before the newest faded by `group_decay`^g, of the mean over its baskets, the j-th before its newest faded by
    `basket_decay`^j. A person is never their own neighbour.
    The learnt rows are people's behaviour: forgetting someone removes their row.
    users_ : (n_users,) int64 · data_, indices_, indptr_ : their vectors, CSR (n_users, n_items) float32.
    Source: Hu et al. 2020, Modeling Personalized Item Frequency Information for Next-basket Recommendation, eq. 1–4.
    """

    name = "tifu_knn"
    users_: IntArray
    data_: SingleArray
    indices_: Index
    indptr_: Index

    def __init__(
        self,
        neighbours: int = 300,
        group: int = 7,
        basket_decay: float = 0.9,
        group_decay: float = 0.7,
        alpha: float = 0.7,
    ) -> None:
        self.neighbours = neighbours
        self.group = group
        self.basket_decay = basket_decay
        self.group_decay = group_decay
        self.alpha = alpha

    def vectors(
        self,
        rows: IntArray,
        columns: IntArray,
        weights: SingleArray,
        days: FloatArray,
        shape: tuple[int, int],
    ) -> sparse.csr_matrix:
        """(n_rows, n_items) float32 CSR: each row's faded baskets."""
        back, baskets = moments_back(rows, days)
        group, place = np.divmod(back, self.group)
        groups = -(-baskets // self.group)
        size = np.minimum(self.group, baskets - group * self.group)  # the oldest group may be short
        faded = weights * self.basket_decay**place * self.group_decay**group / (size * groups)
        return sparse.csr_matrix((faded.astype(np.float32), (rows, columns)), shape=shape)

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        vectors = self.vectors(
            interactions.rows,
            interactions.columns,
            interactions.weights,
            interactions.days,
            interactions.shape,
        )
        self.users_ = interactions.users
        self.data_, self.indices_, self.indptr_ = vectors.data, vectors.indices, vectors.indptr

    def _score(self, queries: Queries) -> SingleArray:
        shape = (len(self.users_), queries.n_items)
        known = sparse.csr_matrix((self.data_, self.indices_, self.indptr_), shape=shape)
        own = self.vectors(
            queries.rows, queries.columns, queries.weights, -queries.ages, (queries.n, queries.n_items)
        )
        near = self._nearest(own, known, queries) @ known
        asked = np.diff(own.indptr) > 0  # whoever did nothing is near to nobody
        scores = self.alpha * own.toarray() + (1 - self.alpha) * near.toarray() * asked[:, np.newaxis]
        return scores.astype(np.float32)

    def _nearest(
        self, own: sparse.csr_matrix, known: sparse.csr_matrix, queries: Queries
    ) -> sparse.csr_matrix:
        """(queries.n, n_users) CSR: 1/k for each of a person's k nearest."""
        lengths = np.asarray(known.multiply(known).sum(axis=1), dtype=np.float64).ravel()
        rows, columns = [], []
        products = own.astype(np.float64) @ known.T.astype(np.float64)
        for row, person in enumerate(queries.people):
            # |v − u|² without |u|², which is the same for all.
            distances = lengths - 2 * products[row].toarray().ravel()
            if person is not None:
                distances[self.users_ == person] = np.inf
            k = min(self.neighbours, int(np.isfinite(distances).sum()))
            if k:
                rows.append(np.full(k, row))
                columns.append(np.argpartition(distances, k - 1)[:k])
        if not rows:
            return sparse.csr_matrix((queries.n, len(self.users_)))
        values = np.concatenate([np.full(len(part), 1 / len(part)) for part in rows])
        return sparse.csr_matrix(
            (values, (np.concatenate(rows), np.concatenate(columns))), shape=(queries.n, len(self.users_))
        )
