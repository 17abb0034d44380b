"""What: candidates -> eligibility -> caps -> ranking -> fallback, for a page of people at once."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import Count, F, Q

from campaigns.models import Decision, Offer, Placement
from catalog.models import Product

# What an amount off is compared with when the offer names no minimum: an ordinary basket, in the shop's currency.
ORDINARY_BASKET = Decimal(50)


@dataclass(frozen=True)
class Taste:
    """A person's ranked products, best first; a stranger's are what strangers see."""

    product_ids: Sequence[int]


@dataclass(frozen=True)
class Choice:
    """The offer of one slot for one person, with a verdict on every candidate."""

    offer: Offer
    score: float
    candidates: list[dict[str, Any]] = field(default_factory=list)
    propensity: float = 1.0
    """The chance with which it was drawn; 1 where nothing was."""
    explored: bool = False
    set_aside: Decimal = Decimal(0)
    """What was set aside for it of the offer's budget."""


@dataclass(frozen=True)
class _Candidate:
    offer: Offer
    categories: frozenset[int]
    generosity: float


def generosity(offer: Offer) -> float:
    """The benefit as a share of a basket, 0 to 1."""
    if offer.benefit == Offer.Benefit.PERCENT:
        return float(offer.value) / 100
    if offer.benefit == Offer.Benefit.AMOUNT:
        return min(1.0, float(offer.value / max(offer.minimum_amount, ORDINARY_BASKET)))
    return 0.1


def choose_and_commit(
    tastes: Mapping[int, Taste], available: Sequence[Offer], *, placement: Placement, at: datetime
) -> dict[int, list[Choice]]:
    """The best offers for each person, one a slot, with the caps held exactly. Call it inside the transaction that
    keeps the choice.

    Order: priority, then expected benefit (how much of what suits the person the offer is for, times how generous
    it is), then slug. Whoever a cap turns away gets the next best; a person no offer is left for gets none.
    Queries grow with the offers, not with the people.
    """
    candidates, refused = _in_force(available, at=at)
    scores = _scores(tastes, candidates)
    taken = _had(tastes, [candidate.offer for candidate in candidates])
    wishes = {pk: list(ranked) for pk, ranked in scores.items()}
    spent: set[int] = set()
    choices: dict[int, tuple[Offer, float]] = {}
    verdicts: dict[int, dict[str, str]] = {pk: {} for pk in tastes}
    waiting = list(tastes)
    while waiting:
        wanted: dict[int, list[int]] = {}
        for pk in waiting:
            offer = _next(wishes[pk], spent, taken.get(pk, Counter()), verdicts[pk])
            if offer is not None:
                wanted.setdefault(offer.pk, []).append(pk)
        waiting = []
        for offer_id, people in wanted.items():
            # Who it suits best comes first when there is not enough for all.
            people.sort(key=lambda pk: (-wishes[pk][0][1], pk))
            granted = _grant(offer_id, len(people))
            for pk in people[:granted]:
                choices[pk] = wishes[pk][0]
            if granted < len(people):
                spent.add(offer_id)
                waiting += people[granted:]
    return {
        pk: [Choice(offer, score, [*_told(scores[pk], offer, verdicts[pk]), *refused])]
        for pk, (offer, score) in choices.items()
    }


def _in_force(available: Sequence[Offer], *, at: datetime) -> tuple[list[_Candidate], list[dict[str, Any]]]:
    candidates, refused = [], []
    for offer in available:
        begun = offer.starts_at is None or offer.starts_at <= at
        over = offer.ends_at is not None and offer.ends_at <= at
        if offer.status != Offer.Status.APPROVED or not begun or over:
            refused.append({"offer": offer.slug, "score": 0.0, "verdict": "not_in_force"})
        elif offer.budget is not None and offer.discount_given >= offer.budget:
            refused.append({"offer": offer.slug, "score": 0.0, "verdict": "budget_spent"})
        else:
            categories = frozenset(category.pk for category in offer.categories.all())
            candidates.append(_Candidate(offer, categories, generosity(offer)))
    return candidates, refused


def _scores(
    tastes: Mapping[int, Taste], candidates: Sequence[_Candidate]
) -> dict[int, list[tuple[Offer, float]]]:
    """Every person's offers, best first. One query."""
    products = {pk for taste in tastes.values() for pk in taste.product_ids}
    category_of = dict(Product.objects.filter(pk__in=products).values_list("pk", "category_id"))
    ranked = {}
    for person, taste in tastes.items():
        weights = 1 / np.log2(np.arange(2, len(taste.product_ids) + 2))
        total = float(weights.sum()) or 1.0
        mine = []
        for candidate in candidates:
            fit = 1.0
            if candidate.categories:
                inside = [category_of.get(pk) in candidate.categories for pk in taste.product_ids]
                fit = float(weights[inside].sum()) / total if inside else 0.0
            mine.append((candidate.offer, round(fit * candidate.generosity, 6)))
        mine.sort(key=lambda pair: (-pair[0].priority, -pair[1], pair[0].slug))
        ranked[person] = mine
    return ranked


def _had(people: Collection[int], available: Sequence[Offer]) -> dict[int, Counter[int]]:
    """How often each person was given each capped offer. One query, none without a cap."""
    capped = [offer.pk for offer in available if offer.max_per_customer is not None]
    had: dict[int, Counter[int]] = {}
    if capped:
        rows = (
            Decision.objects.filter(customer_id__in=people, offer_id__in=capped)
            .values_list("customer_id", "offer_id")
            .annotate(n=Count("pk"))
            .order_by()
        )
        for customer, offer, n in rows:
            had.setdefault(customer, Counter())[offer] = n
    return had


def _next(
    wishes: list[tuple[Offer, float]], spent: Collection[int], had: Counter[int], verdicts: dict[str, str]
) -> Offer | None:
    """The first wish that is still open; those passed by leave the list with their verdict."""
    while wishes:
        offer, score = wishes[0]
        if score <= 0:
            verdicts[offer.slug] = "nothing_fits"
        elif offer.pk in spent:
            verdicts[offer.slug] = "capped_total"
        elif offer.max_per_customer is not None and had[offer.pk] >= offer.max_per_customer:
            verdicts[offer.slug] = "capped_customer"
        else:
            return offer
        wishes.pop(0)
    return None


def _grant(offer_id: int, wanted: int) -> int:
    """How many of the wanted the total cap allows; counted at once by a conditional update."""
    while wanted > 0:
        rows = Offer.objects.filter(pk=offer_id).filter(
            Q(max_total__isnull=True) | Q(max_total__gte=F("given") + wanted)
        )
        if rows.update(given=F("given") + wanted):
            return wanted
        # Not all fit: try as many as are left, which another may take meanwhile.
        left = Offer.objects.filter(pk=offer_id).values_list("max_total", "given").get()
        wanted = min(wanted - 1, max((left[0] or 0) - left[1], 0))
    return 0


def _told(
    ranked: Sequence[tuple[Offer, float]], chosen: Offer, verdicts: Mapping[str, str]
) -> list[dict[str, Any]]:
    told = []
    for offer, score in ranked:
        if offer.pk == chosen.pk:
            verdict = "chosen"
        else:
            verdict = verdicts.get(offer.slug, "eligible" if score > 0 else "nothing_fits")
        told.append({"offer": offer.slug, "score": score, "verdict": verdict})
    return told
