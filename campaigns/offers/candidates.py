"""The offers of one question, and how well each suits each person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_UP, Decimal
from typing import Any

import numpy as np

from campaigns.models import Offer
from catalog.models import Product

# What an amount off is compared with when the offer names no minimum: an ordinary basket, in the shop's currency.
ORDINARY_BASKET = Decimal(50)
CENT = Decimal("0.01")
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Taste:
    """A person's ranked products, best first; a stranger's are what strangers see."""

    product_ids: Sequence[int]
    category_ids: Sequence[int] | None = None
    """Of each product, −1 for none; None where they have to be asked for."""


@dataclass(frozen=True)
class Choice:
    """The offer of one slot for one person, with a verdict on every candidate."""

    offer: Offer
    score: float
    candidates: list[dict[str, Any]] = field(default_factory=list)
    """{"offer": slug, "score", "verdict", and of what suits: "fit" and the "chance" it had in this draw}"""
    propensity: float = 1.0
    """The chance with which it was drawn; 1 where nothing was."""
    explored: bool = False
    set_aside: Decimal = Decimal(0)
    """What was set aside for it of the offer's budget."""


@dataclass(frozen=True)
class Page:
    """People × offers of one question. Arrays are (n_people, n_offers), in the order of `people` and `offers`."""

    people: list[int]
    offers: list[Offer]
    fit: Floats
    """How much of what suits the person the offer is for, 0 to 1; 1 for an offer for everything."""
    generosity: Floats
    """(n_offers,) see `generosity`."""
    verdicts: "np.ndarray[Any, np.dtype[np.object_]]"
    """Why the person may not have the offer; empty where they may."""

    @property
    def benefit(self) -> Floats:
        """What suits them, times how generous it is."""
        found: Floats = np.round(self.fit * self.generosity, 6)
        return found


def generosity(offer: Offer) -> float:
    """The benefit as a share of a basket, 0 to 1."""
    if offer.benefit == Offer.Benefit.PERCENT:
        return float(offer.value) / 100
    if offer.benefit == Offer.Benefit.AMOUNT:
        return min(1.0, float(offer.value / max(offer.minimum_amount, ORDINARY_BASKET)))
    return 0.1


def worst(offer: Offer) -> Decimal | None:
    """The most that one use can take off; None where it is not known (a share of any order, or free shipping)."""
    if offer.benefit == Offer.Benefit.AMOUNT:
        return offer.value if offer.max_discount is None else min(offer.value, offer.max_discount)
    return offer.max_discount if offer.benefit == Offer.Benefit.PERCENT else None


def set_aside_of(offer: Offer) -> Decimal:
    """What a decision sets aside of the offer's budget: its worst by the share who will use it, a broken cent up.

    Nought without a budget, and where the worst is not known: the till then refuses when the budget is spent.
    """
    most = worst(offer)
    if offer.budget is None or most is None:
        return Decimal(0)
    return (most * offer.used_percent / 100).quantize(CENT, rounding=ROUND_UP)


def is_in_force(offer: Offer, *, at: datetime) -> bool:
    """Approved and within its dates."""
    begun = offer.starts_at is None or offer.starts_at <= at
    return offer.status == Offer.Status.APPROVED and begun and (offer.ends_at is None or offer.ends_at > at)


def page_of(
    tastes: Mapping[int, Taste],
    available: Sequence[Offer],
    *,
    at: datetime,
    scopes: Mapping[int, Collection[int]] | None = None,
) -> Page:
    """Everyone and everything asked about, with what is plain without looking at caps: dates, and what fits.

    scopes : the categories of each offer's id, where they were asked for before. One query at most besides.
    """
    people, offers = list(tastes), sorted(available, key=lambda offer: offer.slug)
    if scopes is None:
        scopes = {offer.pk: [category.pk for category in offer.categories.all()] for offer in offers}
    fit = _fit([tastes[pk] for pk in people], [frozenset(scopes.get(offer.pk, ())) for offer in offers])
    page = Page(
        people,
        offers,
        fit,
        np.array([generosity(offer) for offer in offers]),
        np.full(fit.shape, "", dtype=object),
    )
    page.verdicts[page.benefit <= 0] = "nothing_fits"
    for i, offer in enumerate(offers):
        if not is_in_force(offer, at=at):
            page.verdicts[:, i] = "not_in_force"
    return page


def _fit(tastes: Sequence[Taste], wanted: Sequence[frozenset[int]]) -> Floats:
    """(n_people, n_offers) the share of a person's products, by 1/log₂(place + 1), that the offer is for."""
    found = np.ones((len(tastes), len(wanted)))
    if not any(wanted):
        return found
    length = max((len(taste.product_ids) for taste in tastes), default=0)
    # Nought stands for no product, -1 for one without a category.
    categories = np.zeros((len(tastes), length), dtype=np.int64)
    for i, row in enumerate(_categories(tastes)):
        categories[i, : len(row)] = row
    weights = (categories != 0) / np.log2(np.arange(2, length + 2))
    total = np.maximum(weights.sum(axis=1), 1e-12)
    for i, inside in enumerate(wanted):
        if inside:
            found[:, i] = (weights * np.isin(categories, list(inside))).sum(axis=1) / total
    return found


def _categories(tastes: Sequence[Taste]) -> list[Sequence[int]]:
    unknown = {pk for taste in tastes if taste.category_ids is None for pk in taste.product_ids}
    category_of = dict(Product.objects.filter(pk__in=unknown).values_list("pk", "category_id"))
    return [
        [category_of.get(pk) or -1 for pk in taste.product_ids]
        if taste.category_ids is None
        else taste.category_ids
        for taste in tastes
    ]
