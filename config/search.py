"""What the search at the top finds besides rooms: things by their names, people, products and orders by what is exact.

Every question has a limit and asks what its reader may open; a person is found only by the whole of their id or address.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from unfold.dataclasses import SearchResult

from campaigns.models import Campaign, Message, Offer, Segment
from catalog.models import Product
from config.home.need import listed, page
from customers import encryption
from customers.models import Customer, Event

MOST = 5
SHORTEST = 2


def found(request: HttpRequest, asked: str) -> list[SearchResult]:
    """Eight queries at most, none for what the reader may not see."""
    term = asked.strip()[:200]
    if len(term) < SHORTEST:
        return []
    return [result for right, ask in ASKED if request.user.has_perm(right) for result in ask(term)]


def _named(
    rows: QuerySet[Any], name: str, field: str, told: Callable[[], str], icon: str
) -> Callable[[str], Iterator[SearchResult]]:
    """Rows of a small table, by a part of their name or slug."""

    def ask(term: str) -> Iterator[SearchResult]:
        by = Q(**{f"{field}__icontains": term}) | Q(slug__icontains=term)
        for row in rows.filter(by).order_by("-pk")[:MOST]:
            yield SearchResult(str(row), told(), page(name, row.pk), icon)

    return ask


def _customers(term: str) -> Iterator[SearchResult]:
    """By the whole id, e-mail address or phone number. What was typed is not repeated."""
    by = Q(external_id=term)
    for kind in ("email", "phone"):
        if indexes := encryption.blind_indexes(kind, term):
            by |= Q(**{f"{kind}_index__in": indexes})
    for pk in Customer.objects.present().filter(by).order_by("pk").values_list("pk", flat=True)[:MOST]:
        yield SearchResult(
            f"#{pk}", _("customer, by what you typed"), page("customers_customer", pk), "person"
        )


def _products(term: str) -> Iterator[SearchResult]:
    rows = Product.objects.filter(Q(sku=term) | Q(title__icontains=term)).order_by("pk")
    for row in rows.only("sku", "title")[:MOST]:
        told = _("product %s") % row.sku
        yield SearchResult(row.title, told, page("catalog_product", row.pk), "inventory_2")


def _orders(term: str) -> Iterator[SearchResult]:
    if Event.objects.filter(order_id=term).exists():
        link = listed("customers_event", urlencode({"q": term}))
        yield SearchResult(term, _("order"), link, "receipt_long")


ASKED: tuple[tuple[str, Callable[[str], Iterator[SearchResult]]], ...] = (
    (
        "campaigns.view_campaign",
        _named(Campaign.objects.all(), "campaigns_campaign", "name", lambda: _("campaign"), "campaign"),
    ),
    (
        "campaigns.view_segment",
        _named(Segment.objects.all(), "campaigns_segment", "name", lambda: _("segment"), "group_work"),
    ),
    (
        "campaigns.view_offer",
        _named(Offer.objects.all(), "campaigns_offer", "title", lambda: _("offer"), "sell"),
    ),
    (
        "campaigns.view_message",
        _named(Message.objects.all(), "campaigns_message", "name", lambda: _("message"), "mail"),
    ),
    ("customers.view_customer", _customers),
    ("catalog.view_product", _products),
    ("customers.view_event", _orders),
)
