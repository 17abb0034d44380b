"""Codes that went round: somebody else than their owner tried them, or used them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F

from campaigns.models import Code, CodeMisuse, Redemption
from customers import histories
from customers.models import Event

# How far back orders are looked for that name another buyer: time for late arrivals.
LOOKBACK = timedelta(days=10)


def note(code: Code, kind: str, *, customer_id: int | None, order_id: str, at: datetime) -> None:
    """Once an order. A buyer whom the shop named and nobody knows (0) has no name here either."""
    CodeMisuse.objects.bulk_create(
        [CodeMisuse(code=code, kind=kind, customer_id=customer_id or None, order_id=order_id, at=at)],
        ignore_conflicts=True,
    )


def look_for_others(*, at: datetime) -> int:
    """Note every use of a code by another than its owner, told at the till or later by the order; how many are new.

    Looks at the redemptions of the last days. An order whose buyer does not allow measuring is not seen.
    """
    recent = Redemption.objects.filter(at__gte=at - LOOKBACK, code__customer__isnull=False)
    others = recent.exclude(customer__isnull=True).exclude(customer=F("code__customer"))
    found = [
        CodeMisuse(code_id=code, kind=CodeMisuse.Kind.REDEEMED, customer_id=buyer, order_id=order, at=moment)
        for code, buyer, order, moment in others.values_list("code_id", "customer_id", "order_id", "at")
    ]
    untold = recent.filter(customer__isnull=True).values_list(
        "order_id", "code_id", "code__customer_id", "at"
    )
    by_order = {order: (code, owner, moment) for order, code, owner, moment in untold.iterator()}
    for order, buyer in _buyers(by_order, at=at):
        code, owner, moment = by_order[order]
        if buyer != owner:
            kind = CodeMisuse.Kind.REDEEMED
            found.append(CodeMisuse(code_id=code, kind=kind, customer_id=buyer, order_id=order, at=moment))
    before = CodeMisuse.objects.count()
    CodeMisuse.objects.bulk_create(found, batch_size=500, ignore_conflicts=True)
    return CodeMisuse.objects.count() - before


def _buyers(orders: Iterable[str], *, at: datetime) -> Iterable[tuple[str, int]]:
    """Who placed these orders, so far as it may be known. A query for each 500 of them."""
    wanted = list(orders)
    for start in range(0, len(wanted), 500):
        rows = histories.behaviour(
            "analytics", types=(Event.Type.ORDERED,), since=at - LOOKBACK - timedelta(days=1)
        )
        rows = rows.filter(order_id__in=wanted[start : start + 500])
        yield from rows.values_list("order_id", "customer_id").distinct()


def went_round(code_ids: Iterable[int]) -> dict[int, int]:
    """How many orders of others each of these codes was tried or used for; who is missing has none. One query."""
    rows = CodeMisuse.objects.filter(code_id__in=list(code_ids)).values_list("code_id", "order_id").distinct()
    found: dict[int, int] = {}
    for code, _order in rows:
        found[code] = found.get(code, 0) + 1
    return found
