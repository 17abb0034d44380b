"""The catalogue as arrays, for filters: read again only when a product changed."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from catalog.models import CatalogueStamp, Product
from catalog.questions import Question, Rows

BoolArray = np.ndarray[tuple[int], np.dtype[np.bool_]]
IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]
TextArray = np.ndarray[tuple[int], np.dtype[np.object_]]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Aligned arrays over listed products, by ascending id. `categories` is −1 for none; `skus` are texts."""

    ids: IntArray
    in_stock: BoolArray
    categories: IntArray
    skus: TextArray

    def flags(
        self, product_ids: IntArray, *, in_stock: bool, categories: Collection[int] | None
    ) -> BoolArray:
        """For each id asked: is it listed, and in stock and of a category if that is wanted?"""
        if len(self.ids) == 0:
            return np.zeros(len(product_ids), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self.ids, product_ids), len(self.ids) - 1)
        wanted = self.ids[place] == product_ids
        if in_stock:
            wanted &= self.in_stock[place]
        if categories is not None:
            wanted &= np.isin(self.categories[place], np.fromiter(categories, dtype=np.int64))
        return wanted

    def categories_of(self, product_ids: IntArray) -> IntArray:
        """The category of each id asked; −1 for none, and for what is not listed."""
        if len(self.ids) == 0:
            return np.full(len(product_ids), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.ids, product_ids), len(self.ids) - 1)
        return np.where(self.ids[place] == product_ids, self.categories[place], -1)

    def labels(self, product_ids: Collection[int]) -> dict[int, tuple[str, int]]:
        """SKU and category (−1 for none) of those asked that are listed, by id."""
        asked = np.fromiter(product_ids, dtype=np.int64)
        places = np.searchsorted(self.ids, asked).tolist()
        return {
            pk: (self.skus[place], int(self.categories[place]))
            for pk, place in zip(asked.tolist(), places, strict=True)
            if place < len(self.ids) and self.ids[place] == pk
        }


@lru_cache(maxsize=1)
def _read(version: tuple[int, ...]) -> Catalogue:
    rows = Product.objects.listed().order_by("pk").values_list("pk", "in_stock", "category_id", "sku")
    kind = np.dtype([("id", np.int64), ("stock", np.bool_), ("category", np.int64), ("sku", np.object_)])
    table = np.fromiter(
        (
            (pk, stock, -1 if category is None else category, sku)
            for pk, stock, category, sku in rows.iterator(chunk_size=10000)
        ),
        dtype=kind,
    )
    return Catalogue(*(np.ascontiguousarray(table[name]) for name in ("id", "stock", "category", "sku")))


_STAMP = Question(lambda: CatalogueStamp.objects.order_by("pk").values_list("value", flat=True))


def stamp() -> Rows:
    """By what one tells whether the catalogue changed: to be asked together with other questions."""
    return _STAMP()


def current(stamped: Rows | None = None) -> Catalogue:
    """The catalogue as it stands. One short query, none with a `stamp`; a full read only when something changed."""
    return _read(tuple(stamp() if stamped is None else stamped))
