"""Behaviour of those who allow it, as arrays and query sets: the only way anyone above reads it.

Consent is joined in SQL. A person who did not allow the purpose is simply not there, so whoever asks gets what
strangers get, with no `if` above. What was kept by `analytics` or `message_tracking` also needs that consent still.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    F,
    FloatField,
    Func,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, NullIf, RowNumber

from catalog.questions import Given
from customers import consent
from customers.columns import arrays, columns
from customers.models import Customer, Event

FloatArray = np.ndarray[tuple[int], np.dtype[np.float64]]
IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]

SECONDS_A_DAY = 86400.0
_ORDERS = (Event.Type.ORDERED, Event.Type.REFUNDED)
_TRACKED = (Event.Type.OPENED, Event.Type.CLICKED)
_OTHERS = tuple(kind for kind in Event.Type if kind not in _ORDERS + _TRACKED)
REVENUE = Case(When(type=Event.Type.REFUNDED, then=-F("value")), default=F("value"))


def an_order(event: str = "") -> Coalesce:
    """What is counted as one order: its lines share a number, and a line without one stands for itself.

    `event` is the way to the event from the model asked, such as `event__`.
    """
    return Coalesce(NullIf(f"{event}order_id", Value("")), Cast(f"{event}pk", CharField()))


def restricted() -> set[int]:
    """Whose data are kept and used for nothing at present (GDPR 18). Reads the table of customers."""
    rows = Customer.objects.filter(restricted_at__isnull=False, erased_at__isnull=True)
    return set(rows.values_list("pk", flat=True).iterator(chunk_size=5000))


def day(moment: datetime) -> float:
    """Days since the epoch, with the fraction: the unit of time of every algorithm."""
    return moment.timestamp() / SECONDS_A_DAY


def behaviour(
    purpose: str,
    *,
    types: Collection[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    customers: Collection[int] | QuerySet[Any] | Given | None = None,
) -> QuerySet[Event]:
    """Events that may be used for `purpose`, from `since` (included) to `until` (excluded)."""
    events = Event.objects.filter(consent.may(purpose, person="customer_id"))
    kept_by = Q(pk__in=[])
    for also, kinds in ((None, _ORDERS), ("message_tracking", _TRACKED), ("analytics", _OTHERS)):
        asked = [kind for kind in kinds if not types or kind in types]
        if asked:
            leave = () if also in (None, purpose) else (consent.may(also, person="customer_id"),)
            kept_by |= Q(*leave, type__in=asked)
    events = events.filter(kept_by)
    if since is not None:
        events = events.filter(occurred_at__gte=since)
    if until is not None:
        events = events.filter(occurred_at__lt=until)
    if customers is not None:
        events = events.filter(customer__in=customers)
    return events


@dataclass(frozen=True)
class Behaviour:
    """Aligned arrays, one entry an event, in the order of intake. `days` are days since the epoch.

    orders : entries of one customer with one number belong to one order; what has no order stands for itself.
    """

    customers: IntArray
    products: IntArray
    quantities: FloatArray
    values: FloatArray
    days: FloatArray
    orders: IntArray

    def __len__(self) -> int:
        return len(self.customers)


class _Day(Func):
    """A moment as `day` gives it, to the millisecond, worked out where the rows are: a quarter of the time."""

    output_field = FloatField()
    template = f"(EXTRACT(EPOCH FROM %(expressions)s)::double precision / {SECONDS_A_DAY})"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="(julianday(%(expressions)s) - 2440587.5)", **more)


def as_day(expression: Any) -> Func:
    """A column's moment as `day` gives it, for a query whose rows become arrays."""
    return _Day(expression)


def _number(expression: Any) -> Coalesce:
    return Coalesce(Cast(expression, FloatField()), 0.0)


class _OrderNumber(Func):
    """A number for an order's name: the same for the same name, and only within one person it must be unique.

    SQLite has no function for it: the name itself comes, and `columns` numbers it.
    """

    output_field = BigIntegerField()
    template = "hashtextextended(%(expressions)s, 0)"

    @property
    def convert_value(self) -> Any:
        return lambda value, expression, connection: value

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s", **more)


_KINDS = (np.int64, np.int64, np.float64, np.float64, np.float64, np.int64, np.int64, np.int64)


def _arrays(rows: QuerySet[Any, Any]) -> Behaviour:
    """From (customer, product, quantity, value, day, event, the event again or 0 for one of an order, order's number)."""
    return _in_order(columns(rows, *_KINDS))


def _in_order(read: Sequence[Any]) -> Behaviour:
    customers, products, quantities, values, days, events, alone, orders = read
    # Below nought, where no event's id is.
    orders = np.where(alone > 0, alone, -1 - (orders & np.int64(2**62 - 1)))
    intake = np.argsort(events)
    return Behaviour(*(array[intake] for array in (customers, products, quantities, values, days, orders)))


def purchases(
    purpose: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    customers: Collection[int] | QuerySet[Any] | None = None,
) -> Behaviour:
    """One entry a product of an order (two lines of it count once), of listed products only.

    `quantities` and `values` are summed over the order's lines; a line without an order number stands for itself.
    Streams from the database.
    """
    return _arrays(purchase_rows(purpose, since=since, until=until, customers=customers))


def bought(rows: QuerySet[Any, Any]) -> Behaviour:
    """The purchases of a few people by `purchase_rows`, which may have been asked with other questions."""
    return _in_order(arrays(rows, *_KINDS))


