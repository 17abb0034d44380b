"""What a placement's decisions have taught: how often each offer worked, and for whom.

Written down in docs/algorithms/offers.md.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet

from campaigns.models import Campaign, Decision, Offer, Outcome, Placement, RankingState
from campaigns.offers import effects, ranking
from campaigns.offers.candidates import Floats, generosity, is_in_force
from recommender.algorithms import bandit

By = Placement.Ranking
# A success counts when it comes within a week of the decision; older decisions than these teach nothing any more.
WINDOW = timedelta(days=7)
LEARNT_FROM = timedelta(days=90)
EVERY = {By.BANDIT: timedelta(hours=1), By.PERSONAL: timedelta(days=1), By.UPLIFT: timedelta(days=1)}
# An offer is known to the personal ranking from so many decisions and successes on.
KNOWN_PEOPLE, KNOWN_SUCCESSES = 100, 5
MOST_DECISIONS = 50_000
RIDGE = 0.1


def renew_all(*, at: datetime, rng: np.random.Generator) -> int:
    """Renew every placement that learns and whose time has come; how many were."""
    learners = Placement.objects.filter(ranking__in=list(EVERY)).order_by("pk")
    return sum(renew(placement, at=at, rng=rng) is not None for placement in learners)


def renew(placement: Placement, *, at: datetime, rng: np.random.Generator) -> RankingState | None:
    """The placement's next state, at most hourly (a model: daily); None where it is too early or nothing is known."""
    method = By(placement.ranking)
    last = ranking.state(placement, method, at=at)
    if method not in EVERY or (last is not None and at - last.at < EVERY[method]):
        return None
    if method == By.BANDIT:
        arms = shares(placement, last.arms if last is not None else {}, at=at, rng=rng)
    elif method == By.PERSONAL:
        arms = models(placement, at=at)
    else:
        arms = effects.learnt(placement, at=at)
    return RankingState.objects.create(placement=placement, at=at, arms=arms, method=method) if arms else None


def given(placement: Placement, *, since: datetime, at: datetime) -> QuerySet[Decision]:
    """The decisions for people that were kept to, each with `worked`: whether its success came within a week."""
    success = Outcome.objects.filter(
        decision=OuterRef("pk"),
        kind=placement.success,
        is_machine=False,
        at__lt=OuterRef("decided_at") + WINDOW,
    )
    rows = Decision.objects.filter(
        placement=placement.slug, arm=Decision.Arm.TREATED, offer__isnull=False, decided_at__gte=since,
        decided_at__lte=at,
    )  # fmt: skip
    return rows.exclude(state=Decision.State.RELEASED).annotate(worked=Exists(success))


def counts(placement: Placement, *, at: datetime) -> dict[str, tuple[int, int]]:
    """People and, of these, successes of each offer in the last 90 days. One query."""
    rows = given(placement, since=at - LEARNT_FROM, at=at).values("offer__slug").order_by()
    told = rows.annotate(
        people=Count("customer", distinct=True),
        successes=Count("customer", distinct=True, filter=Q(worked=True)),
    )
    return {row["offer__slug"]: (row["people"], row["successes"]) for row in told}


def in_play(placement: Placement, known: Collection[str], *, at: datetime) -> list[Offer]:
    """The offers in force that running campaigns may show there, or that were shown there before."""
    running = Q(audiences__campaign__status=Campaign.Status.RUNNING) & (
        Q(audiences__campaign__placement=placement.slug)
        | Q(audiences__campaign__placement="", audiences__campaign__channel=placement.slug)
    )
    rows = Offer.objects.in_force(at).filter(running | Q(slug__in=list(known))).order_by("slug").distinct()
    return list(rows)


def shares(
    placement: Placement, before: Mapping[str, Any], *, at: datetime, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """{offer slug: {"people", "successes", "share"}} from now on, by Thompson sampling; empty without an offer."""
    found = counts(placement, at=at)
    arms = [offer.slug for offer in in_play(placement, found, at=at)]
    if not arms:
        return {}
    people, successes = (np.array([found.get(slug, (0, 0))[i] for slug in arms]) for i in (0, 1))
    # A new offer comes in with the mean of the others.
    known = [before[slug]["share"] for slug in arms if slug in before]
    mean = float(np.mean(known)) if known else 1.0
    in_force = np.array([float(before.get(slug, {}).get("share", mean)) for slug in arms])
    began = given(placement, since=at - LEARNT_FROM, at=at).aggregate(began=Min("decided_at"))["began"]
    new = bandit.shares(
        bandit.Conversions(people, successes),
        in_force=in_force / in_force.sum(),
        days=(at - began) / timedelta(days=1) if began is not None else 0.0,
        rng=rng,
        floor=min(bandit.FLOOR, 0.5 / len(arms)),
    )
    return {
        slug: {"people": int(n), "successes": int(s), "share": round(float(share), 6)}
        for slug, n, s, share in zip(arms, people, successes, new, strict=True)
    }


def models(placement: Placement, *, at: datetime) -> dict[str, dict[str, Any]]:
    """{offer slug: {"people", "successes", "intercept", "slope"}}: the logit of success is intercept + slope × fit.

    One logistic regression over all: each offer's own level, and what fit and fit × generosity add, the same for all.
    Empty before two offers are known.
    """
    rows = given(placement, since=at - LEARNT_FROM, at=at - WINDOW).order_by("-decided_at")
    named = rows.annotate(slug=F("offer__slug")).values_list("slug", "candidates", "worked")[:MOST_DECISIONS]
    learnt: dict[str, list[tuple[float, float]]] = {}
    for slug, candidates, worked in named.iterator():
        learnt.setdefault(slug, []).append((_fit_of(slug, candidates), float(worked)))
    known = [
        offer
        for offer in Offer.objects.filter(slug__in=learnt).order_by("slug")
        if len(learnt[offer.slug]) >= KNOWN_PEOPLE
        and sum(worked for _fit, worked in learnt[offer.slug]) >= KNOWN_SUCCESSES
        and is_in_force(offer, at=at)
    ]
    if len(known) < 2:
        return {}
    fit = np.concatenate([[pair[0] for pair in learnt[offer.slug]] for offer in known])
    worked = np.concatenate([[pair[1] for pair in learnt[offer.slug]] for offer in known])
    which = np.repeat(np.arange(len(known)), [len(learnt[offer.slug]) for offer in known])
    generous = np.array([generosity(offer) for offer in known])
    x = np.column_stack([np.eye(len(known))[which], fit, fit * generous[which]])
    weights = logistic(x, worked)
    return {
        offer.slug: {
            "people": len(learnt[offer.slug]),
            "successes": int(sum(pair[1] for pair in learnt[offer.slug])),
            "intercept": round(float(weights[i]), 6),
            "slope": round(float(weights[-2] + weights[-1] * generous[i]), 6),
        }
        for i, offer in enumerate(known)
    }


def _fit_of(slug: str, candidates: Sequence[Mapping[str, Any]]) -> float:
    return float(next((entry.get("fit", 1.0) for entry in candidates if entry["offer"] == slug), 1.0))


def logistic(x: Floats, y: Floats, *, ridge: float = RIDGE, steps: int = 25) -> Floats:
    """(d,) the weights of a logistic regression with a ridge, by Newton's method; x (n, d), y (n,) 0 or 1."""
    weights = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, x.T @ (y - p) - ridge * weights)
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return weights
