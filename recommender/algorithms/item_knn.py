"""Items that the same people take."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from scipy import sparse

from recommender.algorithms import fixed_width
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

    α = 1/2 is the cosine; another α is the asymmetric cosine (Aiolli 2013). "tfidf" and "bm25" weigh how often each person
    took each item first, an item being a document and the people its words, so that who takes everything says little:
    √count · idf compared by cosine, and BM25 (Robertson et al. 1994) by inner product. Each item keeps its `neighbours` most
    similar ones in fixed-width arrays, so one request costs history × neighbours, hardly the catalogue.
    `ids_` : (n_items, N) int32 · `values_` : (n_items, N) float32, row i the items that i speaks for, nought-padded.
    """

    name = "item_knn"
    ids_: np.ndarray[Any, np.dtype[np.int32]]
    values_: SingleArray

    def __init__(
        self,
        neighbours: int = 200,
        similarity: Literal["cosine", "asymmetric", "tfidf", "bm25"] = "cosine",
        alpha: float = 0.5,
        shrink: float = 0.0,
        half_life: float | None = None,
        k1: float = 1.2,
        b: float = 0.75,
        half_life_acts: float | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.similarity = similarity
        self.alpha = alpha if similarity == "asymmetric" else 0.5
        self.shrink = shrink
        self.half_life = half_life
        self.k1 = k1
        self.b = b
        self.half_life_acts = half_life_acts

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        by_item = self._weighed(interactions)
        by_person = by_item.T.tocsr()
        n = by_item.shape[0]
        # What a pair's inner product is divided by; BM25's is not.
        size = np.asarray(by_item.multiply(by_item).sum(axis=1)).ravel().astype(np.float64)
        width = max(1, min(self.neighbours, n - 1)) if n else 1
        self.ids_ = np.zeros((n, width), dtype=np.int32)
        self.values_ = np.zeros((n, width), dtype=np.float32)
        for start in range(0, n, BLOCK):
            together = (by_item[start : start + BLOCK] @ by_person).tocsr()
            rows = np.repeat(np.arange(together.shape[0]), np.diff(together.indptr)) + start
            columns = together.indices
            norm = (
                1.0
                if self.similarity == "bm25"
                else size[rows] ** self.alpha * size[columns] ** (1 - self.alpha)
            )
            values = (together.data / (norm + self.shrink)).astype(np.float32)
            values[rows == columns] = 0.0
            self._keep_best(start, together.indptr, columns, values, width)

    def _weighed(self, interactions: Interactions) -> sparse.csr_matrix:
        """(n_items, n_users) float32 CSR: how much each person's taking says of each item."""
        if self.similarity in ("cosine", "asymmetric"):
            return interactions.binary().T.tocsr()
        counts = interactions.matrix().T.tocsr().astype(np.float64)
        items, people = counts.shape
        took = np.bincount(counts.indices, minlength=people)
        idf = np.log1p((items - took + 0.5) / (took + 0.5))[counts.indices]
        if self.similarity == "tfidf":
            counts.data = np.sqrt(counts.data) * idf
        else:
            length = np.asarray(counts.sum(axis=1)).ravel()
            longer = 1 - self.b + self.b * length / max(float(length.mean()), 1e-12) if items else length
            of_item = np.repeat(longer, np.diff(counts.indptr))
            counts.data = counts.data * (self.k1 + 1) / (self.k1 * of_item + counts.data) * idf
        return counts.astype(np.float32)

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
        return fixed_width.score(queries, self._fade(queries), self.ids_, self.values_)

    def _column(self, column: int) -> SingleArray:
        return fixed_width.column(self.ids_, self.values_, column)
