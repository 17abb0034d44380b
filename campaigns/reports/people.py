"""Who was planned, from when on they are measured, and the money of each in a window of their own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Case, Count, F, Max, Min, QuerySet, Value, When, Window
from django.db.models.functions import Cast, Coalesce, RowNumber

from campaigns.models import Campaign, Decision, JourneyEntry
from campaigns.statistics import Values
from customers import histories
from customers.columns import columns

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Ids = np.ndarray[Any, np.dtype[np.int64]]

MS_A_DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Statuses in which a campaign that plans again and again may still plan somebody.
OPEN = (Campaign.Status.DRAFT, Campaign.Status.APPROVED, Campaign.Status.RUNNING, Campaign.Status.PAUSED)


@dataclass(frozen=True)
class Period:
    """From the first person's start to the end of the last one's window; `ends` is None while that is not known."""

    began: datetime | None
    ends: datetime | None

    @classmethod
    def of(cls, campaign: Campaign, *, at: datetime) -> "Period":
        if campaign.kind == Campaign.Kind.JOURNEY:
            first, last = _bounds(rows_of(campaign), "entered_at")
        elif campaign.channel == Campaign.Channel.ONSITE:
            first, last = _bounds(rows_of(campaign), "decided_at")
        else:
            first, last = _bounds(campaign.runs.all(), "planned_at")
        if first is None or last is None:
            return cls(None, None)
        window = timedelta(days=campaign.window_days)
        if not plans_once(campaign) and campaign.status in OPEN:
            # Whoever is planned later would move the end; where it is set beforehand it stands.
            return cls(first, max(campaign.ends_at, last) + window if campaign.ends_at else None)
        return cls(first, last + window)


def _bounds(rows: QuerySet[Any], name: str) -> tuple[datetime | None, datetime | None]:
    found = rows.aggregate(first=Min(name), last=Max(name))
    return found["first"], found["last"]


def plans_once(campaign: Campaign) -> bool:
    """Whether everyone is planned at one time, so that the number of people is known before anything is measured."""
    return campaign.kind == Campaign.Kind.ONCE and campaign.channel != Campaign.Channel.ONSITE


@dataclass(frozen=True, eq=False)
class People:
    """Aligned arrays over everyone planned who allows measuring, in the order of their ids.

    segments, offers, variants : ids, 0 for none, as they were first decided
    starts, ends : of each person's own window, and decided : when their variant was drawn, all in ms since the epoch
    revenue, before : money in the window, and in one of the same length that ends where it begins
    who, moments, values, are_orders : every payment in its person's window, `who` being the place in the arrays above
    drawn_variants, drawn_at : of all the treated who have a variant, measured or not
    """

    ids: Ids
    treated: Flags
    segments: Ids
    offers: Ids
    variants: Ids
    starts: Ids
    ends: Ids
    decided: Ids
    revenue: Values
    before: Values
    ordered: Flags
    who: Ids
    moments: Ids
    values: Values
    are_orders: Flags
    drawn_variants: Ids
    drawn_at: Ids
    not_measured: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def still_measured(self, at: datetime, window_days: int) -> int:
        """How many people's windows had not ended by then."""
        return int((self.starts + window_days * MS_A_DAY > milliseconds(at)).sum())


@dataclass(frozen=True, eq=False)
class Start:
    """Aligned arrays, one entry a person: who, their arm, from when on, and what was first decided for them."""

    ids: Ids
    treated: Flags
    starts: Ids
    segments: Ids
    offers: Ids
    variants: Ids
    decided: Ids
    measured: Flags


@dataclass(frozen=True, eq=False)
class Money:
    """Of people and their windows: sums a person, and each payment in its person's window."""

    revenue: Values
    before: Values
    ordered: Flags
    who: Ids
    moments: Ids
    values: Values
    are_orders: Flags


