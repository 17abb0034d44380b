"""What the campaigns of thirty days caused: each by its own control group, all added up, and against a global holdout.

Estimand of one campaign: everyone it chose in these thirty days, from then until their window ends or now; profit is
the effect in money times the margin, less discounts and sending. Campaigns draw their control groups independently,
so the sum's interval is made of theirs by adding squares; whoever stands in several of them counts in each, and how
many do is told beside. Past behaviour narrows the interval (CUPED) only where the campaign is younger than the thirty
days: what an older one did before is its own doing already.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast

from campaigns import experiments, holdouts
from campaigns.figures.rows import PERIOD, Key, Told
from campaigns.models import Campaign, Code, DailyFigure, Decision, Delivery, JourneyEntry, Redemption
from campaigns.reports import FEWEST_PEOPLE
from campaigns.reports import effect as effects
from campaigns.reports import people as planned
from campaigns.reports.effect import OPEN_ENDED, Reading
from campaigns.reports.people import MS_A_DAY, Ids, People, Period, Start
from customers import few, histories
from customers.columns import columns
from customers.models import Customer

Name = DailyFigure.Name
# Why nothing can be said of a campaign.
EARLY, RATIO, NO_CONTROL = "early", "ratio", "no_control"


@dataclass(frozen=True)
class Part:
    """One campaign's share of the sum; `why` where there is none."""

    campaign: Campaign
    treated: Ids
    why: str = ""
    per_person: tuple[float, float, float] = (0.0, 0.0, 0.0)
    profit: tuple[float, float, float] = (0.0, 0.0, 0.0)
    revenue: float = 0.0
    """Of all its treated."""


def earned(*, at: datetime) -> dict[Key, Told]:
    """Profit of all, effect of each, and the treated beside what they would have brought. Some queries a campaign."""
    parts = [_part(campaign, at=at) for campaign in _chosen(at)]
    found: dict[Key, Told] = {(Name.EFFECT, part.campaign.slug): _effect(part) for part in parts}
    read = [part for part in parts if not part.why]
    found |= _together(read) if read else {(Name.PROFIT, ""): Told(None, why=EARLY if parts else "")}
    return found | _against_holdout(at)


def _chosen(at: datetime) -> QuerySet[Campaign]:
    """Campaigns that chose somebody in the thirty days before."""
    since = at - PERIOD
    decisions = Decision.objects.filter(campaign=OuterRef("pk"), decided_at__gt=since, decided_at__lte=at)
    entries = JourneyEntry.objects.filter(campaign=OuterRef("pk"), entered_at__gt=since, entered_at__lte=at)
    return Campaign.objects.filter(Exists(decisions) | Exists(entries)).order_by("pk")


def _rows(campaign: Campaign, at: datetime) -> tuple[QuerySet[Decision | JourneyEntry], str]:
    name = "entered_at" if campaign.kind == Campaign.Kind.JOURNEY else "decided_at"
    rows = planned.rows_of(campaign).filter(**{f"{name}__gt": at - PERIOD, f"{name}__lte": at})
    return rows.order_by(), name


def _part(campaign: Campaign, *, at: datetime) -> Part:
    rows, name = _rows(campaign, at)
    is_treated = Cast(
        Case(When(arm=Decision.Arm.TREATED, then=Value(1)), default=Value(0)), BigIntegerField()
    )
    first = rows.values("customer_id").annotate(arm_of=Min(is_treated), first=histories.as_day(Min(name)))
    ids, arms, when = columns(
        first.order_by("customer_id").values_list("customer_id", "arm_of", "first"),
        np.int64,
        np.int64,
        np.float64,
    )
    people = _people(rows, ids, arms, planned.as_milliseconds(when), campaign, at=at)
    counts = int(arms.sum()), len(arms) - int(arms.sum())
    treated = people.ids[people.treated]
    if not counts[1]:
        return Part(campaign, treated, NO_CONTROL)
    if experiments.sample_ratio(*counts, campaign.control_percent) < experiments.SAMPLE_RATIO_ALARM:
        return Part(campaign, treated, RATIO)
    window = campaign.window_days * MS_A_DAY
    is_over = bool(len(people)) and int(people.starts.max()) + window <= planned.milliseconds(at)
    reading = Reading(is_over, None if planned.plans_once(campaign) else OPEN_ENDED)
    if reading.is_thin(people, people.treated, ~people.treated):
        return Part(campaign, treated, EARLY)
    return _measured(campaign, people, reading, rows, at=at)


def _people(
    rows: QuerySet[Decision | JourneyEntry],
    ids: Ids,
    arms: Ids,
    starts: Ids,
    campaign: Campaign,
    *,
    at: datetime,
) -> People:
    customers = rows.values("customer_id")
    may = histories.measurable(Customer.objects.filter(pk__in=customers)).order_by()
    (allowed,) = columns(may.values_list("pk"), np.int64)
    none = np.zeros(len(ids), np.int64)
    began = Start(ids, arms > 0, starts, none, none, none, none, measured=np.isin(ids, allowed))
    lengths = np.full(len(ids), campaign.window_days * MS_A_DAY, np.int64)
    return planned.measure(began, customers, lengths=lengths, last=planned.milliseconds(at))


