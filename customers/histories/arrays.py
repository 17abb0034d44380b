"""Behaviour as aligned arrays, for whoever learns from it: purchases, and acts of any kind."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Case, F, FloatField, Func, Min, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Coalesce

from customers.columns import arrays, columns
from customers.histories.allowed import behaviour
from customers.histories.days import as_day
from customers.models import Event

FloatArray = np.ndarray[tuple[int], np.dtype[np.float64]]
IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]
_KINDS = (np.int64, np.int64, np.float64, np.float64, np.float64, np.int64, np.int64, np.int64)


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


def number(expression: Any) -> Coalesce:
    """A column as a number of the arrays; nought where it has none."""
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
            n=number(Sum("quantity")),
            money=number(Sum("value")),
            at=as_day(Min("occurred_at")),
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
            number("quantity"),
            number("value"),
            as_day("occurred_at"),
            "pk",
            "pk",
            Cast(Value(0), BigIntegerField()),
        )
    )
    return _arrays(rows)