def purchase_rows(
    purpose: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    customers: Collection[int] | QuerySet[Any] | None = None,
) -> QuerySet[Any, Any]:
    """What `purchases` asks, for `bought` to read."""
    lines = behaviour(purpose, types=[Event.Type.ORDERED], since=since, until=until, customers=customers)
    told: QuerySet[Any, Any] = (
        lines.filter(product__is_listed=True)
        # As `an_order`, but by a number, as all that `columns` reads.
        .annotate(alone=Case(When(order_id="", then=F("pk")), default=Value(0)))
        .values("customer_id", "product_id", "order_id", "alone")
        .annotate(
            n=_number(Sum("quantity")),
            money=_number(Sum("value")),
            at=_Day(Min("occurred_at")),
            first=Min("pk"),
        )
        .order_by()
        .values_list(
            "customer_id", "product_id", "n", "money", "at", "first", "alone", _OrderNumber("order_id")
        )
    )
    return told


def actions(
    purpose: str,
    *,
    types: Collection[str],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Behaviour:
    """One entry an event with a listed product, of the given types (views, baskets, wishes …)."""
    rows = (
        behaviour(purpose, types=types, since=since, until=until)
        .filter(product__is_listed=True)
        .order_by()
        .values_list(
            "customer_id",
            "product_id",
            _number("quantity"),
            _number("value"),
            _Day("occurred_at"),
            "pk",
            "pk",
            Cast(Value(0), BigIntegerField()),
        )
    )
    return _arrays(rows)


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a person did with a product."""

    product_id: int
    type: str
    day: float


def newest(
    customer_ids: Collection[int], purpose: str, *, limit: int = 200, types: Collection[str] = ()
) -> dict[int, list[Act]]:
    """Each person's newest acts with a product, newest first, of those who allow the purpose. One query.

    Everyone asked for is in the answer; whoever did nothing or allows nothing has an empty list.
    """
    return acts(newest_rows(customer_ids, purpose, limit=limit, types=types), customer_ids)


def newest_rows(
    customer_ids: Collection[int] | Given, purpose: str, *, limit: int = 200, types: Collection[str] = ()
) -> QuerySet[Any, Any]:
    """What `newest` asks, for `acts` to read: to be asked together with other questions."""
    rows = behaviour(purpose, types=types, customers=customer_ids).filter(product__isnull=False)
    if len(customer_ids) == 1:
        rows = rows.order_by("-occurred_at", "-id")[:limit]
    else:
        order = [F("occurred_at").desc(), F("id").desc()]
        place = Window(RowNumber(), partition_by=F("customer_id"), order_by=order)
        rows = rows.annotate(place=place).filter(place__lte=limit).order_by("customer_id", "place")
    told: QuerySet[Any, Any] = rows.values_list("customer_id", "product_id", "type", _Day("occurred_at"))
    return told


def acts(rows: QuerySet[Any, Any], customer_ids: Collection[int]) -> dict[int, list[Act]]:
    """The acts of each of these people by `newest_rows`, as `newest` tells them."""
    found: dict[int, list[Act]] = {pk: [] for pk in customer_ids}
    for customer, product, kind, when in rows:
        found[customer].append(Act(product, kind, when))
    return found


def money(
    customers: QuerySet[Any], *, since: datetime, until: datetime, purpose: str = "analytics"
) -> Iterator[tuple[int, Decimal, int]]:
    """(customer id, revenue less refunds, orders) in the window, of those among `customers` who allow measuring.

    People without an order in the window are not in the answer: their revenue is nought.
    """
    lines = behaviour(purpose, types=_ORDERS, since=since, until=until, customers=customers)
    rows = (
        lines.values("customer_id")
        .annotate(
            revenue=Sum(REVENUE, default=Value(Decimal(0))),
            orders=Count(an_order(), filter=Q(type=Event.Type.ORDERED), distinct=True),
        )
        .order_by()
        .values_list("customer_id", "revenue", "orders")
    )
    yield from rows.iterator(chunk_size=5000)


@dataclass(frozen=True)
class Payments:
    """Aligned arrays, one entry a line of an order or a refund, in no order.

    values : money, of refunds below nought · days : since the epoch · are_orders : 1 for an order's line, 0 for a refund
    """

    customers: IntArray
    values: FloatArray
    days: FloatArray
    are_orders: IntArray

    def __len__(self) -> int:
        return len(self.customers)


def payments(
    customers: QuerySet[Any], *, since: datetime, until: datetime, purpose: str = "analytics"
) -> Payments:
    """Every payment in the time, of those among `customers` who allow measuring. One query, streamed into arrays.

    For whoever sums over windows that differ from person to person; for one window there is `money`.
    """
    lines = behaviour(purpose, types=_ORDERS, since=since, until=until, customers=customers)
    is_order = Case(When(type=Event.Type.ORDERED, then=Value(1)), default=Value(0))
    rows = lines.order_by().values_list(
        "customer_id", _number(REVENUE), _Day("occurred_at"), Cast(is_order, BigIntegerField())
    )
    return Payments(*columns(rows, np.int64, np.float64, np.float64, np.int64))


def is_measurable(person: str, *, purpose: str = "analytics") -> Cast:
    """1 where the behaviour of a row's person may be measured at all, else 0; `person` is the row's column of them."""
    allowed = Case(When(consent.may(purpose, person=person), then=Value(1)), default=Value(0))
    return Cast(allowed, BigIntegerField())


def measurable(customers: QuerySet[Any], *, purpose: str = "analytics") -> QuerySet[Any]:
    """Of these people, those whose behaviour may be measured at all."""
    return customers.filter(consent.may(purpose))


def moment(days: float) -> datetime:
    """The inverse of `day`."""
    return datetime.fromtimestamp(days * SECONDS_A_DAY, tz=UTC)
