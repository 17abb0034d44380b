"""Whom a connected shop speaks of, what they refuse, and what they demand: C9, D1, D2."""

from datetime import timedelta
from typing import Any

import pytest

from customers import consent, encryption, identities, request_work, requests
from customers.models import ConsentRecord, Customer, Event, PrivacyRequest, ShopConnection, ShopDelivery
from tests.conftest import NOW, evidence, person
from tests.customers.shops.conftest import taken
from tests.customers.shops.payloads import shopify_order, shopify_product, woo_order

pytestmark = pytest.mark.django_db


def fields(name: str) -> dict[str, str]:
    return encryption.unseal(Customer.objects.select_related("key").get(external_id=name))


def unsubscribed(at: str | None, **more: Any) -> dict[str, Any]:
    refusal = {"state": "unsubscribed", "opt_in_level": "single_opt_in", "consent_updated_at": at}
    return {"id": 3001, "email": "greta@mail.example", "email_marketing_consent": refusal, **more}


def test_c9_an_order_brings_its_buyer_with_name_and_country_and_no_consent(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    greta = Customer.objects.get(external_id="3001")
    assert fields("3001") == {"email": "greta@mail.example", "name": "Greta Holm"}
    assert (greta.country, greta.locale) == ("DE", "de-DE")
    assert not ConsentRecord.objects.exists()
    assert not consent.decide(greta.pk, "marketing_email", at=NOW).allowed


def test_an_order_changes_nobody_who_is_known(garden: ShopConnection) -> None:
    identities.save_profiles([identities.Profile(id="3001", email="new@mail.example")])
    taken(garden, "orders/create", shopify_order())
    assert fields("3001") == {"email": "new@mail.example"}
    taken(garden, "customers/update", {"id": 3001, "email": "newer@mail.example", "first_name": "Greta"})
    assert fields("3001") == {"email": "newer@mail.example", "name": "Greta"}


def test_an_order_describes_whom_only_events_told_of(garden: ShopConnection) -> None:
    identities.find_or_create(["3001"])
    taken(garden, "orders/create", shopify_order())
    assert fields("3001")["email"] == "greta@mail.example"


def test_c9_a_subscription_at_the_shop_grants_nothing(garden: ShopConnection) -> None:
    said = {"state": "subscribed", "consent_updated_at": "2026-11-01T00:00:00Z"}
    taken(
        garden, "customers/create", {"id": 3001, "email": "g@mail.example", "email_marketing_consent": said}
    )
    assert Customer.objects.count() == 1
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("customers/update", unsubscribed(None)),
        ("orders/create", shopify_order(customer=unsubscribed(None))),
        ("customers_email_marketing_consent/update", unsubscribed(None, id=None, customer_id=3001)),
    ],
)
def test_c9_who_unsubscribed_at_the_shop_is_not_written_to(
    garden: ShopConnection, topic: str, said: dict[str, Any]
) -> None:
    greta = person("3001", allows=["marketing_email", "marketing_sms"])
    taken(garden, topic, said)
    taken(garden, topic, said)
    assert not consent.decide(greta.pk, "marketing_email", at=NOW).allowed
    assert consent.decide(greta.pk, "marketing_sms", at=NOW).allowed
    last = ConsentRecord.objects.filter(customer_id=greta.pk, granted=False).get()
    assert (last.method, last.source, last.actor) == ("marketing consent of the shop", "shopify", "customer")


def test_a_yes_since_then_holds_against_an_older_no_that_is_told_again(garden: ShopConnection) -> None:
    greta = person("3001")
    consent.give(
        greta.pk, "marketing_email", evidence=evidence("marketing_email"), at=NOW - timedelta(days=2)
    )
    older, newer = (NOW - timedelta(days=3)).isoformat(), (NOW - timedelta(days=1)).isoformat()
    taken(garden, "customers/update", unsubscribed(older))
    assert consent.decide(greta.pk, "marketing_email", at=NOW).allowed
    taken(garden, "customers/update", unsubscribed(newer))
    assert not consent.decide(greta.pk, "marketing_email", at=NOW).allowed


def test_a_guest_is_known_again_by_their_address(beet: ShopConnection) -> None:
    for number in (900, 901):
        taken(beet, "order.created", woo_order(id=number, customer_id=0))
    ole = Customer.objects.get()
    assert ole.external_id is not None
    assert ole.external_id.startswith("beet-guest-")
    assert "ole" not in ole.external_id
    assert fields(ole.external_id)["email"] == "ole@mail.example"
    assert Event.objects.filter(customer=ole).count() == 4


