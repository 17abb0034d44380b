"""What a template may use, for a page of deliveries at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.liquid_templates import money
from campaigns.messages.wording import benefit_words, day, translated
from campaigns.models import Decision, Delivery, JourneyEntry, Message, Offer
from catalog.models import Product
from customers.consent import Permission
from customers.links import preferences_url, unsubscribe_url
from customers.models import Customer

SAMPLE_CODE, TEST_CODE = "SAMPLE-CODE", "TEST-CODE"


def language_of(customer: Customer) -> str:
    return "zh-hans" if customer.locale.lower().startswith("zh") else "en"


@dataclass(frozen=True)
class Page:
    """What a page of deliveries needs, read in a handful of queries."""

    products: Mapping[str, Product]
    trackable: Collection[int]
    siblings: Mapping[tuple[int, int | None, int], Sequence[Decision]] = field(default_factory=dict)
    """(customer, entry, step) -> the decisions of the further slots, in order"""
    causes: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """journey entry -> the SKUs it was begun by"""
    code: str = ""
    """What stands for every code, where the message is only looked at."""


def page_of(deliveries: Sequence[Delivery], *, at: datetime) -> Page:
    """Five queries at most for any number of deliveries (loaded as `delivery.load` does)."""
    people = {delivery.customer_id for delivery in deliveries}
    runs = {delivery.run_id for delivery in deliveries}
    further = Decision.objects.filter(slot__gt=0, run_id__in=runs, customer_id__in=people)
    siblings: dict[tuple[int, int | None, int], list[Decision]] = {}
    for row in further.select_related("offer", "code").defer("candidates").order_by("slot"):
        siblings.setdefault((row.customer_id, row.entry_id, row.step), []).append(row)
    causes: dict[int, Sequence[str]] = {}
    if entries := {delivery.entry_id for delivery in deliveries if delivery.entry_id is not None}:
        found = JourneyEntry.objects.filter(pk__in=entries).values_list("pk", "cause")
        causes = {pk: cause_skus(cause) for pk, cause in found}
    skus = {sku for delivery in deliveries for sku in delivery.decision.skus}
    skus |= {sku for listed in causes.values() for sku in listed}
    trackable = Permission.of_many(people, "message_tracking", at=at).keys()
    return Page(products_of(skus), trackable, siblings, causes)


def cause_skus(cause: Any) -> Sequence[str]:
    """The products that began a journey: `{"skus": […]}`."""
    skus = cause.get("skus") if isinstance(cause, dict) else None
    return [sku for sku in skus if isinstance(sku, str)] if isinstance(skus, list) else []


def products_of(skus: Collection[str]) -> dict[str, Product]:
    """What may be shown of these, as in the shop: listed and in stock. One query."""
    return {product.sku: product for product in Product.objects.sellable().filter(sku__in=skus)}


def context_of(
    delivery: Delivery, fields: Mapping[str, str], message: Message, page: Page, language: str
) -> dict[str, Any]:
    """What a template may use; `fields` are the person's, unsealed. Call it under the person's language."""
    customer, decision = delivery.customer, delivery.decision
    further = page.siblings.get((delivery.customer_id, delivery.entry_id, delivery.step), ())
    zone = _zone(customer.time_zone or settings.DEFAULT_TIME_ZONE)
    offers = [
        _told(row, row.offer, language, zone, page.code)
        for row in (decision, *further)
        if row.offer is not None
    ]
    cause = page.causes.get(delivery.entry_id, ()) if delivery.entry_id is not None else ()
    context: dict[str, Any] = {
        "customer": {
            key: value
            for key, value in (("name", fields.get("name")), ("country", customer.country))
            if value
        }
        | {f"attribute_{key}": value for key, value in customer.attributes.items()},
        "shop": {"url": settings.PUBLIC_URL},
        "links": links_of(customer, decision.purpose, is_sample=bool(page.code)),
        "products": _listed(decision.skus, page.products)[: message.product_count],
        "offers": offers,
        "cause": {"products": _listed(cause, page.products)},
        "language": language,
    }
    if offers:
        context["offer"] = offers[0]
    return context


def links_of(customer: Customer, purpose: str, *, is_sample: bool) -> dict[str, str]:
    """The person's own ways out; in a sample they lead nowhere, so that who tries them ends nobody's permission."""
    if is_sample:
        return {
            "preferences": f"{settings.PUBLIC_URL}/preferences/sample/",
            "unsubscribe": f"{settings.PUBLIC_URL}/unsubscribe/sample/",
        }
    return {"preferences": preferences_url(customer), "unsubscribe": unsubscribe_url(customer, purpose)}


def _listed(skus: Iterable[str], products: Mapping[str, Product]) -> list[dict[str, str]]:
    return [
        {
            "sku": product.sku,
            "title": product.title,
            "url": product.url or f"{settings.PUBLIC_URL}/shop/{product.sku}",
            "image_url": product.image_url,
            "price": "" if product.price is None else money(product.price, product.currency),
        }
        for sku in skus
        if (product := products.get(sku)) is not None
    ]


def _told(decision: Decision, offer: Offer, language: str, zone: tzinfo, code: str) -> dict[str, str]:
    until = day(decision.expires_at.astimezone(zone).date()) if decision.expires_at else ""
    minimum = money(offer.minimum_amount, offer.currency) if offer.minimum_amount else ""
    terms = [
        _("Valid until %(day)s.") % {"day": until} if until else "",
        _("From %(amount)s.") % {"amount": minimum} if minimum else "",
    ]
    shown = decision.code.value if decision.code else ""
    return {
        "title": translated(offer, language, "title"),
        "description": translated(offer, language, "description"),
        "benefit": benefit_words(offer),
        "code": code if code and offer.code_kind != Offer.CodeKind.NONE else shown,
        "valid_until": until,
        "minimum": minimum,
        "terms": " ".join(filter(None, terms)),
    }


@lru_cache(maxsize=128)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
