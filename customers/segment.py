"""Segment's messages in our words: e-commerce v2 (and v1 names) as events, traits as profiles, consent as answers.

Names and types as in Segment's public specification of its tracking API and e-commerce events.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from catalog.imports import ProductInput
from customers import banner
from customers.events import Incoming
from customers.identities import Profile
from customers.values import address, mailbox, number, text

TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})
EVENTS: Mapping[str, str] = {
    "product viewed": "viewed",
    "viewed product": "viewed",
    "product clicked": "viewed",
    "clicked product": "viewed",
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
    "order cancelled": "refunded",
    "product reviewed": "rated",
    "promotion viewed": "opened",
    "viewed promotion": "opened",
    "promotion clicked": "clicked",
    "clicked promotion": "clicked",
}
# The whole order comes back, whatever products the message repeats.
_WHOLE_ORDER = frozenset({"order cancelled"})
# Traits that mean something of their own in the specification: they become no attributes of ours.
_RESERVED = {
    "address", "age", "avatar", "birthday", "company", "createdAt", "description", "email", "firstName", "gender", "id",
    "lastName", "name", "phone", "title", "username", "website", "locale", "country", "timezone", "timeZone",
}  # fmt: skip
MOST_ATTRIBUTES = 50
LONGEST_ID = 90
"""Of a message id; the number of a product within the message is written behind it."""


class NotUnderstood(Exception):
    """The message cannot be used; its text is the reason, one word."""


@dataclass(frozen=True)
class Read:
    """What a message says: who, what of the catalogue, what was done, and whether two ids are one person."""

    message_id: str
    at: datetime
    """When it was, by the sender's clock put right."""
    customer: str = ""
    """The shop's own id, or ""."""
    visitor: str = ""
    """The anonymous id, or ""."""
    profile: Profile | None = None
    products: Sequence[ProductInput] = ()
    events: Sequence[Incoming] = ()
    alias: str = ""
    """Another name of this customer's."""
    answers: banner.Answers = banner.NOTHING_SAID
    unused: str = ""
    """Why nothing of what was done is kept."""


def with_envelope(message: Any, envelope: Mapping[str, Any]) -> Any:
    """The message of a batch with what the batch says for all of its messages: context, integrations, sentAt."""
    if not isinstance(message, dict):
        return message
    whole = dict(message)
    for name in ("context", "integrations"):
        outer, inner = envelope.get(name), message.get(name)
        if isinstance(outer, dict):
            whole[name] = {**outer, **inner} if isinstance(inner, dict) else outer
    if not whole.get("sentAt") and envelope.get("sentAt"):
        whole["sentAt"] = envelope["sentAt"]
    return whole


def read(message: Any, *, received_at: datetime) -> Read:
    """Understand one message (`identify`, `track`, `alias`, …). Raises NotUnderstood."""
    if not isinstance(message, dict):
        raise NotUnderstood("not_an_object")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise NotUnderstood("unknown_type")
    user, anonymous = text(message.get("userId"), 200), text(message.get("anonymousId"), 200)
    message_id, at = id_of(message), _moment(message, received_at)
    if kind == "alias":
        previous = text(message.get("previousId"), 200)
        if not previous or not user:
            raise NotUnderstood("no_user_anon_id")
        return Read(message_id, at, customer=user, alias=previous)
    if not user and not anonymous:
        raise NotUnderstood("no_user_anon_id")
    who: dict[str, Any] = {"customer": user, "visitor": anonymous, "answers": banner.answers_of(message)}
    if kind == "identify":
        return Read(message_id, at, profile=_profile(user, message.get("traits")) if user else None, **who)
    if kind != "track":
        return Read(message_id, at, unused="not_used", **who)
    event = text(message.get("event"), 200).lower()
    if not event:
        raise NotUnderstood("no_event")
    if event not in EVENTS:
        return Read(message_id, at, unused="not_used", **who)
    properties = message.get("properties")
    return _done(event, properties if isinstance(properties, dict) else {}, Read(message_id, at, **who))


