"""Orders and returns of connected shops: one line is one event, however often and in whatever sequence it is told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from catalog.models import Product
from customers import identities, privacy
from customers.models import Customer, Event, ShopConnection, ShopDelivery
from customers.shops import connections
from tests.conftest import NOW
from tests.customers.shops.conftest import SECRET, balance, deliver, lines, taken
from tests.customers.shops.payloads import (
    LAVENDER,
    TUB,
    shopify_order,
    shopify_refund,
    woo_order,
)

pytestmark = pytest.mark.django_db
BOUGHT = datetime(2026, 11, 20, 17, 29, 58, tzinfo=UTC)
SOLD = [
    (f"order:5001:line:{LAVENDER}", "ordered", "LAV-S", Decimal(2), Decimal("11.00"), "5001", BOUGHT, "3001", None),
    (f"order:5001:line:{TUB}", "ordered", None, Decimal(1), Decimal("20.00"), "5001", BOUGHT, "3001", None),
]  # fmt: skip
CANCELLED = "2026-11-23T10:00:00+01:00"


# --- Shopify ---------------------------------------------------------------------------------------------------------


def test_a_line_is_one_event_with_what_was_paid_for_it(garden: ShopConnection) -> None:
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        taken(garden, topic, shopify_order())
    assert lines(garden) == SOLD
    event = Event.objects.get(product__sku="LAV-S")
    assert (event.basis, event.currency, event.context) == ("contract", "EUR", {"coupon": "GREEN"})


def test_a_line_without_a_product_keeps_its_money_and_is_counted(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    assert ShopDelivery.objects.get().problems == ["line_without_product"]


def test_a_product_that_only_an_order_told_of_has_a_name_and_is_not_shown(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    product = Product.objects.get(sku="LAV-S")
    assert (product.title, product.is_listed, product.is_learnt) == ("Lavender - Small", False, True)


def test_a_variant_without_a_sku_is_known_by_its_number(garden: ShopConnection) -> None:
    order = shopify_order()
    order["line_items"] = [{**order["line_items"][0], "sku": "", "variant_id": 8002}]
    taken(garden, "orders/create", order)
    assert Event.objects.get().product.sku == "8002"


@pytest.mark.parametrize(
    ("changed", "paid"),
    [
        ({"discount_allocations": [], "total_discount": "1.00"}, "12.00"),
        ({"discount_allocations": [{"amount": "1.25"}, {"amount": "0.75"}]}, "11.00"),
        ({"discount_allocations": [{"amount": "99.00"}]}, "0.00"),
        ({"discount_allocations": "none", "total_discount": None}, "13.00"),
    ],
)
def test_what_was_paid_is_less_every_discount(
    garden: ShopConnection, changed: dict[str, Any], paid: str
) -> None:
    order = shopify_order()
    order["line_items"] = [{**order["line_items"][0], **changed}]
    taken(garden, "orders/create", order)
    assert Event.objects.get().value == Decimal(paid)


def test_a_test_order_is_none(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order(test=True))
    assert not Event.objects.exists()
    assert not Customer.objects.exists()
    assert ShopDelivery.objects.get().problems == ["test_order"]


def test_a_refund_takes_back_what_it_names(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    taken(garden, "refunds/create", shopify_refund())
    when = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    back = ("order:5001:refund:610", "refunded", "LAV-S", Decimal(1), Decimal("5.50"), "5001", when, "3001",
            f"order:5001:line:{LAVENDER}")  # fmt: skip
    assert lines(garden) == [*SOLD, back]
    taken(garden, "orders/updated", shopify_order(refunds=[shopify_refund()]))
    assert lines(garden) == [*SOLD, back]


def test_a_refund_before_its_order_waits_for_it(garden: ShopConnection) -> None:
    taken(garden, "refunds/create", shopify_refund())
    assert not Event.objects.exists()
    assert len(ShopDelivery.objects.get().waiting) == 1
    taken(garden, "orders/create", shopify_order())
    assert balance(garden) == {"5001": Decimal("25.50")}
    assert not ShopDelivery.objects.exclude(order_id="").exists()
    assert [row.waiting for row in ShopDelivery.objects.all()] == [[], []]


def test_a_return_of_a_line_that_is_not_told_yet_waits_too(garden: ShopConnection) -> None:
    order = shopify_order()
    both = order["line_items"]
    taken(garden, "orders/create", {**order, "line_items": both[1:]})
    taken(garden, "refunds/create", shopify_refund())
    assert balance(garden) == {"5001": Decimal("20.00")}
    taken(garden, "orders/updated", order)
    assert balance(garden) == {"5001": Decimal("25.50")}


def test_a_cancelled_order_comes_back_as_far_as_it_has_not(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    taken(garden, "refunds/create", shopify_refund())
    taken(garden, "orders/cancelled", shopify_order(cancelled_at=CANCELLED, refunds=[shopify_refund()]))
    assert balance(garden) == {"5001": Decimal(0)}
    cancels = Event.objects.filter(message_id__contains=":cancel:").order_by("message_id")
    assert [(one.quantity, one.value) for one in cancels] == [
        (Decimal(1), Decimal("5.50")),
        (Decimal(1), Decimal("20.00")),
    ]


def test_no_more_comes_back_than_was_sold(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    for number in (61, 62, 63, 64):
        taken(garden, "refunds/create", shopify_refund(number))
    assert balance(garden) == {"5001": Decimal("20.00")}
    assert sum(one.quantity for one in Event.objects.filter(type="refunded")) == 2


def test_a_refund_of_no_line_is_counted_and_takes_nothing_back(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    taken(garden, "refunds/create", shopify_refund(refund_line_items=[]))
    assert ShopDelivery.objects.latest("pk").problems == ["refund_without_lines"]
    assert lines(garden) == SOLD


def test_an_order_of_nobody_is_counted_and_not_kept(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order(customer=None, email="", contact_email=None))
    assert ShopDelivery.objects.get().problems == ["order_without_customer"]
    assert not Event.objects.exists()
    assert not Customer.objects.exists()


def test_an_order_from_the_future_is_refused_and_told(garden: ShopConnection) -> None:
    later = (NOW + timedelta(hours=1)).isoformat()
    taken(garden, "orders/create", shopify_order(processed_at=later))
    assert ShopDelivery.objects.get().problems == ["line_without_product", "in_the_future", "in_the_future"]
    assert not Event.objects.exists()


def test_what_came_before_an_erasure_is_not_taken_back_from_nobody(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    privacy.erase(Customer.objects.get().pk, actor="tests", at=NOW)
    taken(garden, "refunds/create", shopify_refund())
    assert not Event.objects.exists()


STORY: list[tuple[str, dict[str, Any]]] = [
    ("orders/create", shopify_order()),
    ("orders/paid", shopify_order(financial_status="paid")),
    ("refunds/create", shopify_refund()),
    ("orders/updated", shopify_order(refunds=[shopify_refund()])),
    ("refunds/create", shopify_refund(62)),
    ("orders/cancelled", shopify_order(refunds=[shopify_refund(), shopify_refund(62)], cancelled_at=CANCELLED)),
    ("orders/updated", shopify_order(refunds=[shopify_refund(), shopify_refund(62)], cancelled_at=CANCELLED)),
]  # fmt: skip
ONCE = [(*told, f"d{n}") for n, told in enumerate(STORY)]
told_somehow = st.builds(
    lambda more, chance: Random(chance).sample(all_of := ONCE + more, len(all_of)),
    st.lists(st.sampled_from(ONCE), max_size=6),
    st.integers(0, 10**9),
)


@given(told=told_somehow, keeps_numbers=st.booleans())
@rounds(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_and_repetition_of_an_order_s_deliveries_leaves_the_same_rows(
    garden: ShopConnection, told: list[tuple[str, dict[str, Any], str]], keeps_numbers: bool
) -> None:
    """Repeated with the same number, and with another as a shop's repetition by hand has."""
    with transaction.atomic():
        for topic, said, number in told:
            assert deliver(garden, topic, said, number=number if keeps_numbers else "")[0] == 200
        found, left = lines(garden), balance(garden)
        people, waiting = Customer.objects.count(), ShopDelivery.objects.exclude(order_id="").count()
        transaction.set_rollback(True)
    assert found[:1] == [
        (f"order:5001:cancel:{TUB}", "refunded", None, Decimal(1), Decimal("20.00"), "5001",
         datetime(2026, 11, 23, 9, 0, tzinfo=UTC), "3001", f"order:5001:line:{TUB}"),
    ]  # fmt: skip
    assert found[1:3] == SOLD
    assert [one[0] for one in found[3:]] == ["order:5001:refund:610", "order:5001:refund:620"]
    assert (left, people, waiting) == ({"5001": Decimal(0)}, 1, 0)


