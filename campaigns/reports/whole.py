"""A campaign's report, put together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from campaigns import experiments, outcomes
from campaigns.models import Campaign, CampaignRun, Decision, Delivery, Outcome
from campaigns.reports import effect as effects
from campaigns.reports import people as planned
from campaigns.reports.beside import Beside, beside
from campaigns.reports.codes import CENT, codes
from campaigns.reports.days import Day, days
from campaigns.reports.effect import Arm, Effect, Reading
from campaigns.reports.people import People, Period
from campaigns.reports.segments import SegmentRow, segments
from campaigns.reports.sketches import Guard
from campaigns.reports.variants import Variants, variants
from campaigns.waterfall import Waterfall
from customers import histories

MIXED_SHARE = 0.01


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
    fates: dict[str, int | None]
    suppressed_at_sending: dict[str, int | None]
    touched: dict[str, int | None]
    """People, each once, however often they did it."""
    treated: Arm
    control: Arm
    not_measured: int | None
    still_measured: int | None
    """People whose window has not ended yet: their part of the effect is still to come."""
    in_two_arms: int | None
    sample_ratio_p: float | None
    effect: Effect | None
    why_no_effect: str
    beside: Beside | None
    segments: list[SegmentRow]
    variants: Variants | None
    days: list[Day]
    attributed_revenue: Decimal | None
    attributed_orders: int | None
    attributed_people: int | None
    attribution: Mapping[str, int]
    codes: dict[str, Any]
    sending_cost: Decimal | None
    adds_up: bool
    """Every row of the waterfall, and every fate of what was sendable, accounts for everyone."""
    mixes_arms: bool
    """More than one in a hundred stands in both arms, so what the arms differ by is blurred."""
    at_least: list[str] = field(default_factory=list)
    """Fates whose number is a lower bound, because an exact one would tell the few of another fate."""
    kept_from: dict[str, datetime] = field(default_factory=dict)
    """Parts that too few people changed since an earlier report, and the moment of that report (`campaigns.disclosure`)."""
    margin_percent: Decimal | None = None
    """What of the revenue is kept, by which the profit was reckoned."""

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(asdict(self))
        return found


def plain(value: Any) -> Any:
    """As JSON has it: money as text, moments in ISO 8601."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def report(campaign: Campaign, *, at: datetime, until: datetime | None = None) -> Report:
    """The campaign's numbers now. `until` reads the effect up to that moment as if the window ended there.

    Exact, for work inside the house; what is shown to anybody is `campaigns.disclosure.released`. About twenty queries,
    whatever the size; people are streamed into arrays, never loaded as rows.
    """
    return read(campaign, Guard(), at=at, until=until)[0]


def read(
    campaign: Campaign, guard: Guard, *, at: datetime, until: datetime | None = None
) -> tuple[Report, People]:
    """The report, and the people behind it; `guard` blanks what could be subtracted from an earlier report."""
    period = Period.of(campaign, at=at)
    people = planned.read(campaign, at=at, until=until)
    is_over = until is not None or (period.ends is not None and at >= period.ends)
    reading = Reading.of(campaign, is_over=is_over)
    p = experiments.sample_ratio(*planned.arms(campaign), campaign.control_percent)
    deliveries = Delivery.objects.filter(run__campaign=campaign)
    sent = deliveries.filter(status__in=("sent", "unknown")).count()
    cost, given = Decimal(campaign.sending_cost) * sent, codes(campaign)
    effect, arms = None, (int(people.treated.sum()), int((~people.treated).sum()))
    for name, mask in (("treated", people.treated), ("control", ~people.treated)):
        guard.note(name, people, mask)
        guard.show(name)
    if not (why := effects.why_not(arms, people, p, reading)):
        spent = given["discount_treated"] - given["discount_control"] + cost
        effect = effects.effect(campaign, people, reading, spent=spent)
    touches = Outcome.objects.filter(decision__campaign=campaign).values_list("kind", "is_machine")
    credited = Outcome.objects.filter(decision__campaign=campaign, kind=Outcome.Kind.ORDERED).aggregate(
        money=Sum("value", default=Decimal(0)),
        orders=Count(histories.an_order("event__"), distinct=True),
        people=Count("decision__customer", distinct=True),
    )
    suppressed = deliveries.filter(status=Delivery.Status.SUPPRESSED)
    runs = list(campaign.runs.exclude(planned_at__isnull=True).order_by("planned_at"))
    waterfall = _waterfall(runs)
    last = min(moment for moment in (until, period.ends, at) if moment is not None)
    fates, both = _fates([run.pk for run in runs], waterfall), planned.in_two_arms(campaign)
    found = Report(
        campaign=campaign.slug,
        name=campaign.name,
        status=campaign.status,
        currency=given["currency"],
        at=at,
        read_from=period.began,
        read_until=last if period.began is not None else None,
        is_over=is_over,
        waterfall=waterfall.as_dict(),
        fates=dict(fates),
        suppressed_at_sending=dict(suppressed.order_by().values_list("reason").annotate(n=Count("pk"))),
        touched={
            f"{kind}_by_machine" if machine else kind: n
            for kind, machine, n in touches.annotate(n=Count("decision__customer", distinct=True)).order_by()
        },
        treated=effects.arm(people, people.treated),
        control=effects.arm(people, ~people.treated),
        not_measured=people.not_measured,
        still_measured=people.still_measured(at, campaign.window_days),
        in_two_arms=both,
        sample_ratio_p=p,
        effect=effect,
        why_no_effect=why,
        beside=beside(people, reading) if effect is not None else None,
        segments=segments(campaign, people, reading, guard, is_readable=effect is not None),
        variants=variants(campaign, people, reading, guard, is_readable=effect is not None),
        days=days(people, reading, until=last, is_readable=effect is not None),
        attributed_revenue=credited["money"].quantize(CENT),
        attributed_orders=credited["orders"],
        attributed_people=credited["people"],
        attribution=outcomes.RULE,
        codes=given,
        sending_cost=cost.quantize(CENT),
        adds_up=waterfall.left == 0 and sum(fates.values()) == waterfall.sendable,
        mixes_arms=both > MIXED_SHARE * sum(arms),
    )
    return found, people


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
