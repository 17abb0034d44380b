"""Will this person come again, when, and what will they spend: from the rhythm of their orders alone.

BG/NBD (Fader, Hardie & Lee 2005): each person orders at their own rate λ while they are a customer, and after each
order leaves for good with their own chance p; over all people λ is gamma, p is beta. Gamma-Gamma (Fader & Hardie
2013): each person's orders scatter about their own mean, which over all people is inverse gamma. Times are in days.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import optimize, special

from recommender.algorithms.base import Arrays, NotFitted
from recommender.algorithms.interactions import FloatArray, IntArray

LEAST_PEOPLE = 100
LEAST_AGAIN = 30
LEAST_DAYS = 60.0
MOST_TO_LEARN_FROM = 50_000
BOUND = 10.0  # of a parameter's logarithm: beyond, people are alike for every purpose and the data cannot tell more


class NotEnoughData(ValueError):
    """Nothing is told, and the message says what is missing."""


@dataclass(frozen=True, eq=False)
class Rhythms:
    """Aligned arrays, one entry a person who ordered, by ascending id. Orders of one day are one order.

    again : orders after the first · last : days from the first order to the newest · age : days from the first order
    to the moment asked · orders : again + 1 · money : mean value of an order, of those above nought; nan for none.
    """

    people: IntArray
    again: FloatArray
    last: FloatArray
    age: FloatArray
    money: FloatArray

    @classmethod
    def of(cls, people: IntArray, days: FloatArray, values: FloatArray, *, at: float) -> Self:
        """From lines of orders (aligned, in any order); what came after the day of `at` is not looked at."""
        past = np.floor(days) <= np.floor(at)
        who, values = people[past], values[past]
        whole = np.floor(days[past]).astype(np.int64)
        order = np.lexsort((whole, who))
        who, whole, values = who[order], whole[order], values[order]
        opens = np.ones(len(who), dtype=np.bool_)
        opens[1:] = (who[1:] != who[:-1]) | (whole[1:] != whole[:-1])
        totals = np.bincount(np.cumsum(opens) - 1, weights=values) if len(who) else np.zeros(0)
        who, whole = who[opens], whole[opens]
        names, rows, counts = np.unique(who, return_inverse=True, return_counts=True)
        newest = np.cumsum(counts) - 1
        first = newest - counts + 1
        paid = totals > 0
        sums = np.bincount(rows[paid], weights=totals[paid], minlength=len(names))
        n = np.bincount(rows[paid], minlength=len(names))
        money = np.divide(sums, n, out=np.full(len(names), np.nan), where=n > 0)
        age = np.maximum(np.floor(at) - whole[first], 0.0)
        last = (whole[newest] - whole[first]).astype(np.float64)
        return cls(names, (counts - 1).astype(np.float64), last, age.astype(np.float64), money)

    @property
    def orders(self) -> FloatArray:
        return self.again + 1.0

    def __len__(self) -> int:
        return len(self.people)


class Returns:
    """BG/NBD by maximum likelihood. `parameters_` : (4,) r, α, a, b."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.parameters_: FloatArray

    def fit(self, rhythms: Rhythms) -> Self:
        """Raises NotEnoughData."""
        came_again = int((rhythms.again > 0).sum())
        span = float(rhythms.age.max(initial=0.0))
        if len(rhythms) < LEAST_PEOPLE or came_again < LEAST_AGAIN or span < LEAST_DAYS:
            raise NotEnoughData(
                f"When people return is learnt from {LEAST_PEOPLE} people who ordered, {LEAST_AGAIN} of them twice, "
                f"over {LEAST_DAYS:.0f} days; there are fewer, or less."
            )
        chosen = _sample(len(rhythms), self.seed)
        x, last, age = rhythms.again[chosen], rhythms.last[chosen], rhythms.age[chosen]
        unit = max(float(age.mean()), 1.0)  # days in units of about one keep the four parameters of one size

        def loss(logs: FloatArray) -> float:
            return -float(_log_likelihood(np.exp(logs), x, last / unit, age / unit).mean())

        found = optimize.minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * 4)
        r, alpha, a, b = np.exp(found.x)
        self.parameters_ = np.array([r, alpha * unit, a, b])
        return self

    def alive(self, rhythms: Rhythms) -> FloatArray:
        """(n,): the probability of being a customer still. 1 for whoever ordered once: leaving follows an order.

        Source: Fader, Hardie & Lee 2008, "Computing P(alive) using the BG/NBD model".
        """
        r, alpha, a, b = self._learnt()
        x = rhythms.again
        odds = a / (b + np.maximum(x, 1) - 1) * ((alpha + rhythms.age) / (alpha + rhythms.last)) ** (r + x)
        return np.where(x > 0, 1 / (1 + odds), 1.0)

    def returning(self, rhythms: Rhythms, days: float) -> FloatArray:
        """(n,): the probability of an order within `days`. Whoever is alive has a rate of Gamma(r + x, α + T)."""
        r, alpha, _a, _b = self._learnt()
        since = alpha + rhythms.age
        return self.alive(rhythms) * (1 - (since / (since + days)) ** (r + rhythms.again))

    def expected(self, rhythms: Rhythms, days: float) -> FloatArray:
        """(n,): the expected number of orders within `days`. Source: Fader, Hardie & Lee 2005, eq. 10."""
        r, alpha, a, b = self._learnt()
        x, since = rhythms.again, alpha + rhythms.age
        a = a if abs(a - 1) > 1e-5 else 1 + 1e-5  # the formula is continuous there, but reads 0/0
        share = days / (since + days)
        tail = (1 - share) ** (r + x) * special.hyp2f1(r + x, b + x, a + b + x - 1, share)
        return self.alive(rhythms) * (a + b + x - 1) / (a - 1) * (1 - tail)

    def next_order(self, rhythms: Rhythms) -> FloatArray:
        """(n,): in how many days it is as likely as not that they ordered again; nan where it never gets so likely.

        The median of the time to the next order: the t at which `returning` is a half.
        """
        r, alpha, _a, _b = self._learnt()
        alive = self.alive(rhythms)
        left = 1 - 0.5 / np.maximum(alive, 1e-12)
        days = (alpha + rhythms.age) * (np.maximum(left, 1e-300) ** (-1 / (r + rhythms.again)) - 1)
        return np.where(left > 1e-9, days, np.nan)

    def _learnt(self) -> tuple[float, float, float, float]:
        if not hasattr(self, "parameters_"):
            raise NotFitted("nothing has been learnt about when people return")
        r, alpha, a, b = self.parameters_.tolist()
        return r, alpha, a, b

    def state(self) -> Arrays:
        return {"parameters": self.parameters_}

    def restore(self, arrays: Arrays) -> Self:
        self.parameters_ = arrays["parameters"]
        return self