def _done(event: str, properties: Mapping[str, Any], said: Read) -> Read:
    """What a `track` tells: one event a product, and what the products are."""
    listed = properties.get("products")
    wares: list[Mapping[str, Any]] = [ware for ware in listed if isinstance(ware, dict)] if isinstance(listed, list) else []  # fmt: skip
    if not wares or event in _WHOLE_ORDER:
        wares = [properties]
    context = _context(event, properties)
    made, products = [], []
    for place, ware in enumerate(wares):
        sku = text(ware.get("sku") or ware.get("product_id"), 100) or None
        if event in _WHOLE_ORDER:
            sku = None
        if sku and (title := text(ware.get("name"), 500)):
            products.append(_product(sku, title, ware, text(properties.get("currency"), 3)))
        quantity = max(number(ware.get("quantity")) or Decimal(1), Decimal(0))
        price = number(ware.get("price"))
        value = None if price is None else (quantity * price).quantize(Decimal("0.01"))
        if value is None and len(wares) == 1 and event not in _WHOLE_ORDER:
            value = number(properties.get("revenue") or properties.get("total") or properties.get("value"))
        made.append(
            Incoming(
                message_id=said.message_id if len(wares) == 1 else f"{said.message_id}#{place}",
                type=EVENTS[event],
                customer=said.customer or None,
                anonymous_id=said.visitor or None,
                sku=sku,
                quantity=quantity,
                value=value if value is None or abs(value) < 10**12 else None,
                currency=_currency(properties.get("currency")),
                order_id=text(properties.get("order_id"), 100),
                occurred_at=said.at,
                context=context,
            )
        )
    return replace(said, products=products, events=made)


def _product(sku: str, title: str, ware: Mapping[str, Any], currency: str) -> ProductInput:
    price = number(ware.get("price"))
    return ProductInput(
        sku=sku,
        title=title,
        category=text(ware.get("category"), 200) or None,
        brand=text(ware.get("brand"), 200) or None,
        price=price.quantize(Decimal("0.01")) if price is not None and price >= 0 else None,
        currency=_currency(currency) or None,
        image_url=address(ware.get("image_url")),
        url=address(ware.get("url")),
    )


def _context(event: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The little of a message's properties that something here reads; the rest is not kept."""
    kept: dict[str, Any] = {}
    kind = EVENTS[event]
    if kind == "searched" and (query := text(properties.get("query"), 200)):
        kept["query"] = query
    if kind == "rated" and (rating := number(properties.get("rating"))) is not None:
        kept["rating"] = float(rating)
    if kind in ("opened", "clicked"):
        for name, ours in (("promotion_id", "promotion"), ("decision_id", "decision")):
            if said := text(properties.get(name), 100):
                kept[ours] = said
    if kind == "ordered":
        if code := text(properties.get("coupon"), 100):
            kept["coupon"] = code
        if isinstance(properties.get("soft_opt_in"), dict):
            kept["soft_opt_in"] = _plain(properties["soft_opt_in"])
    return kept


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is text, a number or a yes under a name of at most 100 letters; text cut, without NUL, as a column takes it."""
    return {
        name: value.replace("\0", "")[:500] if isinstance(value, str) else value
        for name, value in said.items()
        if isinstance(value, str | int | float | bool) and len(name) <= 100 and "\0" not in name
    }


def id_of(message: Mapping[str, Any]) -> str:
    """The message's id, by which it is kept once.

    A long one is kept as its hash. Where there is none a dated message is known by all it says; an undated one is new.
    """
    given = text(message.get("messageId"), 10_000)
    if given:
        return given if len(given) <= LONGEST_ID else f"sha256:{hashlib.sha256(given.encode()).hexdigest()}"
    said = {name: value for name, value in message.items() if name != "sentAt"}
    if not (message.get("timestamp") or message.get("originalTimestamp")):
        return ""
    return f"sha256:{hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()}"


def _currency(value: Any) -> str:
    said = text(value, 10).upper()
    return said if len(said) == 3 and said.isascii() and said.isalpha() else ""


def _moment(message: Mapping[str, Any], received_at: datetime) -> datetime:
    """receivedAt − (sentAt − timestamp): the sender's clock may be wrong, its differences are right."""
    stamp = _time(message.get("originalTimestamp")) or _time(message.get("timestamp"))
    sent, received = _time(message.get("sentAt")), _time(message.get("receivedAt")) or received_at
    if stamp is None:
        return received
    try:
        return received - (sent - stamp) if sent is not None else stamp
    except OverflowError:
        return received


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _profile(user: str, traits: Any) -> Profile:
    traits = traits if isinstance(traits, dict) else {}
    place = traits.get("address") if isinstance(traits.get("address"), dict) else {}
    name = text(traits.get("name"), 200) or " ".join(
        part for part in (text(traits.get("firstName"), 100), text(traits.get("lastName"), 100)) if part
    )
    country = text(place.get("country") or traits.get("country"), 60)
    custom = {label: value for label, value in _plain(traits).items() if label not in _RESERVED}
    return Profile(
        id=user,
        email=mailbox(traits.get("email")),
        phone=text(traits.get("phone"), 40) or None,
        name=name or None,
        locale=text(traits.get("locale"), 20) or None,
        country=country if len(country) == 2 and country.isascii() and country.isalpha() else None,
        attributes=dict(list(custom.items())[:MOST_ATTRIBUTES]) or None,
    )
