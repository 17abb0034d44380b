"""Shopify's webhooks in our words.

Topics and shapes as in Shopify's public reference of its webhooks and of the Admin API's product, order, refund and
customer.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.imports import ProductInput
from customers.models import PrivacyRequest, ShopConnection
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
    line_money,
    listed,
    moment,
    money,
    price,
    sku_of,
)
from customers.values import address, mailbox, number, text

Said = Mapping[str, Any]
# A variant without a name of its own is called so.
_ONLY = "Default Title"
# Of a product of more variants only so many are told.
_MOST_VARIANTS = 100


def read(topic: str, said: Said, shop: ShopConnection, *, at: datetime) -> Told | None:
    """What the delivery tells; None for a topic that means nothing here. `at`: when it was received."""
    reader = TOPICS.get(topic)
    return None if reader is None else reader(said, shop, at)


# --- products --------------------------------------------------------------------------------------------------------


def _product(said: Said, shop: ShopConnection, at: datetime) -> Told:
    item = id_of(said)
    if not item:
        return Told(problems=["product_without_number"])
    told_at = moment(said.get("updated_at")) or at
    found, problems = [], []
    for variant in listed(said, "variants"):
        if number_of := id_of(variant):
            found.append(Ware(item, number_of, told_at, _ware(said, variant, shop)))
        else:
            problems.append("variant_without_number")
    is_whole = 0 < len(listed(said, "variants")) < _MOST_VARIANTS
    return Told(wares=found, whole_item=item if is_whole else "", problems=problems)


def _ware(said: Said, variant: Said, shop: ShopConnection) -> ProductInput:
    number_of, handle = id_of(variant), text(said.get("handle"), 255)
    own, title = text(variant.get("title"), 250), text(said.get("title"), 250)
    was = price(variant.get("compare_at_price"))
    tags = said.get("tags")
    return ProductInput(
        sku=sku_of(variant.get("sku"), number_of, shop),
        title=f"{title} – {own}" if own and own != _ONLY else title or None,
        category=text(said.get("product_type"), 200) or None,
        brand=text(said.get("vendor"), 200) or None,
        price=price(variant.get("price")),
        currency=shop.currency,
        in_stock=_in_stock(variant),
        image_url=_picture(said, variant),
        url=f"https://{shop.domain}/products/{handle}?variant={number_of}" if handle else None,
        attributes={"tags": _tags(tags), "compare_at_price": None if was is None else str(was)},
        is_listed=text(said.get("status"), 20) in ("active", "") and said.get("published_at") is not None,
    )


def _in_stock(variant: Said) -> bool:
    """What is not counted can always be had, and so can what is sold beyond the stock."""
    if "inventory_management" in variant and not variant["inventory_management"]:
        return True
    left = number(variant.get("inventory_quantity"))
    return variant.get("inventory_policy") == "continue" or left is None or left > 0


def _picture(said: Said, variant: Said) -> str | None:
    own = id_of(variant, "image_id")
    pictures = listed(said, "images")
    mine = [one for one in pictures if own and id_of(one) == own]
    first = [inside(said, "image"), *pictures]
    return next((found for one in [*mine, *first] if (found := address(one.get("src")))), None)


def _tags(said: Any) -> list[str]:
    each = said.split(",") if isinstance(said, str) else said if isinstance(said, list) else []
    return [tag for one in each[:50] if (tag := text(one, 100))]


def _product_gone(said: Said, shop: ShopConnection, at: datetime) -> Told:
    item = id_of(said)
    return Told(gone_item=item) if item else Told(problems=["product_without_number"])


# --- orders ----------------------------------------------------------------------------------------------------------


def _order(said: Said, shop: ShopConnection, at: datetime) -> Told:
    if said.get("test") is True:
        return Told(problems=["test_order"])
    order = id_of(said)
    if not order:
        return Told(problems=["order_without_number"])
    lines, problems = [], []
    for one in listed(said, "line_items"):
        if not id_of(one):
            problems.append("line_without_number")
            continue
        lines.append(_line(one, shop))
    returns = [back for refund in listed(said, "refunds") for back in _returns(refund, at, problems)]
    if cancelled := moment(said.get("cancelled_at")):
        returns.append(Return("cancel", cancelled))
    bought = moment(said.get("processed_at")) or moment(said.get("created_at")) or at
    return Told(
        order=Order(
            order,
            bought,
            currency(said.get("currency"), shop),
            _buyer_of_order(said),
            lines,
            returns,
            coupon=next((text(one.get("code"), 100) for one in listed(said, "discount_codes")), ""),
        ),
        problems=problems,
    )


def _line(one: Said, shop: ShopConnection) -> Line:
    """Its value is what was paid for it: discounts of the line and the line's part of the order's."""
    variant = id_of(one, "variant_id")
    each, quantity = money(one.get("price")), max(number(one.get("quantity")) or Decimal(1), Decimal(0))
    parts = [money(part.get("amount")) for part in listed(one, "discount_allocations")]
    less = (
        sum((part for part in parts if part), Decimal(0))
        if parts
        else money(one.get("total_discount")) or Decimal(0)
    )
    return Line(
        number=id_of(one),
        variant=variant,
        sku=sku_of(one.get("sku"), variant, shop),
        title=text(one.get("name") or one.get("title"), 500),
        quantity=quantity,
        value=None if each is None else line_money(each * quantity - less),
    )


def _refund(said: Said, shop: ShopConnection, at: datetime) -> Told:
    """It names its order and lines, and not the customer."""
    order, problems = id_of(said, "order_id"), list[str]()
    if not order:
        return Told(problems=["refund_without_order"])
    returns = _returns(said, at, problems)
    return Told(order=Order(order, at, shop.currency, Buyer(), (), returns), problems=problems)


def _returns(refund: Said, at: datetime, problems: list[str]) -> list[Return]:
    when = moment(refund.get("processed_at")) or moment(refund.get("created_at")) or at
    found = []
    for one in listed(refund, "refund_line_items"):
        line, own = id_of(one, "line_item_id") or id_of(inside(one, "line_item")), id_of(one)
        if not line or not own:
            problems.append("return_without_line")
            continue
        quantity = max(number(one.get("quantity")) or Decimal(0), Decimal(0))
        found.append(Return(f"refund:{own}", when, line, quantity, price(one.get("subtotal"))))
    if not listed(refund, "refund_line_items"):
        problems.append("refund_without_lines")
    return found


# --- people ----------------------------------------------------------------------------------------------------------

_REFUSABLE = (("email_marketing_consent", "marketing_email"), ("sms_marketing_consent", "marketing_sms"))


def _buyer(said: Said) -> Buyer:
    place = inside(said, "default_address")
    refuses, when = [], []
    for name, purpose in _REFUSABLE:
        consent = inside(said, name)
        if consent.get("state") == "unsubscribed":
            refuses.append(purpose)
            when.append(moment(consent.get("consent_updated_at")))
    return Buyer(
        number=id_of(said),
        email=mailbox(said.get("email")),
        phone=text(said.get("phone"), 40) or None,
        name=full_name(said),
        country=country(place.get("country_code")),
        locale=text(said.get("locale"), 20) or None,
        refuses=refuses,
        refused_at=min((one for one in when if one), default=None),
    )


def _buyer_of_order(said: Said) -> Buyer:
    customer = inside(said, "customer")
    address_of = inside(said, "billing_address") or inside(said, "shipping_address")
    filled = {
        "email": said.get("email") or said.get("contact_email"),
        "phone": said.get("phone"),
        "locale": said.get("customer_locale"),
        "first_name": address_of.get("first_name"),
        "last_name": address_of.get("last_name"),
        "default_address": {"country_code": address_of.get("country_code")},
    }
    return _buyer({**filled, **{name: value for name, value in customer.items() if value}})


def _person(said: Said, shop: ShopConnection, at: datetime) -> Told:
    buyer = _buyer(said)
    return Told(person=buyer) if buyer.number else Told(problems=["customer_without_number"])


def _consent(said: Said, shop: ShopConnection, at: datetime) -> Told:
    return _person({**said, "id": said.get("customer_id")}, shop, at)


def _demand(kind: str) -> Callable[[Said, ShopConnection, datetime], Told]:
    def read_demand(said: Said, shop: ShopConnection, at: datetime) -> Told:
        customer = inside(said, "customer")
        who = Buyer(number=id_of(customer), email=mailbox(customer.get("email")))
        if not who.number and not who.email:
            return Told(problems=["customer_without_number"])
        return Told(person=who, demand=kind)

    return read_demand


def _shop_gone(said: Said, shop: ShopConnection, at: datetime) -> Told:
    return Told(forget_shop=True)


TOPICS: Mapping[str, Callable[[Said, ShopConnection, datetime], Told]] = {
    "products/create": _product,
    "products/update": _product,
    "products/delete": _product_gone,
    "orders/create": _order,
    "orders/paid": _order,
    "orders/updated": _order,
    "orders/cancelled": _order,
    "refunds/create": _refund,
    "customers/create": _person,
    "customers/update": _person,
    "customers_email_marketing_consent/update": _consent,
    "customers_marketing_consent/update": _consent,
    "customers/data_request": _demand(PrivacyRequest.Type.ACCESS),
    "customers/redact": _demand(PrivacyRequest.Type.ERASURE),
    "shop/redact": _shop_gone,
}
