"""What the people of the shop did, day by day: visits, baskets, orders, things bought again, and some dirt."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from simulator.shop import CURRENCY, Shop

Row = tuple[float, dict[str, Any]]
"""(day, event)"""
# A thing people use up is bought again after its own time; the rest only by chance.
BECOMES_STAPLE = 0.42
CYCLE_DAYS, CYCLE_SPREAD = 17.0, 0.45
FORGETS = 0.10
DUPLICATE, LATE, UNKNOWN, WRONG_CLOCK = 0.01, 0.02, 0.002, 0.001


def events(shop: Shop) -> list[dict[str, Any]]:
    """Every event of the shop's past in the order it reaches the platform: mostly by time, a few late or twice."""
    rng = np.random.default_rng(shop.history)
    rows: list[Row] = []
    log_popularity = np.log(shop.products.popularity)
    for person in range(len(shop.people)):
        liking = 3.2 * np.log(shop.people.taste[person, shop.products.category] + 0.004) / 3
        weight = np.exp(liking + log_popularity)
        rows.extend(_life(shop, person, weight / weight.sum(), rng))
    rows.sort(key=lambda row: row[0])
    late = rng.random(len(rows)) < LATE
    order = np.argsort(
        np.arange(len(rows)) + np.where(late, rng.uniform(0, 3000, len(rows)), 0), kind="stable"
    )
    told = []
    for i in order.tolist():
        told.append(rows[i][1])
        if rng.random() < DUPLICATE:
            told.append(rows[i][1])
    return told


class _Diary:
    """What one person's devices report, in order, each event with its own id."""

    def __init__(self, shop: Shop, person: int, rng: np.random.Generator) -> None:
        self.shop, self.rng = shop, rng
        self.name = shop.customer(person)
        self.is_known = not shop.people.anonymous_first[person]
        self.number = 0
        self.moment = 0.0

    def said(self, kind: str, product: int | None = None, **more: Any) -> Row:
        rng, days = self.rng, self.shop.size.days
        self.number += 1
        self.moment = min(self.moment + float(rng.exponential(0.0008)), days - 1e-4)
        stamp = self.shop.end - timedelta(days=days - self.moment)
        if rng.random() < WRONG_CLOCK:
            stamp += timedelta(days=400)
        row: dict[str, Any] = {
            "message_id": f"{self.name}-{self.number}",
            "type": kind,
            "occurred_at": stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            **more,
        }
        row |= {"customer": self.name} if self.is_known else {"anonymous_id": f"device-{self.name}"}
        if product is not None:
            row["sku"] = "unheard-of" if rng.random() < UNKNOWN else self.shop.sku(product)
        return self.moment, row

    def joined(self, product: int) -> Row:
        """Who orders says who they are; the device's past joins them."""
        self.is_known = True
        moment, row = self.said("viewed", product)
        return moment, {**row, "anonymous_id": f"device-{self.name}"}


def _life(
    shop: Shop, person: int, likes: "np.ndarray[Any, np.dtype[np.float64]]", rng: np.random.Generator
) -> Iterator[Row]:
    begins = float(shop.people.since[person])
    ends = min(float(shop.people.until[person]), float(shop.size.days))
    diary = _Diary(shop, person, rng)
    due: dict[int, tuple[float, float]] = {}  # product -> (next day, its cycle)
    for visit in _visits(begins, ends, shop, person, rng):
        diary.moment = visit
        basket = {
            product: 1 + int(rng.random() < 0.15)
            for product, (day, _cycle) in due.items()
            if day <= visit and rng.random() > FORGETS
        }
        for product in rng.choice(len(likes), size=1 + int(rng.poisson(1.1)), p=likes).tolist():
            yield diary.said("viewed", product)
            if rng.random() < 0.30:
                yield diary.said("added", product)
                if rng.random() < 0.62:
                    basket[product] = basket.get(product, 0) + 1
        if rng.random() < 0.03:
            yield diary.said("searched", context={"query": "tea"})
        if basket and not diary.is_known:
            yield diary.joined(next(iter(basket)))
        yield from _order(diary, basket, due, visit)


def _order(
    diary: _Diary, basket: Mapping[int, int], due: dict[int, tuple[float, float]], visit: float
) -> Iterator[Row]:
    products, rng = diary.shop.products, diary.rng
    order = f"{diary.name}-o{diary.number}"
    for product, quantity in basket.items():
        value = f"{quantity * products.price[product]:.2f}"
        line = {"quantity": str(quantity), "value": value, "currency": CURRENCY, "order_id": order}
        yield diary.said("ordered", product, **line)
        if rng.random() < 0.015:
            yield diary.said("refunded", product, **line)
        if product in due:
            cycle = due[product][1]
            due[product] = (visit + cycle * float(rng.lognormal(0, 0.15)), cycle)
        elif products.is_staple[product] and rng.random() < BECOMES_STAPLE:
            cycle = float(rng.lognormal(np.log(CYCLE_DAYS), CYCLE_SPREAD))
            due[product] = (visit + cycle, cycle)


def _visits(begins: float, ends: float, shop: Shop, person: int, rng: np.random.Generator) -> list[float]:
    """Days of visits, with fractions at the person's hours; fewer on Mondays, more after payday and towards the end."""
    if ends <= begins:
        return []
    count = int(rng.poisson(shop.people.rate[person] * (ends - begins) * 1.3))
    days = np.sort(rng.uniform(begins, ends, size=count))
    factor = 0.7 + 0.15 * (days % 7 > 4) + 0.1 * (days % 30 < 4) + 0.05 * days / shop.size.days
    days = np.floor(days[rng.random(count) < factor])
    hours = (shop.people.hour[person] + rng.normal(0, 1.5, size=len(days))) % 24
    times = np.sort(days + hours / 24)
    return [float(day) for day in times if day < shop.size.days - 0.01]
