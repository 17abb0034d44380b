"""What a campaign did, against its control group, and how sure that is.

Estimand: intention to treat among the people planned, that is permitted, addressed and assigned to an arm before
anything was sent; revenue per person in the window after planning, refunds subtracted, whether or not the message was
sent or read. Measuring uses `analytics`; who does not allow it stands in neither arm and is counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, F, Q, Sum

from campaigns import experiments, outcomes, statistics
from campaigns.models import Campaign, CampaignRun, Code, Decision, Delivery, Outcome, Redemption
from campaigns.statistics import Estimate, Values
from campaigns.waterfall import Waterfall
from customers import histories
from customers.models import Customer

CENT = Decimal("0.01")  # SQLite sums decimals as floats
# No effect and no segment's row is shown under so many people or orders in an arm; the arms' own rows are, at any size.
FEWEST_PEOPLE, FEWEST_ORDERS = 20, 10


@dataclass(frozen=True)
class Arm:
    """One arm's people, in money per person."""

    people: int
    ordered: int
    revenue: Decimal
    per_person: float


@dataclass(frozen=True)
class Effect:
    """The headline: per person and in total, with the interval it may be read by."""

    per_person: float
    low: float
    high: float
    total: float
    total_low: float
    total_high: float
    profit: float
    profit_low: float
    profit_high: float
    verdict: str
    people_needed: int | None
    interval: str
    """`fixed` at or after the planned end; `sequence` before it, which may be looked at any time."""
    narrowed_by: float
    """How much narrower CUPED made the interval, as a share."""
    unadjusted: tuple[float, float, float]
    detectable: float


@dataclass(frozen=True)
class SegmentRow:
    segment: str
    offer: str
    treated: int | None
    control: int | None
    per_person: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Report:
    campaign: str
    name: str
    status: str
    currency: str
    at: datetime
    read_from: datetime | None
    read_until: datetime | None
    is_over: bool
    waterfall: dict[str, Any]
    fates: dict[str, int]
    suppressed_at_sending: dict[str, int]
    touched: dict[str, int]
    treated: Arm
    control: Arm
    not_measured: int
    sample_ratio_p: float
    effect: Effect | None
    why_no_effect: str
    segments: list[SegmentRow]
    attributed_revenue: Decimal
    attributed_orders: int
    attribution: Mapping[str, int]
    codes: dict[str, Any]
    sending_cost: Decimal

    def as_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @property
    def adds_up(self) -> bool:
        """Every row of the waterfall, and every fate of what was sendable, accounts for everyone."""
        planned = Waterfall.from_dict(self.waterfall)
        return planned.left == 0 and sum(self.fates.values()) == planned.sendable


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return value


@dataclass(frozen=True, eq=False)
class _People:
    """Aligned arrays over everyone planned who allows measuring."""

    treated: np.ndarray[Any, np.dtype[np.bool_]]
    segments: np.ndarray[Any, np.dtype[np.int64]]
    offers: np.ndarray[Any, np.dtype[np.int64]]
    revenue: Values
    before: Values
    orders: Values


def report(campaign: Campaign, *, at: datetime, until: datetime | None = None) -> Report:
    """The campaign's numbers now. `until` reads the effect up to that moment as if the window ended there.

    About twenty queries, whatever the size; people are streamed into arrays, never loaded as rows.
    """
    runs = list(campaign.runs.exclude(planned_at__isnull=True).order_by("planned_at"))
    ids = [run.pk for run in runs]
    people, not_measured = _people(campaign, runs, at=at, until=until)
    treated, control = people.treated, ~people.treated
    began = runs[0].planned_at if runs else None
    ends = (runs[-1].planned_at or at) + timedelta(days=campaign.window_days) if runs else None
    is_over = until is not None or (ends is not None and at >= ends)
    arms = (int(treated.sum()), int(control.sum()))
    p = experiments.sample_ratio(*_planned_arms(campaign), campaign.control_percent)
    codes = _codes(campaign)
    cost = (
        Decimal(campaign.sending_cost)
        * Delivery.objects.filter(run_id__in=ids, status__in=("sent", "unknown")).count()
    )
    effect, why = None, _why_no_effect(arms, people, p, is_over)
    if not why:
        effect = _effect(
            campaign, people, cost, codes["discount_treated"], codes["discount_control"], is_over
        )
    touches = Outcome.objects.filter(decision__campaign=campaign).values_list("kind", "is_machine")
    touched = {
        f"{kind}_by_machine" if machine else kind: n
        for kind, machine, n in touches.annotate(n=Count("decision", distinct=True)).order_by()
    }
    credited = Outcome.objects.filter(decision__campaign=campaign, kind=Outcome.Kind.ORDERED).aggregate(
        money=Sum("value", default=Decimal(0)), orders=Count(histories.an_order("event__"), distinct=True)
    )
    suppressed = Delivery.objects.filter(run_id__in=ids, status=Delivery.Status.SUPPRESSED)
    waterfall = _waterfall(runs)
    return Report(
        campaign=campaign.slug,
        name=campaign.name,
        status=campaign.status,
        currency=codes["currency"],
        at=at,
        read_from=began,
        read_until=min(until or ends, at) if ends is not None else None,
        is_over=is_over,
        waterfall=waterfall.as_dict(),
        fates=_fates(ids, waterfall),
        suppressed_at_sending=dict(suppressed.values_list("reason").annotate(n=Count("pk"))),
        touched=touched,
        treated=_arm(people, treated),
        control=_arm(people, control),
        not_measured=not_measured,
        sample_ratio_p=p,
        effect=effect,
        why_no_effect=why,
        segments=_segments(campaign, people, is_over, is_readable=effect is not None),
        attributed_revenue=credited["money"].quantize(CENT),
        attributed_orders=credited["orders"],
        attribution=outcomes.RULE,
        codes=codes,
        sending_cost=cost.quantize(CENT),
    )


