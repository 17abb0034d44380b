"""What a text says: favourable or not, or of which class. Any language, without a dictionary."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse
from scipy.special import expit

from recommender.algorithms.base import Arrays, NotFitted
from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray, SingleArray, places_of
from recommender.algorithms.words import HashedGrams, Range, cleaned, inverse_frequency, tf_idf

CALIBRATED_ON = 5
"""One text in five is kept from the rehearsal, which the probability is learnt on."""


class TooFewTexts(ValueError):
    """Not enough texts of every class. The message says how many there are and how many it needs."""


class TextClassifier:
    """A linear classifier over TF-IDF of hashed n-grams, with a calibrated probability.

    fit learns a linear support vector machine (squared hinge, C = `penalty`; one against the rest for more than two
    classes); p = σ(slope · decision + offset) is learnt (Platt 1999) on texts that a rehearsal did not see. The same
    text never stands on both sides. N-grams that fewer than `least_texts` texts hold leave no trace.

    With D scores (1 for two classes, else one a class) and V columns in use:
    `classes_` : (n,) int64, sorted · `columns_` : (V,) int64, sorted · `idf_` : (V,) float32 ·
    `weights_` : (D, V) float32 · `bias_`, `slope_`, `offset_` : (D,) float64.
    """

    def __init__(
        self,
        *,
        characters: Range = (1, 3),
        words: Range = (1, 2),
        bits: int = 20,
        penalty: float = 0.5,
        least_texts: int = 2,
        minimum: int = 50,
        seed: int = 0,
    ) -> None:
        self.characters = characters
        self.words = words
        self.bits = bits
        self.penalty = penalty
        self.least_texts = least_texts
        self.minimum = minimum
        self.seed = seed
        self.classes_: IntArray
        self.columns_: IntArray
        self.idf_: SingleArray
        self.weights_: SingleArray
        self.bias_: FloatArray
        self.slope_: FloatArray
        self.offset_: FloatArray

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.endswith("_")}

    def fit(self, texts: Sequence[str], labels: IntArray) -> Self:
        """Learn from texts and their (len(texts),) labels. Raises TooFewTexts, ValueError for unequal lengths."""
        labels = np.asarray(labels, dtype=np.int64)
        if len(texts) != len(labels):
            raise ValueError("texts and labels must have one length")
        self._require_enough(labels)
        counts = self._grams().counts(texts)
        unseen = folds(texts, CALIBRATED_ON, seed=self.seed) == 0
        if any(len(np.unique(labels[side])) < len(np.unique(labels)) for side in (unseen, ~unseen)):
            raise TooFewTexts("Too many of the texts are the same: a class has no two different ones.")
        self._learn(counts[~unseen], labels[~unseen])
        slope, offset = self._calibrate(self._decision(counts[unseen]), labels[unseen])
        self._learn(counts, labels)
        self.slope_, self.offset_ = slope, offset
        return self

    def decision(self, texts: Sequence[str]) -> FloatArray:
        """(len(texts), D): the side of the plane and the distance from it. Raises NotFitted."""
        self._require_fitted()
        return self._decision(self._grams().counts(texts))

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """(len(texts), n_classes), columns as `classes_`; rows add to 1. Raises NotFitted."""
        each = expit(self.decision(texts) * self.slope_ + self.offset_)
        if len(self.classes_) == 2:
            return np.hstack([1 - each, each])
        total = each.sum(axis=1, keepdims=True)
        return np.divide(each, total, out=np.full_like(each, 1 / each.shape[1]), where=total > 0)

    def predict(self, texts: Sequence[str]) -> IntArray:
        """(len(texts),) the class on whose side each text lies. Raises NotFitted."""
        decision = self.decision(texts)
        if len(self.classes_) == 2:
            return self.classes_[(decision[:, 0] > 0).astype(np.int64)]
        return self.classes_[decision.argmax(axis=1)]

    def _grams(self) -> HashedGrams:
        return HashedGrams(characters=self.characters, words=self.words, bits=self.bits)

    def _require_enough(self, labels: IntArray) -> None:
        classes, sizes = np.unique(labels, return_counts=True)
        if len(classes) < 2 or sizes.min() < self.minimum:
            found = ", ".join(f"{size} of class {name}" for name, size in zip(classes, sizes, strict=True))
            raise TooFewTexts(
                f"Learning needs {self.minimum} texts of each of at least two classes; there are {found or 'none'}."
            )

    def _learn(self, counts: sparse.csr_matrix, labels: IntArray) -> None:
        from sklearn.svm import LinearSVC

        idf = inverse_frequency(counts, least=self.least_texts)
        self.columns_ = np.flatnonzero(idf)
        self.idf_ = idf[self.columns_].astype(np.float32)
        machine = LinearSVC(C=self.penalty, random_state=self.seed).fit(self._vectors(counts), labels)
        self.classes_ = machine.classes_.astype(np.int64)
        self.weights_, self.bias_ = machine.coef_.astype(np.float32), machine.intercept_.astype(np.float64)

    def _vectors(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """(n, V): the counts' columns that are in use, as TF-IDF."""
        places, known = self._places(counts.indices)
        ends = np.concatenate([[0], np.cumsum(known)])[counts.indptr]
        shape = (counts.shape[0], len(self.columns_))
        return tf_idf(sparse.csr_matrix((counts.data[known], places[known], ends), shape=shape), self.idf_)

    def _places(self, columns: IntArray) -> tuple[IntArray, BoolArray]:
        """Where each column stands among those in use, and whether it does."""
        if len(columns) < len(self.columns_):
            return places_of(columns, self.columns_)
        table = np.full(1 << self.bits, -1, dtype=np.int64)  # for many texts, faster than searching
        table[self.columns_] = np.arange(len(self.columns_))
        places = table[columns]
        return places, places >= 0

    def _decision(self, counts: sparse.csr_matrix) -> FloatArray:
        return np.asarray(self._vectors(counts) @ self.weights_.T, dtype=np.float64) + self.bias_

    def _calibrate(self, decision: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray]:
        from sklearn.linear_model import LogisticRegression

        sides = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        fitted = [
            LogisticRegression(C=1e6).fit(decision[:, [column]], labels == side)
            for column, side in enumerate(sides)
        ]
        return (
            np.array([model.coef_[0, 0] for model in fitted]),
            np.array([model.intercept_[0] for model in fitted]),
        )

    def _require_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise NotFitted("the classifier has learnt nothing yet")

    def state(self) -> Arrays:
        """Every learnt array by name, without the trailing underscore. Raises NotFitted."""
        self._require_fitted()
        return {name[:-1]: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, arrays: Arrays) -> Self:
        for name, value in arrays.items():
            setattr(self, f"{name}_", value)
        return self


def folds(texts: Sequence[str], parts: int, *, seed: int = 0) -> IntArray:
    """(len(texts),) in 0 … parts − 1, drawn for each different text: the same words are never in two parts."""
    numbers: dict[str, int] = {}
    of_text = np.fromiter(
        (numbers.setdefault(cleaned(text), len(numbers)) for text in texts), dtype=np.int64, count=len(texts)
    )
    drawn = np.random.default_rng(seed).permutation(len(numbers)) % parts
    return drawn[of_text]


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959963984540054, right / of
    middle = share + z * z / (2 * of)
    half = z * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def auc(truth: IntArray, told: FloatArray) -> float:
    """The chance that a text of class 1 is told above one of class 0; ties count half. Raises ValueError for one class.

    By ranks (Mann & Whitney 1947).
    """
    good = np.asarray(truth) == 1
    if not good.any() or good.all():
        raise ValueError("both classes are needed")
    _values, places, sizes = np.unique(told, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[places]
    n = int(good.sum())
    return float((ranks[good].sum() - n * (n + 1) / 2) / (n * (len(good) - n)))
