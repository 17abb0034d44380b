"""Behaviour as arrays: each order once, what has no order by itself, in the order of intake."""

from datetime import timedelta
from decimal import Decimal

import pytest

from catalog.models import Product
from customers import consent, events, histories
from customers.consent import Answer
from customers.events import Incoming
from customers.models import Customer, Event
from tests.conftest import NOW, evidence

pytestmark = pytest.mark.django_db


def act(number: int, sku: str, *, kind: str = "ordered", order: str = "", days_ago: float = 1) -> Incoming:
    return Incoming(
        message_id=str(number),
        type=kind,
        customer="anna",
        sku=sku,
        value=Decimal(10),
        currency="EUR",
        order_id=order,
        occurred_at=NOW - timedelta(days=days_ago),
    )


def test_lines_without_an_order_number_stand_for_themselves(
    anna: Customer, products: dict[str, Product]
) -> None:
    events.take_in(
        [act(1, "rose"), act(2, "rose"), act(3, "rose", order="o1"), act(4, "rose", order="o1")],
        source="api",
        at=NOW,
    )
    got = histories.purchases("personalization")
    assert got.quantities.tolist() == [1, 1, 2]
    assert len(set(got.orders.tolist())) == 3


def test_lines_of_one_order_share_its_number(anna: Customer, products: dict[str, Product]) -> None:
    batch = [act(1, "rose", order="o1"), act(2, "mug", order="o2"), act(3, "soil", order="o1")]
    events.take_in(batch, source="api", at=NOW)
    first, second, third = histories.purchases("personalization").orders.tolist()
    assert first == third != second


def test_a_few_people_s_purchases_asked_with_other_questions_are_the_same(
    anna: Customer, products: dict[str, Product]
) -> None:
    lines = [
        act(1, "rose", order="a"),
        act(2, "rose", order="a"),
        act(3, "mug", days_ago=3),
        act(4, "soil", order="b"),
    ]
    events.take_in(lines, source="tests", at=NOW)
    streamed = histories.purchases("personalization", customers=[anna.pk])
    asked = histories.bought(histories.purchase_rows("personalization", customers=[anna.pk]))
    assert len(streamed) == 3
    for one, other in zip(vars(streamed).values(), vars(asked).values(), strict=True):
        assert one.tolist() == other.tolist()
    assert len(histories.bought(histories.purchase_rows("personalization", customers=[]))) == 0


@pytest.mark.parametrize("kind", ["ordered", "rated"])
def test_acts_come_in_the_order_of_intake(anna: Customer, products: dict[str, Product], kind: str) -> None:
    skus = ["soil", "rose", "mug", "soil", "rose"]
    for number, sku in enumerate(skus):  # later ones lie further back
        events.take_in([act(number, sku, kind=kind, days_ago=number)], source="api", at=NOW)
    read = histories.purchases if kind == "ordered" else histories.actions
    more = {} if kind == "ordered" else {"types": [kind]}
    got = read("personalization", **more)
    assert got.products.tolist() == [products[sku].pk for sku in skus]
    assert got.days.tolist() == pytest.approx([histories.day(NOW) - n for n in range(5)])


def test_c2_leave_joined_for_everyone_and_looked_up_for_each_find_the_same_events() -> None:
    """People of both laws with every set of answers, one of them restricted and one erased, and events of every kind."""
    purposes = ("personalization", "analytics", "message_tracking")
    people = [
        Customer.objects.create(external_id=f"{law}-{bits}", jurisdiction=law)
        for law in ("EU", "US-CA")
        for bits in range(27)
    ]
    answers = [
        Answer(row.pk, purpose, said == 2, evidence(purpose))
        for number, row in enumerate(people)
        for place, purpose in enumerate(purposes)
        if (said := number // 3**place % 3)  # nothing said, no, yes
    ]
    consent.record(answers, at=NOW)
    for row in people:
        Event.objects.bulk_create(
            Event(
                customer=row,
                type=kind,
                message_id=f"{row.pk}{kind}",
                occurred_at=NOW,
                received_at=NOW,
                source="t",
            )
            for kind in Event.Type
        )
    Customer.objects.filter(pk=people[26].pk).update(restricted_at=NOW)
    Customer.objects.filter(pk=people[53].pk).update(erased_at=NOW)
    found = {}
    for purpose in (*purposes, "unregistered"):
        for types in ((), *((kind,) for kind in Event.Type), ("ordered", "viewed", "opened")):
            each, all_ = (
                set(histories.behaviour(purpose, types=types, of_everyone=way).values_list("pk", flat=True))
                for way in (False, True)
            )
            assert each == all_, (purpose, types)
            found[purpose, types] = len(each)
    assert 0 < found["personalization", ()] < Event.objects.count()
    assert found["personalization", ("viewed",)] < found["personalization", ("ordered",)]
    assert found["unregistered", ()] == 0
