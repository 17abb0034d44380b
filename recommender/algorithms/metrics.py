"""How good a ranking is, person by person, and how sure we are.

All take `hits`: (n_people, k) bool, true where the item at that place was truly taken; `relevant`: (n_people,) int,
how many items each person truly took (at least 1). Full ranking, never sampled (Krichene & Rendle 2020).
"""

from typing import Any

import numpy as np

from recommender.algorithms.interactions import FloatArray, IntArray

Hits = np.ndarray[Any, np.dtype[np.bool_]]


def ndcg(hits: Hits, relevant: IntArray, k: int = 10) -> FloatArray:
    """Binary NDCG@k, (n_people,); the ideal list has min(k, relevant) hits."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(relevant, k)]
    gain: FloatArray = (hits[:, :k] * discounts[: hits[:, :k].shape[1]]).sum(axis=1)
    return gain / ideal


def recall(hits: Hits, relevant: IntArray, k: int = 20) -> FloatArray:
    """The share of what was taken that stands among the first k."""
    return np.asarray(hits[:, :k].sum(axis=1) / relevant)


def hit_rate(hits: Hits, k: int = 10) -> FloatArray:
    """1 where anything among the first k was taken."""
    return np.asarray(hits[:, :k].any(axis=1), dtype=np.float64)


def reciprocal_rank(hits: Hits) -> FloatArray:
    """1 / place of the first hit; nought without one."""
    first = hits.argmax(axis=1)
    place: FloatArray = np.where(hits.any(axis=1), 1.0 / (first + 1), 0.0)
    return place


def coverage(shown: IntArray, n_items: int) -> float:
    """The share of the catalogue that anyone is shown."""
    return len(np.unique(shown)) / n_items if n_items else 0.0


def gini(shown: IntArray, n_items: int) -> float:
    """How unequally the items are shown: 0 all alike, towards 1 when few take all."""
    _ids, counts = np.unique(shown, return_counts=True)
    exposure = np.sort(np.concatenate([np.zeros(n_items - len(counts)), counts]))
    total = exposure.sum()
    if not total:
        return 0.0
    place = np.arange(1, n_items + 1)
    return float((2 * place - n_items - 1) @ exposure / (n_items * total))


def novelty(popularity: FloatArray, n_people: int) -> float:
    """Mean self-information, in bits, of the items shown: −log2 of the share of people who took each."""
    return float(-np.log2(np.maximum(popularity, 1.0) / max(n_people, 1)).mean()) if len(popularity) else 0.0


def bootstrap(values: FloatArray, *, rng: np.random.Generator, samples: int = 1000) -> tuple[float, float]:
    """The 95 % percentile interval of the mean over people."""
    if not len(values):
        return 0.0, 0.0
    picks = rng.integers(0, len(values), size=(samples, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def interval(values: FloatArray) -> tuple[float, float]:
    """The 95 % interval of the mean by the normal approximation: for any number of people, where a bootstrap is dear."""
    if not len(values):
        return 0.0, 0.0
    half = 1.96 * float(values.std()) / float(np.sqrt(len(values)))
    return float(values.mean()) - half, float(values.mean()) + half


def squared_error(truth: FloatArray, predicted: FloatArray) -> float:
    """Mean squared error."""
    difference = np.asarray(truth, dtype=np.float64) - np.asarray(predicted, dtype=np.float64)
    return float(difference @ difference / len(difference))


def cross_entropy(truth: FloatArray, predicted: FloatArray) -> float:
    """−mean(y log p + (1−y) log(1−p)). Raises ValueError unless both lie in [0, 1]: ratings are no probabilities."""
    y, p = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if min(y.min(), p.min()) < 0 or max(y.max(), p.max()) > 1:
        raise ValueError("cross-entropy needs targets and predictions between 0 and 1")
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
