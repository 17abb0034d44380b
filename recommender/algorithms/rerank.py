"""From a ranking to a list worth showing: diverse, calibrated, with promotions and with a little chance.

Everything here is about places in a list of candidates: positions in, positions out. No model is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.algorithms.interactions import FloatArray, IntArray

SMOOTHING = 0.01


def cosines(vectors: FloatArray) -> FloatArray:
    """(n, n) cosine of each pair of rows; nought with a row of noughts."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors, dtype=np.float64), where=lengths > 0)
    return unit @ unit.T


def same_group(groups: IntArray) -> FloatArray:
    """(n, n) one where two candidates are of one group, else nought; −1 is no group and like nothing."""
    alike = (groups[:, np.newaxis] == groups[np.newaxis, :]) & (groups >= 0)[:, np.newaxis]
    return alike.astype(np.float64)


def relevance(scores: FloatArray) -> FloatArray:
    """Scores over their greatest, so that they and a likeness are of one size; all nought where none is positive."""
    greatest = float(scores.max(initial=0.0))
    return np.maximum(scores, 0.0) / greatest if greatest > 0 else np.zeros(len(scores))


def mmr(scores: FloatArray, likeness: FloatArray, k: int, *, balance: float) -> IntArray:
    """Maximal marginal relevance: each place goes to argmax λ·relevance − (1−λ)·likeness to the likest one above it.

    scores : (n,) · likeness : (n, n) · balance : λ, 1 is the order of the scores. Returns min(k, n) positions; ties
    go to the earlier candidate. O(k·n). Source: Carbonell & Goldstein 1998.
    """
    _between(balance, "balance")
    worth = relevance(scores)
    likest = np.zeros(len(scores))
    is_open = np.ones(len(scores), dtype=np.bool_)
    chosen = []
    for _place in range(min(k, len(scores))):
        marginal = balance * worth - (1 - balance) * likest
        best = int(np.argmax(np.where(is_open, marginal, -np.inf)))
        chosen.append(best)
        is_open[best] = False
        likest = np.maximum(likest, likeness[best])
    return np.array(chosen, dtype=np.int64)


def distribution(groups: IntArray, weights: FloatArray, n_groups: int) -> FloatArray:
    """(n_groups,) each group's share of the weight; −1 is no group and left out. Noughts where nothing has a group."""
    known = groups >= 0
    counts = np.bincount(groups[known], weights=weights[known], minlength=n_groups).astype(np.float64)
    total = counts.sum()
    return counts / total if total > 0 else counts


def divergence(wanted: FloatArray, shown: FloatArray, *, smoothing: float = SMOOTHING) -> float:
    """KL(p ‖ q̃) = Σ p·ln(p/q̃) in nats, q̃ = (1−α)·q + α·p, so that a group not shown yet costs much but not all.

    p is `wanted`, q is `shown`. Source: Steck 2018, eq. 3 and 4.
    """
    there = wanted > 0
    p = wanted[there]
    return float(np.sum(p * np.log(p / ((1 - smoothing) * shown[there] + smoothing * p))))


def calibrated(
    scores: FloatArray,
    groups: IntArray,
    wanted: FloatArray,
    k: int,
    *,
    balance: float,
    smoothing: float = SMOOTHING,
) -> IntArray:
    """Each place goes to the candidate that makes (1−λ)·Σ relevance − λ·KL(wanted ‖ list) greatest.

    groups : (n,) index into `wanted`, −1 for none · wanted : (n_groups,) the shares of the history · balance : λ, 0 is
    the order of the scores. Returns min(k, n) positions; ties go to the earlier. Without shares to meet, the order of
    the scores. O(k·n + k·n_groups²). Source: Steck 2018, eq. 5 and its greedy algorithm.
    """
    _between(balance, "balance")
    if not wanted.sum() > 0:
        return np.argsort(-scores, kind="stable")[:k]
    worth = relevance(scores)
    counts = np.zeros(len(wanted))
    is_open = np.ones(len(scores), dtype=np.bool_)
    chosen = []
    for _place in range(min(k, len(scores))):
        costs = np.array([_cost(counts, group, wanted, smoothing) for group in range(-1, len(wanted))])
        gain = (1 - balance) * worth - balance * costs[groups + 1]
        best = int(np.argmax(np.where(is_open, gain, -np.inf)))
        chosen.append(best)
        is_open[best] = False
        if groups[best] >= 0:
            counts[groups[best]] += 1
    return np.array(chosen, dtype=np.int64)