def test_a_guest_whose_address_one_customer_has_is_that_customer(beet: ShopConnection) -> None:
    anna = person("anna", email="Ole@Mail.example")
    taken(beet, "order.created", woo_order(customer_id=0))
    assert set(Event.objects.values_list("customer", flat=True)) == {anna.pk}
    assert fields("anna") == {"email": "Ole@Mail.example", "name": "Anna"}


def test_a_guest_whose_address_two_share_is_neither_of_them(beet: ShopConnection) -> None:
    both = {person(name, email="ole@mail.example").pk for name in ("anna", "boris")}
    taken(beet, "order.created", woo_order(customer_id=0))
    guest = set(Event.objects.values_list("customer", flat=True))
    assert not guest & both
    assert len(guest) == 1


def test_a_guest_who_opens_an_account_later_buys_as_themselves(beet: ShopConnection) -> None:
    taken(beet, "order.created", woo_order(customer_id=0))
    taken(beet, "customer.created", {"id": 77, "email": "ole@mail.example", "first_name": "Ole"})
    taken(beet, "order.created", woo_order(id=901, customer_id=0))
    assert set(Event.objects.filter(order_id="beet-901").values_list("customer__external_id", flat=True)) == {"beet-77"}  # fmt: skip


# --- what the law demands --------------------------------------------------------------------------------------------


def test_a_copy_is_asked_for_and_waits_for_the_person_s_own_click(garden: ShopConnection) -> None:
    greta = person("3001", email="greta@mail.example")
    said = {"shop_domain": garden.domain, "customer": {"id": 3001, "email": "greta@mail.example"},
            "orders_requested": [5001], "data_request": {"id": 1}}  # fmt: skip
    for _twice in range(2):
        taken(garden, "customers/data_request", said)
    asked = PrivacyRequest.objects.get()
    assert (asked.type, asked.state, asked.customer_id, asked.source) == ("access", "unproven", greta.pk, "shopify")  # fmt: skip


def test_d2_who_is_to_be_forgotten_is_erased_with_what_they_bought(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order())
    greta = Customer.objects.get().pk
    taken(garden, "customers/redact", {"customer": {"id": 3001}, "orders_to_redact": [5001]})
    assert PrivacyRequest.objects.get().proven_by == "told by the shop, signed"
    assert request_work.work_due(at=NOW) == 1
    assert Customer.objects.get(pk=greta).erased_at is not None
    assert not Event.objects.exists()
    assert PrivacyRequest.objects.get().state == requests.State.DONE


def test_a_guest_is_forgotten_by_their_address(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order(customer=None))
    taken(garden, "customers/redact", {"customer": {"id": None, "email": "greta@mail.example"}})
    assert PrivacyRequest.objects.get().customer == Customer.objects.get()


def test_a_demand_of_somebody_nobody_knows_makes_nobody(garden: ShopConnection) -> None:
    taken(garden, "customers/redact", {"customer": {"id": 3001, "email": "greta@mail.example"}})
    taken(garden, "customers/data_request", {"customer": {}})
    assert not Customer.objects.exists()
    assert not PrivacyRequest.objects.exists()
    found = [row.problems for row in ShopDelivery.objects.order_by("pk")]
    assert found == [["nobody_known"], ["customer_without_number"]]


def test_a_shop_that_was_taken_away_is_shown_to_a_person_and_nobody_is_erased_by_itself(
    garden: ShopConnection,
) -> None:
    taken(garden, "orders/create", shopify_order())
    taken(garden, "shop/redact", {"shop_id": 1, "shop_domain": garden.domain})
    garden.refresh_from_db()
    assert garden.forget_asked_at == NOW
    assert Customer.objects.filter(erased_at__isnull=True).count() == 1


def test_nothing_of_a_person_stands_in_a_delivery_s_row(garden: ShopConnection) -> None:
    taken(garden, "orders/create", shopify_order(customer=None, line_items=[{"id": "greta@mail.example"}]))
    taken(garden, "products/create", shopify_product())
    told = str(list(ShopDelivery.objects.values()))
    assert "greta" not in told.casefold()
