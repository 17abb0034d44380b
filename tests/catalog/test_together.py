"""Asked together or alone, the answers are the same; changes are made all or none."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Value
from django.test.utils import CaptureQueriesContext

from catalog import together
from catalog.models import Category, Product
from customers.models import Customer, Event
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def acts(anna: Customer, products: dict[str, Product]) -> list[Event]:
    """Three events, with money, a quantity, a text with a quote and a sign of percent, and JSON."""
    return Event.objects.bulk_create(
        Event(
            customer=anna, product=products[sku], type="ordered", order_id="7% off's", quantity=Decimal(n),
            value=Decimal("9.90") * n, currency="EUR", occurred_at=NOW - timedelta(days=n, microseconds=1),
            received_at=NOW, message_id=str(uuid4()), source="tests", basis="contract", context={"n": [n, None, "é"]},
        )
        for n, sku in enumerate(("rose", "mug", "rose"), 1)
    )  # fmt: skip


QUESTIONS: dict[str, Callable[[], "QuerySet"]] = {
    "models": lambda: Event.objects.order_by("occurred_at"),
    "joined": lambda: Event.objects.select_related("product__category", "customer").order_by("-pk")[:2],
    "values": lambda: Product.objects.order_by("-price").values_list("sku", "price", "in_stock", "updated_at"),
    "flat": lambda: Category.objects.order_by("slug").values_list("slug", flat=True),
    "dicts": lambda: Event.objects.order_by("pk").values("context", "quantity", "order_id"),
    "counted": lambda: Event.objects.order_by("product__sku").values_list("product__sku").annotate(Count("pk")),
    "in all": lambda: Event.objects.order_by().values(one=Value(1)).annotate(n=Count("pk")).values_list("n"),
    "exists": lambda: Product.objects.order_by("pk").values_list(Exists(Event.objects.filter(product=OuterRef("pk")))),
    "nothing": lambda: Product.objects.filter(sku="none"),
    "never": lambda: Product.objects.filter(pk__in=[]),
    "literal": lambda: Product.objects.filter(title__contains="%").order_by("pk"),
}  # fmt: skip


def test_asked_together_each_is_as_if_it_had_been_asked_alone(acts: list[Event]) -> None:
    alone = {name: list(ask()) for name, ask in QUESTIONS.items()}
    asked = {name: ask() for name, ask in QUESTIONS.items()}
    with CaptureQueriesContext(connection) as queries:
        together.read(*asked.values())
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        found = {name: list(rows) for name, rows in asked.items()}
        assert [row.product.category.slug for row in found["joined"]] == ["garden", "kitchen"]
    assert len(queries) == 0
    assert found == alone
    kept = {
        field.attname: getattr(found["models"][0], field.attname) for field in Event._meta.concrete_fields
    }
    assert kept == {name: getattr(alone["models"][0], name) for name in kept}


def test_what_can_find_nothing_is_no_statement(db: None) -> None:
    rows = Product.objects.filter(pk__in=[])
    with CaptureQueriesContext(connection) as queries:
        together.read(rows)
        assert list(rows) == []
    assert len(queries) == 0


def test_changes_are_made_in_one_way_to_the_database_where_it_can_be(products: dict[str, Product]) -> None:
    changes = [
        together.insert([Category(slug="new", name="New"), Category(slug="newer", name="Newer")]),
        together.update(Product.objects.filter(sku="mug"), 1, price=F("price") + 1),
        together.update(Product.objects.filter(sku="none"), None, title="Nothing"),
    ]
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        together.write(*changes)
    said = [row["sql"].split()[0] for row in queries.captured_queries]
    assert len([word for word in said if word not in ("SAVEPOINT", "RELEASE")]) == (
        1 if connection.vendor == "postgresql" else 3
    )
    assert Category.objects.filter(slug__startswith="new").count() == 2
    assert Product.objects.get(sku="mug").price == Decimal("9.00")


def test_a_change_that_touches_too_few_rows_takes_the_others_back(products: dict[str, Product]) -> None:
    with pytest.raises(together.Missed), transaction.atomic():
        together.write(
            together.insert([Category(slug="new", name="New")]),
            together.update(Product.objects.filter(sku="mug", price__gt=100), 1, title="Dear"),
        )
    assert not Category.objects.filter(slug="new").exists()


def test_a_row_that_is_there_is_changed_if_it_is_one_of_those(products: dict[str, Product]) -> None:
    mug, rose = products["mug"], products["rose"]
    mug.title, rose.title = "Cup", "Thorn"
    new = Category(pk=max(Category.objects.values_list("pk", flat=True)) + 7, slug="new", name="New")

    def change(*rows: Product) -> together.Change:
        return together.insert(rows, or_change=["title"], where=Product.objects.filter(price__lt=10))

    with transaction.atomic():
        together.write(change(mug), together.insert([new], or_change=["name"]))
    assert (Product.objects.get(sku="mug").title, Category.objects.get(slug="new").pk) == ("Cup", new.pk)
    assert rose.price is not None and rose.price > 10
    mug.title = "Beaker"
    with pytest.raises(together.Missed), transaction.atomic():
        together.write(change(mug, rose))
    kept = dict(Product.objects.filter(sku__in=("mug", "rose")).values_list("sku", "title"))
    assert kept == {"mug": "Cup", "rose": "Red rose bush"}
