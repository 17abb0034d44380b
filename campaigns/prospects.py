"""Before a launch: what a campaign will cost, and what campaigns before it did, as far as anything is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from campaigns.models import Campaign, Offer, Redemption, SavedReport
from customers.few import FEWEST_ORDERS, FEWEST_PEOPLE

MOST = 10
"""So many campaigns before are looked at, the newest first."""
Z95 = 1.959964


@dataclass(frozen=True)
class Costs:
    """For `treated` people. `unknown`: offers that too few have used to say what they cost."""

    sending: float
    discount_low: float
    discount_high: float
    unknown: tuple[Offer, ...] = ()
    budget: float | None = None
    """The most that discounts can come to, where each offer has a budget."""


@dataclass(frozen=True)
class Before:
    """The effect per person of campaigns before: their mean, and where the next one falls 95 times of 100."""

    campaigns: int
    mean: float
    low: float
    high: float


def costs(campaign: Campaign, treated: float) -> Costs:
    """What sending to so many people costs, and what they will take off by what was taken off before. Two queries.

    Each person gets one of their offers: the discount lies between all getting the cheapest and all the dearest.
    """
    offers = list(Offer.objects.filter(audiences__campaign=campaign).distinct())
    used = _used(offers)
    each = [_per_person(offer, used.get(offer.pk, 0)) for offer in offers]
    known = [cost for cost in each if cost is not None]
    budgets = [offer.budget - offer.discount_given for offer in offers if offer.budget is not None]
    return Costs(
        sending=float(campaign.sending_cost) * treated,
        discount_low=min(known, default=0.0) * treated,
        discount_high=max(known, default=0.0) * treated,
        unknown=tuple(offer for offer, cost in zip(offers, each, strict=True) if cost is None),
        budget=float(sum(budgets)) if budgets and len(budgets) == len(offers) else None,
    )


def _used(offers: Sequence[Offer]) -> dict[int, int]:
    rows = Redemption.objects.filter(code__offer__in=offers, reversed_at__isnull=True).order_by()
    return dict(rows.values_list("code__offer").annotate(n=Count("pk")))


def _per_person(offer: Offer, used: int) -> float | None:
    """What one who is given it takes off on the average, most of whom never use it; None where too few have."""
    if offer.benefit == Offer.Benefit.FREE_SHIPPING or offer.given < FEWEST_PEOPLE or used < FEWEST_ORDERS:
        return None
    return float(offer.discount_given) / offer.given


def before(campaign: Campaign) -> Before | None:
    """What earlier campaigns of the same channel and kind did, from their reports as they were shown; None without one.

    The mean of a random-effects model (DerSimonian and Laird 1986), and its interval for one more campaign (Higgins,
    Thompson and Spiegelhalter 2009, with z for t); of one campaign alone its own interval. One query.
    """
    alike = Q(campaign__channel=campaign.channel, campaign__kind=campaign.kind)
    rows = SavedReport.objects.filter(alike, cells__report__is_over=True).exclude(campaign=campaign)
    newest: dict[int, tuple[float, float]] = {}
    for pk, cells in rows.order_by("-pk").values_list("campaign_id", "cells")[: 5 * MOST]:
        if pk in newest or len(newest) == MOST:
            continue
        if (told := _told(cells)) is not None:
            newest[pk] = told
    return _pooled(list(newest.values())) if newest else None


def _told(cells: Any) -> tuple[float, float] | None:
    """(effect, its variance) of a report that was shown; None where it said nothing."""
    effect = cells.get("report", {}).get("effect") if isinstance(cells, dict) else None
    if not isinstance(effect, dict):
        return None
    mean, low, high = (effect.get(name) for name in ("per_person", "low", "high"))
    if mean is None or low is None or high is None or high <= low:
        return None
    return float(mean), ((float(high) - float(low)) / (2 * Z95)) ** 2


def _pooled(found: Sequence[tuple[float, float]]) -> Before:
    weights = [1 / variance for _mean, variance in found]
    total = sum(weights)
    fixed = sum(w * mean for w, (mean, _v) in zip(weights, found, strict=True)) / total
    spread = sum(w * (mean - fixed) ** 2 for w, (mean, _v) in zip(weights, found, strict=True))
    scale = total - sum(w * w for w in weights) / total
    between = max(0.0, (spread - (len(found) - 1)) / scale) if scale > 0 else 0.0
    weights = [1 / (variance + between) for _mean, variance in found]
    mean = sum(w * one for w, (one, _v) in zip(weights, found, strict=True)) / sum(weights)
    half = Z95 * math.sqrt(between + 1 / sum(weights))
    return Before(len(found), mean, mean - half, mean + half)
