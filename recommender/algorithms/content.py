"""Items that are described alike, in any language: by their words and by plain facts about them."""

from collections.abc import Mapping, Sequence
from math import floor, log2
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.features import IdentifierAsNumber, refuse_identifiers
from recommender.algorithms.interactions import Interactions, Queries, SingleArray, places_of

FACTS = "\x1f"
"""What stands between an item's words and its facts, and between one fact and the next."""
MOST_FACTS, LONGEST_FACT = 50, 100


def described(words: str, facts: Sequence[str] = ()) -> str:
    """One text of an item's words and facts, as `fit` takes it. No fact holds the separator."""
    return FACTS.join([words.replace(FACTS, " "), *(fact.replace(FACTS, " ") for fact in facts)])


def facts(
    *,
    category: str = "",
    brand: str = "",
    price: float | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> list[str]:
    """Plain facts: category, brand, two overlapping price bands, and the attributes. At most 50, of 100 letters each."""
    found = [f"{name}={value}" for name, value in (("category", category), ("brand", brand)) if value]
    if price is not None and price > 0:
        # Bands of a doubling, twice, half a band apart: of two prices within a factor 1.4 at least one is shared.
        found += [f"price={floor(log2(price))}", f"price+={floor(log2(price) + 0.5)}"]
    found += [fact for name, value in (attributes or {}).items() for fact in _flat(name, value)]
    return [fact.casefold()[:LONGEST_FACT] for fact in found[:MOST_FACTS]]


def _flat(name: str, value: Any) -> list[str]:
    """A value of JSON as facts: lists one by one, objects by their paths; nothing of null, and none of identifiers."""
    try:
        refuse_identifiers([name.rpartition(".")[2]])
    except IdentifierAsNumber:
        return []
    if isinstance(value, Mapping):
        return [fact for inner, kept in value.items() for fact in _flat(f"{name}.{inner}", kept)]
    if isinstance(value, list | tuple):
        return [fact for kept in value for fact in _flat(name, kept)]
    return [] if value is None or value == "" else [f"{name}={value}"]


class Content(LinearRecommender):
    """Cosine between the items' vectors, summed over the history.

    With p the TF-IDF of an item's words (character n-grams within words, so that Chinese, which has no spaces, and
    misspellings work alike) and f that of its facts, both of length 1, its vector is (√(1 − w) p, √w f), w = `facts`:
    the cosine is (1 − w) of the words' and w of the facts'.
    `cold` takes in what is described though nobody has acted on it yet: `items_` is then wider than the interactions.
    The learnt state is the items' own vectors: `data_`, `indices_`, `indptr_` of an (n_items, n_terms) CSR.
    """

    name = "content"
    data_: SingleArray
    indices_: np.ndarray[Any, np.dtype[np.int32]]
    indptr_: np.ndarray[Any, np.dtype[np.int32]]
    terms_: np.ndarray[Any, np.dtype[np.int64]]

    def __init__(
        self,
        half_life: float | None = None,
        max_terms: int = 50_000,
        facts: float = 0.3,
        cold: bool = False,
    ) -> None:
        if not 0 <= facts <= 1:
            raise ValueError("the share of the facts is between 0 and 1")
        self.half_life = half_life
        self.max_terms = max_terms
        self.facts = facts
        self.cold = cold

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        if self.cold:
            self._widen(texts)
        parts = [texts.get(int(item), "").split(FACTS) for item in self.items_]
        words, known = [part[0] for part in parts], [part[1:] for part in parts]
        share = self.facts if any(known) else 0.0
        vectors = sparse.hstack(
            [
                self._weighed(
                    words, np.sqrt(1 - share), analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True
                ),
                self._weighed(known, np.sqrt(share), analyzer=_as_it_is),
            ],
            format="csr",
            dtype=np.float32,
        )
        self.data_, self.indices_, self.indptr_ = vectors.data, vectors.indices, vectors.indptr
        self.terms_ = np.array([vectors.shape[1]], dtype=np.int64)

    def _widen(self, texts: Mapping[int, str]) -> None:
        """All that is described stands in `items_`, with a popularity of nought where nobody acted on it."""
        acted, popularity = self.items_, self.popularity_
        self.items_ = np.union1d(acted, np.fromiter(texts, dtype=np.int64, count=len(texts)))
        self.popularity_ = np.zeros(len(self.items_), dtype=np.float32)
        self.popularity_[places_of(acted, self.items_)[0]] = popularity

    def _weighed(self, documents: Sequence[Any], weight: float, **how: Any) -> sparse.csr_matrix:
        """(n_items, terms) TF-IDF rows of length `weight`; of one empty column where nothing is said."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not weight or not any(
            document if isinstance(document, list) else document.strip() for document in documents
        ):
            return sparse.csr_matrix((len(documents), 1), dtype=np.float32)
        maker = TfidfVectorizer(max_features=self.max_terms, dtype=np.float32, **how)
        return (maker.fit_transform(documents) * np.float32(weight)).tocsr()

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


def _as_it_is(document: list[str]) -> list[str]:
    return document
