"""What was known of people before a moment: the features by which an effect may differ from person to person."""

import numpy as np

from customers.histories import Behaviour
from recommender.algorithms.interactions import FloatArray, IntArray

HISTORY_DAYS = 365.0
LATELY_DAYS = 30.0
FEATURES = ("recency", "orders", "spent", "spent_lately", "basket", "products", "known_for")


def features(bought: Behaviour, ids: IntArray, starts: FloatArray) -> FloatArray:
    """(n, 7) `FEATURES` of people (sorted ids) from what they bought in the year before their own start, in days.

    Whoever bought nothing counts as having done so a year ago.
    """
    n = len(ids)
    place = np.minimum(np.searchsorted(ids, bought.customers), n - 1)
    before = starts[place] - bought.days
    use = (ids[place] == bought.customers) & (before > 0) & (before <= HISTORY_DAYS)
    place, before, values = place[use], before[use], bought.values[use]
    recency, known = np.full(n, HISTORY_DAYS), np.zeros(n)
    np.minimum.at(recency, place, before)
    np.maximum.at(known, place, before)
    orders = _different(place, bought.orders[use], n)
    spent = np.bincount(place, weights=values, minlength=n)
    lately = np.bincount(place, weights=values * (before <= LATELY_DAYS), minlength=n)
    basket = np.divide(spent, orders, out=np.zeros(n), where=orders > 0)
    products = _different(place, bought.products[use], n)
    heavy = (np.log1p(np.maximum(column, 0)) for column in (orders, spent, lately, basket, products))
    return np.column_stack([recency, *heavy, known])


def _different(place: IntArray, names: IntArray, n: int) -> FloatArray:
    """(n,) how many different names stand at each place."""
    pairs = np.unique(np.column_stack([place, names]), axis=0) if len(place) else np.empty((0, 2), np.int64)
    return np.bincount(pairs[:, 0], minlength=n).astype(np.float64)
