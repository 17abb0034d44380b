"""A person's past as numbers, for classifiers and clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recommender.algorithms.interactions import FloatArray, IntArray, Interactions, decay


class IdentifierAsNumber(ValueError):
    """An id is a name, not a quantity: it is neither a feature nor a target of a regression."""


def refuse_identifiers(names: Sequence[str]) -> None:
    """Raise IdentifierAsNumber if a column is named like an id (`id`, `sku`, `code`, `customer_id`, `ProductID` …)."""
    for name in names:
        flat = name.lower().replace(" ", "_")
        if (
            flat in ("id", "sku", "code", "upc", "ean")
            or flat.endswith(("_id", "_sku", "_code"))
            or name.endswith("ID")
        ):
            raise IdentifierAsNumber(f"{name!r} is an identifier; encode it (one-hot) or leave it out")


@dataclass(frozen=True, eq=False)
class Categories:
    """Which category each item is of. `names` : category ids, sorted · `of_item` : column into `names`, −1 for none."""

    names: IntArray
    of_item: IntArray

    @classmethod
    def of(cls, items: IntArray, category_of: Mapping[int, int]) -> "Categories":
        names = np.unique(
            np.fromiter((category_of[int(i)] for i in items if int(i) in category_of), dtype=np.int64)
        )
        places = {int(name): place for place, name in enumerate(names)}
        of_item = np.fromiter(
            (places[category_of[int(i)]] if int(i) in category_of else -1 for i in items),
            np.int64,
            len(items),
        )
        return cls(names, of_item)


def shares(interactions: Interactions, categories: Categories, *, at: float, half_life: float) -> FloatArray:
    """(n_users, n_categories): each person's decayed acts by category, as shares of all; rows add to 1 or 0."""
    weights = interactions.weights * decay(at - interactions.days, half_life)
    columns = categories.of_item[interactions.columns]
    known = columns >= 0
    shape = (len(interactions.users), len(categories.names))
    table = sparse.csr_matrix(
        (weights[known], (interactions.rows[known], columns[known])), shape=shape
    ).toarray()
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def rhythm(interactions: Interactions, *, at: float) -> FloatArray:
    """(n_users, 3): log(1 + days since the newest act), log(1 + acts), log(1 + days between first and newest)."""
    n = len(interactions.users)
    newest, oldest = np.full(n, -np.inf), np.full(n, np.inf)
    np.maximum.at(newest, interactions.rows, interactions.days)
    np.minimum.at(oldest, interactions.rows, interactions.days)
    acts = np.bincount(interactions.rows, minlength=n)
    return np.log1p(np.column_stack([np.maximum(at - newest, 0.0), acts, newest - oldest]))


RHYTHM = ("recency", "frequency", "tenure")
