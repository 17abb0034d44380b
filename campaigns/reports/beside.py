"""What stands beside the headline and never instead of it: who ordered at all, and the same money seen two other ways."""

from dataclasses import dataclass

import numpy as np

from campaigns import statistics
from campaigns.reports.effect import Reading
from campaigns.reports.people import People
from campaigns.statistics import Values

SAMPLES = 10_000
SEED = 20_130_204
MOST_BUYERS = 5_000
"""Above so many the bootstrap says what the headline says, and takes seconds to."""


@dataclass(frozen=True)
class Share:
    """Who ordered at all: a second goal, exploratory. Shares of people, and their difference with its interval."""

    treated: float
    control: float
    difference: float
    low: float
    high: float
    interval: str
    """`newcombe` at or after the planned end, `sequence` before it."""
    is_exploratory: bool = True


@dataclass(frozen=True)
class Beside:
    """orders : share who ordered · bootstrap : interval of the unadjusted difference of means, without assuming a shape
    winsorised : (difference, low, high) with each person's money cut at `cap`. None where they may not be told yet.
    """

    orders: Share
    bootstrap: tuple[float, float] | None
    winsorised: tuple[float, float, float] | None
    cap: float


def beside(people: People, reading: Reading) -> Beside:
    """Of a campaign whose effect may be read."""
    treated, control = people.revenue[people.treated], people.revenue[~people.treated]
    # Fixed before launch: only what was paid before anyone was planned is asked.
    cap = statistics.cap_of(people.before)
    cut = statistics.winsorised(treated, control, cap) if reading.is_over and cap > 0 else None
    buyers = int((people.revenue != 0).sum())
    drawn = None
    if reading.is_over and buyers <= MOST_BUYERS:
        drawn = bootstrap(treated, control, rng=np.random.default_rng(SEED))
    return Beside(
        orders=_orders(people, reading),
        bootstrap=drawn,
        winsorised=(cut.effect, cut.low, cut.high) if cut is not None else None,
        cap=cap,
    )


def _orders(people: People, reading: Reading) -> Share:
    a, b = people.ordered[people.treated], people.ordered[~people.treated]
    if reading.is_over:
        found = statistics.newcombe(int(a.sum()), len(a), int(b.sum()), len(b))
    else:
        found = reading.difference(a.astype(np.float64), b.astype(np.float64))
    return Share(
        treated=float(a.mean()),
        control=float(b.mean()),
        difference=found.effect,
        low=found.low,
        high=found.high,
        interval="newcombe" if reading.is_over else "sequence",
    )


def bootstrap(
    treated: Values, control: Values, *, rng: np.random.Generator, samples: int = SAMPLES
) -> tuple[float, float]:
    """As `statistics.bootstrap`, in the time that those take who spent anything: 95 % percentile interval.

    Of n people drawn anew, as many have spent as a binomial draw says, and each of those is one of the spenders: the
    same distribution, without drawing the others.
    """
    differences = _means(treated, rng, samples) - _means(control, rng, samples)
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)


def _means(values: Values, rng: np.random.Generator, samples: int) -> Values:
    spent = values[values != 0]
    sums = np.zeros(samples)
    if not len(spent):
        return sums
    counts = rng.binomial(len(values), len(spent) / len(values), samples)
    step = max(1, 5_000_000 // len(spent))
    for start in range(0, samples, step):
        sizes = counts[start : start + step]
        drawn = spent[rng.integers(0, len(spent), int(sizes.sum()))]
        sums[start : start + step] = np.bincount(
            np.repeat(np.arange(len(sizes)), sizes), weights=drawn, minlength=len(sizes)
        )
    return sums / len(values)
