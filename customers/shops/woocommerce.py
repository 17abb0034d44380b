"""WooCommerce's webhooks in our words.

Topics and shapes as in WooCommerce's public reference of its REST API, version 3.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.imports import ProductInput
from customers.models import ShopConnection
from customers.shops.told import (
    Buyer,
    Line,
    Order,
    Return,
    Told,
    Ware,
    country,
    currency,
    full_name,
    id_of,
    inside,
    listed,
    moment,
    money,
    price,
    sku_of,
)
from customers.values import address, mailbox, number, text

Said = Mapping[str, Any]
_BOUGHT = frozenset({"processing", "completed", "refunded"})
_OVER = frozenset({"cancelled", "refunded", "failed"})
# What is bought is one of their variations or parts, never they themselves.
_GROUPS = frozenset({"variable", "grouped"})


def read(topic: str, said: Said, shop: ShopConnection, *, at: datetime) -> Told | None:
    """What the delivery tells; None for a topic that means nothing here. `at`: when it was received."""
    reader = TOPICS.get(topic)
    return None if reader is None else reader(said, shop, at)


# --- products --------------------------------------------------------------------------------------------------------


def _product(said: Said, shop: ShopConnection, at: datetime) -> Told:
    own = id_of(said)
    if not own:
        return Told(problems=["product_without_number"])
    item = id_of(said, "parent_id") or own if said.get("type") == "variation" else own
    ware = _ware(said, own, shop)
    if said.get("type") in _GROUPS:
        return Told(group=replace(ware, title=None, price=None, in_stock=None, url=None), group_item=item)
    return Told(wares=[Ware(item, own, moment(said.get("date_modified_gmt")) or at, ware)])


def _ware(said: Said, own: str, shop: ShopConnection) -> ProductInput:
    pictures = [inside(said, "image"), *listed(said, "images")]
    usual = price(said.get("regular_price")) if said.get("on_sale") is True else None
    tags = [tag for one in listed(said, "tags")[:50] if (tag := text(one.get("name"), 100))]
    return ProductInput(
        sku=sku_of(said.get("sku"), own, shop),
        title=text(said.get("name"), 500) or None,
        category=next((text(one.get("name"), 200) for one in listed(said, "categories")), None) or None,
        brand=next((text(one.get("name"), 200) for one in listed(said, "brands")), None) or None,
        price=price(said.get("price")),
        currency=shop.currency,
        in_stock=said.get("stock_status") != "outofstock" if "stock_status" in said else None,
        image_url=next((found for one in pictures if (found := address(one.get("src")))), None),
        url=address(said.get("permalink")),
        attributes={"tags": tags, "compare_at_price": None if usual is None else str(usual)},
        is_listed=said.get("status") == "publish"
        and said.get("catalog_visibility", "visible") in ("visible", "catalog"),
    )


def _product_gone(said: Said, shop: ShopConnection, at: datetime) -> Told:
    item = id_of(said)
    return Told(gone_item=item) if item else Told(problems=["product_without_number"])


def _product_back(said: Said, shop: ShopConnection, at: datetime) -> Told:
    return replace(_product(said, shop, at), is_forced=True)


# --- orders ----------------------------------------------------------------------------------------------------------


def _order(said: Said, shop: ShopConnection, at: datetime) -> Told:
    """An order is one once it is paid or being worked on. Without lines in what is told it is none yet."""
    order = id_of(said)
    if not order:
        return Told(problems=["order_without_number"])
    status = text(said.get("status"), 50)
    is_bought = status in _BOUGHT or bool(said.get("date_paid_gmt") or said.get("date_paid"))
    lines, problems = [], []
    for one in listed(said, "line_items") if is_bought else ():
        if id_of(one):
            lines.append(_line(one, shop))
        else:
            problems.append("line_without_number")
    # No date is told of what came back but that of the order's last change.
    changed = moment(said.get("date_modified_gmt")) or at
    returns = [
        Return(f"refund:{id_of(one)}", changed, value=abs(total))
        for one in sorted(listed(said, "refunds"), key=lambda one: (len(id_of(one)), id_of(one)))
        if id_of(one) and (total := money(one.get("total"))) is not None
    ]
    if status in _OVER:
        returns.append(Return("cancel", changed))
    bought = moment(said.get("date_created_gmt")) or at
    return Told(
        order=Order(
            order, bought, currency(said.get("currency"), shop), _buyer_of_order(said), lines, returns,
            coupon=next((text(one.get("code"), 100) for one in listed(said, "coupon_lines")), ""),
        ),
        problems=problems,
    )  # fmt: skip


def _line(one: Said, shop: ShopConnection) -> Line:
    """`total` is what was paid for the line after its discounts, without tax."""
    variant = id_of(one, "variation_id") or id_of(one, "product_id")
    return Line(
        number=id_of(one),
        variant=variant,
        sku=sku_of(one.get("sku"), variant, shop),
        title=text(one.get("name"), 500),
        quantity=max(number(one.get("quantity")) or Decimal(1), Decimal(0)),
        value=price(one.get("total")),
    )


# --- people ----------------------------------------------------------------------------------------------------------


def _buyer_of_order(said: Said) -> Buyer:
    bill = inside(said, "billing")
    return Buyer(
        number=id_of(said, "customer_id"),
        email=mailbox(bill.get("email")),
        phone=text(bill.get("phone"), 40) or None,
        name=full_name(bill),
        country=country(bill.get("country")),
    )


def _person(said: Said, shop: ShopConnection, at: datetime) -> Told:
    own, bill = id_of(said), inside(said, "billing")
    if not own:
        return Told(problems=["customer_without_number"])
    buyer = Buyer(
        number=own,
        email=mailbox(said.get("email")) or mailbox(bill.get("email")),
        phone=text(bill.get("phone"), 40) or None,
        name=full_name(said) or full_name(bill),
        country=country(bill.get("country")),
    )
    return Told(person=buyer)


TOPICS: Mapping[str, Callable[[Said, ShopConnection, datetime], Told]] = {
    "product.created": _product,
    "product.updated": _product,
    "product.deleted": _product_gone,
    "product.restored": _product_back,
    "order.created": _order,
    "order.updated": _order,
    "order.restored": _order,
    "customer.created": _person,
    "customer.updated": _person,
}
