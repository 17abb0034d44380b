"""What another way of choosing would have brought, from a log of decisions whose chances are known. Arrays in, numbers out.

Three estimators beside each other, with intervals by drawing people anew, and refusal where the log cannot tell.
Formulas in docs/algorithms/replay.md.
"""

from dataclasses import dataclass

import numpy as np

from recommender.algorithms.interactions import FloatArray, IntArray

FEWEST_EFFECTIVE = 100
LEAST_EFFECTIVE_SHARE = 0.01
FOLDS = 5
REG = 1.0
RESAMPLES = 2000
# A reward model as good as the mean is worse in every second log; only one that is so beyond chance is refused.
SURELY = 2.0


class NotReplayable(ValueError):
    """This log cannot tell what that way of choosing would have brought; the message says why."""


@dataclass(frozen=True, eq=False)
class Log:
    """Aligned arrays, one row a decision.

    people : (n,) ids; a person's decisions stand or fall together · actions : (n,) what was chosen, 0 to k − 1 ·
    rewards : (n,) · propensities : (n, k) the chance that each action had then, rows sum to one ·
    features : (n, d) known at the decision, without gaps. Raises ValueError.
    """

    people: IntArray
    actions: IntArray
    rewards: FloatArray
    propensities: FloatArray
    features: FloatArray

    def __post_init__(self) -> None:
        if not (len(self.people) == len(self.actions) == len(self.rewards) == len(self.features)):
            raise ValueError("the arrays of a log are of one length")
        if (self.propensities < 0).any() or not np.allclose(self.propensities.sum(axis=1), 1.0):
            raise ValueError("the chances of one decision sum to one")
        if not np.isfinite(self.features).all():
            raise ValueError("features have gaps")

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True)
class Value:
    """Reward per decision, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Replay:
    """The new way's value by three estimators; `doubly_robust` is the one to read, the others show how much it leans on.

    effective : so many decisions of equal weight would tell as much · clipped : the share of decisions whose weight was
    cut to the clip · largest : the largest weight before that · logged : what the log itself brought.
    """

    ips: Value
    snips: Value
    doubly_robust: Value
    logged: Value
    effective: float
    clipped: float
    largest: float
    decisions: int


def replay(
    log: Log,
    wanted: FloatArray,
    *,
    rng: np.random.Generator,
    clip: float | None = None,
    resamples: int = RESAMPLES,
) -> Replay:
    """What choosing by `wanted` would have brought in the logged situations.

    wanted : (n, k) the new way's chance of each action, rows sum to one · clip : weights above it are cut to it, which
    biases IPS and SNIPS towards nought effect of what is rare; the cut share is told. w = π(a|x)/p(a|x).
    Raises NotReplayable where an action that the new way needs had no chance, where the effective number of decisions
    is under 100 or under 1 % of the log, or where the reward model is surely worse than the plain mean.
    """
    if (
        wanted.shape != log.propensities.shape
        or (wanted < 0).any()
        or not np.allclose(wanted.sum(axis=1), 1.0)
    ):
        raise ValueError("the wanted chances are one for each decision and action, and sum to one")
    rows = np.arange(len(log))
    weights, clipped, largest = _weights(log, wanted, clip)
    effective = _effective(weights, len(log))
    model = _reward_model(log, rng)
    baseline = (wanted * model).sum(axis=1)
    residual = log.rewards - model[rows, log.actions]
    # By person, so that a person drawn twice brings all their decisions twice.
    _ids, place = np.unique(log.people, return_inverse=True)
    terms = (
        np.ones(len(log)), weights * log.rewards, weights, baseline + weights * residual, log.rewards,
    )  # fmt: skip
    sums = np.array([np.bincount(place, weights=term) for term in terms])
    anew = _resampled(sums, rng, resamples)
    whole = sums.sum(axis=1)
    return Replay(
        ips=_value(whole[1] / whole[0], anew[1] / anew[0]),
        snips=_value(whole[1] / whole[2], anew[1] / anew[2]),
        doubly_robust=_value(whole[3] / whole[0], anew[3] / anew[0]),
        logged=_value(whole[4] / whole[0], anew[4] / anew[0]),
        effective=effective,
        clipped=clipped,
        largest=largest,
        decisions=len(log),
    )


def _weights(log: Log, wanted: FloatArray, clip: float | None) -> tuple[FloatArray, float, float]:
    """Each decision's weight, the share that was clipped and the largest before. Raises NotReplayable."""
    if ((wanted > 0) & (log.propensities == 0)).any():
        raise NotReplayable(
            f"In some of the {len(log):,} decisions the new way would choose what had no chance in the log: "
            "nothing is known of what that would have brought."
        )
    rows = np.arange(len(log))
    chances = log.propensities[rows, log.actions]
    if (chances == 0).any():
        raise NotReplayable("The log holds decisions that had no chance by its own account.")
    weights = wanted[rows, log.actions] / chances
    largest = float(weights.max(initial=0.0))
    if clip is None:
        return weights, 0.0, largest
    return np.minimum(weights, clip), float((weights > clip).mean()), largest


