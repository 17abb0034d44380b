"""What all campaigns together do: everyone else against the people of a global holdout."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Min, QuerySet

from campaigns import experiments, statistics
from campaigns.models import Campaign, Decision, Holdout, JourneyEntry
from campaigns.reports import Arm, Day, small, thin
from campaigns.reports import days as over_time
from campaigns.reports import effect as effects
from campaigns.reports import people as planned
from campaigns.reports.effect import OPEN_ENDED, Reading
from campaigns.reports.people import Ids, People, Start
from campaigns.reports.whole import plain
from customers import histories
from customers.columns import columns
from customers.models import Customer


@dataclass(frozen=True)
class Together:
    """What the campaigns brought per person and in total, with the interval it may be read by."""

    per_person: float
    low: float
    high: float
    total: float
    total_low: float
    total_high: float
    verdict: str
    people_needed: int | None
    interval: str
    narrowed_by: float


@dataclass(frozen=True)
class HoldoutReport:
    """others : everyone a campaign would have written to since it began, and who is not held out · held : who is."""

    holdout: str
    name: str
    currency: str
    at: datetime
    read_from: datetime
    read_until: datetime
    is_over: bool
    campaigns: int
    others: Arm
    held: Arm
    not_measured: int | None
    sample_ratio_p: float | None
    effect: Together | None
    why_no_effect: str
    days: list[Day]

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(asdict(self))
        return found


def report(holdout: Holdout, *, at: datetime) -> HoldoutReport:
    """All campaigns together, by intention to treat among whoever one of them chose since the holdout began.

    Each person counts from the first time a campaign would have written to them, which comes to both groups alike. A
    campaign that writes to the holdout too chooses nobody here. Six queries, whatever the size.
    """
    until = min(holdout.ends_at or at, at)
    chosen = _chosen(holdout, until=until)
    people, p = _people(holdout, chosen, until=until)
    reading = Reading(holdout.ends_at is not None and at >= holdout.ends_at, OPEN_ENDED)
    arms = (int(people.treated.sum()), int((~people.treated).sum()))
    why = effects.why_not(arms, people, p, reading)
    if not sum(arms):
        why = "No campaign has chosen anybody since it began."
    others, held = small.arms_of(
        effects.arm(people, people.treated), effects.arm(people, ~people.treated), people
    )
    if not why and None in (others.ordered, held.ordered):
        why = small.TOO_FEW
    return HoldoutReport(
        holdout=holdout.slug,
        name=holdout.name,
        currency=settings.DEFAULT_CURRENCY,
        at=at,
        read_from=holdout.starts_at,
        read_until=max(until, holdout.starts_at),
        is_over=reading.is_over,
        campaigns=Campaign.objects.filter(pk__in=_campaigns(holdout, until=until)).count(),
        others=others,
        held=held,
        not_measured=None if thin.is_small(people.not_measured) else people.not_measured,
        sample_ratio_p=None if others.people is None else p,
        effect=None if why else _together(people, reading),
        why_no_effect=why,
        days=over_time.days(people, reading, until=until, is_readable=not why),
    )


def _together(people: People, reading: Reading) -> Together:
    adjusted, plain = effects.estimate(people, np.ones(len(people), dtype=np.bool_), reading)
    n_t, n_c = int(people.treated.sum()), int((~people.treated).sum())
    width = plain.high - plain.low
    return Together(
        per_person=adjusted.effect,
        low=adjusted.low,
        high=adjusted.high,
        total=adjusted.effect * n_t,
        total_low=adjusted.low * n_t,
        total_high=adjusted.high * n_t,
        verdict=adjusted.verdict,
        people_needed=statistics.people_needed(adjusted.effect, adjusted.sd, n_t, n_c),
        interval="fixed" if reading.is_over else "sequence",
        narrowed_by=1 - (adjusted.high - adjusted.low) / width if width > 0 else 0.0,
    )


def _decisions(holdout: Holdout, *, until: datetime) -> QuerySet[Decision]:
    return Decision.objects.filter(
        campaign__ignores_holdout=False,
        slot=0,
        entry__isnull=True,
        decided_at__gte=holdout.starts_at,
        decided_at__lt=until,
    ).order_by()


def _entries(holdout: Holdout, *, until: datetime) -> QuerySet[JourneyEntry]:
    return JourneyEntry.objects.filter(
        campaign__ignores_holdout=False, entered_at__gte=holdout.starts_at, entered_at__lt=until
    ).order_by()


def _campaigns(holdout: Holdout, *, until: datetime) -> QuerySet[Any]:
    journeys = _entries(holdout, until=until).values("campaign_id")
    return _decisions(holdout, until=until).values("campaign_id").union(journeys)


def _chosen(holdout: Holdout, *, until: datetime) -> tuple[Ids, Ids]:
    """Everyone a campaign chose, in the order of their ids, and when for the first time, in ms."""
    found = []
    for rows, name in (
        (_decisions(holdout, until=until), "decided_at"),
        (_entries(holdout, until=until), "entered_at"),
    ):
        first = rows.values("customer_id").annotate(first=histories.as_day(Min(name)))
        found.append(columns(first.values_list("customer_id", "first"), np.int64, np.float64))
    ids = np.concatenate([who for who, _when in found])
    days = np.concatenate([when for _who, when in found])
    order = np.lexsort((days, ids))
    people, places = np.unique(ids[order], return_index=True)
    return people, planned.as_milliseconds(days[order][places])


def _people(holdout: Holdout, chosen: tuple[Ids, Ids], *, until: datetime) -> tuple[People, float]:
    """Whoever may be measured, from their start until now; and the p-value of the groups' sizes before that."""
    ids, starts = chosen
    arms = experiments.arms(holdout.salt, holdout.percent, ids.tolist())
    treated = np.fromiter((arm == Decision.Arm.TREATED for arm in arms.values()), np.bool_, len(ids))
    n = int(treated.sum())
    p = experiments.sample_ratio(n, len(ids) - n, holdout.percent)
    decided = _decisions(holdout, until=until).values("customer_id")
    entered = _entries(holdout, until=until).values("customer_id")
    customers = Customer.objects.filter(pk__in=decided.union(entered))
    (allowed,) = columns(histories.measurable(customers).order_by().values_list("pk"), np.int64)
    nobody = np.zeros(len(ids), np.int64)
    last = planned.milliseconds(until)
    began = Start(ids, treated, starts, nobody, nobody, nobody, nobody, measured=np.isin(ids, allowed))
    return planned.measure(began, customers, lengths=np.maximum(last - starts, 0), last=last), p
