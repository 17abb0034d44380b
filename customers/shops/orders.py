"""A shop's orders and returns as events: one line is one event, and no more comes back than was sold.

Whatever is told of an order is written down by the shop's own numbers of its lines and refunds, so that it does not
matter how often, by which topic, or in which sequence it is told. What comes back before its order waits for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.imports import ProductInput, learn_products
from customers import events
from customers.events import Incoming
from customers.models import Event, Identity, ShopConnection, ShopDelivery
from customers.shops import people
from customers.shops.told import CENT, Line, Order, Return

NOTHING = Decimal(0)


@dataclass
class Kept:
    """What became of an order that was told."""

    problems: list[str] = field(default_factory=list)
    waiting: list[Return] = field(default_factory=list)
    """What came back of lines that nobody has told of yet."""


@dataclass
class Left:
    """What of a line that was sold has not come back yet."""

    line: str
    sale: Event
    quantity: Decimal
    value: Decimal | None


def keep(shop: ShopConnection, order: Order, *, at: datetime) -> Kept:
    """Keep what is new of the order. Under the shop's lock. About 20 queries for a new one."""
    kept = Kept()
    name = people.name_of(shop, order.buyer) if order.lines else ""
    if order.lines and not name:
        kept.problems.append("order_without_customer")
        return kept
    if name:
        people.meet(shop, name, order.buyer)
        people.lower(shop, name, order.buyer, at=at)
        _sell(shop, order, name, kept, at=at)
    returns = [*_waiting(shop, order.number), *order.returns]
    if returns:
        _take_back(shop, order, _in_sequence(returns), kept, at=at)
    return kept


def _sell(shop: ShopConnection, order: Order, name: str, kept: Kept, *, at: datetime) -> None:
    lines = {line.number: line for line in order.lines}
    skus = {line.sku for line in lines.values() if line.sku}
    kept.problems += ["line_without_product"] * sum(not line.sku for line in lines.values())
    if skus:
        # Until the shop tells of the product itself it has a name, and is not shown.
        learn_products([_learnt(line, order) for line in lines.values() if line.sku], at=at, listed=False)
    taken = events.take_in(
        [
            Incoming(
                message_id=f"order:{order.number}:line:{line.number}",
                type=Event.Type.ORDERED,
                customer=name,
                sku=line.sku or None,
                quantity=line.quantity,
                value=line.value,
                currency=order.currency,
                order_id=f"{shop.prefix}{order.number}",
                occurred_at=order.at,
                context={"coupon": order.coupon} if order.coupon else {},
            )
            for line in lines.values()
        ],
        source=shop.source,
        at=at,
    )
    kept.problems += [refusal.reason for refusal in taken.refused]


def _learnt(line: Line, order: Order) -> ProductInput:
    return ProductInput(sku=line.sku, title=line.title or None, currency=order.currency)


def _waiting(shop: ShopConnection, order: str) -> list[Return]:
    """What waits for this order; it waits no more where it stood."""
    rows = list(ShopDelivery.objects.filter(connection=shop, order_id=order))
    for row in rows:
        row.order_id = ""
    found = [_return_of(said) for row in rows for said in row.waiting]
    ShopDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(order_id="", waiting=[])
    return found


def _in_sequence(returns: Sequence[Return]) -> list[Return]:
    """Each once, and what says that all of the order came back after what says what did."""
    each = {(one.number, one.line): one for one in returns}
    return sorted(each.values(), key=lambda one: one.number == "cancel")


def _take_back(
    shop: ShopConnection, order: Order, returns: Sequence[Return], kept: Kept, *, at: datetime
) -> None:
    beginning = f"order:{order.number}:line:"
    sold = Event.objects.filter(
        source=shop.source, order_id=f"{shop.prefix}{order.number}", type=Event.Type.ORDERED
    )
    left = {
        sale.message_id.removeprefix(beginning): Left(
            sale.message_id.removeprefix(beginning), sale, sale.quantity, sale.value
        )
        for sale in sold.select_related("product").order_by("pk")
    }
    if not left:
        kept.waiting += returns
        return
    known = _came_back(shop, left)
    names = dict(
        Identity.objects.filter(
            customer_id__in={one.sale.customer_id for one in left.values()}, kind=Identity.Kind.CUSTOMER
        ).values_list("customer_id", "value")
    )
    made: list[Incoming] = []
    for one in returns:
        if one.line and one.line not in left:
            kept.waiting.append(one)
            continue
        for place, quantity, value in _parts(one, left):
            message_id = f"order:{order.number}:{one.number}" + ("" if one.line else f":{place.line}")
            name = names.get(place.sale.customer_id)
            if message_id in known or (quantity <= 0 and not value) or name is None:
                continue
            place.quantity -= quantity
            if place.value is not None and value is not None:
                place.value -= value
            made.append(_back(message_id, place.sale, one, name, quantity=quantity, value=value))
    if made:
        events.take_in(made, source=shop.source, at=at)


def _came_back(shop: ShopConnection, left: Mapping[str, Left]) -> set[str]:
    """Take off what has come back already; by which message ids. One query."""
    by_sale = {one.sale.pk: one for one in left.values()}
    known = set()
    for back in Event.objects.filter(cancels__in=by_sale):
        one = by_sale[back.cancels_id or 0]
        one.quantity -= back.quantity
        if one.value is not None and back.value is not None:
            one.value -= back.value
        if back.source == shop.source:
            known.add(back.message_id)
    return known


def _parts(one: Return, left: Mapping[str, Left]) -> Iterator[tuple[Left, Decimal, Decimal | None]]:
    """Of which lines how many and how much come back by this; never more than is left of each."""
    if one.line:
        place = left[one.line]
        quantity = min(one.quantity, max(place.quantity, NOTHING))
        yield place, quantity, _money(one, place, quantity)
    elif one.value is None:
        for place in left.values():
            yield place, max(place.quantity, NOTHING), place.value
    else:
        whole = sum((place.sale.value or NOTHING for place in left.values()), NOTHING)
        for place in left.values():
            share = (place.sale.value or NOTHING) / whole if whole else NOTHING
            yield place, NOTHING, min((one.value * share).quantize(CENT), place.value or NOTHING)


def _money(one: Return, place: Left, quantity: Decimal) -> Decimal | None:
    if place.value is None:
        return one.value
    if one.value is not None:
        return min(one.value, place.value)
    return (place.value * quantity / place.quantity).quantize(CENT) if place.quantity > 0 else NOTHING


def _back(
    message_id: str, sale: Event, one: Return, name: str, *, quantity: Decimal, value: Decimal | None
) -> Incoming:
    return Incoming(
        message_id=message_id,
        type=Event.Type.REFUNDED,
        customer=name,
        sku=sale.product.sku if sale.product else None,
        quantity=quantity,
        value=value,
        currency=sale.currency,
        order_id=sale.order_id,
        occurred_at=one.at,
        cancels_id=sale.pk,
    )


# --- what waits, in a row ----------------------------------------------------------------------------------------


def written(returns: Sequence[Return]) -> list[dict[str, Any]]:
    """As JSON: numbers and sums as text."""
    return [
        {**asdict(one), "at": one.at.isoformat(), "quantity": str(one.quantity),
         "value": None if one.value is None else str(one.value)}
        for one in returns
    ]  # fmt: skip


def _return_of(said: Mapping[str, Any]) -> Return:
    value = said["value"]
    return Return(
        number=said["number"],
        at=datetime.fromisoformat(said["at"]),
        line=said["line"],
        quantity=Decimal(said["quantity"]),
        value=None if value is None else Decimal(value),
    )
