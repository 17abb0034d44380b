"""What some products would bring among some people: how many will buy, and for how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import F, QuerySet

from catalog.models import Product
from customers import histories
from recommender.algorithms import affinity as likings
from recommender.algorithms.expected import WINDOW, Asked, Expectation
from recommender.algorithms.interactions import FloatArray
from recommender.models import ModelVersion
from recommender.serving import affinity
from recommender.serving.affinity import NothingLearnt

MOST = 1000
"""How many people are asked one by one; of more a sample is drawn, and its answer scaled up."""
SEED, PRIME = 48_271, 2_147_483_647


@dataclass(frozen=True)
class Forecast:
    """Of one group of people, in the next 30 days.

    allowed : who allow personalization · people : of them, who have ordered before, on whom alone the figures rest
    asked : how many were asked one by one; fewer than `people` where a sample was drawn
    buyers, low, high : who will buy at least one of the products, with a 95 % interval
    amounts : each amount of money, one product a buyer
    """

    allowed: int
    people: int
    asked: int
    buyers: float
    low: float
    high: float
    amounts: Mapping[str, float]

    @property
    def is_sampled(self) -> bool:
        return self.asked < self.people


def quality() -> dict[str, Any]:
    """What was measured of the live model's calibration. Raises NothingLearnt."""
    found: dict[str, Any] = _kept(affinity.learnt().version)["quality"]
    return found


def _kept(version: ModelVersion) -> dict[str, Any]:
    kept: dict[str, Any] = version.metrics.get("expected", {})
    if "weights" not in kept:
        raise NothingLearnt(
            kept.get("refused") or "the live model was trained before this was measured; train again"
        )
    return kept


class Prospect:
    """Some products, made ready once and asked about one group of people after another.

    amounts : by name, what each product (by id) brings when it is bought. Four queries. Raises NothingLearnt when
    there is no live model, no calibration, or nothing of the products is known to it.
    """

    def __init__(
        self, products: QuerySet[Product], amounts: Mapping[str, Mapping[int, float]], *, at: datetime
    ) -> None:
        source = affinity.learnt()
        try:
            self.expectation = Expectation.from_dict(_kept(source.version))
        except ValueError as old:
            raise NothingLearnt(str(old)) from old
        self.model, self.at = source.model, at
        ids = np.fromiter(products.values_list("pk", flat=True), dtype=np.int64)
        self.columns = likings.known(self.model, ids)
        if not len(self.columns):
            raise NothingLearnt("nobody whom the live model learnt from has bought any of this yet")
        lately = histories.behaviour(
            "personalization", types=["ordered"], since=at - timedelta(days=WINDOW), until=at
        )
        buyers = (
            lately.filter(product__in=products.order_by().values("pk"))
            .values("customer_id")
            .distinct()
            .count()
        )
        self.rate = np.array([min((buyers + 0.5) / (source.version.people + 1.0), 0.99)])
        known = self.model.items_[self.columns].tolist()
        self.amounts = {
            name: np.array([money.get(pk, 0.0) for pk in known]) for name, money in amounts.items()
        }

    def among(self, people: QuerySet[Any] | None) -> Forecast:
        """What these people (a query of customers, or all) will buy: one count, and two queries a page of people.

        The interval adds four variances: chance, each person buying or not (Poisson-binomial); the calibration, by its
        bootstrap draws; how far groups were off on the test month; and the sample, where one was drawn.
        """
        asked = affinity.allowed(people)
        allowed = asked.count()
        every = max(1, -(-allowed // MOST))
        if every > 1:
            # The remainder of a multiplied id: the same people every time, without reading the others.
            asked = asked.annotate(drawn=F("pk") * SEED % PRIME % every).filter(drawn=0)
        told, drawn, money = [np.empty(0)], [np.empty((0, len(self.expectation.draws_)))], []
        read = 0
        day = histories.day(self.at)
        for n, found in affinity.pages(asked, types=("ordered",)):
            read += n
            if pasts := list(found.values()):
                features = Asked.of(self.model, pasts, [self.columns], self.rate, at=day).features()[:, 0]
                told.append(self.expectation.probabilities(features))
                drawn.append(self.expectation.drawn(features))
                money.append(self._money(pasts, told[-1], at=day))
        return self._forecast(
            np.concatenate(told),
            np.concatenate(drawn),
            np.concatenate([np.empty((0, len(self.amounts))), *money]),
            allowed=allowed,
            scale=allowed / read if read else 1.0,
        )

    def _money(self, pasts: Any, told: FloatArray, *, at: float) -> FloatArray:
        """(n, amounts) expected of each person: P(buys) times the mean over the products by how well each suits them.

        Whom none of them suits buys as all do.
        """
        table = np.column_stack([*self.amounts.values(), np.empty((len(self.columns), 0))])
        usual = self.model.popularity_[self.columns].astype(np.float64)
        found = np.zeros((len(pasts), len(self.amounts)))
        for start, rows in likings.blocks(self.model, pasts, at=at):
            suits = np.maximum(rows[:, self.columns], 0.0).astype(np.float64)
            suits[suits.sum(axis=1) <= 0] = usual if usual.sum() > 0 else 1.0
            found[start : start + len(rows)] = suits @ table / suits.sum(axis=1, keepdims=True)
        return found * told[:, np.newaxis]

    def _forecast(
        self, told: FloatArray, drawn: FloatArray, money: FloatArray, *, allowed: int, scale: float
    ) -> Forecast:
        n = len(told)
        people = round(n * scale)
        buyers = float(told.sum()) * scale
        by_chance = float((told * (1 - told)).sum()) * scale
        by_draws = float((drawn.sum(axis=0) * scale).var(ddof=1)) if n else 0.0
        off = (self.expectation.off_ * buyers) ** 2
        sampled = (
            0.0 if scale <= 1 or n < 2 else (scale * n) ** 2 * (1 - 1 / scale) * float(told.var(ddof=1)) / n
        )
        half = 1.96 * float(np.sqrt(by_chance + by_draws + off + sampled))
        sums = (money.sum(axis=0) * scale).tolist()
        return Forecast(
            allowed=allowed,
            people=people,
            asked=n,
            buyers=buyers,
            low=max(0.0, buyers - half),
            high=min(float(people), buyers + half),
            amounts=dict(zip(self.amounts, sums, strict=True)),
        )
