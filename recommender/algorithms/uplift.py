"""Whom a message changes: predicted effect by person, and whether it is worth aiming by it. Arrays in, numbers out.

Every prediction is cross-fitted: made by a model that never saw the person. Formulas in docs/algorithms/uplift.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special
from threadpoolctl import threadpool_limits

from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray

LEARNERS = ("t", "x", "class")
FOLDS = 5
FEWEST_AN_ARM = 100
REG = 1.0
RESAMPLES = 1000
REFITS = 60
Z95 = float(special.ndtri(0.975))


class NotEnoughPeople(ValueError):
    """No effect by person is told, and the message says what is missing."""


@dataclass(frozen=True, eq=False)
class Trial:
    """Aligned arrays, one row a person of a campaign with a control group drawn by chance.

    features : (n, d) known before planning, without gaps · treated : (n,) bool · values : (n,) money or 0/1 ·
    share : the chance of being treated, the same for all. Raises NotEnoughPeople, ValueError.
    """

    features: FloatArray
    treated: BoolArray
    values: FloatArray
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError("the share of the treated is above nought and under one")
        if not np.isfinite(self.features).all():
            raise ValueError("features have gaps")
        smaller = min(int(self.treated.sum()), int((~self.treated).sum()))
        if smaller < FEWEST_AN_ARM:
            raise NotEnoughPeople(f"each arm needs {FEWEST_AN_ARM} people; the smaller has fewer")

    def __len__(self) -> int:
        return len(self.treated)


def predicted(
    trial: Trial, *, rng: np.random.Generator, learner: str = "x", base: str = "linear"
) -> FloatArray:
    """(n,) each person's effect in the values' unit, by a model of the other four fifths.

    learner : `t`, a model of each arm, subtracted · `x` (Künzel et al. 2019) · `class` (Jaskowski & Jaroszewicz 2012),
    for values of 0 and 1 only · base : `linear` (ridge) or `boosting` (trees), for `class` the log-odds of either.
    """
    if learner not in LEARNERS:
        raise ValueError(f"no learner {learner!r}; there are {', '.join(LEARNERS)}")
    if learner == "class" and not np.isin(trial.values, (0, 1)).all():
        raise ValueError("class transformation takes values of 0 and 1 only")
    found = np.empty(len(trial))
    for train, test in _folds(trial, rng):
        x, treated, y = trial.features[train], trial.treated[train], trial.values[train]
        found[test] = _LEARN[learner](x, treated, y, trial.share, trial.features[test], base)
    return found


def predicted_for(trial: Trial, asked: FloatArray, *, learner: str = "x", base: str = "linear") -> FloatArray:
    """(m,) the effect of each of other people, by their (m, d) features: learnt from the whole trial."""
    return _LEARN[learner](trial.features, trial.treated, trial.values, trial.share, asked, base)


def _folds(trial: Trial, rng: np.random.Generator) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs of (train, test) places; each arm is dealt out evenly, so no fold lacks one."""
    fold = np.empty(len(trial), np.int64)
    for arm in (trial.treated, ~trial.treated):
        fold[arm] = rng.permutation(int(arm.sum())) % FOLDS
    for k in range(FOLDS):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def _t(
    x: FloatArray, treated: BoolArray, y: FloatArray, share: float, asked: FloatArray, base: str
) -> FloatArray:
    return _regress(x[treated], y[treated], asked, base) - _regress(x[~treated], y[~treated], asked, base)


def _x(
    x: FloatArray, treated: BoolArray, y: FloatArray, share: float, asked: FloatArray, base: str
) -> FloatArray:
    """Each arm's people against what the other arm's model says of them; the larger arm's model weighs where it is good."""
    gained = y[treated] - _regress(x[~treated], y[~treated], x[treated], base)
    missed = _regress(x[treated], y[treated], x[~treated], base) - y[~treated]
    of_treated = _regress(x[treated], gained, asked, base)
    of_control = _regress(x[~treated], missed, asked, base)
    return share * of_control + (1 - share) * of_treated


