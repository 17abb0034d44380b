"""Orders of the demo's shop: its own prices, a code redeemed or none, and what the platform is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from campaigns import codes
from campaigns.codes import Discount
from catalog.models import Product
from customers import events, identities
from customers.events import Incoming

MOST_LINES = 50


class Wrong(Exception):
    """The page asked for something that the shop cannot do; what it said."""


@dataclass(frozen=True)
class Line:
    product: Product
    quantity: int

    @property
    def value(self) -> Decimal:
        return (self.product.price or Decimal(0)) * self.quantity


def place(who: str, lines: Sequence[Line], *, order_id: str, code: str, at: datetime) -> Discount | None:
    """Redeem the code and tell what was ordered, in the caller's transaction. Raises NotRedeemable."""
    off = codes.redeem(code, order_id=order_id, **sum_of(lines, who, at=at)) if code else None
    told = [
        Incoming(
            message_id=f"{order_id}#{position}",
            type="ordered",
            occurred_at=at,
            customer=who,
            sku=line.product.sku,
            quantity=Decimal(line.quantity),
            value=line.value,
            currency=line.product.currency,
            order_id=order_id,
            context={"coupon": code} if code else {},
        )
        for position, line in enumerate(lines)
    ]
    events.take_in(told, source="api:secret", at=at)
    return off


def lines_of(said: Mapping[str, Any]) -> list[Line]:
    """The basket with the shop's own prices. Raises Wrong."""
    asked = said.get("lines")
    if not isinstance(asked, dict) or not 0 < len(asked) <= MOST_LINES or "\0" in "".join(asked):
        raise Wrong("no_lines")
    found = {row.sku: row for row in Product.objects.sellable().filter(sku__in=asked, price__isnull=False)}
    if len(found) != len(asked) or len({row.currency for row in found.values()}) != 1:
        raise Wrong("not_sellable")
    if not all(type(number) is int and 0 < number < 100 for number in asked.values()):
        raise Wrong("wrong_quantity")
    return [Line(found[sku], number) for sku, number in asked.items()]


def sum_of(lines: Sequence[Line], who: str, *, at: datetime) -> dict[str, Any]:
    return {
        "customer_id": identities.find([who]).get(who, 0) if who else None,
        "amount": sum((line.value for line in lines), Decimal(0)),
        "currency": lines[0].product.currency,
        "skus": [line.product.sku for line in lines],
        "at": at,
    }


def bill(lines: Sequence[Line], off: Discount | None) -> dict[str, str]:
    amount = sum((line.value for line in lines), Decimal(0))
    discount = off.discount if off is not None else Decimal(0)
    return {
        "sum": str(amount),
        "discount": str(discount),
        "total": str(amount - discount),
        "currency": lines[0].product.currency,
    }


def refusal(code: str) -> str:
    return {
        "already_used": _("This code has been used."),
        "expired": _("This code has expired."),
        "not_started": _("This code holds later."),
        "wrong_customer": _("This code belongs to someone else."),
        "minimum_not_met": _("Your basket is too small for this code."),
        "limit_reached": _("This offer has been used as often as it may be."),
        "not_applicable": _("This code is for other products."),
    }.get(code, _("There is no such code."))
