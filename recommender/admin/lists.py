"""A list of products as the desk tells it: each item with its reason in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from catalog.models import Product
from recommender.admin.figures import number
from recommender.serving import Item, Recommendation


@dataclass(frozen=True)
class Row:
    """One item. `moved` says in words where it stood in the list beside it."""

    product_id: int
    sku: str
    title: str
    category: str
    why: str
    score: str
    propensity: str
    moved: str = ""


def rows_of(answer: Recommendation, beside: Recommendation | None = None) -> list[Row]:
    """The items of a list, with what changed against the one beside it. One query."""
    return told([answer], [beside])[0]


def told(
    answers: Sequence[Recommendation], beside: Sequence[Recommendation | None] | None = None
) -> list[list[Row]]:
    """The items of each list, with what changed against the one beside it. One query for all of them."""
    needed = {item.product_id for answer in answers for item in answer.items}
    products = Product.objects.select_related("category").in_bulk(needed)
    others = beside or [None] * len(answers)
    return [
        [
            _row(item, products[item.product_id], place, other)
            for place, item in enumerate(answer.items, 1)
            if item.product_id in products
        ]
        for answer, other in zip(answers, others, strict=True)
    ]


def _row(item: Item, product: Product, place: int, beside: Recommendation | None) -> Row:
    promoted = gettext("Promotion: %s") % item.promotion if item.promotion else ""
    why = promoted or item.reason.text
    if item.reranked_by:
        why += " · " + gettext("by relevance alone in place %s") % item.relevance_place
    return Row(
        item.product_id,
        item.sku,
        product.title or item.sku,
        str(product.category or "–"),
        why,
        number(item.score),
        "–" if item.propensity is None else f"{item.propensity:.3f}",
        "" if beside is None else _moved(item.product_id, place, beside),
    )


def _moved(product_id: int, place: int, beside: Recommendation) -> str:
    before = next((n for n, item in enumerate(beside.items, 1) if item.product_id == product_id), None)
    if before is None:
        return gettext("only here")
    if before == place:
        return gettext("the same place")
    return gettext("there in place %s") % before


def compared(left: Recommendation, right: Recommendation) -> str:
    """How much two lists have in common, in words."""
    places = {item.product_id: n for n, item in enumerate(left.items)}
    both = [(places[item.product_id], n) for n, item in enumerate(right.items) if item.product_id in places]
    most = max(len(left.items), len(right.items))
    if not most:
        return gettext("Both lists are empty.")
    if len(both) == most and all(one == other for one, other in both):
        return gettext("Both lists are the same.")
    moved = sum(one != other for one, other in both)
    return ngettext(
        "%(both)s of %(most)s product stands in both lists; %(moved)s of them in another place.",
        "%(both)s of %(most)s products stand in both lists; %(moved)s of them in another place.",
        most,
    ) % {
        "both": len(both), "most": most, "moved": moved,
    }  # fmt: skip