def _log_likelihood(parameters: FloatArray, x: FloatArray, last: FloatArray, age: FloatArray) -> FloatArray:
    """(n,). Source: Fader, Hardie & Lee 2005, eq. 6, in the four terms of their note on its computation."""
    r, alpha, a, b = parameters
    rate = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    stays = special.betaln(a, b + x) - special.betaln(a, b)
    is_customer = -(r + x) * np.log(alpha + age)
    # B(a+1, b+x−1)/B(a, b+x) = a/(b+x−1): left after the newest order, which only someone who came again can have.
    has_left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last)
    return rate + stays + np.where(x > 0, np.logaddexp(is_customer, has_left), is_customer)


class Spending:
    """Gamma-Gamma by maximum likelihood. `parameters_` : (3,) p, q, γ."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.parameters_: FloatArray

    def fit(self, rhythms: Rhythms) -> Self:
        """Raises NotEnoughData. Who spends more is taken to come no more often: see `dependence`."""
        known = np.flatnonzero(rhythms.money > 0)
        again = int((rhythms.again[known] > 0).sum())
        if len(known) < LEAST_PEOPLE or again < LEAST_AGAIN:
            raise NotEnoughData(
                f"What an order is worth is learnt from {LEAST_PEOPLE} people whose orders had a value, "
                f"{LEAST_AGAIN} of them twice; there are fewer."
            )
        chosen = known[_sample(len(known), self.seed)]
        n, unit = rhythms.orders[chosen], float(rhythms.money[chosen].mean())
        mean = rhythms.money[chosen] / unit

        def loss(logs: FloatArray) -> float:
            return -float(_log_likelihood_of_money(np.exp(logs), n, mean).mean())

        found = optimize.minimize(
            loss, np.log([1.0, 2.0, 1.0]), method="L-BFGS-B", bounds=[(-BOUND, BOUND)] * 3
        )
        p, q, gamma = np.exp(found.x)
        self.parameters_ = np.array([p, q, gamma * unit])
        return self

    def mean(self, rhythms: Rhythms) -> FloatArray:
        """(n,): the expected value of an order: the person's own mean, drawn to everybody's the more the fewer orders.

        E[M | m, x] = p(γ + m·x)/(p·x + q − 1). Source: Fader & Hardie 2013, eq. 5. Needs q > 1, else the person's own
        mean, and nan for a person without any.
        """
        if not hasattr(self, "parameters_"):
            raise NotFitted("nothing has been learnt about what people spend")
        p, q, gamma = self.parameters_.tolist()
        if q <= 1:
            return rhythms.money
        has_money = np.isfinite(rhythms.money)
        n = np.where(has_money, rhythms.orders, 0.0)
        money = np.where(has_money, rhythms.money, 0.0)
        return p * (gamma + money * n) / (p * n + q - 1)

    def state(self) -> Arrays:
        return {"parameters": self.parameters_}

    def restore(self, arrays: Arrays) -> Self:
        self.parameters_ = arrays["parameters"]
        return self


def _log_likelihood_of_money(parameters: FloatArray, n: FloatArray, mean: FloatArray) -> FloatArray:
    """(n,): of the mean of n orders. Source: Fader & Hardie 2013, eq. 1a."""
    p, q, gamma = parameters
    return (
        special.gammaln(p * n + q) - special.gammaln(p * n) - special.gammaln(q) + q * np.log(gamma)
        + (p * n - 1) * np.log(mean) + p * n * np.log(n) - (p * n + q) * np.log(gamma + mean * n)
    )  # fmt: skip


def dependence(rhythms: Rhythms) -> float:
    """Rank correlation of how often and how much, of those who came again: Gamma-Gamma takes it to be nought."""
    from scipy.stats import spearmanr

    known = (rhythms.again > 0) & np.isfinite(rhythms.money)
    if known.sum() < 3 or np.ptp(rhythms.again[known]) == 0 or np.ptp(rhythms.money[known]) == 0:
        return 0.0
    return float(spearmanr(rhythms.again[known], rhythms.money[known]).statistic)


def usual_gap(rhythms: Rhythms, share: float = 0.9) -> float:
    """The days within which `share` of the people who came again take the time from one order to the next.

    Each person counts once, with their mean gap. Raises NotEnoughData for under 30 people.
    """
    again = rhythms.again > 0
    if again.sum() < LEAST_AGAIN:
        raise NotEnoughData(
            f"The shop's rhythm needs {LEAST_AGAIN} people who ordered twice; there are fewer."
        )
    return float(np.quantile(rhythms.last[again] / rhythms.again[again], share))


def _sample(n: int, seed: int) -> Any:
    if n <= MOST_TO_LEARN_FROM:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_TO_LEARN_FROM, replace=False))
