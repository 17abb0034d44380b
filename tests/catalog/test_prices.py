"""A price's steps hold until the next change; out of stock is a gap; the sentence says the same in words."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Product, ProductChange
from catalog.prices import Gap, Steps
from tests import desk
from tests.conftest import NOW


def changes(*rows: tuple[int, str | None, bool]) -> list[ProductChange]:
    """(days ago, price, in stock)"""
    return [
        ProductChange(
            price=None if price is None else Decimal(price), in_stock=stock, at=NOW - timedelta(days=days)
        )
        for days, price, stock in rows
    ]


def test_each_price_holds_until_the_next() -> None:
    steps = Steps.of(
        changes((10, "10.00", True), (5, "5.00", False), (2, "8.00", True)), currency="EUR", at=NOW
    )
    assert steps is not None
    assert steps.path == "M0.0 0.0 L50.0 0.0 L50.0 50.0 L80.0 50.0 L80.0 20.0 L100.0 20.0"
    assert steps.gaps == [Gap(50.0, 30.0)]
    assert (steps.top, steps.bottom) == ("10.00 EUR", "0")
    assert steps.summary == (
        "Between 5.00 and 10.00 EUR since 14 Nov 2026, now 8.00. Out of stock on 3 days."
    )


def test_one_state_alone_or_no_price_draws_nothing() -> None:
    assert Steps.of(changes((10, "10.00", True)), currency="EUR", at=NOW) is None
    assert Steps.of(changes((10, None, True), (2, None, False)), currency="EUR", at=NOW) is None


def test_a_gift_of_nought_is_drawn_on_the_floor() -> None:
    steps = Steps.of(changes((10, "0.00", True), (5, "0.00", True)), currency="", at=NOW)
    assert steps is not None
    assert steps.path.startswith("M0.0 100.0")


@pytest.mark.django_db
def test_the_page_of_a_product_draws_it_and_leads_to_what_is_made_of_it(products: dict[str, Product]) -> None:
    rose = products["rose"]
    rose.changes.all().delete()
    for row in changes((10, "10.00", True), (5, "5.00", False)):
        row.product = rose
        row.save()
    client = Client()
    client.force_login(desk.staff())
    told = client.get(reverse("admin:catalog_product_change", args=[rose.pk])).content.decode()
    assert 'class="desk-price"' in told
    for page in ("recommender_placement_audience", "recommender_modelversion_moods"):
        assert f"{reverse(f'admin:{page}')}?sku={rose.sku}" in told
    added = client.get(reverse("admin:catalog_product_add"))
    assert added.status_code == 200
    assert "desk-price" not in added.content.decode()
