"""Items that are described alike, in any language."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.interactions import Interactions, Queries, SingleArray


class Content(LinearRecommender):
    """Cosine between TF-IDF vectors of the items' texts (title, category, brand), summed over the history.

    Character n-grams within words, so that Chinese, which has no spaces, and misspellings work alike.
    The learnt state is the items' own vectors: `data_`, `indices_`, `indptr_` of an (n_items, n_terms) CSR.
    """

    name = "content"
    data_: SingleArray
    indices_: np.ndarray[Any, np.dtype[np.int32]]
    indptr_: np.ndarray[Any, np.dtype[np.int32]]
    terms_: np.ndarray[Any, np.dtype[np.int64]]

    def __init__(self, half_life: float | None = None, max_terms: int = 50_000) -> None:
        self.half_life = half_life
        self.max_terms = max_terms

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        described = [texts.get(int(item), "") for item in self.items_]
        if any(text.strip() for text in described):
            maker = TfidfVectorizer(
                analyzer="char_wb",
                ngram_range=(2, 4),
                max_features=self.max_terms,
                sublinear_tf=True,
                dtype=np.float32,
            )
            vectors = maker.fit_transform(described).tocsr()
        else:
            vectors = sparse.csr_matrix((len(described), 1), dtype=np.float32)
        self.data_, self.indices_, self.indptr_ = vectors.data, vectors.indices, vectors.indptr
        self.terms_ = np.array([vectors.shape[1]], dtype=np.int64)

    def _vectors(self) -> sparse.csr_matrix:
        shape = (len(self.items_), int(self.terms_[0]))
        return sparse.csr_matrix((self.data_, self.indices_, self.indptr_), shape=shape)

    def _score(self, queries: Queries) -> SingleArray:
        vectors = self._vectors()
        dense: SingleArray = ((queries.matrix(self.half_life) @ vectors) @ vectors.T).toarray()
        return dense

    def _column(self, column: int) -> SingleArray:
        vectors = self._vectors()
        out: SingleArray = (vectors @ vectors[column].T).toarray().ravel()
        return out
