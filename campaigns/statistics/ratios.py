"""How a group fares beside another: ratios of shares and of means, with intervals from people drawn anew.

Formulas, sources and limits in docs/algorithms/fairness.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from campaigns.statistics.estimates import Values

DRAWS = 2000
WIRE_LOW, WIRE_HIGH = 0.8, 1.25
"""Four fifths (29 CFR 1607.4 D) and its inverse: from here on somebody looks; neither is a proof of anything."""
_AT_ONCE = 5_000_000


@dataclass(frozen=True)
class Ratio:
    """A group's figure over the reference's, and the 95 % percentile interval of drawing both groups' people anew."""

    value: float
    low: float
    high: float

    @property
    def crosses(self) -> bool:
        """Whether somebody must look: beyond the wire, and not by the chance of who happened to be there."""
        return not WIRE_LOW <= self.value <= WIRE_HIGH and not self.low <= 1 <= self.high


def of_shares(
    selected: int, people: int, ref_selected: int, ref_people: int, *, rng: np.random.Generator
) -> Ratio | None:
    """The share of a group's people who were selected, over the reference's. None where nobody of that one was.

    Nobody selected of n gives a ratio of nought, whose upper end is the rule of three, 3/n, over the reference's share.
    """
    if not (people and ref_selected):
        return None
    share, ref = selected / people, ref_selected / ref_people
    if not selected:
        return Ratio(0.0, 0.0, min(3 / people, 1.0) / ref)
    drawn = rng.binomial(people, share, DRAWS) / people
    ref_drawn = rng.binomial(ref_people, ref, DRAWS) / ref_people
    return _of(share / ref, drawn, ref_drawn)


def of_means(
    counts: Mapping[float, int], ref_counts: Mapping[float, int], *, rng: np.random.Generator
) -> Ratio | None:
    """The mean of a group over the reference's, from how many people have each value. None where that one's is nought."""
    if not counts or not ref_counts:
        return None
    (mean, drawn), (ref, ref_drawn) = _means(counts, rng), _means(ref_counts, rng)
    if ref <= 0:
        return None
    return _of(mean / ref, drawn, ref_drawn)


def _of(value: float, drawn: Values, ref_drawn: Values) -> Ratio:
    # A draw without anybody selected in the reference has no ratio; it counts as the greatest there is.
    ratios = np.divide(drawn, ref_drawn, out=np.full(DRAWS, np.inf), where=ref_drawn > 0)
    low, high = np.percentile(ratios, [2.5, 97.5], method="inverted_cdf")
    return Ratio(value, float(low), float(high))


def _means(counts: Mapping[float, int], rng: np.random.Generator) -> tuple[float, Values]:
    """The mean, and (DRAWS,) means of as many people drawn anew: counts of values are multinomial."""
    values = np.fromiter(counts.keys(), np.float64, len(counts))
    sizes = np.fromiter(counts.values(), np.int64, len(counts))
    n = int(sizes.sum())
    drawn = np.empty(DRAWS)
    step = max(1, _AT_ONCE // len(values))
    for start in range(0, DRAWS, step):
        size = min(step, DRAWS - start)
        drawn[start : start + size] = rng.multinomial(n, sizes / n, size) @ values / n
    return float(sizes @ values / n), drawn
