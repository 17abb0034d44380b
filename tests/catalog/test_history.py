"""Price and stock: each change by whatever door is one line of the history, no change is none, and the desk shows it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from catalog.imports import ProductInput, learn_products, save_products
from catalog.models import Product
from customers.access import create_key
from customers.shops import connections
from tests import desk
from tests.conftest import NOW
from tests.customers.shops.conftest import SECRET, taken
from tests.customers.shops.payloads import shopify_product

pytestmark = pytest.mark.django_db
SKU = "LAV-S"
Tell = Callable[[str, bool], None]


def by_put(path: Path) -> Tell:
    key = create_key("secret")[1]

    def tell(price: str, in_stock: bool) -> None:
        said = {"title": "Lavender", "price": price, "currency": "EUR", "in_stock": in_stock}
        headers = {"Authorization": f"Bearer {key}"}
        answer = Client().put(
            f"/api/v1/products/{SKU}", said, content_type="application/json", headers=headers
        )
        assert answer.status_code in (200, 201)

    return tell


def by_bulk(path: Path) -> Tell:
    key = create_key("secret")[1]

    def tell(price: str, in_stock: bool) -> None:
        said = {"products": [{"sku": SKU, "price": price, "in_stock": in_stock}]}
        headers = {"Authorization": f"Bearer {key}"}
        answer = Client().post(
            "/api/v1/products/bulk", said, content_type="application/json", headers=headers
        )
        assert answer.status_code == 200

    return tell


def by_feed(path: Path) -> Tell:
    def tell(price: str, in_stock: bool) -> None:
        path.write_text(f"sku,title,price,in_stock\n{SKU},Lavender,{price},{'yes' if in_stock else 'no'}\n")
        call_command("import_data", "products-csv", str(path), verbosity=0)

    return tell


def by_event(path: Path) -> Tell:
    def tell(price: str, in_stock: bool) -> None:
        given = ProductInput(sku=SKU, title="Lavender", price=Decimal(price), in_stock=in_stock)
        learn_products([given], at=NOW, listed=True)

    return tell


def by_shop(path: Path) -> Tell:
    shop = connections.connect("shopify", "garden.myshopify.com", label="", currency="EUR", secret=SECRET)

    def tell(price: str, in_stock: bool) -> None:
        product = shopify_product()
        small = {**product["variants"][0], "price": price, "inventory_quantity": int(in_stock)}
        taken(shop, "products/update", {**product, "variants": [small]})

    return tell


def by_hand(path: Path) -> Tell:
    client = Client()
    client.force_login(desk.staff())

    def tell(price: str, in_stock: bool) -> None:
        row = Product.objects.filter(sku=SKU).first()
        page = (
            reverse("admin:catalog_product_change", args=[row.pk])
            if row
            else reverse("admin:catalog_product_add")
        )
        said: dict[str, Any] = {
            "sku": SKU,
            "title": "Lavender",
            "price": price,
            "currency": "EUR",
            "attributes": "{}",
        }
        said |= {"is_listed": "on"} | ({"in_stock": "on"} if in_stock else {})
        assert client.post(page, said).status_code == 302

    return tell


@pytest.mark.parametrize("door", [by_put, by_bulk, by_feed, by_event, by_shop, by_hand])
def test_each_change_is_one_line_and_no_change_is_none(door: Callable[[Path], Tell], tmp_path: Path) -> None:
    tell = door(tmp_path / "feed.csv")
    for price, in_stock in (
        ("6.50", True), ("6.50", True), ("5.50", True), ("5.50", False), ("5.50", False), ("6.50", True),
    ):  # fmt: skip
        tell(price, in_stock)
    rows = Product.objects.get(sku=SKU).changes.order_by("pk").values_list("price", "in_stock")
    assert [(str(price), in_stock) for price, in_stock in rows] == [
        ("6.50", True),
        ("5.50", True),
        ("5.50", False),
        ("6.50", True),
    ]


def test_what_somebody_described_by_hand_no_event_describes_anew(tmp_path: Path) -> None:
    by_event(tmp_path)("6.50", True)
    by_hand(tmp_path)("5.00", True)
    by_event(tmp_path)("6.50", True)
    assert Product.objects.get(sku=SKU).price == Decimal("5.00")


def test_the_product_s_page_shows_its_history_the_newest_first() -> None:
    for price, in_stock in (("8.00", True), ("6.00", True), ("6.00", False)):
        save_products([ProductInput(sku=SKU, title="Lavender", price=Decimal(price), currency="EUR", in_stock=in_stock)], at=NOW)  # fmt: skip
    client = Client()
    client.force_login(desk.staff())
    page = client.get(reverse("admin:catalog_product_change", args=[Product.objects.get().pk]))
    (history, _reviews) = page.context["sections"]
    assert [[str(cell) for cell in row[1:]] for row in history.rows] == [
        ["6.00 EUR", "–", "no"],
        ["6.00 EUR", "-25%", "yes"],
        ["8.00 EUR", "–", "yes"],
    ]
    assert client.get(history.more).status_code == 200
