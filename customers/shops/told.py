"""What a delivery tells, in our words: the same whichever shop told it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from catalog.imports import ProductInput
from customers.models import ShopConnection
from customers.values import number, text

CENT = Decimal("0.01")
LONGEST_NUMBER = 25
"""Of what a shop numbers its things by; two of them and a few words make a message id."""
MOST_MONEY = Decimal(10) ** 12
MOST_ENTRIES = 2500
"""Of a list in a delivery, such as an order's lines; no shop sends as many."""


@dataclass(frozen=True)
class Ware:
    """One variant of a product, which is one product of ours."""

    item: str
    variant: str
    told_at: datetime
    product: ProductInput


@dataclass(frozen=True)
class Line:
    """What was ordered of one thing; `value` is the line's money after all discounts."""

    number: str
    variant: str
    sku: str
    title: str
    quantity: Decimal
    value: Decimal | None


@dataclass(frozen=True)
class Return:
    """What came back. Without a line its money is spread over the order's lines; without a number all that is left."""

    number: str
    at: datetime
    line: str = ""
    quantity: Decimal = Decimal(0)
    value: Decimal | None = None


@dataclass(frozen=True)
class Buyer:
    """Whom the shop speaks of. Without a number they are a guest, known by their e-mail."""

    number: str = ""
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    country: str | None = None
    locale: str | None = None
    refuses: Sequence[str] = ()
    refused_at: datetime | None = None


@dataclass(frozen=True)
class Order:
    number: str
    at: datetime
    currency: str
    buyer: Buyer
    lines: Sequence[Line] = ()
    """Empty where it is not an order yet."""
    returns: Sequence[Return] = ()
    """Of one order in the sequence in which they count."""
    coupon: str = ""


@dataclass(frozen=True)
class Told:
    """What of a delivery means something here; the rest is not kept."""

    wares: Sequence[Ware] = ()
    whole_item: str = ""
    """The wares are all that there is of this item: its other variants are gone."""
    gone_item: str = ""
    group: ProductInput | None = None
    """What is true of all variants known of `group_item`; its SKU says nothing."""
    group_item: str = ""
    order: Order | None = None
    person: Buyer | None = None
    demand: str = ""
    """What the person demands by law: a type of PrivacyRequest."""
    forget_shop: bool = False
    is_forced: bool = False
    """Taken whenever its state was written: something that came back from the bin keeps its old date."""
    problems: Sequence[str] = field(default=())


def id_of(said: Mapping[str, Any], name: str = "id") -> str:
    """A number of the shop's as text; "" for none, and for nought, by which a shop means nobody."""
    value = said.get(name)
    found = "" if isinstance(value, float) else text(value, LONGEST_NUMBER + 1)
    return "" if found == "0" or len(found) > LONGEST_NUMBER else found


def listed(said: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list, of which the first MOST_ENTRIES are looked at; empty for everything else."""
    value = said.get(name)
    return [one for one in value[:MOST_ENTRIES] if isinstance(one, dict)] if isinstance(value, list) else []


def inside(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def money(value: Any) -> Decimal | None:
    found = number(value)
    return None if found is None else found.quantize(CENT)


def line_money(value: Decimal) -> Decimal | None:
    """A line's money; None for what no line costs."""
    return max(value, Decimal(0)).quantize(CENT) if value < MOST_MONEY else None


def price(value: Any) -> Decimal | None:
    found = money(value)
    return found if found is not None and found >= 0 else None


def moment(value: Any) -> datetime | None:
    """RFC 3339, or without a zone, which WooCommerce means as UTC where it says `_gmt`."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def currency(value: Any, shop: ShopConnection) -> str:
    said = text(value, 10).upper()
    return said if len(said) == 3 and said.isascii() and said.isalpha() else shop.currency


def country(value: Any) -> str | None:
    said = text(value, 10)
    return said if len(said) == 2 and said.isascii() and said.isalpha() else None


def full_name(said: Mapping[str, Any]) -> str | None:
    parts = (text(said.get("first_name"), 100), text(said.get("last_name"), 100))
    return " ".join(part for part in parts if part) or None


def sku_of(said: Any, variant: str, shop: ShopConnection) -> str:
    """The shop's SKU, or the variant's number where it gave none."""
    return text(said, 100) or (f"{shop.prefix}{variant}" if variant else "")
