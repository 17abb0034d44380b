"""Several arms against one control group: intervals that hold together, words that are rarely wrong for any of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from campaigns.statistics.estimates import Estimate, Values, confidence_sequence, welch


@dataclass(frozen=True)
class Comparison:
    """One arm against control: `alone` as if it were the only one, `low` and `high` holding for all arms at once."""

    alone: Estimate
    low: float
    high: float
    verdict: str
    """`earned`, `cost` or `cannot_tell`, after Holm"""


def against_control(arms: Sequence[Values], control: Values, *, alpha: float = 0.05) -> list[Comparison]:
    """Each arm against control by Welch, after Holm (1979): of all arms without effect, none is named in 95 of 100 runs.

    The interval is that of α/m, which holds for all m arms at once (Bonferroni). Where Holm, which tells more, has named
    an arm whose interval still held nought, the interval ends at nought. Raises ValueError under 2 people in an arm.
    """
    return _holm(len(arms), alpha, lambda arm, level: welch(arms[arm], control, alpha=level))


def sequences_against_control(
    arms: Sequence[Values], control: Values, *, planned: Sequence[int], alpha: float = 0.05
) -> list[Comparison]:
    """The same by confidence sequences: all of it holds at all times at once, so looking early is safe.

    planned : for each arm, the people planned in it and in control together. Holm at every look is allowed, for a
    sequence at any level holds at all times, and so does each step of the argument.
    """
    return _holm(
        len(arms),
        alpha,
        lambda arm, level: confidence_sequence(arms[arm], control, planned=planned[arm], alpha=level),
    )


def _holm(m: int, alpha: float, at: Callable[[int, float], Estimate]) -> list[Comparison]:
    """Step down: all at α/m; those named leave, and the rest are asked at α/(those left), until none is named."""
    named: dict[int, str] = {}
    while len(named) < m:
        level = alpha / (m - len(named))
        found = {
            arm: verdict
            for arm in range(m)
            if arm not in named and (verdict := at(arm, level).verdict) != "cannot_tell"
        }
        if not found:
            break
        named |= found
    return [
        _comparison(at(arm, alpha), at(arm, alpha / m), named.get(arm, "cannot_tell")) for arm in range(m)
    ]


def _comparison(alone: Estimate, together: Estimate, verdict: str) -> Comparison:
    low = max(together.low, 0.0) if verdict == "earned" else together.low
    high = min(together.high, 0.0) if verdict == "cost" else together.high
    return Comparison(alone, low, high, verdict)


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> float:
    """p-value of χ² that arms of these sizes were drawn at these shares; 1.0 where there is nothing to compare.

    shares : in any unit, of the same arms. Raises ValueError for an arm that has people and no share.
    """
    people, wanted = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if len(people) != len(wanted) or (wanted < 0).any() or (people[wanted == 0] > 0).any():
        raise ValueError("every arm that has people has a share")
    people, wanted = people[wanted > 0], wanted[wanted > 0]
    if people.sum() == 0 or len(people) < 2:
        return 1.0
    expected = people.sum() * wanted / wanted.sum()
    return float(special.chdtrc(len(people) - 1, float(((people - expected) ** 2 / expected).sum())))
