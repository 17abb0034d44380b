"""What the algorithms eat: who acted on what, how much, and when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import sparse

IntArray = np.ndarray[Any, np.dtype[np.int64]]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]
SingleArray = np.ndarray[Any, np.dtype[np.float32]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


def decay(ages: FloatArray, half_life: float | None) -> FloatArray:
    """2^(−age/half-life); ones where there is no half-life. Ages are days; from the future counts as now."""
    if half_life is None:
        return np.ones(len(ages))
    return np.exp2(-np.maximum(ages, 0.0) / half_life)


def places_of(ids: IntArray, among: IntArray) -> tuple[IntArray, BoolArray]:
    """(n,) where each id stands among the sorted ids, and whether it does; the place of one that does not is any."""
    if not len(among):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
    places = np.minimum(np.searchsorted(among, ids), len(among) - 1)
    return places, among[places] == ids


def newest_first(rows: IntArray, days: FloatArray) -> IntArray:
    """(n,) the order of acts by row and, within a row, from the newest back; of one moment, the later given is newer."""
    return np.lexsort((-np.arange(len(rows)), -days, rows))


def places_back(rows: IntArray, days: FloatArray) -> IntArray:
    """(n,) each act's age in acts: 0 for its row's newest, 1 for the one before, and so on."""
    order = newest_first(rows, days)
    ordered = rows[order]
    places = np.empty(len(rows), np.int64)
    places[order] = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    return places


def _kept(ids: IntArray, places: IntArray) -> tuple[IntArray, IntArray]:
    """The ids that any place still points at, and the places among them. Without sorting: the ids are sorted."""
    used = np.zeros(len(ids), dtype=np.bool_)
    used[places] = True
    return ids[used], (np.cumsum(used) - 1)[places]


@dataclass(frozen=True, eq=False)
class Interactions:
    """One entry an act. `rows` index `users`, `columns` index `items`; both id lists are sorted and unique.

    rows, columns : (n_acts,) int64 · weights : (n_acts,) float32 > 0 · days : (n_acts,) float64 since the epoch.
    baskets : (n_acts,) int64, acts of one person with one number are one order; None where each act stands alone.
    Absent is "not seen", not "disliked". Two acts of one person on one item add up. Acts stand in any order; of those of
    one person and one moment the later given is the newer.
    """

    users: IntArray
    items: IntArray
    rows: IntArray
    columns: IntArray
    weights: SingleArray
    days: FloatArray
    baskets: IntArray | None = None

    @classmethod
    def of(
        cls,
        people: IntArray,
        products: IntArray,
        days: FloatArray,
        weights: SingleArray | None = None,
        baskets: IntArray | None = None,
    ) -> Self:
        """From aligned arrays of ids. Raises ValueError when their lengths differ or a weight is not positive."""
        if weights is None:
            weights = np.ones(len(people), dtype=np.float32)
        if not len(people) == len(products) == len(days) == len(weights):
            raise ValueError("people, products, days and weights must have one length")
        if baskets is not None and len(baskets) != len(people):
            raise ValueError("baskets must be as many as people")
        if len(weights) and not weights.min() > 0:
            raise ValueError("a weight must be positive")
        users, rows = np.unique(people, return_inverse=True)
        items, columns = np.unique(products, return_inverse=True)
        return cls(
            users,
            items,
            rows,
            columns,
            weights.astype(np.float32),
            np.asarray(days, dtype=np.float64),
            baskets,
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.users), len(self.items)

    def matrix(self, *, at: float | None = None, half_life: float | None = None) -> sparse.csr_matrix:
        """(n_users, n_items) float32 CSR of summed weights, each decayed by its age at `at` if there is a half-life."""
        weights = self.weights
        if half_life is not None:
            moment = float(self.days.max(initial=0.0)) if at is None else at
            weights = (weights * decay(moment - self.days, half_life)).astype(np.float32)
        return sparse.csr_matrix((weights, (self.rows, self.columns)), shape=self.shape, dtype=np.float32)

    def binary(self) -> sparse.csr_matrix:
        """(n_users, n_items) float32 CSR of ones where there was any act."""
        matrix = self.matrix()
        matrix.data[:] = 1.0
        return matrix

    def chosen(self, mask: BoolArray) -> Self:
        """Only the acts where the mask is true; people and items without an act left are gone."""
        users, rows = _kept(self.users, self.rows[mask])
        items, columns = _kept(self.items, self.columns[mask])
        baskets = None if self.baskets is None else self.baskets[mask]
        return type(self)(users, items, rows, columns, self.weights[mask], self.days[mask], baskets)

    def joined(self, more: Self) -> Self:
        """These acts and more of them."""
        return type(self).of(
            np.concatenate([self.users[self.rows], more.users[more.rows]]),
            np.concatenate([self.items[self.columns], more.items[more.columns]]),
            np.concatenate([self.days, more.days]),
            np.concatenate([self.weights, more.weights]),
            None
            if self.baskets is None or more.baskets is None
            else np.concatenate([self.baskets, more.baskets]),
        )

    def histories(self, users: IntArray) -> "list[History]":
        """Each asked person's whole history, empty for those without one; in the order asked."""
        order = np.argsort(self.rows, kind="stable")
        starts = np.searchsorted(self.rows[order], np.arange(len(self.users) + 1))
        found = []
        for user in users:
            row = int(np.searchsorted(self.users, user))
            known = row < len(self.users) and self.users[row] == user
            acts = order[starts[row] : starts[row + 1]] if known else order[:0]
            items = self.items[self.columns[acts]]
            found.append(History(items, self.weights[acts], self.days[acts], person=int(user)))
        return found


