"""What people paid and got back: orders and refunds, summed or one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import BigIntegerField, Case, CharField, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, NullIf

from customers.columns import columns
from customers.histories.allowed import ORDERS, behaviour
from customers.histories.arrays import FloatArray, IntArray, number
from customers.histories.days import as_day
from customers.models import Event

REVENUE = Case(When(type=Event.Type.REFUNDED, then=-F("value")), default=F("value"))


def an_order(event: str = "") -> Coalesce:
    """What is counted as one order: its lines share a number, and a line without one stands for itself.

    `event` is the way to the event from the model asked, such as `event__`.
    """
    return Coalesce(NullIf(f"{event}order_id", Value("")), Cast(f"{event}pk", CharField()))


def money(
    customers: QuerySet[Any], *, since: datetime, until: datetime, purpose: str = "analytics"
) -> Iterator[tuple[int, Decimal, int]]:
    """(customer id, revenue less refunds, orders) in the window, of those among `customers` who allow measuring.

    People without an order in the window are not in the answer: their revenue is nought.
    """
    lines = behaviour(purpose, types=ORDERS, since=since, until=until, customers=customers)
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
    lines = behaviour(purpose, types=ORDERS, since=since, until=until, customers=customers)
    is_order = Case(When(type=Event.Type.ORDERED, then=Value(1)), default=Value(0))
    rows = lines.order_by().values_list(
        "customer_id", number(REVENUE), as_day("occurred_at"), Cast(is_order, BigIntegerField())
    )
    return Payments(*columns(rows, np.int64, np.float64, np.float64, np.int64))
