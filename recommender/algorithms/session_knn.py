"""Sessions alike: for visitors nobody knows, and for anybody's newest acts."""

from collections.abc import Mapping

import numpy as np

from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import (
    FloatArray,
    IntArray,
    Interactions,
    Queries,
    SingleArray,
    newest_first,
)


def spans(starts: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """For CSR `starts`: (m,) places of all entries of these rows one after another, and (len(rows) + 1,) their starts."""
    lengths = starts[rows + 1] - starts[rows]
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    return np.arange(bounds[-1]) + np.repeat(starts[rows] - bounds[:-1], lengths), bounds


class SessionKNN(Recommender):
    """score(i) = Σ_{n∈N} sim(n) · near(n) · idf(i) over the nearest sessions n that hold i.

    A session is a person's acts without a pause of `pause` days. Of the history the last `length` acts count, act p
    (0 the newest) by 1 − p/length; sim(n) is the sum over the items shared with n; near(n) = 1/(1 + p) of the newest act
    shared. N are the `neighbours` most similar of the `sample` newest sessions that share anything; a person's own are
    not among them. idf = log(1 + sessions / sessions with i).
    The history may be anybody's: nothing is asked of who it is. The learnt rows are people's behaviour, `people_` says whose.
    people_ : (n_sessions,) int64, oldest session first · members_, starts_ : each session's columns, one after another ·
    holders_, held_ : each item's sessions, likewise.
    Source: Ludewig & Jannach 2018, Evaluation of Session-based Recommendation Algorithms (V-SKNN).
    """

    name = "session_knn"
    people_: IntArray
    members_: IntArray
    starts_: IntArray
    holders_: IntArray
    held_: IntArray

    def __init__(
        self, neighbours: int = 200, sample: int = 1000, length: int = 10, pause: float = 0.5
    ) -> None:
        self.neighbours = neighbours
        self.sample = sample
        self.length = length
        self.pause = pause

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        order = newest_first(interactions.rows, interactions.days)[::-1]
        rows, days = interactions.rows[order], interactions.days[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = (rows[1:] != rows[:-1]) | (days[1:] - days[:-1] >= self.pause)
        session = np.cumsum(begins) - 1
        first = np.flatnonzero(begins)
        by_age = np.argsort(days[first], kind="stable")
        rank = np.empty(len(first), np.int64)
        rank[by_age] = np.arange(len(first))
        n = len(interactions.items)
        cells = np.unique(rank[session] * max(n, 1) + interactions.columns[order])
        sessions, columns = np.divmod(cells, max(n, 1))
        self.people_ = interactions.users[rows[first]][by_age]
        self.members_, self.starts_ = columns, np.searchsorted(sessions, np.arange(len(first) + 1))
        by_item = np.argsort(columns, kind="stable")
        self.holders_ = sessions[by_item]
        self.held_ = np.searchsorted(columns[by_item], np.arange(n + 1))

    def _score(self, queries: Queries) -> SingleArray:
        scores = np.zeros((queries.n, queries.n_items), dtype=np.float32)
        idf = np.log1p(len(self.people_) / np.maximum(np.diff(self.held_), 1))
        near = np.zeros(queries.n_items)
        counted = np.flatnonzero(queries.places < self.length)
        counted = counted[np.lexsort((-queries.places[counted], queries.rows[counted]))]
        bounds = np.searchsorted(queries.rows[counted], np.arange(queries.n + 1))
        for row in range(queries.n):
            acts = counted[
                bounds[row] : bounds[row + 1]
            ]  # the newest last, so that it has the last word in `near`
            items, places = queries.columns[acts], queries.places[acts]
            near[items] = 1 / (1 + places)
            weights = queries.weights[acts] * (1 - places / self.length)
            found, similar = self._nearest(items, weights, queries.people[row])
            if len(found):
                entries, starts = spans(self.starts_, found)
                columns = self.members_[entries]
                shared = np.maximum.reduceat(near[columns], starts[:-1])
                value = np.repeat(similar * shared, np.diff(starts))
                scores[row] = np.bincount(columns, value, minlength=queries.n_items) * idf
            near[items] = 0.0
        return scores

    def _nearest(
        self, items: IntArray, weights: FloatArray, person: int | None
    ) -> tuple[IntArray, FloatArray]:
        """(k,) sessions and (k,) their similarities."""
        # The newest of all that share anything are among the newest of each item.
        newest = [
            self.holders_[max(self.held_[i], self.held_[i + 1] - self.sample) : self.held_[i + 1]]
            for i in items
        ]
        sessions = np.concatenate([*newest, np.empty(0, np.int64)])
        spoken = np.repeat(weights, [len(part) for part in newest])
        found, which = np.unique(sessions, return_inverse=True)
        similar: FloatArray = np.bincount(which, spoken, minlength=len(found)).astype(np.float64)
        if person is not None:
            others = self.people_[found] != person
            found, similar = found[others], similar[others]
        found, similar = found[-self.sample :], similar[-self.sample :]
        best = np.lexsort((-found, -similar))[: self.neighbours]
        return found[best], similar[best]