def milliseconds(moment: datetime) -> int:
    """Since the epoch, rounded as a moment that the database turned into a number of days is."""
    return round((moment - EPOCH) / timedelta(milliseconds=1))


def moment(ms: int) -> datetime:
    """The inverse of `milliseconds`."""
    return EPOCH + timedelta(milliseconds=ms)


def as_milliseconds(days: Values) -> Ids:
    return np.rint(days * MS_A_DAY).astype(np.int64)


def summed(places: Ids, values: Values, n: int) -> Values:
    """(n,) the sum of the values at each place."""
    return np.bincount(places, weights=values, minlength=n).astype(np.float64, copy=False)


def read(campaign: Campaign, *, at: datetime, until: datetime | None = None) -> People:
    """Everyone planned, each from their own start: their first run's, their first entry, or their first visit.

    The window ends after the campaign's days, at `until`, or now, whichever comes first. Three queries, whatever the
    size; a person's payments are summed once, however many runs they were planned by.
    """
    began = _journey_starts(campaign) if campaign.kind == Campaign.Kind.JOURNEY else _starts(campaign)
    lengths = np.full(len(began.ids), campaign.window_days * MS_A_DAY, np.int64)
    last = milliseconds(min(until or at, at))
    return measure(began, rows_of(campaign).values("customer_id"), lengths=lengths, last=last)


def measure(began: Start, customers: QuerySet[Any], *, lengths: Ids, last: int) -> People:
    """These people (ids in order, as `customers` has them) in windows of `lengths` ms, none longer than to `last`.

    One query.
    """
    keep = began.measured
    starts = began.starts[keep]
    ends = np.maximum(np.minimum(starts + lengths[keep], last), starts)
    money = money_of(customers, began.ids[keep], starts, ends, before=lengths[keep])
    drawn = began.treated & (began.variants > 0)
    return People(
        ids=began.ids[keep],
        treated=began.treated[keep],
        segments=began.segments[keep],
        offers=began.offers[keep],
        variants=began.variants[keep],
        starts=starts,
        ends=ends,
        decided=began.decided[keep],
        revenue=money.revenue,
        before=money.before,
        ordered=money.ordered,
        who=money.who,
        moments=money.moments,
        values=money.values,
        are_orders=money.are_orders,
        drawn_variants=began.variants[drawn],
        drawn_at=began.decided[drawn],
        not_measured=int((~keep).sum()),
    )


def money_of(people: QuerySet[Any], ids: Ids, starts: Ids, ends: Ids, *, before: Ids) -> Money:
    """The payments of these people (sorted ids), each in their own window and in the `before` ms ahead of it.

    Windows hold their first moment and not their last. One query.
    """
    n = len(ids)
    if not n:
        none, nought = np.empty(0, np.int64), np.empty(0)
        return Money(nought, nought, none.astype(bool), none, none, nought, none.astype(bool))
    since, until = moment(int((starts - before).min())), moment(int(ends.max()) + 1)
    paid = histories.payments(people, since=since, until=until)
    place = np.minimum(np.searchsorted(ids, paid.customers), n - 1)
    moments, known = as_milliseconds(paid.days), ids[place] == paid.customers
    inside = known & (moments >= starts[place]) & (moments < ends[place])
    past = known & (moments >= starts[place] - before[place]) & (moments < starts[place])
    who, are_orders = place[inside], paid.are_orders[inside] > 0
    return Money(
        revenue=summed(who, paid.values[inside], n),
        before=summed(place[past], paid.values[past], n),
        ordered=np.bincount(who[are_orders], minlength=n) > 0,
        who=who,
        moments=moments[inside],
        values=paid.values[inside],
        are_orders=are_orders,
    )