def _class(
    x: FloatArray, treated: BoolArray, y: FloatArray, share: float, asked: FloatArray, base: str
) -> FloatArray:
    """Z = 1 for a treated who did and a control who did not; arms weighed alike, the effect is 2·P(Z = 1) − 1."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    z = np.where(treated, y, 1 - y)
    weights = np.where(treated, 0.5 / share, 0.5 / (1 - share))
    model: Any = LogisticRegression(C=1.0 / REG, max_iter=1000)
    if base == "boosting":
        model = HistGradientBoostingClassifier(**_TREES)
    middle, scale = _scale(x)
    with threadpool_limits(1):
        model.fit((x - middle) / scale, z, sample_weight=weights)
        return 2 * model.predict_proba((asked - middle) / scale)[:, 1] - 1


_LEARN = {"t": _t, "x": _x, "class": _class}
_TREES: dict[str, Any] = {
    "max_iter": 60, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 40, "random_state": 0,
}  # fmt: skip


def _scale(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    spread = x.std(axis=0)
    return x.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _regress(x: FloatArray, y: FloatArray, asked: FloatArray, base: str) -> FloatArray:
    if base == "boosting":
        from sklearn.ensemble import HistGradientBoostingRegressor

        # A few thousand rows: threads that wait for each other take far longer than one.
        with threadpool_limits(1):
            return HistGradientBoostingRegressor(**_TREES).fit(x, y).predict(asked)
    if base != "linear":
        raise ValueError(f"no base {base!r}; there are linear and boosting")
    middle, scale = _scale(x)
    z = (x - middle) / scale
    weights = np.linalg.solve(z.T @ z + REG * np.eye(z.shape[1]), z.T @ (y - y.mean()))
    return y.mean() + (asked - middle) / scale @ weights


# --- how good the order is -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Qini:
    """reached : (n + 1,) shares of the people, best first · gained : what treating so many brought, per person of all.

    coefficient : the area between the curve and the straight line to its end, with its 95 % interval.
    """

    reached: FloatArray
    gained: FloatArray
    coefficient: float
    low: float
    high: float


def qini(trial: Trial, scores: FloatArray, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> Qini:
    """Q(k) = Y_t(k) − Y_c(k)·n_t(k)/n_c(k) over people by falling score, of equal score in the order given (Radcliffe 2007).

    Where no control is among the first k there is nothing to subtract. The interval draws people anew, their scores kept.
    """
    order = np.argsort(-scores, kind="stable")
    treated, values = trial.treated[order], trial.values[order]
    n = len(values)
    curve = _curve(np.ones((1, n)), treated, values)[0]
    counts = (rng.multinomial(n, np.full(n, 1 / n)).astype(np.float64)[np.newaxis] for _ in range(resamples))
    areas = np.array([_area(weights, _curve(weights, treated, values))[0] for weights in counts])
    low, high = np.percentile(areas, [2.5, 97.5]) if resamples else (np.nan, np.nan)
    gained = np.concatenate([[0.0], curve]) / n
    coefficient = float(_area(np.ones((1, n)), curve[np.newaxis])[0])
    return Qini(np.arange(n + 1) / n, gained, coefficient, float(low), float(high))


def _curve(weights: FloatArray, treated: BoolArray, values: FloatArray) -> FloatArray:
    """(b, n) Q after each person, each counted as often as the weights say."""
    y_t, y_c = (np.cumsum(weights * values * arm, axis=1) for arm in (treated, ~treated))
    n_t, n_c = (np.cumsum(weights * arm, axis=1) for arm in (treated, ~treated))
    return y_t - np.divide(y_c * n_t, n_c, out=np.zeros_like(y_c), where=n_c > 0)


def _area(weights: FloatArray, curve: FloatArray) -> FloatArray:
    """(b,) mean height of the curve over the straight line, per person; trapezes from nought."""
    reached = np.cumsum(weights, axis=1)
    n = reached[:, -1:]
    steps = weights / n
    before = np.concatenate([np.zeros((len(curve), 1)), curve[:, :-1]], axis=1)
    return (steps * (curve + before) / 2).sum(axis=1) / n[:, 0] - curve[:, -1] / n[:, 0] / 2


# --- what to do ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Worth:
    """Money per person of all, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Recommendation:
    """what : `target`, `all` or `none`; is_sure : whether the interval says so, or only the better looks.

    Values are per person of all: of aiming, of sending to all and to none; the two gains are of aiming over these.
    """

    what: str
    is_sure: bool
    target: Worth
    all: Worth
    none: Worth
    over_all: Worth
    over_none: Worth
    reached: float


