"""People who took the same things."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from scipy import sparse

from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import IntArray, Interactions, Queries, SingleArray


def pearson(a: "np.typing.ArrayLike", b: "np.typing.ArrayLike") -> float:
    """The correlation of two aligned vectors; nought when either does not vary."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm else 0.0


class UserKNN(Recommender):
    """r̂(u, i) = Σ_{v∈N(u)} sim(u, v)·r(v, i) / Σ_{v∈N(u)} |sim(u, v)|, N(u) the most similar people with sim > 0.

    Similarity is the cosine or the Pearson correlation (over all items, absent as nought) of what was taken at all;
    r(v, i) is v's weight, decayed by `half_life`. A person is never their own neighbour.
    The learnt rows are people's behaviour: forgetting someone removes their row.
    """

    name = "user_knn"
    users_: IntArray
    data_: SingleArray
    decayed_: SingleArray
    indices_: np.ndarray[Any, np.dtype[np.int32]]
    indptr_: np.ndarray[Any, np.dtype[np.int32]]

    def __init__(
        self,
        neighbours: int = 100,
        similarity: Literal["cosine", "pearson"] = "cosine",
        half_life: float | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.similarity = similarity
        self.half_life = half_life

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        taken = interactions.matrix()
        taken.sort_indices()
        decayed = interactions.matrix(at=at, half_life=self.half_life)
        decayed.sort_indices()
        self.users_ = interactions.users
        self.data_, self.decayed_ = taken.data, decayed.data
        self.indices_, self.indptr_ = taken.indices, taken.indptr

    def similarities(self, queries: Queries) -> sparse.csr_matrix:
        """(queries.n, n_users) float32 CSR, of people with something in common; own rows are nought."""
        shape = (len(self.users_), queries.n_items)
        ones = np.ones(len(self.indices_), dtype=np.float64)
        known = sparse.csr_matrix((ones, self.indices_, self.indptr_), shape=shape)
        asked = queries.matrix(None).astype(np.float64)
        asked.data[:] = 1.0
        common = (asked @ known.T).tocsr()
        rows = np.repeat(np.arange(queries.n), np.diff(common.indptr))
        n_asked = np.diff(asked.indptr).astype(np.float64)[rows]
        n_known = np.diff(known.indptr).astype(np.float64)[common.indices]
        if self.similarity == "cosine":
            values = common.data / np.sqrt(n_asked * n_known)
        else:
            n = queries.n_items
            spread = np.sqrt((n * n_asked - n_asked**2) * (n * n_known - n_known**2))
            values = np.divide(
                n * common.data - n_asked * n_known, spread, out=np.zeros(len(spread)), where=spread > 0
            )
        own = np.fromiter(
            (-1 if person is None else person for person in queries.people), np.int64, queries.n
        )
        values[self.users_[common.indices] == own[rows]] = 0.0
        common.data = values
        return common

    def _score(self, queries: Queries) -> SingleArray:
        similar = self.similarities(queries)
        for row in range(queries.n):
            mine = slice(similar.indptr[row], similar.indptr[row + 1])
            values = similar.data[mine]
            values[values < 0] = 0.0  # Pearson below nought is no neighbour
            if len(values) > self.neighbours:
                # Ties at the edge go to the smaller row, so that the answer is the same every time.
                order = np.lexsort((similar.indices[mine], -values))
                values[order[self.neighbours :]] = 0.0
        similar.eliminate_zeros()
        shape = (len(self.users_), queries.n_items)
        rated = sparse.csr_matrix((self.decayed_, self.indices_, self.indptr_), shape=shape)
        total = np.asarray(np.abs(similar).sum(axis=1)).ravel()
        total[total == 0] = 1.0
        dense: SingleArray = (similar @ rated).toarray().astype(np.float32) / total[:, np.newaxis].astype(
            np.float32
        )
        return dense