def _waterfall(runs: Sequence[CampaignRun]) -> Waterfall:
    total = Waterfall()
    for run in runs:
        total += Waterfall.from_dict(run.waterfall)
    return total


def _fates(run_ids: Sequence[int], waterfall: Waterfall) -> dict[str, int]:
    """Deliveries by state. Erasing a person takes their rows along and leaves the waterfall, so they are told apart."""
    fates = dict(
        Delivery.objects.filter(run_id__in=run_ids).values_list("status").annotate(n=Count("pk")).order_by()
    )
    decided = waterfall.holdout + waterfall.held_out + waterfall.capped + waterfall.quiet_hours
    decided += waterfall.no_offer + waterfall.sendable
    gone = decided - Decision.objects.filter(run_id__in=run_ids, slot=0).count()
    missing = min(gone, waterfall.sendable - sum(fates.values()))
    if missing > 0:
        fates["erased"] = missing
    return fates


def _planned_arms(campaign: Campaign) -> tuple[int, int]:
    counts = dict(campaign.decisions.values_list("arm").annotate(n=Count("customer", distinct=True)))
    return counts.get("treated", 0), counts.get("control", 0)


def _people(
    campaign: Campaign, runs: Sequence[CampaignRun], *, at: datetime, until: datetime | None
) -> tuple[_People, int]:
    """Everyone planned (by their first run), their money in the window and in the equally long one before."""
    planned: dict[int, tuple[bool, int, int]] = {}
    money: dict[int, tuple[float, int]] = {}
    before: dict[int, float] = {}
    lost = 0
    for run in runs:
        if run.planned_at is None:
            continue
        window = timedelta(days=campaign.window_days)
        end = min(until or run.planned_at + window, at)
        decided = Decision.objects.filter(run=run, slot=0).exclude(arm=Decision.Arm.HOLDOUT)
        measurable = histories.measurable(Customer.objects.filter(pk__in=decided.values("customer_id")))
        allowed = set(measurable.values_list("pk", flat=True).iterator(chunk_size=5000))
        first_planned = set()  # by this run; who was planned before is read in that run's window
        rows = decided.values_list("customer_id", "arm", "segment_id", "offer_id").iterator(chunk_size=5000)
        for customer, arm, segment, offer in rows:
            if customer not in allowed:
                lost += 1
            elif customer not in planned:
                planned[customer] = (arm == Decision.Arm.TREATED, segment or 0, offer or 0)
                first_planned.add(customer)
        for customer, revenue, orders in histories.money(measurable, since=run.planned_at, until=end):
            if customer in first_planned:
                money[customer] = (float(revenue), orders)
        for customer, revenue, _orders in histories.money(
            measurable, since=run.planned_at - window, until=run.planned_at
        ):
            if customer in first_planned:
                before[customer] = float(revenue)
    n = len(planned)
    return _People(
        treated=np.fromiter((arm for arm, _s, _o in planned.values()), np.bool_, n),
        segments=np.fromiter((segment for _a, segment, _o in planned.values()), np.int64, n),
        offers=np.fromiter((offer for _a, _s, offer in planned.values()), np.int64, n),
        revenue=np.fromiter((money.get(pk, (0.0, 0))[0] for pk in planned), np.float64, n),
        before=np.fromiter((before.get(pk, 0.0) for pk in planned), np.float64, n),
        orders=np.fromiter((money.get(pk, (0.0, 0))[1] for pk in planned), np.float64, n),
    ), lost


