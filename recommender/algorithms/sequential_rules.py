"""What comes soon after what: counted, nothing solved."""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from recommender.algorithms import fixed_width
from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.fixed_width import Ids
from recommender.algorithms.interactions import Interactions, Queries, SingleArray
from recommender.algorithms.sequence import Walks


class SequentialRules(LinearRecommender):
    """rule(i → j) = Σ 1/d over pairs of acts i, j of one person, d ≤ `steps` apart, per act on i; score over the last `steps`.

    A pair speaks the other way round too, by `backward` (0: not at all). Each of the last `steps` acts of a history counts
    1/(1 + place). `alpha` shares the division between both items: Σ / (n_i^alpha · n_j^(1−alpha)); 1 gives what follows
    most often, less lifts what is rare elsewhere.
    `ids_` : (n_items, N) int32 · `values_` : (n_items, N) float32, row i the rules from i, nought-padded.
    Source: Ludewig & Jannach 2018, Evaluation of Session-based Recommendation Algorithms (SR), with several last items.
    """

    name = "sequential_rules"
    ids_: Ids
    values_: SingleArray

    def __init__(
        self, steps: int = 5, backward: float = 0.3, alpha: float = 0.8, neighbours: int = 200
    ) -> None:
        self.steps = steps
        self.backward = backward
        self.alpha = alpha
        self.neighbours = neighbours

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        n, walks = len(interactions.items), Walks.of(interactions)
        rules = sparse.csr_matrix((n, n))
        for lag in range(1, min(self.steps, walks.longest - 1) + 1):
            first, second = walks.pairs(lag)
            value = walks.weights[first] * walks.weights[second] / lag
            rules = rules + sparse.csr_matrix(
                (value, (walks.columns[first], walks.columns[second])), shape=(n, n)
            )
        if self.backward:
            rules = rules + self.backward * rules.T.tocsr()
        acts = np.maximum(np.bincount(walks.columns, walks.weights, minlength=n), 1e-12)
        rules = sparse.diags(acts**-self.alpha) @ rules @ sparse.diags(acts ** (self.alpha - 1))
        self.ids_, self.values_ = fixed_width.strongest(rules.tocsr().astype(np.float32), self.neighbours)

    def _fade(self, queries: Queries) -> SingleArray:
        near = queries.places < self.steps
        return np.where(near, queries.weights / (1 + queries.places), 0.0).astype(np.float32)

    def _score(self, queries: Queries) -> SingleArray:
        return fixed_width.score(queries, self._fade(queries), self.ids_, self.values_)

    def _column(self, column: int) -> SingleArray:
        return fixed_width.column(self.ids_, self.values_, column)
