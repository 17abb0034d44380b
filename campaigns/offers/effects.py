"""What each offer changes, in money a person, beside the control groups of the campaigns that gave it.

Written down in docs/algorithms/offers.md.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Case, F, FloatField, Q, QuerySet, Value, When, Window
from django.db.models.functions import Cast, RowNumber
from scipy import special

from campaigns.models import Decision, Offer, Placement
from campaigns.offers.traits import FEATURES, HISTORY_DAYS, features
from catalog.together import Rows
from customers import consent, histories
from customers.columns import columns
from recommender.algorithms.interactions import FloatArray, IntArray

# Money counts when it comes within a week of the decision; older decisions than these teach nothing any more.
WINDOW_DAYS = 7.0
LEARNT_FROM = timedelta(days=90)
# An offer is known from so many people on, counted as those who would tell as much if all had the same chance.
FEWEST = 100
REG = 1.0
SURE = 0.05


def learnt(placement: Placement, *, at: datetime) -> dict[str, dict[str, Any]]:
    """{offer slug: {"people", "effect", "level", "weights"}}: a person's effect is level + weights · features.

    Everyone counts once, with their first decision there in 90 days whose week is over, over the chance of what they
    got: arm times draw. Empty while under two offers are known, or no control group is, and unless the offers surely
    differ (Cochran's Q), since an order by noise is worse than the one that somebody thought about.
    Memory grows with people and their orders.
    """
    ids, offers, starts, chances = _first(placement, at=at)
    control, weights = offers == 0, 1 / chances
    known = [offer for offer in np.unique(offers[~control]).tolist() if _tells(weights[offers == offer])]
    if len(known) < 2 or not _tells(weights[control]):
        return {}
    x, money = _before_and_after(placement, ids, starts, at=at)
    if not _differ([(money[offers == offer], weights[offers == offer]) for offer in known]):
        return {}
    middle, scale = np.average(x, axis=0, weights=weights), x.std(axis=0)
    scale[scale == 0] = 1.0
    z = (x - middle) / scale
    without = _fitted(z[control], money[control], weights[control])
    slugs = dict(Offer.objects.filter(pk__in=known).values_list("pk", "slug"))
    arms: dict[str, dict[str, Any]] = {}
    for offer in known:
        given = offers == offer
        gained = _fitted(z[given], money[given], weights[given]) - without
        slopes = gained[1:] / scale
        arms[slugs[offer]] = {
            "people": int(given.sum()),
            "effect": round(float(gained[0]), 6),
            "level": float(gained[0] - slopes @ middle),
            "weights": dict(zip(FEATURES, slopes.tolist(), strict=True)),
        }
    return arms


def scores(arm: Mapping[str, Any], x: FloatArray) -> FloatArray:
    """(n,) what the offer changes for people with these (n, d) features."""
    found: FloatArray = arm["level"] + x @ np.array([arm["weights"][name] for name in FEATURES])
    return found


def now_rows(people: Collection[int], *, at: datetime) -> Rows:
    """What `now` rests on: what these people bought of late, of those who allow it."""
    since = at - timedelta(days=HISTORY_DAYS)
    return histories.purchase_rows("personalization", since=since, until=at, customers=people)


def now(people: Sequence[int], rows: Rows, *, at: datetime) -> FloatArray:
    """(n, d) the features of these people as they are, by `now_rows`; of who does not allow it, those of a stranger."""
    order = np.argsort(people)
    ids = np.asarray(people, np.int64)[order]
    found = np.empty((len(ids), len(FEATURES)))
    found[order] = features(histories.bought(rows), ids, np.full(len(ids), histories.day(at)))
    return found


def _decided(placement: Placement, *, at: datetime) -> QuerySet[Decision]:
    """First slots of campaigns with a control group, of who allows both learning and measuring; journeys draw arms
    where nothing is decided yet and are left out, and so is who was to be treated and got no offer."""
    given = Q(arm=Decision.Arm.TREATED, offer__isnull=False) & ~Q(state=Decision.State.RELEASED)
    rows = Decision.objects.filter(given | Q(arm=Decision.Arm.CONTROL)).filter(
        consent.may("personalization", person="customer_id"),
        consent.may("analytics", person="customer_id"),
        placement=placement.slug,
        slot=0,
        entry__isnull=True,
        campaign__control_percent__gt=0,
        decided_at__gte=at - LEARNT_FROM,
        decided_at__lte=at - timedelta(days=WINDOW_DAYS),
    )
    place = Window(
        RowNumber(), partition_by=F("customer_id"), order_by=[F("decided_at").asc(), F("pk").asc()]
    )
    return rows.annotate(place=place).filter(place=1)


def _first(placement: Placement, *, at: datetime) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Of each person's first decision, by id: who, the offer (0 for a control), the day, and the chance of it."""
    share = Cast("campaign__control_percent", FloatField()) / 100
    chance = Case(
        When(arm=Decision.Arm.CONTROL, then=share),
        default=(1 - share) * F("propensity"),
        output_field=FloatField(),
    )
    offer = Case(
        When(arm=Decision.Arm.CONTROL, then=Value(0)), default=F("offer_id"), output_field=BigIntegerField()
    )
    rows = _decided(placement, at=at).order_by("customer_id")
    told = rows.values_list("customer_id", offer, histories.as_day("decided_at"), chance)
    ids, offers, days, chances = columns(told, np.int64, np.int64, np.float64, np.float64)
    return ids, offers, days, chances


def _before_and_after(
    placement: Placement, ids: IntArray, starts: FloatArray, *, at: datetime
) -> tuple[FloatArray, FloatArray]:
    """(n, d) what was known of each before their decision, (n,) what they paid in the week after it."""
    people = _decided(placement, at=at).order_by().values("customer_id")
    first, last = histories.moment(float(starts.min())), histories.moment(float(starts.max()))
    since = first - timedelta(days=HISTORY_DAYS)
    x = features(
        histories.purchases("personalization", since=since, until=last, customers=people), ids, starts
    )
    paid = histories.payments(people, since=first, until=last + timedelta(days=WINDOW_DAYS))
    place = np.minimum(np.searchsorted(ids, paid.customers), len(ids) - 1)
    after = paid.days - starts[place]
    use = (ids[place] == paid.customers) & (after >= 0) & (after < WINDOW_DAYS)
    return x, np.bincount(place[use], weights=paid.values[use], minlength=len(ids)).astype(np.float64)


def _tells(weights: FloatArray) -> bool:
    """Whether so weighed people tell as much as the fewest would (Kish's effective sample)."""
    return bool(len(weights) and weights.sum() ** 2 / (weights**2).sum() >= FEWEST)


def _differ(groups: Sequence[tuple[FloatArray, FloatArray]]) -> bool:
    """Cochran's Q of the weighed means of (values, weights): whether the groups surely differ."""
    means = np.array([np.average(values, weights=weights) for values, weights in groups])
    spread = np.array(
        [
            (weights**2 * (values - mean) ** 2).sum() / weights.sum() ** 2
            for (values, weights), mean in zip(groups, means, strict=True)
        ]
    )
    if not spread.all():  # a group in which nobody differs, such as one that bought nothing
        return False
    precision = 1 / spread
    q = float((precision * (means - np.average(means, weights=precision)) ** 2).sum())
    return bool(special.chdtrc(len(groups) - 1, q) < SURE)


def _fitted(z: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """(1 + d,) level and slopes of a weighed ridge regression; the level is not shrunk."""
    x = np.column_stack([np.ones(len(z)), z])
    w = weights / weights.mean()
    penalty = np.diag([0.0, *np.full(z.shape[1], REG)])
    found: FloatArray = np.linalg.solve((x * w[:, None]).T @ x + penalty, x.T @ (w * y))
    return found
