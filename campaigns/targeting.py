"""Whom a campaign changes: learnt on its own arms, checked on people the model never saw, and used only where it pays.

A study says to write to those whom the campaign changes, to all or to none; only in the first case everyone who
allows personalization gets a predicted effect, which segments can ask for. Who does not allow it teaches nothing.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import F, FloatField, Sum
from django.db.models.functions import Cast

from campaigns.models import Campaign, Redemption, UpliftScore, UpliftStudy
from campaigns.offers.traits import HISTORY_DAYS, features
from campaigns.reports import people as reports_people
from customers import consent, histories
from customers.columns import columns
from recommender.algorithms import uplift
from recommender.algorithms.interactions import FloatArray, IntArray
from recommender.algorithms.uplift import NotEnoughPeople, Trial

CURVE_POINTS = 20
Why = UpliftStudy.WhyNot


class CannotBeTold(Exception):
    """The campaign's own people say nothing about whom it changes: `why` is one of Why."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.label)
        self.why = why


def ask(campaign: Campaign, *, by: str, at: datetime) -> UpliftStudy:
    """Ask for a study; one that waits already is the answer."""
    waiting = UpliftStudy.objects.filter(campaign=campaign, state=UpliftStudy.State.ASKED).first()
    return waiting or UpliftStudy.objects.create(campaign=campaign, asked_by=by, asked_at=at)


def study_due(*, at: datetime, seed: int = 0) -> int:
    """Do every study that was asked for; answers how many."""
    waiting = UpliftStudy.objects.filter(state=UpliftStudy.State.ASKED).select_related("campaign")
    return sum(study(row, at=at, rng=np.random.default_rng(seed)) for row in waiting.order_by("asked_at"))


def study(row: UpliftStudy, *, at: datetime, rng: np.random.Generator) -> bool:
    """Learn, judge and keep; answers whether this call was the one that did. Memory grows with people and orders."""
    campaign = row.campaign
    try:
        trial = trial_of(campaign, at=at)
    except CannotBeTold as reason:
        return _keep(row, at=at, state=UpliftStudy.State.REFUSED, why=reason.why)
    effects = uplift.predicted(trial, rng=rng)
    found = uplift.recommend(trial, effects, cost=float(campaign.sending_cost))
    order = uplift.qini(trial, effects, rng=rng)
    points = np.linspace(0, len(trial), CURVE_POINTS + 1).round().astype(int)
    figures = {
        "recommendation": asdict(found),
        "qini": order.coefficient,
        "qini_low": order.low,
        "qini_high": order.high,
        "curve": [[float(order.reached[i]), float(order.gained[i])] for i in points],
        "leave_in_peace": int(uplift.leave_in_peace(trial, rng=rng).sum()),
    }
    scores = _scores(campaign, trial, at=at) if found.what == UpliftStudy.Advice.TARGET else []
    with transaction.atomic():
        UpliftScore.objects.filter(campaign=campaign).delete()
        UpliftScore.objects.bulk_create(scores, batch_size=1000)
        return _keep(
            row,
            at=at,
            state=UpliftStudy.State.DONE,
            people=len(trial),
            advice=found.what,
            is_sure=found.is_sure,
            figures=figures,
        )


def _keep(row: UpliftStudy, *, at: datetime, **changes: object) -> bool:
    waiting = UpliftStudy.objects.filter(pk=row.pk, state=UpliftStudy.State.ASKED)
    return bool(waiting.update(done_at=at, **changes))


def trial_of(campaign: Campaign, *, at: datetime) -> Trial:
    """The campaign's people who may be measured and allow personalization. Raises CannotBeTold.

    values : profit in each person's own window, which is margin less the discounts they took.
    """
    share = 1 - float(campaign.control_percent) / 100
    if not share < 1:
        raise CannotBeTold(Why.NO_CONTROL)
    people = reports_people.read(campaign, at=at)
    planned = reports_people.rows_of(campaign).values("customer_id")
    allow = consent.permitted("personalization").filter(pk__in=planned).order_by("pk")
    (allowed,) = columns(allow.values_list("pk"), np.int64)
    keep = np.isin(people.ids, allowed)
    ids, starts = people.ids[keep], people.starts[keep] / reports_people.MS_A_DAY
    if not len(ids):
        raise CannotBeTold(Why.NOBODY)
    bought = histories.purchases(
        "personalization",
        since=histories.moment(float(starts.min()) - HISTORY_DAYS),
        until=histories.moment(float(starts.max())),
        customers=planned,
    )
    profit = people.revenue[keep] * float(campaign.margin_percent) / 100 - _discounts(campaign, ids)
    try:
        return Trial(features(bought, ids, starts), people.treated[keep], profit, share)
    except NotEnoughPeople as error:
        raise CannotBeTold(Why.FEW_AN_ARM) from error


def _discounts(campaign: Campaign, ids: IntArray) -> FloatArray:
    """(n,) what each person took off with the campaign's codes."""
    codes = campaign.decisions.filter(code__isnull=False).values("code_id")
    rows = (
        Redemption.objects.filter(code_id__in=codes, reversed_at__isnull=True, customer__isnull=False)
        .values("customer_id")
        .annotate(taken=Cast(Sum("discount"), FloatField()))
        .order_by("customer_id")
        .values_list("customer_id", F("taken"))
    )
    who, taken = columns(rows, np.int64, np.float64)
    place = np.minimum(np.searchsorted(ids, who), len(ids) - 1)
    known = ids[place] == who
    return np.bincount(place[known], weights=taken[known], minlength=len(ids)).astype(np.float64)


def _scores(campaign: Campaign, trial: Trial, *, at: datetime) -> list[UpliftScore]:
    """Everyone who allows it, as they are now."""
    (ids,) = columns(consent.permitted("personalization").order_by("pk").values_list("pk"), np.int64)
    now = histories.day(at)
    bought = histories.purchases("personalization", since=at - timedelta(days=HISTORY_DAYS), until=at)
    effects = uplift.predicted_for(trial, features(bought, ids, np.full(len(ids), now)))
    return [
        UpliftScore(campaign=campaign, customer_id=int(pk), effect=float(effect))
        for pk, effect in zip(ids, effects, strict=True)
    ]