@given(chance=st.integers(0, 10**9))
@rounds(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cancellation_that_does_not_know_of_a_later_refund_leaves_the_same_money(
    garden: ShopConnection, chance: int
) -> None:
    told = [*STORY[:3], ("orders/cancelled", shopify_order(cancelled_at=CANCELLED)), STORY[4]]
    with transaction.atomic():
        for topic, said in Random(chance).sample(told, len(told)):
            taken(garden, topic, said)
        left = balance(garden)
        transaction.set_rollback(True)
    assert left == {"5001": Decimal(0)}


def test_an_order_longer_than_any_is_cut(garden: ShopConnection) -> None:
    order = shopify_order()
    order["line_items"] = [{"id": n, "sku": f"S{n}", "price": "1.00"} for n in range(1, 6000)]
    taken(garden, "orders/create", order)
    assert Event.objects.count() == 2500


# --- WooCommerce -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "on-hold", "checkout-draft", "failed", "cancelled"])
def test_an_order_that_nobody_paid_is_none(beet: ShopConnection, status: str) -> None:
    taken(beet, "order.created", woo_order(status, date_paid_gmt=None))
    assert not Event.objects.exists()
    assert not Customer.objects.exists()


def test_an_order_counts_once_it_is_worked_on(beet: ShopConnection) -> None:
    for status in ("pending", "processing", "completed"):
        taken(beet, "order.updated", woo_order(status))
    when = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert lines(beet) == [
        ("order:900:line:1", "ordered", "CAN-5", Decimal(2), Decimal("36.00"), "beet-900", when, "beet-77", None),
        ("order:900:line:2", "ordered", "beet-41", Decimal(1), Decimal("12.00"), "beet-900", when, "beet-77", None),
    ]  # fmt: skip


def test_a_status_of_the_shop_s_own_counts_where_it_was_paid(beet: ShopConnection) -> None:
    taken(beet, "order.updated", woo_order("packed"))
    assert balance(beet) == {"beet-900": Decimal("48.00")}


def test_a_refunded_sum_is_spread_over_the_lines_by_their_value(beet: ShopConnection) -> None:
    taken(beet, "order.updated", woo_order())
    taken(beet, "order.updated", woo_order(refunds=[{"id": 5, "total": "-8.00", "reason": "dent"}]))
    back = Event.objects.filter(type="refunded").order_by("message_id")
    assert [(one.message_id, one.quantity, one.value) for one in back] == [
        ("order:900:refund:5:1", Decimal(0), Decimal("6.00")),
        ("order:900:refund:5:2", Decimal(0), Decimal("2.00")),
    ]


def test_a_refund_with_tax_and_postage_takes_back_no_more_than_was_sold(beet: ShopConnection) -> None:
    taken(beet, "order.updated", woo_order("refunded", refunds=[{"id": 5, "total": "-62.02"}]))
    assert balance(beet) == {"beet-900": Decimal(0)}
    assert sum(one.quantity for one in Event.objects.filter(type="refunded")) == 3


@pytest.mark.parametrize("chance", range(8))
def test_woocommerce_s_deliveries_in_any_sequence_leave_the_same_rows(
    beet: ShopConnection, chance: int
) -> None:
    first, second = {"id": 9, "total": "-8.00"}, {"id": 10, "total": "-40.00"}
    told = [
        woo_order("pending"),
        woo_order(),
        woo_order("completed", refunds=[first]),
        woo_order("refunded", refunds=[first, second]),
    ] * 2
    for said in Random(chance).sample(told, len(told)):
        taken(beet, "order.updated", said)
    assert [(one[0], one[3], one[4]) for one in lines(beet)] == [
        ("order:900:cancel:1", Decimal(2), Decimal("0.00")),
        ("order:900:cancel:2", Decimal(1), Decimal("0.00")),
        ("order:900:line:1", Decimal(2), Decimal("36.00")),
        ("order:900:line:2", Decimal(1), Decimal("12.00")),
        ("order:900:refund:10:1", Decimal(0), Decimal("30.00")),
        ("order:900:refund:10:2", Decimal(0), Decimal("10.00")),
        ("order:900:refund:9:1", Decimal(0), Decimal("6.00")),
        ("order:900:refund:9:2", Decimal(0), Decimal("2.00")),
    ]


@pytest.mark.parametrize("is_late", [True, False])
def test_an_order_paid_at_the_door_and_cancelled_comes_back(beet: ShopConnection, is_late: bool) -> None:
    """Its cancellation does not say that it ever was an order; where it comes first it waits."""
    told = [woo_order(date_paid_gmt=None), woo_order("cancelled")]
    for said in reversed(told) if is_late else told:
        taken(beet, "order.updated", said)
    assert balance(beet) == {"beet-900": Decimal(0)}
    assert Event.objects.count() == 4


def test_a_deleted_order_is_no_return(beet: ShopConnection) -> None:
    taken(beet, "order.created", woo_order())
    taken(beet, "order.deleted", {"id": 900})
    assert balance(beet) == {"beet-900": Decimal("48.00")}


# --- both ------------------------------------------------------------------------------------------------------------


def test_two_shops_with_the_same_numbers_are_two(garden: ShopConnection) -> None:
    other = connections.connect("shopify", "second.myshopify.com", label="", currency="EUR", secret=SECRET)
    assert (other.label, other.prefix) == ("second.myshopify.com", "shop2-")
    for shop in (garden, other):
        taken(shop, "orders/create", shopify_order(), number="same")
    assert balance(garden) == {"5001": Decimal("31.00")}
    assert balance(other) == {"shop2-5001": Decimal("31.00")}
    assert identities.find(["3001"])["3001"] != identities.find(["shop2-3001"])["shop2-3001"]


@pytest.mark.parametrize("size", [2, 40])
def test_queries_do_not_grow_with_the_lines(garden: ShopConnection, size: int) -> None:
    order = shopify_order()
    line = order["line_items"][0]
    order["line_items"] = [{**line, "id": n, "sku": f"S{n}"} for n in range(1, size + 1)]
    refund = shopify_refund(
        refund_line_items=[{"id": n, "line_item_id": n, "quantity": 1, "subtotal": 1} for n in range(1, size + 1)]
    )  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        taken(garden, "orders/updated", {**order, "refunds": [refund]})
    assert Event.objects.count() == 2 * size
    assert len(asked) <= 60, [one["sql"][:150] for one in asked]


@pytest.mark.parametrize(
    "said",
    [
        {"id": 5001, "line_items": "none", "customer": 7, "refunds": {}, "email": ["x"]},
        {"id": 5001, "line_items": [7, None, {"id": None}, {"id": 1, "quantity": "many", "price": {}}]},
        {"id": [1], "line_items": []},
        {"id": 10**40},
        {"id": 5001, "customer": {"id": 1}, "line_items": [{"id": 1, "quantity": 10**8, "price": "99999999"}]},
        {"id": 5001, "customer": {"id": 1}, "processed_at": "0001-01-01T00:00:00+14:00", "line_items": [{"id": 1}]},
        {"id": 5001, "refunds": [{"id": 1, "refund_line_items": [{"id": 1}, {"id": 2, "line_item_id": 3, "subtotal": -4}]}]},
        {"id": True, "topic": "\x00"},
    ],
)  # fmt: skip
def test_nonsense_that_is_signed_is_taken_and_harms_nobody(
    garden: ShopConnection, beet: ShopConnection, said: dict[str, Any]
) -> None:
    for topic in ("orders/create", "orders/updated", "refunds/create", "products/update", "customers/update"):
        taken(garden, topic, said)
    for topic in ("order.updated", "product.updated", "product.restored", "customer.updated"):
        taken(beet, topic, {**said, "status": "processing"})
    assert not Event.objects.exclude(value__isnull=True).exclude(value__gte=0).exists()
