"""The bandit of a campaign's variants: more and more people get what brings orders, and every share is kept.

Only orders teach it, never opens or clicks, and only those of people who allow measuring. A variant is judged by
people whose days to order are over, so a variant that is new does not look worse than it is.
"""

from datetime import datetime, timedelta

import numpy as np
from django.db.models import Count, Exists, F, Min, OuterRef, Q

from campaigns import experiments
from campaigns.models import Campaign, Decision, ShareChange, Variant
from customers import consent, histories
from recommender.algorithms import bandit

# How long after a decision an order counts for it, and how far back decisions teach.
DAYS_TO_ORDER, MEMORY = timedelta(days=3), timedelta(days=90)
AT_MOST_EVERY = timedelta(hours=1)


def renew_all(*, at: datetime, rng: np.random.Generator) -> int:
    """Renew the shares of every running campaign with a bandit; answers how many changed."""
    running = Campaign.objects.filter(
        status=Campaign.Status.RUNNING, allocation=Campaign.Allocation.BANDIT
    ).exclude(share_changes__at__gt=at - AT_MOST_EVERY)
    return sum(renew(campaign, at=at, rng=rng) is not None for campaign in running)


def renew(campaign: Campaign, *, at: datetime, rng: np.random.Generator) -> ShareChange | None:
    """The shares from now on, kept with what they rest on; None where too little is known to change them.

    Three queries, the longest over the campaign's decisions of the last 90 days.
    """
    variants = list(campaign.variants.order_by("key"))
    if len(variants) < 2:
        return None
    people, successes, began = _counts(campaign, variants, at=at)
    in_force = experiments.shares(campaign, variants, at=at)
    before = np.array([in_force[variant.key] for variant in variants])
    days = (at - began) / timedelta(days=1) if began is not None else 0.0
    arms = bandit.Conversions(np.array(people), np.array(successes))
    after = bandit.shares(arms, in_force=before, days=days, rng=rng)
    if np.array_equal(before, after):
        return None
    return ShareChange.objects.create(
        campaign=campaign,
        at=at,
        shares={variant.key: float(share) for variant, share in zip(variants, after, strict=True)},
        rests_on={
            variant.key: {"people": n, "successes": k}
            for variant, n, k in zip(variants, people, successes, strict=True)
        },
    )


def _counts(
    campaign: Campaign, variants: list[Variant], *, at: datetime
) -> tuple[list[int], list[int], datetime | None]:
    """Per variant, people whose days to order are over and how many of them ordered; and when the first was decided."""
    orders = histories.behaviour("analytics", types=("ordered",)).filter(
        customer=OuterRef("customer"),
        occurred_at__gte=OuterRef("decided_at"),
        occurred_at__lt=OuterRef("decided_at") + DAYS_TO_ORDER,
    )
    rows = (
        Decision.objects.filter(
            consent.may("analytics", person="customer_id"),
            campaign=campaign,
            slot=0,
            arm=Decision.Arm.TREATED,
            decided_at__gt=at - MEMORY,
            decided_at__lte=at - DAYS_TO_ORDER,
            variant__in=variants,
        )
        .annotate(ordered=Exists(orders))
        .values("variant")
        .annotate(
            n=Count("customer", distinct=True),
            k=Count("customer", distinct=True, filter=Q(ordered=True)),
            began=Min(F("decided_at")),
        )
    )
    found = {row["variant"]: row for row in rows}
    nothing = {"n": 0, "k": 0}
    counted = [found.get(variant.pk, nothing) for variant in variants]
    began = min((row["began"] for row in found.values()), default=None)
    return [row["n"] for row in counted], [row["k"] for row in counted], began
