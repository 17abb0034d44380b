"""The catalogue's door for a shop's pages: its products, page by page."""

from base64 import b64encode
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection

from catalog.imports import ProductInput, save_products
from catalog.models import Product
from tests.conftest import NOW, Caller

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Caller]


def skus(caller: Caller, query: str = "") -> list[str]:
    answer = caller("GET", f"products?{query}")
    assert answer.status == 200, answer.body
    return [row["sku"] for row in answer.body["results"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["rose", "spade", "soil", "mug", "pan", "tea"]),
        ("category=Garden", ["rose", "spade", "soil"]),
        ("category=kitchen", ["mug", "pan", "tea"]),
        ("category=nothing", []),
        ("search=ROSE", ["rose"]),
        ("search=ee", ["spade", "tea"]),
        ("search=tea green", ["tea"]),
        ("search=tea blue", []),
        ("search=%25_", []),
        ("search=ea&category=Kitchen", ["tea"]),
        ("skus=tea,rose,nothing", ["rose", "tea"]),
        ("in_stock=true&category=Garden", ["rose", "spade"]),
        ("in_stock=false", ["soil"]),
        ("brand=Hill", ["spade"]),
        ("brand=hil", []),
    ],
)
def test_a_browser_s_key_finds_products(
    browser: Browser, products: dict[str, Product], query: str, found: list[str]
) -> None:
    Product.objects.filter(sku="soil").update(in_stock=False)
    Product.objects.filter(sku="spade").update(brand="Hill")
    assert skus(browser(""), query) == found


def test_what_is_not_listed_is_not_found(browser: Browser, products: dict[str, Product]) -> None:
    Product.objects.filter(sku="mug").update(is_listed=False)
    assert "mug" not in skus(browser(""))
    assert skus(browser(""), "skus=mug") == []
    assert skus(browser(""), "search=mug") == []


def test_pages_follow_each_other_and_come_back(server: Caller, products: dict[str, Product]) -> None:
    first = server("GET", "products?limit=4&in_stock=true").body
    assert first["previous"] is None
    assert "in_stock=true" in first["next"]
    second = server("GET", first["next"].partition("/api/v1/")[2]).body
    in_order = [row.sku for row in sorted(products.values(), key=lambda row: row.pk)]
    assert [row["sku"] for row in first["results"] + second["results"]] == in_order
    assert second["next"] is None
    back = server("GET", second["previous"].partition("/api/v1/")[2]).body
    assert back["results"] == first["results"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "search=a", f"search={'a' * 101}", "in_stock=perhaps"]
)
def test_a_wrong_question_is_told_so(server: Caller, query: str) -> None:
    answer = server("GET", f"products?{query}")
    assert (answer.status, answer.body["code"]) == (400, "invalid")


@pytest.mark.parametrize("said", [b"p=abc", b"p=%00", b"p=-1", b"o=1&p=x", b"r=1&p="])
def test_a_wrong_cursor_is_told_so(server: Caller, products: dict[str, Product], said: bytes) -> None:
    assert server("GET", f"products?cursor={b64encode(said).decode()}").status == 404


def test_a_cursor_from_beyond_every_number_finds_nothing(
    server: Caller, products: dict[str, Product]
) -> None:
    assert skus(server, f"cursor={b64encode(b'p=' + b'9' * 40).decode()}") == []


def test_a_product_that_comes_meanwhile_moves_no_page(server: Caller, products: dict[str, Product]) -> None:
    first = server("GET", "products?limit=3").body
    Product.objects.get(sku="rose").delete()
    save_products([ProductInput(sku="new", title="New", price=Decimal(1), currency="EUR")], at=NOW)
    second = server("GET", first["next"].partition("/api/v1/")[2]).body
    assert [row["sku"] for row in second["results"]] == ["mug", "pan", "tea"]


@pytest.mark.parametrize("narrowed", [{}, {"category_id": 1}, {"brand": "Hill"}])
def test_no_list_sorts_the_catalogue_on_the_embedded_database(narrowed: dict[str, object]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by what it has counted")
    plan = Product.objects.listed().filter(**narrowed).order_by("pk")[:51].explain()
    assert "TEMP B-TREE" not in plan
    assert ("USING INDEX" in plan) == bool(narrowed)
