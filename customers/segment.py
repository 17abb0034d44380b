"""Segment's messages in our words: e-commerce v2 (and v1 names) as events, traits as profiles.

Names and types as in Segment's public specification of its tracking API and e-commerce events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.imports import ProductInput
from customers.events import Incoming
from customers.identities import Profile

EVENTS: Mapping[str, str] = {
    "product viewed": "viewed",
    "product clicked": "viewed",
    "clicked product": "viewed",
    "viewed product": "viewed",
    "products searched": "searched",
    "product added": "added",
    "added product": "added",
    "wishlist product added to cart": "added",
    "product removed": "removed",
    "removed product": "removed",
    "product added to wishlist": "wished",
    "order completed": "ordered",
    "completed order": "ordered",
    "order refunded": "refunded",
    "product reviewed": "rated",
}


class NotUnderstood(Exception):
    """The message cannot be used; its text is the reason, one word."""


@dataclass(frozen=True)
class Read:
    """What a message says: who, what of the catalogue, what was done, and whether two ids are one person."""

    profile: Profile | None = None
    products: Sequence[ProductInput] = ()
    events: Sequence[Incoming] = ()
    joins: tuple[str, str] | None = None
    """(anonymous id, shop's own id)"""


def read(message: Any, *, received_at: datetime) -> Read:
    """Understand one message (`identify`, `track`, `alias`, …). Raises NotUnderstood."""
    if not isinstance(message, dict):
        raise NotUnderstood("not_an_object")
    user, anonymous = _text(message.get("userId"), 200), _text(message.get("anonymousId"), 200)
    kind = message.get("type")
    if kind == "alias":
        previous = _text(message.get("previousId"), 200)
        if not previous or not user:
            raise NotUnderstood("no_user_anon_id")
        return Read(joins=(previous, user))
    if not user and not anonymous:
        raise NotUnderstood("no_user_anon_id")
    joins = (anonymous, user) if user and anonymous else None
    if kind == "identify":
        return Read(profile=_profile(user, message.get("traits")) if user else None, joins=joins)
    if kind != "track":
        raise NotUnderstood("not_used" if kind in ("page", "screen", "group") else "unknown_type")
    name = EVENTS.get(_text(message.get("event"), 200).lower())
    if name is None:
        raise NotUnderstood("not_used")
    message_id = _text(message.get("messageId"), 90)
    if not message_id:
        raise NotUnderstood("no_message_id")
    properties = message.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    wares = [ware for ware in properties.get("products") or [] if isinstance(ware, dict)] or [properties]
    when = _moment(message, received_at)
    made = []
    products = []
    for place, ware in enumerate(wares):
        sku = _text(ware.get("sku") or ware.get("product_id"), 100) or None
        if sku and (title := _text(ware.get("name"), 500)):
            products.append(
                ProductInput(
                    sku=sku,
                    title=title,
                    category=_text(ware.get("category"), 200) or None,
                    brand=_text(ware.get("brand"), 200) or None,
                    price=_number(ware.get("price")),
                    image_url=_text(ware.get("image_url"), 1000) or None,
                    url=_text(ware.get("url"), 1000) or None,
                )
            )
        quantity, price = _number(ware.get("quantity")) or Decimal(1), _number(ware.get("price"))
        value = None if price is None else (quantity * price).quantize(Decimal("0.01"))
        if value is None and len(wares) == 1:
            value = _number(properties.get("revenue") or properties.get("total") or properties.get("value"))
        made.append(
            Incoming(
                message_id=message_id if len(wares) == 1 else f"{message_id}#{place}",
                type=name,
                customer=user or None,
                anonymous_id=anonymous or None,
                sku=sku,
                quantity=quantity,
                value=value,
                currency=_text(properties.get("currency"), 3),
                order_id=_text(properties.get("order_id"), 100),
                occurred_at=when,
            )
        )
    return Read(products=products, events=made, joins=joins)


def _text(value: Any, at_most: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).replace("\0", "").strip()[:at_most]


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**9 else None


def _moment(message: Mapping[str, Any], received_at: datetime) -> datetime:
    """receivedAt − (sentAt − timestamp): the sender's clock may be wrong, its differences are right."""
    stamp = _time(message.get("originalTimestamp")) or _time(message.get("timestamp"))
    sent, received = _time(message.get("sentAt")), _time(message.get("receivedAt")) or received_at
    if stamp is None:
        return received
    return received - (sent - stamp) if sent is not None else stamp


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _profile(user: str, traits: Any) -> Profile:
    traits = traits if isinstance(traits, dict) else {}
    address = traits.get("address") if isinstance(traits.get("address"), dict) else {}
    name = _text(traits.get("name"), 200) or " ".join(
        part for part in (_text(traits.get("firstName"), 100), _text(traits.get("lastName"), 100)) if part
    )
    country = _text(address.get("country") or traits.get("country"), 60)
    return Profile(
        id=user,
        email=_text(traits.get("email"), 254) or None,
        phone=_text(traits.get("phone"), 40) or None,
        name=name or None,
        locale=_text(traits.get("locale"), 20) or None,
        country=country if len(country) == 2 else None,
    )
