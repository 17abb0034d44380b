"""Products that rise and fall: how many people bought each this week, against the week before.

Of those who allow that they are measured. Counts are read in tens before anything is worked out from them, so that no
figure tells of one person more or less (N1), and of many products only those are named whose change chance does not
explain: the intervals hold for all of them at once (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from statistics import NormalDist

from django.db.models import Count

from customers import few, histories

WEEK = timedelta(days=7)
SURE = 0.05
"""The chance that even one of all products is named that did not change."""


@dataclass(frozen=True)
class Change:
    """now, before : how many people, in tens; below ten they are ten · ratio : now for one before, with its interval."""

    product_id: int
    now: int
    before: int
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Trends:
    """Of `products` that enough people bought to say anything, those that surely rose or fell, most first."""

    rising: list[Change]
    falling: list[Change]
    products: int
    begins: datetime


def weekly(*, at: datetime, most: int = 20) -> Trends:
    """The last seven days against the seven before. Two queries, each over one week of orders by an index."""
    now, before = _buyers(at - WEEK, at), _buyers(at - 2 * WEEK, at - WEEK)
    found = {
        pk: (now.get(pk, 0), before.get(pk, 0))
        for pk in now.keys() | before.keys()
        if max(now.get(pk, 0), before.get(pk, 0)) >= few.FEWEST_PEOPLE
    }
    changes = [change(pk, *pair, of=len(found)) for pk, pair in sorted(found.items())]
    rising = sorted((one for one in changes if one.low > 1), key=lambda one: -one.low)
    falling = sorted((one for one in changes if one.high < 1), key=lambda one: one.high)
    return Trends(rising[:most], falling[:most], len(found), at - WEEK)


def _buyers(since: datetime, until: datetime) -> Mapping[int, int]:
    """How many people bought each product."""
    bought = histories.behaviour("analytics", types=["ordered"], since=since, until=until)
    rows = bought.filter(product__isnull=False).order_by().values("product")
    counted = rows.annotate(n=Count("customer", distinct=True)).filter(n__gte=few.FEWEST_ORDERS)
    return dict(counted.values_list("product", "n"))


def change(product_id: int, now: int, before: int, *, of: int) -> Change:
    """How much it changed, as one of `of` products that are looked at.

    Of two independent counts of the same length the first is a share of both by chance alone; its interval (Wilson 1927)
    is the ratio's.
    """
    later, earlier = (max(few.in_tens(n), few.FEWEST_ORDERS) for n in (now, before))
    z = NormalDist().inv_cdf(1 - SURE / (2 * max(of, 1)))
    both = later + earlier
    share = later / both
    middle = share + z * z / (2 * both)
    half = z * sqrt(share * (1 - share) / both + z * z / (4 * both * both))
    low, high = ((middle + sign * half) / (1 + z * z / both) for sign in (-1, 1))
    return Change(product_id, later, earlier, later / earlier, low / (1 - low), high / (1 - high))