def _effective(weights: FloatArray, n: int) -> float:
    """(Σw)²/Σw² (Kish 1965). Raises NotReplayable when it is too small to tell anything."""
    squares = float((weights**2).sum())
    effective = float(weights.sum()) ** 2 / squares if squares else 0.0
    if effective < FEWEST_EFFECTIVE or effective < LEAST_EFFECTIVE_SHARE * n:
        raise NotReplayable(
            f"The {n:,} decisions tell as much of the new way as {effective:,.0f} of its own would; it takes "
            f"{FEWEST_EFFECTIVE} and one in a hundred. It differs too much from what was done."
        )
    return effective


def _reward_model(log: Log, rng: np.random.Generator) -> FloatArray:
    """(n, k) expected reward of every action, by a ridge a action learnt from other people. Raises NotReplayable."""
    ids, place = np.unique(log.people, return_inverse=True)
    fold = (rng.permutation(len(ids)) % FOLDS)[place]
    k = log.propensities.shape[1]
    found, plain = np.empty((len(log), k)), np.empty(len(log))
    for part in range(FOLDS):
        learn, asked = fold != part, fold == part
        plain[asked] = mean = log.rewards[learn].mean() if learn.any() else 0.0
        for action in range(k):
            mine = learn & (log.actions == action)
            found[asked, action] = _ridge(log.features[mine], log.rewards[mine], log.features[asked], mean)
    own = found[np.arange(len(log)), log.actions]
    worse = (log.rewards - own) ** 2 - (log.rewards - plain) ** 2
    if len(log) > 1 and worse.mean() > SURELY * worse.std(ddof=1) / np.sqrt(len(log)):
        raise NotReplayable(
            "The reward model foretells other people's rewards worse than the plain mean does: its features mislead."
        )
    return found


def _ridge(x: FloatArray, y: FloatArray, asked: FloatArray, mean: float) -> FloatArray:
    """Of an action hardly ever chosen the mean of all, which then weighs as one decision."""
    own = (float(y.sum()) + mean) / (len(y) + 1)
    if len(y) <= x.shape[1] + 1:
        return np.full(len(asked), own)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    z = (x - middle) / spread
    weights = np.linalg.solve(z.T @ z + REG * np.eye(z.shape[1]), z.T @ (y - own))
    return own + (asked - middle) / spread @ weights


def _resampled(sums: FloatArray, rng: np.random.Generator, resamples: int) -> FloatArray:
    """(terms, resamples) the sums with people drawn anew."""
    people = sums.shape[1]
    anew = np.empty((len(sums), resamples))
    for i in range(resamples):
        anew[:, i] = sums @ np.bincount(rng.integers(0, people, people), minlength=people)
    return anew


def _value(value: float, anew: FloatArray) -> Value:
    low, high = np.percentile(anew, [2.5, 97.5])
    return Value(float(value), float(low), float(high))
