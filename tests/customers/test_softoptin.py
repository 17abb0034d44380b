"""Soft opt-in, from the order to the question: C11."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import Category, Product
from customers import consent, events, identities, links, privacy, purposes, softoptin
from customers.consent import Permission
from customers.events import Incoming, Taken
from customers.models import ConsentRecord, Customer, Event, Jurisdiction, Notice, SoftOptIn
from tests.conftest import NOW, Caller, evidence, person

pytestmark = pytest.mark.django_db
OFFERED = {"notice": "soft_opt_in@1", "language": "en", "refused": False}
ORDER = Incoming(
    "m1", "ordered", NOW, customer="boris", sku="rose", order_id="o1", context={"soft_opt_in": OFFERED}
)


def take(*orders: Incoming, source: str = "api:secret") -> Taken:
    return events.take_in(orders, source=source, at=NOW)


def category(name: str) -> Category:
    return Category.objects.get(name=name)


def may(customer: Customer, *names: str) -> bool:
    ids = list(Category.objects.filter(name__in=names).values_list("pk", flat=True))
    held = Permission.of_buyers([customer.pk], ids, at=NOW)
    if held:
        assert (held[customer.pk].purpose, held[customer.pk].basis, held[customer.pk].record_id) == (
            "marketing_email",
            "soft",
            None,
        )
    return bool(held)


@pytest.fixture
def shop(products: dict[str, Product], boris: Customer) -> None:
    """Garden and Kitchen stand on top; Tea and Coffee under Drinks, Wine under Cellar."""
    for parent, children in (("Drinks", ("Tea", "Coffee")), ("Cellar", ("Wine",))):
        top = Category.objects.create(name=parent, slug=parent.lower())
        for child in children:
            Category.objects.create(name=child, slug=child.lower(), parent=top)
    Product.objects.filter(sku="tea").update(category=category("Tea"))


def test_c11_an_order_that_offered_to_refuse_opens_its_category_and_keeps_the_words(
    shop: None, boris: Customer
) -> None:
    assert take(ORDER).soft_opt_ins == 1
    row = SoftOptIn.objects.get()
    words = purposes.find_notice("soft_opt_in@1", "en", "soft_opt_in")
    assert (row.customer_id, row.category, row.order_id) == (boris.pk, category("Garden"), "o1")
    assert (row.notice, row.language, row.notice_sha256, row.at) == (
        "soft_opt_in@1",
        "en",
        words.sha256,
        NOW,
    )
    assert may(boris, "Garden")
    assert not may(boris, "Kitchen")
    assert not may(boris, "Garden", "Kitchen"), "one category that is not similar is one too many"
    assert not may(boris), "an offer for everything is similar to nothing"
    assert not Permission.of_many([boris.pk], "marketing_email", at=NOW), "it is not consent"
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"context": {}},
        {"context": {"soft_opt_in": {**OFFERED, "refused": True}}},
        {"context": {"soft_opt_in": {**OFFERED, "refused": "false"}}},
        {"context": {"soft_opt_in": {**OFFERED, "notice": "soft_opt_in@9"}}},
        {"context": {"soft_opt_in": {**OFFERED, "notice": "marketing_email@1"}}},
        {"context": {"soft_opt_in": {**OFFERED, "language": "de"}}},
        {"context": {"soft_opt_in": "yes"}},
        {"order_id": ""},
        {"sku": None},
        {"sku": "never heard of"},
        {"type": "refunded"},
    ],
)
def test_c11_anything_missing_opens_nothing_and_the_order_is_kept_all_the_same(
    shop: None, boris: Customer, changes: dict
) -> None:
    assert take(replace(ORDER, **changes)).accepted == 1
    assert not SoftOptIn.objects.exists()
    assert not may(boris, "Garden")


@pytest.mark.parametrize("source", events.FROM_BROWSERS)
def test_c11_what_a_browser_alone_claims_to_have_bought_opens_nothing(
    shop: None, boris: Customer, source: str
) -> None:
    assert take(ORDER, source=source).soft_opt_ins == 0
    assert not may(boris, "Garden")


@pytest.mark.parametrize("country", ["US", "CN", "CA", "AU"])
def test_c11_only_under_a_law_that_knows_it(products: dict[str, Product], country: str) -> None:
    person("lee", country=country)
    assert take(replace(ORDER, customer="lee")).soft_opt_ins == 0
    assert not SoftOptIn.objects.exists()


def test_c11_who_moves_to_another_law_and_a_law_that_changes_end_it(shop: None, boris: Customer) -> None:
    take(ORDER)
    identities.save_profiles([identities.Profile(id="boris", country="CA")])
    assert not may(boris, "Garden")
    identities.save_profiles([identities.Profile(id="boris", country="GB")])
    assert may(boris, "Garden")
    Jurisdiction.objects.filter(code="UK").update(soft_opt_in=False)
    assert not may(boris, "Garden")


def test_c11_similar_is_the_category_or_one_beside_it_under_the_same_parent(
    shop: None, boris: Customer
) -> None:
    take(replace(ORDER, sku="tea"))
    assert may(boris, "Tea")
    assert may(boris, "Coffee")
    assert may(boris, "Tea", "Coffee")
    assert not may(boris, "Drinks"), "the parent is wider than what was bought"
    assert not may(boris, "Wine")
    assert not may(boris, "Garden"), "two on top have no parent in common"


@pytest.mark.parametrize("later_yes", [False, True])
def test_c11_a_no_ends_it_whenever_it_was_said(shop: None, boris: Customer, later_yes: bool) -> None:
    consent.withdraw(boris.pk, "marketing_email", method="m", source="s", actor="customer", at=NOW)
    take(ORDER)
    if later_yes:
        consent.give(boris.pk, "marketing_email", evidence=evidence("marketing_email"), at=NOW)
    assert not may(boris, "Garden"), "a yes is consent, and a no is for good"


def test_c11_a_no_to_something_else_leaves_it(shop: None, boris: Customer) -> None:
    take(ORDER)
    consent.withdraw(boris.pk, "personalization", method="m", source="s", actor="customer", at=NOW)
    assert may(boris, "Garden")


def test_c11_refusing_at_an_order_is_a_no_that_ends_what_earlier_orders_opened(
    shop: None, boris: Customer
) -> None:
    take(ORDER)
    refusal = replace(
        ORDER, message_id="m2", order_id="o2", context={"soft_opt_in": {**OFFERED, "refused": True}}
    )
    take(refusal)
    record = ConsentRecord.objects.get(customer_id=boris.pk)
    assert (record.purpose, record.granted, record.method) == (
        "marketing_email",
        False,
        "soft opt-in refused",
    )
    assert not may(boris, "Garden")
    take(refusal)
    assert ConsentRecord.objects.count() == 1, "a repeated order says nothing new"


def test_c11_an_old_order_told_late_does_not_undo_a_newer_yes(shop: None, boris: Customer) -> None:
    consent.give(boris.pk, "marketing_email", evidence=evidence("marketing_email"), at=NOW)
    refused = {"soft_opt_in": {**OFFERED, "refused": True}}
    take(replace(ORDER, occurred_at=NOW - timedelta(days=1), context=refused))
    assert consent.decide(boris.pk, "marketing_email", at=NOW).allowed
    take(replace(ORDER, message_id="m2", occurred_at=NOW + timedelta(minutes=1), context=refused))
    assert not consent.verdicts([boris.pk], "marketing_email")[boris.pk].allowed


def test_c11_the_erased_the_restricted_and_the_merged_are_not_written_to(shop: None, boris: Customer) -> None:
    take(ORDER)
    Customer.objects.filter(pk=boris.pk).update(restricted_at=NOW)
    assert not may(boris, "Garden")
    Customer.objects.filter(pk=boris.pk).update(restricted_at=None)
    other = person("other")
    identities.merge(other.pk, boris.pk, actor="t", at=NOW)
    assert not may(boris, "Garden")
    assert not may(other, "Garden"), "who was merged brings no permission along (C10)"
    take(replace(ORDER, message_id="m2", customer="other"))
    assert may(other, "Garden")
    privacy.erase(other.pk, actor="t", at=NOW)
    assert not SoftOptIn.objects.filter(customer=other).exists()
    assert not may(other, "Garden")


def test_c11_it_holds_from_the_order_on(shop: None, boris: Customer) -> None:
    take(ORDER)
    garden = [category("Garden").pk]
    assert Permission.of_buyers([boris.pk], garden, at=NOW)
    assert not Permission.of_buyers([boris.pk], garden, at=NOW - timedelta(seconds=1))
    assert not Permission.of_buyers([boris.pk], [category("Garden").pk, 10**9], at=NOW)


def test_c11_the_shop_s_own_words_count_once_they_are_written(shop: None, boris: Customer) -> None:
    own = {"soft_opt_in": {**OFFERED, "notice": "checkout@3"}}
    assert take(replace(ORDER, context=own)).soft_opt_ins == 0
    Notice.objects.create(
        slug="checkout", version=3, language="en", purpose="soft_opt_in", text="Tick to refuse", sha256="0"
    )
    assert take(replace(ORDER, message_id="m2", context=own)).soft_opt_ins == 1
    with pytest.raises(consent.NoEvidence):
        consent.give(
            boris.pk,
            "soft_opt_in",
            evidence=replace(evidence("x"), notice="checkout@3"),
            at=NOW,
        )


def test_orders_cost_the_same_number_of_queries_however_many_they_are(shop: None, boris: Customer) -> None:
    counts = []
    for size in (2, 200):
        batch = [replace(ORDER, message_id=f"{size}-{n}", order_id=f"o{size}-{n}") for n in range(size)]
        with CaptureQueriesContext(connection) as queries:
            assert take(*batch).soft_opt_ins == size
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 2
    garden = [category("Garden").pk]
    with CaptureQueriesContext(connection) as asked:
        softoptin.buyers([boris.pk], garden, at=NOW)
    assert len(asked) == 2


def test_c11_through_the_door_a_shop_uses(shop: None, server: Caller, boris: Customer) -> None:
    body = {
        "message_id": "m1",
        "customer": "boris",
        "type": "ordered",
        "sku": "rose",
        "order_id": "o1",
        "value": "12.50",
        "currency": "EUR",
        "occurred_at": "2026-11-01T10:00:00Z",
        "context": {"soft_opt_in": OFFERED},
    }
    assert server("POST", "events", body).body == {
        "accepted": 1,
        "duplicates": 0,
        "refused": [],
        "soft_opt_ins": 1,
    }
    assert "soft_opt_ins" not in server("POST", "events", body).body
    assert Event.objects.get().basis == "contract"
    assert may(boris, "Garden")


def test_c11_c6_the_buyer_s_own_page_says_so_and_one_click_ends_it(shop: None, boris: Customer) -> None:
    address = links.preferences_url(boris).removeprefix(settings.PUBLIC_URL)
    page = Client()
    assert "Do not send them" not in page.get(address).content.decode()
    take(ORDER)
    assert "Do not send them" in page.get(address).content.decode()
    assert may(boris, "Garden")
    told = page.post(address, {"action": "object"}).content.decode()
    assert "Saved. It holds from this moment on." in told
    assert "Do not send them" not in told
    assert not may(boris, "Garden")
