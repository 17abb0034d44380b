"""A linear model of what follows what, in closed form."""

from collections.abc import Iterator, Mapping
from math import ceil, log2

import numpy as np
from scipy import linalg

from recommender.algorithms import fixed_width
from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.fixed_width import Ids
from recommender.algorithms.interactions import FloatArray, IntArray, Interactions, Queries, SingleArray
from recommender.algorithms.sequence import Walks

WIDTH = 2048  # columns solved at once: what they need beside the factor is a tenth of it at 20,000 items


def fading(half_life: float) -> float:
    """What one step leaves of a weight."""
    return float(2.0 ** (-1.0 / half_life))


def reach(a: float, longest: int) -> int:
    """How many steps matter: what is cut off stays a tenth below the least eigenvalue of a^|d|, so none turns negative."""
    return min(longest - 1, ceil(log2(20 * (1 + a) / (1 - a) ** 2) / -log2(a)))


class SLIT(LinearRecommender):
    """W = (PᵀP + λI)⁻¹ PᵀF minimises ‖PW − F‖² + λ‖W‖²; score = (history faded by places) · W.

    Each moment t between two acts of a person is one row: P_t = Σ_{s≤t} a^(t−s) e_{i(s)} is the past faded by
    a = 2^(−1/half_life_acts), F_t = Σ_{s>t} b^(s−t−1) e_{i(s)} the future faded by b = 2^(−1/future_half_life). The rows
    are never made: both products are sums over pairs of acts d steps apart,
    PᵀF = Σ_{s<s'} (a^d − b^d)/(a − b) · e_{i(s)} e_{i(s')}ᵀ and PᵀP = Σ a^d (1 − a^(2r))/(1 − a²) · …, r the acts after
    the later one. An item may follow itself, so the diagonal is free.

    `fit` takes O(acts · half_life_acts + n_items³) time and O(n_items²) memory; ValueError above `max_items`.
    `weights_` : (n_items, n_items) float32, or with `neighbours` each row's strongest as `ids_` (n_items, N) int32 and
    `values_` (n_items, N) float32.
    After: Choi et al. 2021, Session-aware Linear Item-Item Models for Session-based Recommendation (their SLIT).
    """

    name = "slit"
    half_life_acts: float
    weights_: SingleArray
    ids_: Ids
    values_: SingleArray

    def __init__(
        self,
        reg: float = 100.0,
        half_life_acts: float = 2.0,
        future_half_life: float = 1.0,
        neighbours: int | None = None,
        max_items: int = 20_000,
    ) -> None:
        self.reg = reg
        self.half_life_acts = half_life_acts
        self.future_half_life = future_half_life
        self.neighbours = neighbours
        self.max_items = max_items

    @property
    def most_items(self) -> int:
        return self.max_items

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        n = len(interactions.items)
        if n > self.max_items:
            raise ValueError(
                f"{n} items need {n * n * 4 / 2**30:.0f} GiB; the limit is {self.max_items} items"
            )
        walks = Walks.of(interactions)
        gram = self._gram(walks, n)
        gram[np.diag_indices(n)] += self.reg
        weights = np.empty((n, n), dtype=np.float32)
        if n:  # symmetric, so its transpose is itself in the order LAPACK wants: no copy
            factor = linalg.cho_factor(gram.T, overwrite_a=True, check_finite=False)
            for start in range(0, n, WIDTH):
                onward = self._onward(walks, n, start, min(start + WIDTH, n))
                weights[:, start : start + WIDTH] = linalg.cho_solve(factor, onward, check_finite=False)
        if self.neighbours is None:
            self.weights_ = weights
        else:
            self.ids_, self.values_ = fixed_width.strongest(weights, self.neighbours)

    def _gram(self, walks: Walks, n: int) -> FloatArray:
        """(n, n) PᵀP, float64."""
        a = fading(self.half_life_acts)
        square = np.zeros((n, n))
        rest = (1 - a ** (2.0 * walks.after)) / (1 - a * a)  # Σ of a^(2k) over the moments after the act
        for lag, first, second in self._pairs(walks):
            lower, upper = np.sort([walks.columns[first], walks.columns[second]], axis=0)
            both = a**lag * rest[second] * walks.weights[first] * walks.weights[second]
            np.add.at(square.ravel(), lower * n + upper, np.where(lower == upper, 2 * both, both))
        for start in range(0, n, WIDTH):  # what is below the diagonal, without a copy of it all
            part = square[start:, start : start + WIDTH]
            below = np.tri(len(part), part.shape[1], -1, dtype=np.bool_)
            part[:] = np.where(below, square[start : start + WIDTH, start:].T, part)
        square[np.diag_indices(n)] += np.bincount(walks.columns, walks.weights**2 * rest, minlength=n)
        return square

    def _onward(self, walks: Walks, n: int, start: int, end: int) -> FloatArray:
        """(n, end − start) some columns of PᵀF, float64."""
        a, b = fading(self.half_life_acts), fading(self.future_half_life)
        part = np.zeros((n, end - start))
        between = 1.0  # Σ_k a^k b^(d−1−k), the weight of a pair d steps apart
        for lag, first, second in self._pairs(walks):
            columns = walks.columns[second]
            if end - start < n:
                inside = (columns >= start) & (columns < end)
                first, second, columns = first[inside], second[inside], columns[inside]
            cells = walks.columns[first] * (end - start) + columns - start
            np.add.at(part.ravel(), cells, between * walks.weights[first] * walks.weights[second])
            between = a * between + b**lag
        return part

    def _pairs(self, walks: Walks) -> Iterator[tuple[int, IntArray, IntArray]]:
        """How many steps apart, and the places of the earlier and the later act, as far as either fading reaches."""
        fades = fading(self.half_life_acts), fading(self.future_half_life)
        for lag in range(1, max(reach(fade, walks.longest) for fade in fades) + 1):
            yield lag, *walks.pairs(lag)

    def _score(self, queries: Queries) -> SingleArray:
        if self.neighbours is not None:
            return fixed_width.score(queries, self._fade(queries), self.ids_, self.values_)
        query = queries.matrix(None, self.half_life_acts)
        scores: SingleArray = np.asarray(query @ self.weights_, dtype=np.float32)
        return scores

    def _column(self, column: int) -> SingleArray:
        if self.neighbours is not None:
            return fixed_width.column(self.ids_, self.values_, column)
        return self.weights_[:, column]
