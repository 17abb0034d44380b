"""The headline: what the campaign caused, per person and in total, and when that may be said."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from campaigns import experiments, statistics
from campaigns.models import Campaign
from campaigns.reports import people as planned
from campaigns.reports import thin
from campaigns.reports.people import Flags, People
from campaigns.reports.thin import FEWEST_ORDERS, FEWEST_PEOPLE
from campaigns.statistics import Estimate, Values

# Where people come one after another, the sequence is tightest at this number, fixed before anybody came.
OPEN_ENDED = 10_000


@dataclass(frozen=True)
class Arm:
    """One arm's people, in money per person; None where it would tell of a few."""

    people: int | None
    ordered: int | None
    revenue: Decimal | None
    per_person: float | None


@dataclass(frozen=True)
class Effect:
    """The headline: per person and in total, with the interval it may be read by."""

    per_person: float
    low: float
    high: float
    total: float
    total_low: float
    total_high: float
    profit: float | None
    profit_low: float | None
    profit_high: float | None
    verdict: str
    people_needed: int | None
    interval: str
    """`fixed` at or after the planned end; `sequence` before it, which may be looked at any time."""
    narrowed_by: float
    """How much narrower CUPED made the interval, as a share."""
    unadjusted: tuple[float, float, float]
    detectable: float


@dataclass(frozen=True)
class Reading:
    """By which interval a number may be read now.

    is_over : the planned end has come · planned : people at which the sequence is tightest; None: as many as there are
    """

    is_over: bool
    planned: int | None = None

    @classmethod
    def of(cls, campaign: Campaign, *, is_over: bool) -> "Reading":
        return cls(is_over, None if planned.plans_once(campaign) else OPEN_ENDED)

    @property
    def fewest_orders(self) -> int:
        return FEWEST_ORDERS if self.is_over else statistics.MINIMUM_ORDERS

    def difference(self, treated: Values, control: Values, *, alpha: float = 0.05) -> Estimate:
        if self.is_over:
            return statistics.hall(treated, control, alpha=alpha)
        people = self.planned or len(treated) + len(control)
        return statistics.confidence_sequence(treated, control, planned=people, alpha=alpha)

    def is_thin(self, people: People, *groups: Flags) -> bool:
        """Whether one of the groups has too few people, or too few buyers, for a number of its own."""
        return any(
            group.sum() < FEWEST_PEOPLE or people.ordered[group].sum() < self.fewest_orders
            for group in groups
        )


def arm(people: People, mask: Flags) -> Arm:
    n = int(mask.sum())
    total = float(people.revenue[mask].sum())
    return Arm(n, int(people.ordered[mask].sum()), Decimal(f"{total:.2f}"), total / n if n else 0.0)


def adjusted(people: People) -> Values:
    """Everyone's revenue less what their own past foretells (CUPED), θ over both arms together."""
    treated = people.treated
    y, x = people.revenue, people.before
    values = np.empty(len(y))
    values[treated], values[~treated], _theta = statistics.cuped(
        y[treated], y[~treated], x[treated], x[~treated]
    )
    return values


def why_not(arms: tuple[int, int], people: People, p: float, reading: Reading) -> str:
    """Why no effect may be read, in words; empty when it may."""
    if not sum(arms):
        return "Nobody has been planned yet."
    if not arms[1]:
        return "There is no control group, so nothing can be said about what the campaign caused."
    if p < experiments.SAMPLE_RATIO_ALARM:
        return (
            f"The arms have sizes that chance does not make (p = {p:.2g}): someone was lost on the way to one of them. "
            "Look for people planned by hand, merged or erased since."
        )
    if min(arms) < FEWEST_PEOPLE:
        return f"Each arm needs at least {FEWEST_PEOPLE} people."
    fewest = min(int(people.ordered[people.treated].sum()), int(people.ordered[~people.treated].sum()))
    if not reading.is_over and fewest < statistics.MINIMUM_ORDERS:
        return (
            f"Too early: before the window ends an interval is shown from {statistics.MINIMUM_ORDERS} buyers in each "
            f"arm on; the smaller has {few(fewest)}."
        )
    return ""


def few(n: int, fewest: int = FEWEST_ORDERS) -> str:
    """A number of people in words; of a few only that they are few."""
    return f"fewer than {fewest}" if thin.is_small(n, fewest) else f"{n:,}"


def estimate(people: People, mask: Flags, reading: Reading) -> tuple[Estimate, Estimate]:
    """The adjusted and the plain estimate among the people of the mask."""
    a, b = people.treated & mask, ~people.treated & mask
    y, x = people.revenue, people.before
    treated, control, _theta = statistics.cuped(y[a], y[b], x[a], x[b])
    return reading.difference(treated, control), reading.difference(y[a], y[b])


def effect(campaign: Campaign, people: People, reading: Reading, *, spent: Decimal) -> Effect:
    """`spent` : discounts given to the treated less those the control used anyway, and the cost of sending."""
    adjusted, plain = estimate(people, np.ones(len(people), dtype=np.bool_), reading)
    n_t, n_c = int(people.treated.sum()), int((~people.treated).sum())
    margin, fixed = float(campaign.margin_percent) / 100, float(spent)
    return Effect(
        per_person=adjusted.effect,
        low=adjusted.low,
        high=adjusted.high,
        total=adjusted.effect * n_t,
        total_low=adjusted.low * n_t,
        total_high=adjusted.high * n_t,
        profit=adjusted.effect * n_t * margin - fixed,
        profit_low=adjusted.low * n_t * margin - fixed,
        profit_high=adjusted.high * n_t * margin - fixed,
        verdict=adjusted.verdict,
        people_needed=statistics.people_needed(adjusted.effect, adjusted.sd, n_t, n_c),
        interval="fixed" if reading.is_over else "sequence",
        narrowed_by=1 - (adjusted.high - adjusted.low) / (plain.high - plain.low)
        if plain.high > plain.low
        else 0.0,
        unadjusted=(plain.effect, plain.low, plain.high),
        detectable=statistics.detectable(adjusted.sd, n_t, n_c),
    )