@dataclass(frozen=True, eq=False)
class History:
    """One person's newest acts, in any order; of those of one moment the later given is the newer.

    `person` keeps a neighbour model from finding the person themselves.
    """

    items: IntArray
    weights: SingleArray
    days: FloatArray
    person: int | None = None

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float64))


@dataclass(frozen=True, eq=False)
class Queries:
    """Histories of several people in a model's own columns: what `Recommender` scores. Unknown items are left out."""

    n: int
    n_items: int
    rows: IntArray
    columns: IntArray
    weights: SingleArray
    ages: FloatArray
    people: Sequence[int | None]
    matrices: dict[tuple[float | None, float | None], sparse.csr_matrix] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def of(cls, histories: Sequence[History], items: IntArray, *, at: float) -> Self:
        lengths = np.fromiter(
            (len(history.items) for history in histories), dtype=np.int64, count=len(histories)
        )
        rows = np.repeat(np.arange(len(histories)), lengths)
        if not len(items) or not len(rows):
            none: IntArray = np.empty(0, np.int64)
            return cls(
                len(histories), len(items), none, none, np.empty(0, np.float32), np.empty(0, np.float64),
                [history.person for history in histories],
            )  # fmt: skip
        ids = np.concatenate([history.items for history in histories])
        places, known = places_of(ids, items)
        weights = np.concatenate([history.weights for history in histories])[known]
        days = np.concatenate([history.days for history in histories])[known]
        return cls(
            len(histories),
            len(items),
            rows[known],
            places[known],
            weights,
            at - days,
            [history.person for history in histories],
        )

    @cached_property
    def places(self) -> IntArray:
        """(n_acts,) each act's age in acts, among its history's acts on known items: 0 for the newest."""
        return places_back(self.rows, -self.ages)

    def faded(self, half_life: float | None, acts: float | None = None) -> SingleArray:
        """(n_acts,) each act's weight, decayed by its age in days, in acts, or in both.

        Ages count from the newest act of the history: only the proportions within a row matter to a ranking, and a
        long silence must not fade a whole history to nought.
        """
        weights = self.weights.astype(np.float64)
        if half_life is not None and len(weights):
            if self.n == 1:
                newest = self.ages.min()
            else:
                of_row = np.full(self.n, np.inf)
                np.minimum.at(of_row, self.rows, self.ages)
                newest = of_row[self.rows]
            weights = weights * decay(self.ages - newest, half_life)
        if acts is not None:
            weights = weights * decay(self.places.astype(np.float64), acts)
        return weights.astype(np.float32)

    def of_acts(self, weights: SingleArray) -> sparse.csr_matrix:
        """(n, n_items) float32 CSR of one weight an act; acts on one item add up."""
        return sparse.csr_matrix(
            (weights, (self.rows, self.columns)), shape=(self.n, self.n_items), dtype=np.float32
        )

    def matrix(self, half_life: float | None, acts: float | None = None) -> sparse.csr_matrix:
        """(n, n_items) float32 CSR of weights as `faded` gives them; `acts` is a half-life counted in acts."""
        key = (half_life, acts)
        if key not in self.matrices:
            self.matrices[key] = self.of_acts(self.faded(half_life, acts))
        return self.matrices[key]
