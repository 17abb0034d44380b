"""What may be in an answer."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommender import catalogue
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import BoolArray, IntArray
from recommender.serving.pasts import Past

Mode = Literal["all", "again", "new"]
Bought = Literal["allow", "only", "exclude"]


@dataclass(frozen=True)
class Filters:
    """What may be in the answer. `category_ids` and `only_ids` None are any.

    mode : "again" is what the person bought before, "new" what they have not acted on in their newest acts.
    bought : what becomes of what they bought; with `bought_within_days` "exclude" is about what was bought since.
    """

    mode: Mode = "all"
    in_stock: bool = True
    category_ids: Collection[int] | None = None
    exclude_ids: Collection[int] = ()
    only_ids: Collection[int] | None = None
    bought: Bought = "allow"
    bought_within_days: float | None = None

    @property
    def wants_only_bought(self) -> bool:
        return self.mode == "again" or self.bought == "only"

    def refuses(self, past: Past, product_id: int, *, day: float) -> bool:
        """Whether what the person bought keeps the product out of their list."""
        last = past.bought.get(product_id)
        if last is None:
            return self.wants_only_bought
        if self.bought != "exclude":
            return False
        return self.bought_within_days is None or day - last < self.bought_within_days

    def most_refused(self, pasts: Collection[Past]) -> int:
        """How many places of a ranking `refuses` may take away from anybody."""
        if self.wants_only_bought or self.bought == "exclude":
            return max((len(past.held) for past in pasts), default=0)
        return 0


def allowed(model: Recommender, shelf: catalogue.Catalogue, filters: Filters) -> BoolArray:
    """(n_items,) over the model's items: listed, and as the filters want it, whoever asks."""
    return flags(model.items_, shelf, filters)


def flags(product_ids: IntArray, shelf: catalogue.Catalogue, filters: Filters) -> BoolArray:
    wanted = shelf.flags(product_ids, in_stock=filters.in_stock, categories=filters.category_ids)
    if filters.exclude_ids:
        wanted &= ~np.isin(product_ids, np.fromiter(filters.exclude_ids, dtype=np.int64))
    if filters.only_ids is not None:
        wanted &= np.isin(product_ids, np.fromiter(filters.only_ids, dtype=np.int64))
    return wanted
