"""What each person did before a moment, as a table for a classifier; nothing after the moment is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray, places_of
from recommender.algorithms.lifetime import Returns, Rhythms
from recommender.algorithms.tables import Table, Words


@dataclass(frozen=True, eq=False)
class Past:
    """Aligned arrays, one entry a line of an order (`people`, `products`, `values`, `days`) or a look (`seen_…`)."""

    people: IntArray
    products: IntArray
    values: FloatArray
    days: FloatArray
    seen_people: IntArray
    seen_days: FloatArray
    category_of: Mapping[int, int]

    def rhythms(self, at: float) -> Rhythms:
        return Rhythms.of(self.people, self.days, self.values, at=at)

    def ordered(self, people: IntArray, at: float, days: float) -> BoolArray:
        """(len(people),): an order after `at`, up to `days` later. Days are whole, as in `Rhythms`."""
        whole = np.floor(self.days)
        soon = (whole > np.floor(at)) & (whole <= np.floor(at) + days)
        return np.isin(people, self.people[soon])

    def spent(self, people: IntArray, at: float, days: float) -> FloatArray:
        whole = np.floor(self.days)
        soon = (whole > np.floor(at)) & (whole <= np.floor(at) + days)
        return _summed(self.people[soon], people, self.values[soon])

    def table(self, at: float, *, returns: Returns | None, days: float) -> Table:
        """Everyone who ordered by `at`. `returns`, learnt no later than the first moment asked, adds its own view."""
        at = float(np.floor(at))
        rhythms = self.rhythms(at)
        who = rhythms.people
        past = np.floor(self.days) <= at
        seen = np.floor(self.seen_days) <= at
        since = rhythms.age - rhythms.last
        gap = np.where(rhythms.again > 0, rhythms.last / np.maximum(rhythms.again, 1), np.nan)
        numbers = {
            "since_order": np.log1p(since),
            "orders": np.log1p(rhythms.orders),
            "known_for": np.log1p(rhythms.age),
            "gap": np.log1p(gap),
            "gaps_waited": np.minimum(since / np.maximum(gap, 1.0), 10.0),
            "money": np.log1p(rhythms.money),
        }
        for lately in (30.0, 90.0):
            recent = past & (self.days > at - lately)
            numbers[f"lines_{lately:.0f}_days"] = np.log1p(_summed(self.people[recent], who))
        if len(self.seen_people):
            for lately in (7.0, 30.0):
                recent = seen & (self.seen_days > at - lately)
                numbers[f"looks_{lately:.0f}_days"] = np.log1p(_summed(self.seen_people[recent], who))
        if returns is not None:
            numbers["rhythm"] = returns.returning(rhythms, days)
        words = {"favourite": self._favourites(who, past)}
        return Table(who, np.full(len(who), at), at - since, numbers, words)

    def _favourites(self, people: IntArray, past: BoolArray) -> Words:
        """(len(people),): the category most of a person's lines are of, "" for none."""
        items, columns = np.unique(self.products[past], return_inverse=True)
        of_item = np.fromiter((self.category_of.get(int(item), -1) for item in items), np.int64, len(items))
        category = of_item[columns] if len(items) else np.zeros(0, np.int64)
        pairs, counts = np.unique(
            np.column_stack([self.people[past], category])[category >= 0], axis=0, return_counts=True
        )
        order = np.lexsort((counts, pairs[:, 0]))
        place, known = places_of(pairs[order, 0], people)
        found = np.full(len(people), -1, np.int64)
        found[place[known]] = pairs[order, 1][known]  # the last of each person is the most frequent
        return np.where(found >= 0, found.astype(np.str_), "")


def _summed(who: IntArray, people: IntArray, amounts: FloatArray | None = None) -> FloatArray:
    place, known = places_of(who, people)
    weights = np.ones(len(who)) if amounts is None else amounts
    return np.bincount(place[known], weights[known], minlength=len(people)).astype(np.float64)
