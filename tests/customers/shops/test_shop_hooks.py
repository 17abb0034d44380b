"""The door of connected shops: whose deliveries come in, and what is answered to all others."""

import json
from urllib.parse import urlencode

import pytest
from django.test import Client

from customers.models import Customer, Event, ShopConnection, ShopDelivery
from customers.shops import connections
from tests.customers.shops.conftest import SECRET, deliver, signed, taken
from tests.customers.shops.payloads import shopify_order, shopify_product, woo_order

pytestmark = pytest.mark.django_db


def nothing_happened() -> bool:
    return not (ShopDelivery.objects.exists() or Event.objects.exists() or Customer.objects.exists())


def test_a_signed_delivery_is_taken_and_its_repetition_is_not(garden: ShopConnection) -> None:
    assert deliver(garden, "orders/create", shopify_order(), number="d1") == (200, {"taken": True})
    assert deliver(garden, "orders/create", shopify_order(), number="d1") == (200, {"taken": False})
    assert ShopDelivery.objects.get().topic == "orders/create"


def test_without_a_number_a_delivery_is_known_by_its_event_or_by_all_it_says(garden: ShopConnection) -> None:
    bare = {"X-Shopify-Webhook-Id": ""}
    for said in ({"X-Shopify-Event-Id": "e1"}, {}):
        assert deliver(garden, "orders/create", shopify_order(), **bare, **said)[1] == {"taken": True}
        assert deliver(garden, "orders/create", shopify_order(), **bare, **said)[1] == {"taken": False}
    assert deliver(garden, "orders/updated", shopify_order(), **bare)[1] == {"taken": True}


@pytest.mark.parametrize("signature", ["", "x", signed(b"{}"), "é", signed(b"", "another secret")])
def test_a_wrong_signature_is_401_and_nothing_happens(garden: ShopConnection, signature: str) -> None:
    code, said = deliver(garden, "orders/create", shopify_order(), **{"X-Shopify-Hmac-Sha256": signature})
    assert (code, said["code"]) == (401, "bad_signature")
    assert said["message"]
    assert nothing_happened()


def test_the_signature_is_of_the_very_bytes(garden: ShopConnection) -> None:
    raw = json.dumps(shopify_order(), indent=1, ensure_ascii=False).encode()
    other = json.dumps(shopify_order()).encode()
    code, _said = deliver(garden, "orders/create", raw, **{"X-Shopify-Hmac-Sha256": signed(other)})
    assert code == 401
    taken(garden, "orders/create", raw)


def test_of_two_secrets_both_hold_until_the_former_is_forgotten(garden: ShopConnection) -> None:
    connections.seal(garden, "the newer secret")
    garden.save()
    for secret in (SECRET, "the newer secret"):
        raw = json.dumps(shopify_order()).encode()
        taken(garden, "orders/create", raw, **{"X-Shopify-Hmac-Sha256": signed(raw, secret)})
    assert connections.forget_former(garden)
    raw = json.dumps(shopify_product()).encode()
    assert deliver(garden, "products/create", raw)[0] == 401
    taken(garden, "products/create", raw, **{"X-Shopify-Hmac-Sha256": signed(raw, "the newer secret")})
    assert not connections.forget_former(garden)


@pytest.mark.parametrize("where", ["kind", "number", "off"])
def test_an_address_that_no_shop_has_is_404(garden: ShopConnection, where: str) -> None:
    if where == "kind":
        garden.kind = "woocommerce"
    elif where == "number":
        garden.pk = "00000000-0000-4000-8000-000000000000"
    else:
        ShopConnection.objects.update(is_active=False)
    code, said = deliver(garden, "orders/create", shopify_order())
    assert (code, said["code"]) == (404, "not_found")
    assert nothing_happened()


def test_another_shop_s_delivery_is_refused_though_the_app_s_secret_signed_it(garden: ShopConnection) -> None:
    for domain in ("other.myshopify.com", "not a domain", "http://[1"):
        code, said = deliver(garden, "orders/create", shopify_order(), **{"X-Shopify-Shop-Domain": domain})
        assert (code, said["code"]) == (401, "wrong_shop")
    assert nothing_happened()


