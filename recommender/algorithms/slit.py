"""A linear model of what follows what, in closed form."""

from collections.abc import Mapping
from math import ceil, log2

import numpy as np
from scipy import linalg

from recommender.algorithms import fixed_width
from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.fixed_width import Ids
from recommender.algorithms.interactions import FloatArray, Interactions, Queries, SingleArray
from recommender.algorithms.sequence import Walks


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
        gram, onward = self._products(Walks.of(interactions), n)
        gram[np.diag_indices(n)] += self.reg
        solved = onward
        if n:  # symmetric, so its transpose is itself in the order LAPACK wants: no copy
            factor = linalg.cho_factor(gram.T, overwrite_a=True, check_finite=False)
            solved = linalg.cho_solve(factor, onward, overwrite_b=True, check_finite=False)
        weights = np.ascontiguousarray(solved, dtype=np.float32)
        if self.neighbours is None:
            self.weights_ = weights
        else:
            self.ids_, self.values_ = fixed_width.strongest(weights, self.neighbours)

    def _products(self, walks: Walks, n: int) -> tuple[FloatArray, FloatArray]:
        """(n, n) PᵀP and (n, n) PᵀF, float64."""
        a, b = fading(self.half_life_acts), fading(self.future_half_life)
        gram, onward = np.zeros(n * n), np.zeros(n * n)
        rest = (1 - a ** (2.0 * walks.after)) / (1 - a * a)  # Σ of a^(2k) over the moments after the act
        between = 1.0  # Σ_k a^k b^(d−1−k), the weight of a pair d steps apart
        for lag in range(1, max(reach(a, walks.longest), reach(b, walks.longest)) + 1):
            first, second = walks.pairs(lag)
            cells = walks.columns[first] * n + walks.columns[second]
            both = walks.weights[first] * walks.weights[second]
            np.add.at(gram, cells, a**lag * rest[second] * both)
            np.add.at(onward, cells, between * both)
            between = a * between + b**lag
        square = gram.reshape(n, n)
        square += square.T.copy()
        square[np.diag_indices(n)] += np.bincount(walks.columns, walks.weights**2 * rest, minlength=n)
        return square, onward.reshape(n, n)

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
