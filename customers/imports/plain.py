"""A shop's own files: events, products, customers, reviews, and Segment messages."""

import hashlib
from decimal import Decimal
from typing import Any

import orjson
from django.utils.translation import gettext as _

from catalog.imports import ProductInput
from catalog.models import Review
from customers import identities, segment, suppression
from customers.events import FUTURE_TOLERANCE, TYPES, Incoming
from customers.identities import Profile
from customers.imports.intake import Intake
from customers.imports.source import BadFile, Column, Progress, Source, lines, not_json, rows
from customers.imports.values import number, past, truth, whole_id
from customers.models import Suppression

SUPPRESSED_AT_ONCE = 1000

EVENTS = (
    Column("customer", ("customer_id", "user_id", "user")),
    Column("sku", ("product", "product_id", "item"), required=False),
    Column("event", ("type", "event_type")),
    Column("value", ("amount", "revenue"), required=False),
    Column("occurred_at", ("timestamp", "time", "date", "created_at")),
    Column("quantity", ("qty",), required=False),
    Column("currency", required=False),
    Column("order_id", ("order", "invoice"), required=False),
    Column("message_id", ("id", "event_id"), required=False),
)


def events_csv(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """One event a row. Without a message id, equal rows are one event."""
    for row in rows(path, EVENTS, progress=progress):
        intake.counts["rows"] += 1
        customer = whole_id(row["customer"])
        try:
            when = past(row["occurred_at"], latest=intake.at + FUTURE_TOLERANCE)
            value = number(row["value"]) if row["value"] else None
            quantity = number(row["quantity"]) if row["quantity"] else Decimal(1)
        except ValueError as reason:
            intake.skip(str(reason), row.line)
            continue
        if row["event"] not in TYPES:
            intake.skip("unknown_type", row.line)
            continue
        if not customer or len(customer) > 200 or len(row["sku"]) > 100:
            intake.skip("no_customer" if not customer else "too_long", row.line)
            continue
        if quantity < 0:
            intake.skip("below_nought", row.line)
            continue
        content = "|".join(
            (customer, row["sku"], row["event"], str(value), when.isoformat(), row["order_id"])
        )
        intake.event(
            Incoming(
                message_id=row["message_id"][:100] or hashlib.sha256(content.encode()).hexdigest()[:40],
                type=row["event"],
                customer=customer,
                sku=row["sku"] or None,
                quantity=quantity,
                value=value,
                currency=row["currency"][:3],
                order_id=row["order_id"][:100],
                occurred_at=when,
            )
        )
    intake.flush()


PRODUCTS = (
    Column("sku", ("id", "product_id", "code")),
    Column("title", ("name",)),
    Column("description", required=False),
    Column("category", ("product_type", "department"), required=False),
    Column("brand", required=False),
    Column("price", ("unit_price",), required=False),
    Column("currency", required=False),
    Column("in_stock", ("availability", "stock"), required=False),
    Column("image_url", ("image_link", "image"), required=False),
    Column("url", ("link",), required=False),
)


def products_csv(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    for row in rows(path, PRODUCTS, progress=progress):
        intake.counts["rows"] += 1
        try:
            price = number(row["price"]) if row["price"] else None
            in_stock = truth(row["in_stock"])
        except ValueError as reason:
            intake.skip(str(reason), row.line)
            continue
        if not row["sku"] or len(row["sku"]) > 100 or (price is not None and price < 0):
            intake.skip("no_sku" if not row["sku"] else "bad_product", row.line)
            continue
        intake.product(
            ProductInput(
                sku=row["sku"],
                title=row["title"][:500] or row["sku"],
                description=row["description"],
                category=row["category"] or None,
                brand=row["brand"][:200],
                price=None if price is None else price.quantize(Decimal("0.01")),
                currency=row["currency"][:3],
                in_stock=in_stock,
                image_url=row["image_url"][:1000],
                url=row["url"][:1000],
            )
        )
        intake.counts["kept"] += 1
    intake.flush()


CUSTOMERS = (
    Column("id", ("customer", "customer_id", "external_id", "user_id")),
    Column("email", ("e-mail", "mail"), required=False),
    Column("phone", ("telephone", "mobile"), required=False),
    Column("name", ("full_name",), required=False),
    Column("locale", ("language",), required=False),
    Column("time_zone", ("timezone", "tz"), required=False),
    Column("country", ("country_code",), required=False),
)


def customers_csv(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    for row in rows(path, CUSTOMERS, progress=progress):
        intake.counts["rows"] += 1
        external_id = whole_id(row["id"])
        if not external_id or len(external_id) > 200:
            intake.skip("no_id", row.line)
            continue
        if len(row["country"]) not in (0, 2):
            intake.skip("country_is_no_two_letters", row.line)
            continue
        given = {
            name: row[name] or None for name in ("email", "phone", "name", "locale", "time_zone", "country")
        }
        intake.person(Profile(id=external_id, **given))  # type: ignore[arg-type]
        intake.counts["kept"] += 1
    intake.flush()


SUPPRESSIONS = (
    Column("email", ("e-mail", "mail", "address")),
    Column("reason", ("status",), required=False),
)
_WHY = {
    "": Suppression.Reason.MANUAL,
    **dict.fromkeys(("unsubscribed", "unsubscribe"), Suppression.Reason.UNSUBSCRIBED),
    **dict.fromkeys(("hard bounce", "bounced", "bounce", "cleaned"), Suppression.Reason.HARD_BOUNCE),
    **dict.fromkeys(("complaint", "complained", "spam", "abuse"), Suppression.Reason.COMPLAINT),
}


def suppressions_csv(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """An address a row, to which nothing is sent any more; who is on the list stays as they are."""
    entries: dict[str, suppression.Entry] = {}
    for row in rows(path, SUPPRESSIONS, progress=progress):
        intake.counts["rows"] += 1
        place = suppression.place(row["email"]) if "@" in row["email"] else None
        reason = _WHY.get(row["reason"].casefold().replace("_", " "))
        if place is None or reason is None:
            intake.skip("no_address" if place is None else "bad_reason", row.line)
            continue
        entries[place.index] = suppression.Entry(place, reason, intake.source)
        intake.counts["kept"] += 1
        if len(entries) >= SUPPRESSED_AT_ONCE:
            _suppress(entries, intake)
    _suppress(entries, intake)


def _suppress(entries: dict[str, suppression.Entry], intake: Intake) -> None:
    asked = [entry.place for entry in entries.values()]
    listed = suppression.of(asked).filter(channel="email").count()
    suppression.keep([*entries.values()])
    intake.counts["addresses_new"] += len(entries) - listed
    entries.clear()


REVIEWS = (
    Column("text", ("review", "review_text", "body", "comment")),
    Column("rating", ("stars", "score"), required=False),
    Column("label", required=False),
    Column("sku", ("product", "product_id", "clothing_id", "cat")),
    Column("title", required=False),
    Column("customer", ("customer_id", "user_id"), required=False),
    Column("category", ("class_name", "department_name"), required=False),
    Column("locale", ("language",), required=False),
    Column("written_at", ("date", "created_at"), required=False),
)


def reviews_csv(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """A rating of 1 to 5, or a label of 1 (good, kept as 5) or 0 (bad, kept as 1). The same text twice is one review."""
    for row in rows(path, REVIEWS, progress=progress):
        intake.counts["rows"] += 1
        text = row["text"].replace("\ufeff", "").strip()
        try:
            rating = _rating(row["rating"], row["label"])
            latest = intake.at + FUTURE_TOLERANCE
            written = past(row["written_at"], latest=latest) if row["written_at"] else None
        except ValueError as reason:
            intake.skip(str(reason), row.line)
            continue
        if not text and rating is None:
            intake.skip("empty", row.line)
            continue
        if not row["sku"]:
            intake.skip("no_sku", row.line)
            continue
        content = "|".join((row["sku"], row["customer"], row["title"], text, str(rating), row["written_at"]))
        review = Review(
            source=intake.source,
            message_id=hashlib.sha256(content.encode()).hexdigest()[:40],
            rating=rating,
            title=row["title"][:300],
            text=text,
            locale=row["locale"][:20],
            written_at=written,
        )
        intake.review(row["sku"][:100], row["customer"] or None, review)
    intake.flush()


def _rating(rating: str, label: str) -> int | None:
    if rating:
        found = number(rating)
        if found not in (1, 2, 3, 4, 5):
            raise ValueError("rating_outside_1_to_5")
        return int(found)
    return {"1": 5, "0": 1}.get(label)


def segment_jsonl(path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """One Segment message a line, as their clients send and their archives keep them."""
    empty = True
    for line_number, line in enumerate(lines(path, progress=progress), 1):
        if not line.strip():
            continue
        empty = False
        try:
            message: Any = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise not_json(path, line_number, error) from error
        intake.counts["rows"] += 1
        try:
            read = segment.read(message, received_at=intake.at)
        except segment.NotUnderstood as reason:
            intake.skip(str(reason), line_number)
            continue
        if read.unused or (read.events and not read.message_id):
            intake.skip(read.unused or "no_message_id", line_number)
            continue
        for product in read.products:
            intake.learnt(product)
        if read.profile is not None:
            intake.person(read.profile)
            intake.counts["kept"] += 1
        if read.customer and read.visitor:
            intake.joined((read.visitor, read.customer))
        if read.alias:
            intake.flush()
            identities.alias(read.alias, read.customer, at=intake.at)
        for event in read.events:
            intake.event(event)
    if empty:
        raise BadFile(_("%s is empty.") % path.name)
    intake.flush()