@pytest.mark.parametrize(
    ("raw", "code"), [(b"", "invalid_json"), (b"{", "invalid_json"), (b"[]", "invalid"), (b'"x"', "invalid")]
)
def test_a_signed_body_that_is_no_object_is_400(garden: ShopConnection, raw: bytes, code: str) -> None:
    http, said = deliver(garden, "orders/create", raw)
    assert (http, said["code"]) == (400, code)
    assert nothing_happened()


def test_a_delivery_without_a_topic_is_400(garden: ShopConnection) -> None:
    assert deliver(garden, "", shopify_order())[1]["code"] == "no_topic"
    assert nothing_happened()


def test_a_body_too_large_is_413(garden: ShopConnection) -> None:
    raw = b'{"id": 1, "note": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    code, said = deliver(garden, "orders/create", raw)
    assert (code, said["code"]) == (413, "too_large")
    assert nothing_happened()


def test_only_post_is_taken(garden: ShopConnection) -> None:
    answer = Client().get(f"/hooks/shopify/{garden.pk}")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_so_many_deliveries_a_minute_and_no_more(garden: ShopConnection, settings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    assert deliver(garden, "orders/create", shopify_order(), **{"X-Shopify-Hmac-Sha256": "x"})[0] == 401
    taken(garden, "orders/create", shopify_order())
    taken(garden, "orders/paid", shopify_order())
    code, said = deliver(garden, "orders/updated", shopify_order())
    assert (code, said["code"]) == (429, "throttled")
    assert ShopDelivery.objects.count() == 2


def test_a_topic_that_means_nothing_here_is_taken_and_told(garden: ShopConnection) -> None:
    taken(garden, "inventory_levels/update", {"inventory_item_id": 9001, "location_id": 1, "available": 3})
    assert ShopDelivery.objects.get().problems == ["topic_not_used"]
    assert not Event.objects.exists()


def test_shopify_s_test_notification_changes_nothing(garden: ShopConnection) -> None:
    assert deliver(garden, "orders/create", shopify_order(), **{"X-Shopify-Test": "true"}) == (200, {"taken": False})  # fmt: skip
    assert nothing_happened()


@pytest.mark.parametrize("is_signed", [True, False])
def test_woocommerce_s_first_knock_is_answered_200_and_changes_nothing(
    beet: ShopConnection, is_signed: bool
) -> None:
    raw = urlencode({"webhook_id": 12}).encode()
    headers = {"X-WC-Webhook-Signature": signed(raw)} if is_signed else {}
    form = "application/x-www-form-urlencoded"
    answer = Client().post(f"/hooks/woocommerce/{beet.pk}", raw, content_type=form, headers=headers)
    assert answer.status_code == 200
    assert nothing_happened()


def test_a_knock_with_a_wrong_signature_or_at_a_shopify_shop_is_401(
    beet: ShopConnection, garden: ShopConnection
) -> None:
    assert deliver(beet, "", b"webhook_id=12", **{"X-WC-Webhook-Signature": "x"})[0] == 401
    assert deliver(garden, "", b"webhook_id=12", **{"X-Shopify-Hmac-Sha256": ""})[0] == 401


def test_an_unsigned_delivery_of_woocommerce_is_401(beet: ShopConnection) -> None:
    assert deliver(beet, "order.created", woo_order(), **{"X-WC-Webhook-Signature": ""})[0] == 401
    assert nothing_happened()


def test_the_address_answers_the_same_with_a_slash(garden: ShopConnection) -> None:
    raw = json.dumps(shopify_product()).encode()
    headers = {"X-Shopify-Hmac-Sha256": signed(raw), "X-Shopify-Topic": "products/create"}
    address = f"/hooks/shopify/{garden.pk}/"
    assert Client().post(address, raw, content_type="application/json", headers=headers).status_code == 200
