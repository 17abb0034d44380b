"""How varied what was shown has been, week by week: from the lists kept, of those who allow it (N4).

Formulas in docs/algorithms/fairness.md.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count

from catalog.models import Product
from customers import histories
from customers.few import FEWEST_PEOPLE as FEWEST
from recommender.algorithms import metrics, rerank
from recommender.models import Shown
from recommender.serving.pasts import HISTORY_LENGTH, WEIGHTS

WEEK = timedelta(days=7)
MOST_LISTS = 5000
"""Of so many lists of a week at most, drawn by their random ids, its figures are worked out."""
PEOPLE = 200
POPULAR_FOR = timedelta(days=90)


@dataclass(frozen=True)
class Week:
    """What was shown in seven days. A figure is None where too few lists, or people, stand behind it."""

    begins: datetime
    lists: int
    """How many were looked at."""
    coverage: float | None = None
    """The share of the listed products that anybody saw."""
    gini: float | None = None
    """0 where all listed products are shown alike, towards 1 where few are shown alone."""
    novelty: float | None = None
    """Mean of −log₂ of the share of buyers who bought the product: how little known what is shown is, in bits."""
    calibration: float | None = None
    """Mean divergence, in nats, of the categories shown from those of the person's past; 0 is the same shares."""
    reranked: float | None = None
    """The share of the lists that something varied."""


def weekly(*, at: datetime, weeks: int = 12) -> list[Week]:
    """The last weeks, the newest first. Two queries, and three more a week; memory grows with the catalogue."""
    shelf = {sku: (pk, category) for sku, pk, category in _listed()}
    buyers, n_people = _buyers(at=at)
    found = []
    for n in range(weeks):
        ends = at - n * WEEK
        found.append(_week(ends - WEEK, ends, shelf, buyers, n_people))
    return found


def _listed() -> Iterator[tuple[str, int, int]]:
    rows = Product.objects.listed().values_list("sku", "pk", "category_id")
    for sku, pk, category in rows.iterator(chunk_size=10_000):
        yield sku, pk, -1 if category is None else category


def _buyers(*, at: datetime) -> tuple[dict[str, int], int]:
    """How many people bought each product in the last 90 days, and how many bought anything."""
    bought = histories.behaviour("personalization", types=["ordered"], since=at - POPULAR_FOR, until=at)
    by_sku = bought.filter(product__isnull=False).order_by().values("product__sku")
    people = dict(by_sku.annotate(n=Count("customer", distinct=True)).values_list("product__sku", "n"))
    n: int = bought.aggregate(n=Count("customer", distinct=True))["n"]
    return people, n


def _week(
    begins: datetime,
    ends: datetime,
    shelf: Mapping[str, tuple[int, int]],
    buyers: Mapping[str, int],
    n_people: int,
) -> Week:
    rows = Shown.objects.filter(at__gte=begins, at__lt=ends).order_by("recommendation_id")
    exposure: Counter[str] = Counter()
    personal: dict[int, tuple[datetime, list[str]]] = {}
    lists = reranked = 0
    for items, customer, at in rows.values_list("items", "customer_id", "at")[:MOST_LISTS].iterator():
        skus = [item["sku"] for item in items]
        exposure.update(skus)
        lists += 1
        reranked += any(item.get("reranked_by") for item in items)
        if customer is not None and len(personal) < PEOPLE:
            personal.setdefault(customer, (at, skus))
    if lists < FEWEST:
        return Week(begins, lists)
    shown = np.array([shelf[sku][0] for sku in exposure.elements() if sku in shelf], np.int64)
    popularity = np.array([float(buyers.get(sku, 0)) for sku in exposure.elements()])
    return Week(
        begins,
        lists,
        coverage=metrics.coverage(shown, len(shelf)),
        gini=metrics.gini(shown, len(shelf)),
        novelty=metrics.novelty(popularity, n_people) if n_people >= FEWEST else None,
        calibration=_calibration(personal, shelf),
        reranked=reranked / lists,
    )


def _calibration(
    personal: Mapping[int, tuple[datetime, Sequence[str]]], shelf: Mapping[str, tuple[int, int]]
) -> float | None:
    """Of people with a past of categories; what they did after the list was shown is not their past. One query."""
    if len(personal) < FEWEST:
        return None
    category_of = dict(shelf.values())
    acts = histories.newest(list(personal), "personalization", limit=HISTORY_LENGTH, types=list(WEIGHTS))
    found: list[float] = []
    for customer, (at, skus) in personal.items():
        before = [act for act in acts[customer] if act.day < histories.day(at)]
        lived = [(category_of.get(act.product_id, -1), WEIGHTS[act.type]) for act in before]
        offered = [(shelf[sku][1], 1.0) for sku in skus if sku in shelf]
        if any(category >= 0 for category, _weight in lived):
            found.append(_divergence(lived, offered))
    return float(np.mean(found)) if len(found) >= FEWEST else None


def _divergence(lived: Sequence[tuple[int, float]], offered: Sequence[tuple[int, float]]) -> float:
    names = sorted({category for category, _weight in [*lived, *offered] if category >= 0})
    place = {category: i for i, category in enumerate(names)}

    def shares(rows: Sequence[tuple[int, float]]) -> Any:
        groups = np.array([place.get(category, -1) for category, _weight in rows], np.int64)
        return rerank.distribution(groups, np.array([weight for _category, weight in rows]), len(names))

    return rerank.divergence(shares(lived), shares(offered))
