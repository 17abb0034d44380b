"""One arm against another: the difference, its interval, and what makes it narrower or safe to look at early."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special  # not scipy.stats, which takes longer to import than all the rest

Values = np.ndarray[Any, np.dtype[np.float64]]
Z95 = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Estimate:
    """A difference treated − control, with its interval. `valid` says what the interval promises."""

    effect: float
    low: float
    high: float
    sd: float
    """Standard deviation of one person's value, pooled over the arms by their size."""

    @property
    def verdict(self) -> str:
        """`earned`, `cost` or `cannot_tell`."""
        if self.low > 0:
            return "earned"
        return "cost" if self.high < 0 else "cannot_tell"


def pooled_sd(treated: Values, control: Values) -> float:
    n, m = len(treated), len(control)
    if n + m <= 2:
        return 0.0
    squares = float(((treated - treated.mean()) ** 2).sum() + ((control - control.mean()) ** 2).sum())
    return math.sqrt(squares / (n + m - 2))


def welch(treated: Values, control: Values, *, alpha: float = 0.05) -> Estimate:
    """Difference of means with Welch's variance and degrees of freedom, 95 %. Raises ValueError under 2 a arm."""
    n, m = len(treated), len(control)
    if min(n, m) < 2:
        raise ValueError("an interval needs two people in each arm")
    a, b = float(treated.var(ddof=1)) / n, float(control.var(ddof=1)) / m
    effect = float(treated.mean() - control.mean())
    if a + b == 0:
        return Estimate(effect, effect, effect, 0.0)
    freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    half = float(special.stdtrit(freedom, 1 - alpha / 2)) * math.sqrt(a + b)
    return Estimate(effect, effect - half, effect + half, pooled_sd(treated, control))


def bootstrap(
    treated: Values, control: Values, *, rng: np.random.Generator, samples: int = 10_000
) -> tuple[float, float]:
    """95 % percentile interval of the difference of means, by resampling people within each arm."""
    differences = np.empty(samples)
    step = max(1, 5_000_000 // max(len(treated) + len(control), 1))
    for start in range(0, samples, step):
        size = min(step, samples - start)
        a = treated[rng.integers(0, len(treated), (size, len(treated)))].mean(axis=1)
        b = control[rng.integers(0, len(control), (size, len(control)))].mean(axis=1)
        differences[start : start + size] = a - b
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)


def winsorised(treated: Values, control: Values, cap: float) -> Estimate:
    """The same with values above `cap` (fixed before launch) cut to it; shown beside, never instead."""
    return welch(np.minimum(treated, cap), np.minimum(control, cap))


def cap_of(before: Values) -> float:
    """Where `winsorised` cuts: the 99.9th percentile of what people spent in the period before; fixed before launch."""
    return float(np.percentile(before, 99.9))


def cuped(
    treated: Values, control: Values, treated_before: Values, control_before: Values
) -> tuple[Values, Values, float]:
    """Y′ = Y − θ(X − mean X), θ = Cov(Y, X)/Var(X) pooled over the arms (Deng et al. 2013).

    Returns both arms' Y′ and θ. Without any variation in X nothing changes and θ is 0.
    """
    (treated, control), theta = cuped_arms((treated, control), (treated_before, control_before))
    return treated, control, theta


def cuped_arms(arms: Sequence[Values], before: Sequence[Values]) -> tuple[list[Values], float]:
    """The same of any number of arms: one θ and one mean X of all, so that every comparison is of the same Y′."""
    y, x = np.concatenate(arms), np.concatenate(before)
    if not len(x):
        return list(arms), 0.0
    variance = float(x.var())
    theta = float(((y - y.mean()) * (x - x.mean())).mean()) / variance if variance > 0 else 0.0
    mean = float(x.mean())
    return [now - theta * (past - mean) for now, past in zip(arms, before, strict=True)], theta


def newcombe(treated: int, n_treated: int, control: int, n_control: int) -> Estimate:
    """Difference of two shares with Newcombe's score interval (Newcombe 1998, method 10), 95 %."""
    p, q = treated / n_treated, control / n_control
    (l1, u1), (l2, u2) = _wilson(treated, n_treated), _wilson(control, n_control)
    low = p - q - math.sqrt((p - l1) ** 2 + (u2 - q) ** 2)
    high = p - q + math.sqrt((u1 - p) ** 2 + (q - l2) ** 2)
    pooled = (treated + control) / (n_treated + n_control)
    return Estimate(p - q, low, high, math.sqrt(pooled * (1 - pooled)))


def _wilson(hits: int, n: int) -> tuple[float, float]:
    p, z = hits / n, Z95
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return center - half, center + half


# Under so many orders in an arm the sequence below is too narrow (docs/algorithms/measurement.md): show nothing.
MINIMUM_ORDERS = 50


def confidence_sequence(treated: Values, control: Values, *, planned: int, alpha: float = 0.05) -> Estimate:
    """An interval that holds at all times at once, so looking early is safe (Waudby-Smith et al. 2021).

    Half-width σ̂·√(2(nρ²+1)/(n²ρ²)·log(√(nρ²+1)/α)), σ̂ of the influence values, ρ tightest at `planned` people.
    """
    n_t, n_c = len(treated), len(control)
    n = n_t + n_c
    share = n_t / n
    influence = np.concatenate(
        [(treated - treated.mean()) / share, -(control - control.mean()) / (1 - share)]
    )
    sigma = float(influence.std())
    log_alpha = math.log(alpha)
    rho = math.sqrt((-2 * log_alpha + math.log(-2 * log_alpha + 1)) / max(planned, 1))
    spread = n * rho * rho + 1
    half = sigma * math.sqrt(2 * spread / (n * n * rho * rho) * math.log(math.sqrt(spread) / alpha))
    effect = float(treated.mean() - control.mean())
    return Estimate(effect, effect - half, effect + half, pooled_sd(treated, control))