def rows_of(campaign: Campaign) -> QuerySet[Any]:
    """Where the campaign's people and their arms stand: decisions, of a journey the entries; not the global holdout."""
    if campaign.kind == Campaign.Kind.JOURNEY:
        return JourneyEntry.objects.filter(campaign=campaign).exclude(arm=Decision.Arm.HOLDOUT)
    decided = Decision.objects.filter(campaign=campaign, slot=0, entry__isnull=True)
    return decided.exclude(arm=Decision.Arm.HOLDOUT)


def arms(campaign: Campaign) -> tuple[int, int]:
    """How many people were planned as treated and as control, whether or not they may be measured."""
    counts = dict(
        rows_of(campaign).order_by().values_list("arm").annotate(n=Count("customer", distinct=True))
    )
    return counts.get(Decision.Arm.TREATED, 0), counts.get(Decision.Arm.CONTROL, 0)


def in_two_arms(campaign: Campaign) -> int:
    """How many people stand in both arms, such as after two records were found to be one person."""
    rows = rows_of(campaign).order_by().values("customer_id").annotate(n=Count("arm", distinct=True))
    n: int = rows.filter(n__gt=1).count()
    return n


def _firsts(rows: QuerySet[Any], *order: Any) -> QuerySet[Any]:
    """Of each person the first row. Worked out where the rows are: of a year of weeks only one of fifty comes here."""
    place = Window(RowNumber(), partition_by=F("customer_id"), order_by=order)
    found: QuerySet[Any] = rows.annotate(place=place).filter(place=1).order_by("customer_id")
    return found


def _id(name: str) -> Coalesce:
    return Coalesce(F(name), Value(0), output_field=BigIntegerField())


def _is_treated() -> Cast:
    return Cast(Case(When(arm=Decision.Arm.TREATED, then=Value(1)), default=Value(0)), BigIntegerField())


def _starts(campaign: Campaign) -> Start:
    start = Coalesce(F("run__planned_at"), F("decided_at"))
    rows = _firsts(rows_of(campaign), start.asc(), F("pk").asc()).values_list(
        "customer_id",
        _is_treated(),
        histories.as_day(start),
        _id("segment_id"),
        _id("offer_id"),
        _id("variant_id"),
        histories.as_day("decided_at"),
        histories.is_measurable("customer_id"),
    )
    whole, real = np.int64, np.float64
    ids, treated, starts, segments, offers, variants, decided, measured = columns(
        rows, whole, whole, real, whole, whole, whole, real, whole
    )
    return Start(
        ids,
        treated > 0,
        as_milliseconds(starts),
        segments,
        offers,
        variants,
        as_milliseconds(decided),
        measured > 0,
    )


def _journey_starts(campaign: Campaign) -> Start:
    """By the first entry of each; offer and variant are those of the first message decided, of whoever came so far."""
    rows = _firsts(rows_of(campaign), F("entered_at").asc(), F("pk").asc()).values_list(
        "customer_id",
        _is_treated(),
        histories.as_day("entered_at"),
        histories.is_measurable("customer_id"),
    )
    ids, treated, starts, measured = columns(rows, np.int64, np.int64, np.float64, np.int64)
    decided = Decision.objects.filter(campaign=campaign, slot=0, entry__isnull=False)
    first = _firsts(decided, F("decided_at").asc(), F("pk").asc()).values_list(
        "customer_id", _id("segment_id"), _id("offer_id"), _id("variant_id"), histories.as_day("decided_at")
    )
    known, *what, when = columns(first, np.int64, np.int64, np.int64, np.int64, np.float64)
    place = np.searchsorted(ids, known)
    found = (place < len(ids)) & (ids[np.minimum(place, len(ids) - 1)] == known) if len(ids) else known > 0
    filled = [np.zeros(len(ids), np.int64) for _column in range(4)]
    for target, source in zip(filled, [*what, as_milliseconds(when)], strict=True):
        target[place[found]] = source[found]
    segments, offers, variants, decided_at = filled
    return Start(
        ids, treated > 0, as_milliseconds(starts), segments, offers, variants, decided_at, measured > 0
    )
