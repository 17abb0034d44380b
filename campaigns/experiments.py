"""Which arm: the same person always the same, by a hash and never by a list."""

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from django.db.models import Q
from scipy import special

from campaigns.models import Campaign, Decision, Holdout, ShareChange, Variant
from catalog.together import Rows

BUCKETS = 10_000
SAMPLE_RATIO_ALARM = 0.001


def bucket(salt: str, customer_id: int) -> int:
    """0 to 9,999: the first 8 bytes of SHA-256(salt ‖ person), modulo 10,000. Stable for ever."""
    digest = hashlib.sha256(f"{salt}{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def arms(
    salt: str, control_percent: Decimal | float, customer_ids: Collection[int]
) -> dict[int, Decision.Arm]:
    """Each person's arm; the control group is the lowest `control_percent` of the buckets."""
    edge = round(float(control_percent) * BUCKETS / 100)
    return {
        pk: Decision.Arm.CONTROL if bucket(salt, pk) < edge else Decision.Arm.TREATED for pk in customer_ids
    }


def holdouts(*, at: datetime) -> Rows:
    """The global holdouts in force, the first first: to be asked together with other questions."""
    in_force = Holdout.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), starts_at__lte=at)
    return in_force.order_by("starts_at", "pk")


def held_out_of_all(
    customer_ids: Collection[int], *, at: datetime, among: Rows | None = None
) -> dict[int, Holdout]:
    """Who belongs to a global holdout in force; of several the first. One query, none with the `holdouts`."""
    held: dict[int, Holdout] = {}
    for holdout in holdouts(at=at) if among is None else among:
        for pk, arm in arms(holdout.salt, holdout.percent, customer_ids).items():
            if arm == Decision.Arm.CONTROL:
                held.setdefault(pk, holdout)
    return held


def shares(campaign: Campaign, variants: Sequence[Variant], *, at: datetime) -> dict[str, float]:
    """Each variant's share of the treated at this moment: the bandit's last word, or the weights. One query at most."""
    if campaign.allocation == Campaign.Allocation.BANDIT:
        change = ShareChange.objects.filter(campaign=campaign, at__lte=at).order_by("-at").first()
        if change is not None and set(change.shares) == {variant.key for variant in variants}:
            return {variant.key: float(change.shares[variant.key]) for variant in variants}
    total = sum(variant.weight for variant in variants)
    return {variant.key: variant.weight / total for variant in variants}


def drawn(salt: str, parts: Mapping[str, float], customer_id: int) -> str:
    """The name whose part of the line from 0 to 1 holds the person's bucket: the same parts, the same name."""
    edges = list(accumulate(parts.values()))
    place = (bucket(salt, customer_id) + 0.5) / BUCKETS * edges[-1]
    return list(parts)[min(bisect_right(edges, place), len(edges) - 1)]


def variants(campaign: Campaign, customer_ids: Collection[int], *, at: datetime) -> dict[int, Variant]:
    """Each person's variant; empty where the campaign has none. Who had one before keeps it. Three queries at most."""
    found = list(campaign.variants.select_related("message").order_by("key"))
    if not found:
        return {}
    by_key = {variant.key: variant for variant in found}
    parts = shares(campaign, found, at=at)
    salt = f"{campaign.salt}:variants:"
    mine = {pk: by_key[drawn(salt, parts, pk)] for pk in customer_ids}
    if campaign.kind != Campaign.Kind.ONCE:
        by_pk = {variant.pk: variant for variant in found}
        had = Decision.objects.filter(
            campaign=campaign, customer_id__in=customer_ids, variant_id__in=by_pk
        ).order_by("-decided_at")
        mine |= {pk: by_pk[variant] for pk, variant in had.values_list("customer_id", "variant_id")}
    return mine


def sample_ratio(treated: int, control: int, control_percent: Decimal | float) -> float:
    """p-value of χ² that arms of these sizes were drawn at this share; 1.0 where there is nothing to compare.

    Under 0.001 something lost people on the way and no effect may be read from the campaign.
    """
    share, total = float(control_percent) / 100, treated + control
    if not total or not 0 < share < 1:
        return 1.0
    expected = total * share
    # Both cells are off by the same; one degree of freedom.
    squares = (control - expected) ** 2 * (1 / expected + 1 / (total - expected))
    return float(special.chdtrc(1, squares))
