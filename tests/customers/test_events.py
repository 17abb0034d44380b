"""The one door in: each event once, and only what is allowed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from catalog.models import Product
from customers import consent, events, histories, identities
from customers.events import Incoming
from customers.models import Customer, Event
from tests.conftest import NOW, evidence, person

pytestmark = pytest.mark.django_db


def viewed(who: str, sku: str = "rose", n: int = 0) -> Incoming:
    return Incoming(
        message_id=f"{who}-view-{sku}-{n}",
        type="viewed",
        customer=who,
        sku=sku,
        occurred_at=NOW - timedelta(hours=n),
    )


def ordered(who: str, sku: str, order: str, *, days_ago: float = 1, value: str = "10.00") -> Incoming:
    return Incoming(
        message_id=f"{who}-{order}-{sku}",
        type="ordered",
        customer=who,
        sku=sku,
        value=Decimal(value),
        currency="EUR",
        order_id=order,
        occurred_at=NOW - timedelta(days=days_ago),
    )


def test_an_event_is_kept_once(anna: Customer, products: dict[str, Product]) -> None:
    first = events.take_in([viewed("anna"), viewed("anna")], source="api", at=NOW)
    again = events.take_in([viewed("anna")], source="api", at=NOW)
    assert (first.accepted, first.duplicates) == (1, 1)
    assert (again.accepted, again.duplicates) == (0, 1)
    assert Event.objects.count() == 1


def test_views_need_consent_and_orders_do_not(
    anna: Customer, boris: Customer, products: dict[str, Product]
) -> None:
    taken = events.take_in(
        [viewed("anna"), viewed("boris"), ordered("boris", "mug", "o1")], source="api", at=NOW
    )
    assert taken.accepted == 2
    assert [(refusal.message_id, refusal.reason) for refusal in taken.refused] == [
        ("boris-view-rose-0", "no_consent:analytics")
    ]
    kept = {(event.customer_id, event.type): event.basis for event in Event.objects.all()}
    assert kept == {(anna.pk, "viewed"): "consent", (boris.pk, "ordered"): "contract"}


def test_a_kept_view_names_the_record_it_rests_on(anna: Customer, products: dict[str, Product]) -> None:
    events.take_in([viewed("anna")], source="api", at=NOW)
    assert Event.objects.get().consent_record_id == consent.decide(anna.pk, "analytics", at=NOW).record_id


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Incoming("a", "danced", NOW, customer="anna"), "unknown_type"),
        (Incoming("b", "viewed", NOW), "no_customer"),
        (Incoming("c", "viewed", NOW + timedelta(hours=1), customer="anna"), "in_the_future"),
    ],
)
def test_an_unsound_event_is_refused_and_the_others_are_kept(
    anna: Customer, products: dict[str, Product], event: Incoming, reason: str
) -> None:
    taken = events.take_in([event, viewed("anna")], source="api", at=NOW)
    assert (taken.accepted, [refusal.reason for refusal in taken.refused]) == (1, [reason])


def test_an_unknown_product_is_kept_but_never_listed(anna: Customer) -> None:
    events.take_in([viewed("anna", "mystery")], source="api", at=NOW)
    product = Product.objects.get(sku="mystery")
    assert not product.is_listed
    assert len(histories.purchases("personalization")) == 0


def test_many_events_cost_no_more_queries_than_one(
    anna: Customer, products: dict[str, Product], django_assert_num_queries
) -> None:
    one = [viewed("anna", n=0)]
    many = [viewed("anna", sku, n) for sku in products for n in range(1, 51)]
    with django_assert_num_queries(6) as few:
        events.take_in(one, source="api", at=NOW)
    with django_assert_num_queries(len(few)):
        assert events.take_in(many, source="api", at=NOW).accepted == 300


def test_histories_show_only_people_who_allow(
    anna: Customer, boris: Customer, clara: Customer, products
) -> None:
    events.take_in(
        [ordered(who, sku, f"o-{who}") for who in ("anna", "boris", "clara") for sku in ("rose", "soil")],
        source="api",
        at=NOW,
    )
    got = histories.purchases("personalization")
    assert set(got.customers.tolist()) == {anna.pk}
    assert len(got) == 2
    newest = histories.newest([anna.pk, boris.pk, clara.pk], "personalization")
    assert {pk: len(acts) for pk, acts in newest.items()} == {anna.pk: 2, boris.pk: 0, clara.pk: 0}


def test_views_vanish_from_histories_when_analytics_is_withdrawn(anna: Customer, products) -> None:
    events.take_in([viewed("anna"), ordered("anna", "soil", "o1")], source="api", at=NOW)
    assert histories.behaviour("personalization").count() == 2
    consent.withdraw(anna.pk, "analytics", method="page", source="tests", actor="customer", at=NOW)
    assert [event.type for event in histories.behaviour("personalization")] == ["ordered"]


def test_two_lines_of_one_product_in_an_order_count_once(anna: Customer, products) -> None:
    again = Incoming("x", "ordered", NOW, customer="anna", sku="rose", order_id="o1", value=Decimal(5))
    events.take_in([ordered("anna", "rose", "o1"), again], source="api", at=NOW)
    got = histories.purchases("personalization")
    assert (got.quantities.tolist(), got.values.tolist()) == ([2.0], [15.0])


def test_newest_acts_come_first_and_are_bounded_a_person(anna: Customer, products) -> None:
    dora = person("dora", allows=["personalization", "analytics"])
    batch = [viewed(who, sku, n) for who in ("anna", "dora") for n, sku in enumerate(products)]
    events.take_in(batch, source="api", at=NOW)
    both = histories.newest([anna.pk, dora.pk], "personalization", limit=3)
    expected = [products[sku].pk for sku in list(products)[:3]]
    assert [act.product_id for act in both[anna.pk]] == expected
    assert histories.newest([dora.pk], "personalization", limit=3)[dora.pk] == both[dora.pk]


def test_money_counts_refunds_against_orders(anna: Customer, boris: Customer, products) -> None:
    refund = Incoming(
        "r", "refunded", NOW - timedelta(hours=2), customer="anna", sku="mug", value=Decimal("3.50")
    )
    lines = [
        ordered("anna", "mug", "o1"),
        ordered("anna", "pan", "o1"),
        ordered("boris", "mug", "o2"),
        refund,
    ]
    events.take_in(lines, source="api", at=NOW)
    got = list(histories.money(Customer.objects.all(), since=NOW - timedelta(days=7), until=NOW))
    assert got == [(anna.pk, Decimal("16.50"), 1)]  # Boris did not allow measuring


def test_a_visitor_who_says_who_they_are_keeps_their_past(products) -> None:
    visitor = identities.find_or_create(["cookie-1"], "anonymous")["cookie-1"]
    consent.give(visitor, "analytics", evidence=evidence("analytics"), at=NOW)
    seen = Incoming("v", "viewed", NOW, anonymous_id="cookie-1", sku="mug")
    events.take_in([seen], source="api", at=NOW)
    known = identities.identify("cookie-1", "emil", at=NOW)
    assert known == visitor
    assert Event.objects.get().customer.external_id == "emil"


def test_a_known_person_and_their_second_device_become_one(anna: Customer, products) -> None:
    visitor = identities.find_or_create(["phone-1"], "anonymous")["phone-1"]
    assert identities.identify("phone-1", "anna", at=NOW) == anna.pk
    assert Customer.objects.get(pk=visitor).merged_into_id == anna.pk
    assert identities.find(["phone-1"], "anonymous") == {"phone-1": anna.pk}


def test_two_customers_of_the_shop_are_never_merged_by_a_shared_device(
    anna: Customer, boris: Customer
) -> None:
    identities.identify("tablet", "anna", at=NOW)
    assert identities.identify("tablet", "boris", at=NOW) == boris.pk
    assert Customer.objects.get(pk=anna.pk).merged_into_id is None