def _arm(people: _People, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Arm:
    n = int(mask.sum())
    total = float(people.revenue[mask].sum())
    return Arm(n, int((people.orders[mask] > 0).sum()), Decimal(f"{total:.2f}"), total / n if n else 0.0)


def _why_no_effect(arms: tuple[int, int], people: _People, p: float, is_over: bool) -> str:
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
    fewest = min(
        int((people.orders[people.treated] > 0).sum()), int((people.orders[~people.treated] > 0).sum())
    )
    if not is_over and fewest < statistics.MINIMUM_ORDERS:
        return (
            f"Too early: before the window ends an interval is shown from {statistics.MINIMUM_ORDERS} buyers in each "
            f"arm on; the smaller has {fewest}."
        )
    return ""


def _estimate(
    people: _People, mask: np.ndarray[Any, np.dtype[np.bool_]], is_over: bool
) -> tuple[Estimate, Estimate]:
    """The adjusted and the plain estimate among the people of the mask."""
    a, b = people.treated & mask, ~people.treated & mask
    y, x = people.revenue, people.before
    treated, control, _theta = statistics.cuped(y[a], y[b], x[a], x[b])
    if is_over:
        return statistics.welch(treated, control), statistics.welch(y[a], y[b])
    n = int(mask.sum())
    return (
        statistics.confidence_sequence(treated, control, planned=n),
        statistics.confidence_sequence(y[a], y[b], planned=n),
    )


def _effect(
    campaign: Campaign,
    people: _People,
    cost: Decimal,
    given: Decimal,
    used_by_control: Decimal,
    is_over: bool,
) -> Effect:
    everyone = np.ones(len(people.treated), dtype=np.bool_)
    adjusted, plain = _estimate(people, everyone, is_over)
    n_t, n_c = int(people.treated.sum()), int((~people.treated).sum())
    margin = float(campaign.margin_percent) / 100
    fixed = float(given) - float(used_by_control) + float(cost)
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
        interval="fixed" if is_over else "sequence",
        narrowed_by=1 - (adjusted.high - adjusted.low) / (plain.high - plain.low)
        if plain.high > plain.low
        else 0.0,
        unadjusted=(plain.effect, plain.low, plain.high),
        detectable=statistics.detectable(adjusted.sd, n_t, n_c),
    )


def _segments(campaign: Campaign, people: _People, is_over: bool, *, is_readable: bool) -> list[SegmentRow]:
    """Effect by segment, where the whole may be read at all.

    Thin rows are blank, and a single blank row takes the next smallest with it.
    """
    names = dict(campaign.audiences.values_list("segment_id", "segment__name"))
    titles: dict[int, Counter[str]] = {}
    for segment, title, n in (
        campaign.decisions.filter(offer__isnull=False)
        .values_list("segment_id", "offer__title")
        .annotate(n=Count("pk"))
    ):
        titles.setdefault(segment, Counter())[title] = n
    sizes = {pk: int((people.segments == pk).sum()) for pk in names}
    thin = set() if is_readable else set(names)
    fewest_orders = FEWEST_ORDERS if is_over else statistics.MINIMUM_ORDERS
    for pk in names:
        mask = people.segments == pk
        arms = [(mask & people.treated), (mask & ~people.treated)]
        if any(m.sum() < FEWEST_PEOPLE or (people.orders[m] > 0).sum() < fewest_orders for m in arms):
            thin.add(pk)
    # A row of nobody hides nobody.
    shown = [pk for pk in names if pk not in thin]
    if sum(sizes[pk] > 0 for pk in thin) == 1 and shown:
        thin.add(min(shown, key=lambda pk: sizes[pk]))
    rows = []
    for pk, name in names.items():
        offers = ", ".join(f"{title} ({n})" for title, n in titles.get(pk, Counter()).most_common())
        if pk in thin:
            # The counts of a thin row's offers would tell its size.
            rows.append(SegmentRow(name, ", ".join(sorted(titles.get(pk, ()))), None, None, None, None, None))
            continue
        mask = people.segments == pk
        estimate, _plain_estimate = _estimate(people, mask, is_over)
        n_t, n_c = int((mask & people.treated).sum()), int((mask & ~people.treated).sum())
        rows.append(SegmentRow(name, offers, n_t, n_c, estimate.effect, estimate.low, estimate.high))
    return rows


def _codes(campaign: Campaign) -> dict[str, Any]:
    """What became of the codes this campaign gave, and what they cost by arm."""
    given = Code.objects.filter(decisions__campaign=campaign).distinct()
    used = Redemption.objects.filter(code__in=given, reversed_at__isnull=True)
    sums = used.aggregate(
        n=Count("pk"),
        discount=Sum("discount", default=Decimal(0)),
        leaked=Count("pk", filter=Q(customer__isnull=False) & ~Q(customer=F("code__customer"))),
    )
    control = campaign.decisions.filter(arm=Decision.Arm.CONTROL).values("customer_id")
    by_control = used.filter(customer_id__in=control).aggregate(d=Sum("discount", default=Decimal(0)))["d"]
    currency = used.values_list("currency", flat=True).first()
    return {
        "assigned": given.count(),
        "redeemed": sums["n"],
        "used_by_someone_else": sums["leaked"],
        "discount": sums["discount"].quantize(CENT),
        "discount_treated": (sums["discount"] - by_control).quantize(CENT),
        "discount_control": by_control.quantize(CENT),
        "currency": currency or settings.DEFAULT_CURRENCY,
    }