def policy_value(trial: Trial, chosen: BoolArray, *, cost: float = 0.0) -> Worth:
    """What everyone would bring if the chosen were treated, by those who happened to be dealt with so, over their chance.

    Inverse-propensity scores (Horvitz & Thompson 1952) about the mean of all. `cost` is of treating one person, in the
    values' unit.
    """
    return _worth(_scores(trial, chosen, cost))


def recommend(trial: Trial, effects: FloatArray, *, cost: float = 0.0) -> Recommendation:
    """Treat those whose predicted effect is above the cost, or all, or nobody.

    Aiming is advised only when it beats both others surely: the lower bound of its gain over each is above nought. The
    gains are differences by person, so what two ways do alike cancels out. Else the better of all and none, and
    whether that is sure.
    """
    chosen = effects > cost
    everyone = np.ones(len(trial), dtype=np.bool_)
    aimed, to_all, to_none = (_scores(trial, who, cost) for who in (chosen, everyone, ~everyone))
    over_all, over_none, all_over_none = (
        _worth(one - other) for one, other in ((aimed, to_all), (aimed, to_none), (to_all, to_none))
    )
    if over_all.low > 0 and over_none.low > 0:
        what, is_sure = "target", True
    else:
        what = "all" if all_over_none.value > 0 else "none"
        is_sure = all_over_none.low > 0 or all_over_none.high < 0
    return Recommendation(
        what=what,
        is_sure=is_sure,
        target=_worth(aimed),
        all=_worth(to_all),
        none=_worth(to_none),
        over_all=over_all,
        over_none=over_none,
        reached=float(chosen.mean()),
    )


def _scores(trial: Trial, chosen: BoolArray, cost: float) -> FloatArray:
    """(n,) each person's part of the policy's value: the mean of all, and for who was dealt with so their own beside it.

    Weighing what is beside the mean, not the money itself, takes off what the arms' sizes happen to vary by.
    """
    chance = np.where(trial.treated, trial.share, 1 - trial.share)
    middle = float(trial.values.mean())
    return middle + np.where(trial.treated == chosen, (trial.values - middle) / chance, 0.0) - cost * chosen


def _worth(scores: FloatArray) -> Worth:
    mean = float(scores.mean())
    half = Z95 * float(scores.std(ddof=1)) / np.sqrt(len(scores))
    return Worth(mean, float(mean - half), float(mean + half))


def leave_in_peace(trial: Trial, *, rng: np.random.Generator, refits: int = REFITS) -> BoolArray:
    """(n,) whom a message seems to harm: a negative predicted effect whose 95 % interval lies below nought.

    The interval is normal about the cross-fitted T-learner's effect, its spread that of refits on people drawn anew.
    """
    effects, spread = np.empty(len(trial)), np.empty(len(trial))
    for train, test in _folds(trial, rng):
        x, treated, y = trial.features[train], trial.treated[train], trial.values[train]
        asked = trial.features[test]
        effects[test] = _t(x, treated, y, trial.share, asked, "linear")
        anew = np.empty((refits, len(test)))
        for i in range(refits):
            rows = rng.integers(0, len(train), len(train))
            anew[i] = _t(x[rows], treated[rows], y[rows], trial.share, asked, "linear")
        spread[test] = anew.std(axis=0, ddof=1)
    return effects + Z95 * spread < 0
