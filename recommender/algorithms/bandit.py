"""Which arm gets how many people next: shares that learn, every arm's chance known. Arrays in, shares out.

Thompson sampling (Thompson 1933; Chapelle & Li 2011) with a challenger (Russo 2016). Written down in
docs/algorithms/bandit.md.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from recommender.algorithms.interactions import FloatArray, IntArray

DRAWS = 10_000
FLOOR = 0.01
FEWEST_PEOPLE = 100
BURN_IN_DAYS = 1.0
# What the leader leaves to the challenger, so that a close second is known well enough to be overruled or preferred.
CHALLENGER = 0.2
Z95 = float(special.ndtri(0.975))


@dataclass(frozen=True, eq=False)
class Conversions:
    """(k,) people an arm was given to, and how many of them did what was hoped for. Prior Beta(1, 1)."""

    people: IntArray
    successes: IntArray

    def __post_init__(self) -> None:
        if (self.successes < 0).any() or (self.successes > self.people).any():
            raise ValueError("no arm has more successes than people, or fewer than none")

    def drawn(self, draws: int, *, rng: np.random.Generator) -> FloatArray:
        """(draws, k) rates as they may be."""
        return rng.beta(1 + self.successes, 1 + self.people - self.successes, (draws, len(self.people)))


@dataclass(frozen=True, eq=False)
class Values:
    """(k,) people an arm was given to, the sum of their money and the sum of its squares.

    The prior is the mean and the spread of all arms' people together, and weighs as one person.
    """

    people: IntArray
    totals: FloatArray
    squares: FloatArray

    def drawn(self, draws: int, *, rng: np.random.Generator) -> FloatArray:
        """(draws, k) means as they may be: normal, the arm's own spread where it has two people, else that of all."""
        n, all_people = self.people.astype(np.float64), max(float(self.people.sum()), 1.0)
        mean = float(self.totals.sum()) / all_people
        variance = max(float(self.squares.sum()) / all_people - mean**2, 0.0)
        own = np.divide(self.totals, n, out=np.full(len(n), mean), where=n > 0)
        spread = np.divide(self.squares - n * own**2, n - 1, out=np.full(len(n), variance), where=n > 1)
        posterior = (n * own + mean) / (n + 1)
        return rng.normal(posterior, np.sqrt(np.maximum(spread, 0) / (n + 1)), (draws, len(n)))


def shares(
    arms: Conversions | Values,
    *,
    in_force: FloatArray,
    days: float,
    rng: np.random.Generator,
    control: int | None = None,
    floor: float = FLOOR,
    draws: int = DRAWS,
) -> FloatArray:
    """(k,) the shares from now on; they sum to one.

    in_force : the shares until now; they stay while any arm has under 100 people or the first day is not over
    (`days` since the arms began). control : an arm whose share never changes; the rest is divided among the others.
    p_i = f + (1 − k·f)·w_i, where w_i is how often arm i was drawn as the best, less a fifth that goes to how often it
    was the second. Raises ValueError for shares that are none, and for a floor that leaves nothing to learn.
    """
    k = len(arms.people)
    if len(in_force) != k or not np.isclose(in_force.sum(), 1.0) or (in_force < 0).any():
        raise ValueError("the shares in force are one for each arm, and sum to one")
    if not 0 <= floor * k < 1:
        raise ValueError(f"a floor of {floor:g} for each of {k} arms leaves nothing to learn")
    playing = np.array([i for i in range(k) if i != control])
    if days < BURN_IN_DAYS or int(arms.people.min()) < FEWEST_PEOPLE or len(playing) < 2:
        return in_force.copy()
    order = np.argsort(-arms.drawn(draws, rng=rng)[:, playing], axis=1, kind="stable")
    best = np.bincount(order[:, 0], minlength=len(playing)) / draws
    second = np.bincount(order[:, 1], minlength=len(playing)) / draws
    weights = (1 - CHALLENGER) * best + CHALLENGER * second
    left = 1.0 if control is None else 1.0 - float(in_force[control])
    found = in_force.copy()
    found[playing] = left * (floor + (1 - len(playing) * floor) * weights)
    return found


def draw(given: FloatArray, *, rng: np.random.Generator) -> tuple[int, float]:
    """One decision: the arm, and the chance it had, which is to be logged with it."""
    arm = int(np.searchsorted(np.cumsum(given), rng.random() * given.sum(), side="right"))
    arm = min(arm, len(given) - 1)
    return arm, float(given[arm] / given.sum())


def regret(people: IntArray, means: FloatArray) -> float:
    """What was lost against giving everyone the best arm, by the arms' true means."""
    return float((people * (means.max() - means)).sum())


@dataclass(frozen=True)
class Mean:
    """An arm's mean with its 95 % interval, from people drawn at shares that changed."""

    mean: float
    low: float
    high: float
    people: int


def means(arms: IntArray, propensities: FloatArray, values: FloatArray, *, k: int) -> list[Mean]:
    """Each arm's mean over everyone, by the chance that each person had of the arm they got.

    arms, propensities, values : (n,) as logged. Weights are 1/propensity, divided by their sum (Hájek). A plain mean is
    biased here: an arm that began badly is given up and never recovers. Of values that are all 0 or 1 the interval is
    Wilson's at the effective number of people (Korn & Graubard 1998), of others Student's at that number.
    Raises ValueError for a propensity that is none. An arm nobody got has the mean nan.
    """
    if (propensities <= 0).any() or (propensities > 1).any():
        raise ValueError("a propensity is a chance above nought")
    is_share = bool(np.isin(values, (0.0, 1.0)).all())
    return [_mean(values[arms == arm], 1 / propensities[arms == arm], is_share) for arm in range(k)]


def difference(one: Mean, other: Mean) -> Mean:
    """One arm's mean less another's; the limits are put together as Newcombe (1998) does for shares."""
    effect = one.mean - other.mean
    low = effect - np.hypot(one.mean - one.low, other.high - other.mean)
    high = effect + np.hypot(one.high - one.mean, other.mean - other.low)
    return Mean(effect, float(low), float(high), one.people + other.people)


def _mean(values: FloatArray, weights: FloatArray, is_share: bool) -> Mean:
    n, total = len(values), float(weights.sum())
    if n < 2:
        return Mean(float(values[0]) if n else float("nan"), float("nan"), float("nan"), n)
    mean = float((weights * values).sum()) / total
    variance = float(((weights * (values - mean) / total) ** 2).sum())
    alike = total**2 / float((weights**2).sum())  # so many people of equal weight would tell as much
    if not is_share:
        half = float(special.stdtrit(max(alike - 1, 1), 0.975)) * np.sqrt(
            variance * alike / max(alike - 1, 1)
        )
        return Mean(mean, float(mean - half), float(mean + half), n)
    if variance > 0:
        alike = mean * (1 - mean) / variance
    z = Z95**2 / alike
    centre, half = (mean + z / 2) / (1 + z), np.sqrt(z * mean * (1 - mean) + z * z / 4) / (1 + z)
    return Mean(mean, float(centre - half), float(centre + half), n)
