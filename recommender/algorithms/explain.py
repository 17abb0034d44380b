"""The least that has to be said of why an item stands where it does."""

from dataclasses import dataclass

import numpy as np

from recommender.algorithms.base import Mode, Recommender
from recommender.algorithms.interactions import FloatArray, History, IntArray, SingleArray

HALF = 0.5


@dataclass(frozen=True, eq=False)
class Explanation:
    """items : (n,) int64, the past items that say it, most first · shares : (n,) the part of the score each carries.

    `share` is their sum. Where nothing can be said, all are empty and nought.
    """

    items: IntArray
    shares: FloatArray

    @property
    def share(self) -> float:
        return float(self.shares.sum())


NOTHING = Explanation(np.empty(0, np.int64), np.empty(0))


def shortest(
    items: IntArray, contributions: SingleArray, score: float, *, least: float = HALF
) -> Explanation:
    """The shortest set of past items that carries at least `least` of what the history says for the score.

    items, contributions : (n_acts,) aligned; several acts on one item add up · score : the item's whole score.
    What speaks against it is left out. Shares are of the positive score: of what the acts say for it and, where the
    score is greater than the sum of all contributions, of that rest, which no past item explains.
    Taking the greatest first is the shortest: no other set of that size carries more. Ties go to the smaller id.
    """
    past, where = np.unique(items, return_inverse=True)
    amounts = np.bincount(where, weights=contributions, minlength=len(past))
    positive = np.maximum(amounts, 0.0)
    said = float(positive.sum())
    if not said > 0:
        return NOTHING
    whole = said + max(float(score) - float(amounts.sum()), 0.0)
    order = np.argsort(-positive, kind="stable")
    carried = np.cumsum(positive[order])
    # Less a hair: a sum of many parts may miss its own total by the last digit.
    n = int(np.searchsorted(carried, least * said * (1 - 1e-9))) + 1
    best = order[:n][positive[order[:n]] > 0]
    return Explanation(past[best], positive[best] / whole)


def explained(
    model: Recommender,
    history: History,
    item: int,
    score: float,
    *,
    at: float,
    least: float = HALF,
    mode: Mode = "all",
) -> Explanation:
    """Why the model ranks `item` at `score` for this history; nothing where the model is not linear in it."""
    try:
        contributions = model.contributions(history, item, at=at, mode=mode)
    except TypeError:
        return NOTHING
    return shortest(history.items, contributions, score, least=least)
