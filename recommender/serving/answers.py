"""What an answer holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.models import Product
from customers.consent import Permission
from recommender import explanations
from recommender.catalogue import Catalogue
from recommender.models import ModelVersion

STRANGER = 0
"""The key of the strangers' list in an answer to nobody in particular."""


@dataclass(frozen=True)
class Reason:
    """Why an item stands in the list: one of `explanations.KINDS`.

    `skus` and `titles` are the past products that say it, most first; `share` is the part of the score they carry.
    """

    type: str
    skus: Sequence[str] = ()
    titles: Sequence[str] = ()
    share: float | None = None

    @property
    def text(self) -> str:
        """In words, in the language of whoever asks."""
        return explanations.words(self.type, self.titles, self.share)


@dataclass(frozen=True)
class Item:
    """`promotion` names why it was placed there by hand; `propensity` is how likely it was where chance has a part.

    `reranked_by` is what varied the list, `mmr` or `calibrated`; `relevance_place` then where it stood before, from 1.
    `category_id` is −1 for none.
    """

    product_id: int
    sku: str
    score: float
    reason: Reason
    promotion: str = ""
    propensity: float | None = None
    reranked_by: str = ""
    relevance_place: int | None = None
    category_id: int = -1


@dataclass(frozen=True)
class Recommendation:
    """A person's list, or the strangers' list. `permission` is what a personal list rests on."""

    items: list[Item]
    personalized: bool
    model: ModelVersion | None
    permission: Permission | None = field(default=None)


@dataclass(frozen=True)
class Entry:
    """A place in a list, before its product is read."""

    product_id: int
    score: float
    type: str
    because: tuple[int, ...] = ()
    share: float | None = None
    promotion: str = ""
    propensity: float | None = None
    reranked_by: str = ""
    relevance_place: int | None = None


def because_of(lists: Iterable[Sequence[Entry]]) -> dict[int, Product]:
    """The products that reasons name. One query, none without such a reason."""
    needed = {pk for entries in lists for entry in entries for pk in entry.because}
    if not needed:
        return {}
    return {row.pk: row for row in Product.objects.filter(pk__in=needed).only("pk", "sku", "title")}


def items(entries: Sequence[Entry], shelf: Catalogue, named: Mapping[int, Product]) -> list[Item]:
    """The items of a list from this shelf; `named` are the products of its reasons."""
    labels = shelf.labels([entry.product_id for entry in entries])
    return [_item(entry, *labels[entry.product_id], named) for entry in entries]


def _item(entry: Entry, sku: str, category_id: int, named: Mapping[int, Product]) -> Item:
    because = [named[pk] for pk in entry.because if pk in named]
    reason = Reason(
        entry.type,
        [product.sku for product in because],
        [product.title or product.sku for product in because],
        entry.share,
    )
    return Item(
        entry.product_id,
        sku,
        entry.score,
        reason,
        entry.promotion,
        entry.propensity,
        entry.reranked_by,
        entry.relevance_place,
        category_id,
    )
