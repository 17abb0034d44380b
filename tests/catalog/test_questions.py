"""A question in kept words has the answer of the query set that it stands for, whatever it is told."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import BigIntegerField, Case, CharField, DateTimeField, Exists, OuterRef, Value, When
from django.test.utils import CaptureQueriesContext

from catalog import together
from catalog.models import Category, Product
from catalog.questions import Given, Question, Questions, Rows
from customers.models import Customer, Event
from recommender import catalogue
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def _of(person: Given, at: Given) -> Rows:
    seen = Event.objects.filter(
        customer__in=person, occurred_at__gte=at - timedelta(days=2), occurred_at__lt=at
    )
    return seen.select_related("product").order_by("-occurred_at")


ACTS = Question(_of, person=BigIntegerField(), at=DateTimeField())
BY_SKU = Question(
    lambda sku: Product.objects.filter(sku=sku).values_list(
        "title", "price", "updated_at", Exists(Event.objects.filter(product=OuterRef("pk"), type="viewed"))
    ),
    sku=CharField(),
)
TITLED = Questions(
    lambda ids, sku: (
        Product.objects.filter(pk__in=ids).exclude(sku=sku).order_by("pk").values_list("sku", flat=True)
    ),
    sku=CharField(),
)


def act(who: Customer, what: Product, at: datetime) -> Event:
    return Event.objects.create(
        customer=who, product=what, type="ordered", occurred_at=at, received_at=at, source="tests", message_id=f"{at}",
        basis="contract",
    )  # fmt: skip


def test_it_answers_as_the_query_set_would_each_time_anew(
    anna: Customer, boris: Customer, products: dict[str, Product]
) -> None:
    acts = [act(anna, products["rose"], NOW - timedelta(days=days)) for days in (1, 2, 3)]
    boris_s = act(boris, products["mug"], NOW - timedelta(hours=1))
    for _again in range(2):
        assert list(ACTS(person=anna.pk, at=NOW)) == acts[:2]
        assert list(ACTS(person=anna.pk, at=NOW - timedelta(days=1))) == acts[1:]
        assert list(ACTS(person=boris.pk, at=NOW)) == [boris_s]
    (found,) = ACTS(person=boris.pk, at=NOW)
    with CaptureQueriesContext(connection) as queries:
        assert found.product.title == products["mug"].title
    assert len(queries) == 0
    assert list(BY_SKU(sku="rose")) == list(BY_SKU(sku="rose"))
    assert not BY_SKU(sku="none's %s")


def test_what_is_fixed_in_it_makes_another_question(products: dict[str, Product]) -> None:
    rose, mug = products["rose"].pk, products["mug"].pk
    assert list(TITLED((rose, mug), sku="mug")) == ["rose"]
    assert list(TITLED((mug,), sku="rose")) == ["mug"]
    assert list(TITLED((), sku="rose")) == []


def test_it_is_put_into_words_once(products: dict[str, Product]) -> None:
    written = []

    def write(sku: Given) -> Rows:
        written.append(sku)
        return Product.objects.filter(sku=sku)

    question = Question(write, sku=CharField())
    assert [row.sku for sku in ("rose", "mug", "rose") for row in question(sku=sku)] == [
        "rose",
        "mug",
        "rose",
    ]
    assert len(written) == 1


def test_it_can_be_asked_with_others(anna: Customer, products: dict[str, Product]) -> None:
    did = act(anna, products["rose"], NOW - timedelta(days=1))
    acts, named, plain = ACTS(person=anna.pk, at=NOW), BY_SKU(sku="mug"), Product.objects.order_by("sku")
    with CaptureQueriesContext(connection) as queries:
        together.read(acts, named, plain)
        assert list(acts) == [did]
        assert [title for title, *_more in named] == [products["mug"].title]
        assert list(plain) == sorted(products.values(), key=lambda one: one.sku)
    assert len(queries) == 1
    alone = list(BY_SKU(sku="mug"))
    assert list(named) == alone


@pytest.mark.parametrize(
    "write",
    [
        lambda at: Event.objects.filter(occurred_at__year=at.year),
        lambda at: Event.objects.filter(occurred_at__lt=at if at > NOW else NOW),
        lambda at: Event.objects.filter(occurred_at__lt=NOW - timedelta(seconds=at.timestamp())),
        lambda at: Event.objects.annotate(now=Case(When(pk=1, then=Value(at, DateTimeField())))),
        lambda at: Event.objects.filter(occurred_at__lt=at + 1),
    ],
)
def test_what_looks_at_the_value_cannot_be_written(write) -> None:
    with pytest.raises((TypeError, AttributeError, ValueError)):
        list(Question(write, at=DateTimeField())(at=NOW))


@pytest.mark.parametrize("use", ["filter", "count", "exists", "order_by"])
def test_it_can_only_be_read(anna: Customer, use: str) -> None:
    with pytest.raises(TypeError, match="only be read"):
        getattr(ACTS(person=anna.pk, at=NOW), use)()


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_over_its_own_line(products: dict[str, Product]) -> None:
    assert list(BY_SKU(sku="rose"))
    found = []

    def ask() -> None:
        found.append(list(BY_SKU(sku="rose")))
        connection.close()

    thread = threading.Thread(target=ask)
    with transaction.atomic():
        Product.objects.filter(sku="mug").update(title="not committed")
        thread.start()
        thread.join()
    assert [rows[0][0] for rows in found] == [products["rose"].title]


# --- the catalogue's stamp -----------------------------------------------------------------------------------------------


def test_every_change_of_a_product_changes_the_stamp(products: dict[str, Product]) -> None:
    rose = products["rose"]

    def save() -> None:
        rose.title = "Red rose"
        rose.save()

    changes = [
        save,
        lambda: Product.objects.filter(pk=rose.pk).update(in_stock=False),
        lambda: Product.objects.bulk_update([rose], ["title"]),
        lambda: Product.objects.create(sku="new", title="New"),
        lambda: Product.objects.bulk_create([Product(sku="newer", title="Newer")], ignore_conflicts=True),
        lambda: Product.objects.bulk_create(
            [Product(sku="newer", title="Newest")],
            update_conflicts=True,
            unique_fields=["sku"],
            update_fields=["title"],
        ),
        lambda: Product.objects.filter(sku="newer").delete(),
    ]
    seen = [tuple(catalogue.stamp())]
    for change in changes:
        change()
        seen.append(tuple(catalogue.stamp()))
    assert len(set(seen)) == len(changes) + 1
    Category.objects.create(name="Nothing in it", slug="nothing")
    assert tuple(catalogue.stamp()) == seen[-1]


def test_what_was_rolled_back_is_not_taken_for_what_comes_later(products: dict[str, Product]) -> None:
    before = catalogue.current()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Product.objects.filter(sku="rose").update(in_stock=False)
        assert not catalogue.current().in_stock.all()
        raise ZeroDivisionError
    assert catalogue.current().in_stock.tolist() == before.in_stock.tolist()
    Product.objects.filter(sku="mug").update(in_stock=False)
    shelf = catalogue.current()
    assert dict(zip(shelf.skus, shelf.in_stock, strict=True))["rose"]
    assert not dict(zip(shelf.skus, shelf.in_stock, strict=True))["mug"]
