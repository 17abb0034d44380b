"""The desk shows what reviews say: a filter, a mean a product, and words where there are none."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Product, Review
from tests import desk

LIST = "admin:catalog_review_changelist"


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture
def reviewed(products: dict[str, Product]) -> None:
    for n, (sku, rating, sentiment) in enumerate(
        [("rose", 5, 0.9), ("rose", 2, 0.1), ("rose", None, None), ("rose", 4, 0.5), ("mug", 1, 0.2)]
    ):
        Review.objects.create(
            product=products[sku], source="shop", message_id=str(n), rating=rating, sentiment=sentiment, title=f"No{n}!"
        )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "found"),
    [("favourable", {0, 3}), ("unfavourable", {1, 4}), ("unknown", {2}), ("nonsense", {0, 1, 2, 3, 4})],
)
def test_reviews_are_filtered_by_what_they_say(
    client: Client, reviewed: None, asked: str, found: set[int]
) -> None:
    page = client.get(reverse(LIST), {"mood": asked}).content.decode()
    assert {n for n in range(5) if f"No{n}!" in page} == found


def test_a_product_shows_the_mean_of_its_reviews(client: Client, reviewed: None) -> None:
    products = client.get(reverse("admin:catalog_product_changelist")).content.decode()
    assert "4 · 50%" in products  # (0.9 + 0.1 + 0.5) / 3
    assert "1 · 20%" in products
    rose, pan = (Product.objects.get(sku=sku).pk for sku in ("rose", "pan"))
    page = client.get(reverse("admin:catalog_product_change", args=[rose])).content.decode()
    assert "3.7" in page  # (5 + 2 + 4) / 3
    assert "Mean sentiment" in page
    page = client.get(reverse("admin:catalog_product_change", args=[pan])).content.decode()
    assert "Nobody has reviewed it yet." in page


def test_an_empty_list_says_where_reviews_come_from(client: Client) -> None:
    page = client.get(reverse(LIST)).content.decode()
    assert "once 50 favourable and 50 unfavourable ones are rated" in page


def test_the_list_of_products_asks_once_for_all_their_reviews(client: Client, reviewed: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("admin:catalog_product_changelist"))
    assert sum('FROM "catalog_review"' in query["sql"] for query in queries) == 1


def test_an_address_typed_without_a_scheme_means_https(client: Client, products: dict[str, Product]) -> None:
    rose = products["rose"]
    form = client.get(reverse("admin:catalog_product_change", args=[rose.pk])).context["adminform"].form
    assert form.fields["url"].clean("shop.example/rose") == "https://shop.example/rose"
    assert form.fields["url"].clean("http://shop.example/rose") == "http://shop.example/rose"