def _cost(counts: FloatArray, group: int, wanted: FloatArray, smoothing: float) -> float:
    """The divergence of a list with one more of the group."""
    with_it = counts.copy()
    if group >= 0:
        with_it[group] += 1
    total = with_it.sum()
    return divergence(wanted, with_it / total if total else with_it, smoothing=smoothing)


# --- promotions ----------------------------------------------------------------------------------------------------


def slots(percents: Sequence[float], available: Sequence[int], n_others: int, k: int) -> list[int]:
    """How many places each promotion gets, the first in the sequence first: never more than its share of the list.

    Rounded down; fewer where fewer are available; together never more than the list. Where the others do not fill the
    list, it is shorter, and the shares are of the shorter one.
    """
    for length in range(k, 0, -1):
        given: list[int] = []
        for percent, most in zip(percents, available, strict=True):
            # The tiny addition: 29 % of 100 is 28.999… in binary.
            share = int(length * percent / 100 + 1e-9)
            given.append(max(0, min(share, most, length - sum(given))))
        if n_others >= length - sum(given):
            return given
    return [0 for _percent in percents]


def interleaved(counts: Sequence[int], *, rng: np.random.Generator) -> IntArray:
    """Which list each place takes from: `counts[i]` places of list i, every arrangement as likely as any other.

    Each list's own order stays: its first is above its second.
    """
    return rng.permutation(np.repeat(np.arange(len(counts)), counts))


# --- exploration ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Explored:
    """items : (n,) int64 in the order shown · propensities : (n,) how likely each was in its place, given those above.

    Their product is the probability of the whole list.
    """

    items: IntArray
    propensities: FloatArray


def explore(order: IntArray, pool: IntArray, k: int, *, share: float, rng: np.random.Generator) -> Explored:
    """Fill k places: each with probability 1 − share by the best not shown yet, else by chance from the pool.

    order : ids, best first · pool : ids that chance may draw, all alike, every one of `order` among them.
    Raises ValueError when it is not, or for a share outside [0, 1].
    """
    shown: list[int] = []
    for _place in range(min(k, len(order))):
        left = [item for item in pool.tolist() if item not in shown]
        by_chance = rng.random() < share and left
        shown.append(
            left[int(rng.integers(len(left)))]
            if by_chance
            else next(item for item in order.tolist() if item not in shown)
        )
    items = np.array(shown, dtype=np.int64)
    return Explored(items, propensities(items, order, pool, share=share))


def propensities(shown: IntArray, order: IntArray, pool: IntArray, *, share: float) -> FloatArray:
    """(len(shown),) the exact probability that `explore` puts each item in its place, given those above it.

    (1 − ε)·[it is the best not shown yet] + ε/|pool left|·[it is in the pool left].
    """
    _between(share, "share")
    in_pool, ranked = set(pool.tolist()), order.tolist()
    if not in_pool.issuperset(ranked):
        raise ValueError("the pool must hold all that is ranked")
    found: list[float] = []
    above: set[int] = set()
    place = 0
    left = len(in_pool)
    for item in shown.tolist():
        while place < len(ranked) and ranked[place] in above:
            place += 1
        is_best = place < len(ranked) and item == ranked[place]
        by_chance = share / left if left and item in in_pool and item not in above else 0.0
        found.append((1 - share) * is_best + by_chance)
        above.add(item)
        left -= item in in_pool
    return np.array(found)


def _between(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be from 0 to 1")
