"""Past and future: what a model may learn from, and what it is measured on."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommender.algorithms.interactions import History, IntArray, Interactions, newest_first

Target = Literal["all", "again", "new"]


@dataclass(frozen=True, eq=False)
class Split:
    """A past to learn from and what the same people did next. `at` is the moment between, in days."""

    past: Interactions
    at: float
    people: IntArray
    histories: list[History]
    future: list[IntArray]
    """Each person's item ids of the future, known to the past, not empty."""

    def restricted(self, target: Target) -> "Split":
        """Only the future items the person already had ("again") or did not have ("new"); people left without go."""
        if target == "all":
            return self
        kept_people, histories, future = [], [], []
        for person, history, items in zip(self.people, self.histories, self.future, strict=True):
            held = np.isin(items, history.items)
            wanted = items[held if target == "again" else ~held]
            if len(wanted):
                kept_people.append(person)
                histories.append(history)
                future.append(wanted)
        return Split(self.past, self.at, np.array(kept_people, dtype=np.int64), histories, future)


def _split(past: Interactions, future: Interactions, *, at: float) -> Split:
    both = np.intersect1d(past.users, future.users)
    people, histories, items = [], [], []
    for person, history, later in zip(both, past.histories(both), future.histories(both), strict=True):
        wanted = np.unique(later.items)  # an item nobody had before cannot be ranked: it counts as missed
        people.append(person)
        histories.append(history)
        items.append(wanted)
    return Split(past, at, np.array(people, dtype=np.int64), histories, items)


def global_split(interactions: Interactions, *, days: float = 30.0, end: float | None = None) -> Split:
    """The `days` up to `end` (included; default: the newest act) are the future of everyone at once."""
    end = float(interactions.days.max(initial=0.0)) if end is None else end
    at = end - days
    seen = interactions.days
    return _split(interactions.chosen(seen <= at), interactions.chosen((seen > at) & (seen <= end)), at=at)


def validation_split(interactions: Interactions, *, days: float = 30.0) -> Split:
    """The `days` before the test's future, with the past cut accordingly: for choosing, so the test stays unseen."""
    return global_split(interactions, days=days, end=float(interactions.days.max(initial=0.0)) - days)


def leave_last(interactions: Interactions) -> Split:
    """Each person's last act is their future, with the rest of its order where acts belong to orders.

    Exactly one act where none does: of those of one moment the last given. Whoever has nothing before it stays in the
    past as they are.
    """
    order = newest_first(interactions.rows, interactions.days)
    newest = order[np.searchsorted(interactions.rows[order], np.arange(len(interactions.users)))]
    if interactions.baskets is None:
        last = np.zeros(len(interactions), dtype=np.bool_)
        last[newest] = True
    else:
        last = interactions.baskets == interactions.baskets[newest][interactions.rows]
    has_past = np.bincount(interactions.rows[~last], minlength=len(interactions.users)) > 0
    last &= has_past[interactions.rows]
    return _split(
        interactions.chosen(~last), interactions.chosen(last), at=float(interactions.days.max(initial=0.0))
    )
