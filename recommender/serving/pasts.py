"""What a person did, as the algorithms read it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from customers.histories import Act
from recommender.algorithms.interactions import History

HISTORY_LENGTH = 200
# How much an act says of taste, beside an order. Views and baskets matter between orders, not more than them.
WEIGHTS: Mapping[str, float] = {
    "ordered": 1.0,
    "added": 0.5,
    "wished": 0.5,
    "rated": 0.3,
    "clicked": 0.2,
    "viewed": 0.1,
}


def history(acts: Sequence[Act], *, person: int | None = None) -> History:
    """A person's newest acts, which come newest first, as the algorithms read them: of one moment, the newer last."""
    weighed = [act for act in reversed(acts) if act.type in WEIGHTS]
    return History(
        items=np.fromiter((act.product_id for act in weighed), dtype=np.int64),
        weights=np.fromiter((WEIGHTS[act.type] for act in weighed), dtype=np.float32),
        days=np.fromiter((act.day for act in weighed), dtype=np.float64),
        person=person,
    )


@dataclass(frozen=True)
class Past:
    """One person's newest acts. `held` is what they acted on at all, `bought` the day each was last ordered.

    Nothing is read into acts on products they `refused`; what they bought stays bought.
    """

    history: History
    held: frozenset[int]
    bought: Mapping[int, float]

    @classmethod
    def of(
        cls, acts: Sequence[Act], *, person: int | None = None, refused: Collection[int] = frozenset()
    ) -> "Past":
        bought: dict[int, float] = {}
        for act in acts:
            if act.type == "ordered":
                bought[act.product_id] = max(act.day, bought.get(act.product_id, act.day))
        read = history([act for act in acts if act.product_id not in refused], person=person)
        return cls(read, frozenset(read.items.tolist()) | bought.keys(), bought)