def _measured(
    campaign: Campaign,
    people: People,
    reading: Reading,
    rows: QuerySet[Decision | JourneyEntry],
    *,
    at: datetime,
) -> Part:
    adjusted, plain = effects.estimate(people, np.ones(len(people), dtype=np.bool_), reading)
    began = Period.of(campaign, at=at).began
    found = adjusted if began is not None and began > at - PERIOD else plain
    n, margin, spent = (
        int(people.treated.sum()),
        float(campaign.margin_percent) / 100,
        _spent(campaign, rows, at),
    )
    each = (found.effect, found.low, found.high)
    profit = [value * n * margin - spent for value in each]
    return Part(
        campaign,
        people.ids[people.treated],
        per_person=each,
        profit=(profit[0], profit[1], profit[2]),
        revenue=float(people.revenue[people.treated].sum()),
    )


def _spent(campaign: Campaign, rows: QuerySet[Decision | JourneyEntry], at: datetime) -> float:
    """Discounts to the treated less those the control used anyway, and sending, of what was decided in these days."""
    decided = Decision.objects.filter(campaign=campaign, decided_at__gt=at - PERIOD, decided_at__lte=at)
    codes = Code.objects.filter(pk__in=decided.filter(code__isnull=False).values("code_id"))
    by_control = Q(customer_id__in=rows.filter(arm=Decision.Arm.CONTROL).values("customer_id"))
    used = Redemption.objects.filter(code__in=codes, reversed_at__isnull=True, at__lte=at).aggregate(
        treated=Sum("discount", filter=~by_control), control=Sum("discount", filter=by_control)
    )
    spent = float(used["treated"] or 0) - float(used["control"] or 0)
    if not campaign.sending_cost:
        return spent
    sent = Delivery.objects.filter(
        run__campaign=campaign, status__in=("sent", "unknown"), decision__decided_at__gt=at - PERIOD,
        decision__decided_at__lte=at,
    ).aggregate(n=Count("pk"))  # fmt: skip
    return spent + float(campaign.sending_cost) * int(sent["n"])


def _effect(part: Part) -> Told:
    n = len(part.treated)
    people = few.in_tens(n) if n >= FEWEST_PEOPLE else None
    if part.why:
        return Told(None, people=people, why=part.why)
    value, low, high = (few.two_digits(each) for each in part.per_person)
    return Told(value, low, high, people)


def added(parts: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """The sum of independent estimates (value, low, high): the arms of its interval are the roots of summed squares."""
    total = sum(value for value, _low, _high in parts)
    below = math.sqrt(sum((value - low) ** 2 for value, low, _high in parts))
    above = math.sqrt(sum((high - value) ** 2 for value, _low, high in parts))
    return total, total - below, total + above


def _together(parts: Sequence[Part]) -> dict[Key, Told]:
    everyone = np.concatenate([part.treated for part in parts])
    places, people = len(everyone), few.in_tens(len(np.unique(everyone)))
    profit = [few.two_digits(each) for each in added([part.profit for part in parts])]
    caused = added(
        [
            (value * len(part.treated), low * len(part.treated), high * len(part.treated))
            for part in parts
            for value, low, high in (part.per_person,)
        ]
    )
    effect, low, high = (few.two_digits(each / places) for each in caused)
    treated = few.sum_in_tens(sum(part.revenue for part in parts), places) / places
    return {
        (Name.PROFIT, ""): Told(profit[0], profit[1], profit[2], people),
        (Name.OVERLAP, ""): Told(round(1 - len(np.unique(everyone)) / places, 2), people=people),
        (Name.TREATED, ""): Told(treated, people=people),
        (Name.HELD_OUT, ""): Told(
            treated - effect, treated - max(low, high), treated - min(low, high), people
        ),
    }


def _against_holdout(at: datetime) -> dict[Key, Told]:
    """All campaigns together against whom none of them writes to: since it began, in revenue."""
    holdout = experiments.holdouts(at=at).first()
    if holdout is None:
        return {}
    report = holdouts.report(holdout, at=at)
    key = (str(Name.HOLDOUT), holdout.slug)
    others = report.others.people
    people = None if others is None else few.in_tens(others)
    p = report.sample_ratio_p
    if (effect := report.effect) is None:
        is_alarm = p is not None and p < experiments.SAMPLE_RATIO_ALARM
        return {key: Told(None, people=people, why=RATIO if is_alarm else EARLY)}
    value, low, high = (few.two_digits(each) for each in (effect.total, effect.total_low, effect.total_high))
    return {key: Told(value, low, high, people)}
