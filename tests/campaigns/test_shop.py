"""The demo shop's server: who has logged in, and orders, about which a page is not believed."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign, Code, CodeMisuse, Placement, Redemption
from catalog.models import Product
from config import urls
from customers import access
from customers.models import ApiKey, Customer, Event
from tests.campaigns.conftest import offer
from tests.conftest import Caller, person

pytestmark = pytest.mark.django_db
ORDER = "0123456789abcdef"


@pytest.fixture
def shop(client: Client, settings, tmp_path: Path, products: dict[str, Product]) -> Callable[..., Any]:
    """Asks the shop's server for a deed as its page does; answers the status and what was said."""
    settings.ROOT_URLCONF = "tests.browser.shop_urls"
    settings.VAR_DIR = tmp_path

    def ask(deed: str, **said: Any) -> tuple[int, dict[str, Any]]:
        answer = client.post(
            f"/shop/do/{deed}?language=en", json.dumps(said), content_type="application/json"
        )
        return answer.status_code, answer.json()

    return ask


@pytest.fixture
def code(shop, server: Caller, campaign: Callable[..., Campaign], anna: Customer) -> str:
    """Anna's, of ten percent off."""
    Placement.objects.create(slug="home", name="Home")
    campaign(offer("tenth", code_kind="unique"), channel="onsite", placement="home")
    (shown,) = server("GET", "offers?customer=anna&placement=home").body["offers"]
    return str(shown["code"])


def test_outside_the_demo_there_is_no_shop(client: Client) -> None:
    assert not django_settings.DEMO
    assert client.get("/shop/").status_code == 404
    assert client.post("/shop/do/guest", "{}", content_type="application/json").status_code == 404
    assert not any(pattern in urls.urlpatterns for pattern in urls.demo)


def test_a_product_has_a_page_and_an_unlisted_one_has_none(client: Client, shop) -> None:
    page = client.get("/shop/rose?language=en")
    assert "Red rose bush" in page.content.decode()
    assert "12.50" in page.content.decode()
    Product.objects.filter(sku="mug").update(is_listed=False)
    assert client.get("/shop/mug").status_code == 404
    assert client.get("/shop/?category=nothing").status_code == 404
    assert client.post("/shop/rose").status_code == 405


@pytest.mark.parametrize("path", ["", "?category=garden", "?search=%3Cscript%3E", "rose", "basket/"])
def test_pages_hold_no_script_of_their_own_and_set_no_cookie(client: Client, shop, path: str) -> None:
    page = client.get(f"/shop/{path}")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    text = page.content.decode()
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert not page.cookies
    assert page.headers["Cache-Control"] == "no-store"


def test_the_key_in_the_page_is_one_for_pages_and_stays_the_same(client: Client, shop) -> None:
    client.get("/shop/")
    client.get("/shop/rose")
    key = ApiKey.objects.get()
    assert key.kind == "publishable"
    assert not {"customers:read", "codes:write", "privacy:read"} & set(key.scopes)


def test_one_can_be_one_of_a_few_people_and_nobody_else(client: Client, shop, anna, boris) -> None:
    clara = person("clara")
    assert shop("token") == (200, {"token": None})
    assert shop("enter", customer="anna")[0] == 200
    assert access.customer_in(shop("token")[1]["token"], at=timezone.now()) == "anna"
    for other in (clara.external_id, "nobody", ["anna"], {"a": 1}, 5):
        assert shop("enter", customer=other) == (400, {"code": "unknown_customer"})
    assert access.customer_in(shop("token")[1]["token"], at=timezone.now()) == "anna"
    assert shop("enter")[0] == 200
    assert shop("token") == (200, {"token": None})


def test_a_forged_cookie_is_nobody(client: Client, shop, anna) -> None:
    client.cookies["shop_customer"] = "anna:forged"
    assert shop("token") == (200, {"token": None})
    client.cookies["shop_customer"] = "anna"
    assert shop("token") == (200, {"token": None})


def test_a_guest_is_made_once_and_goes_with_the_cookie(client: Client, shop) -> None:
    first = shop("guest")[1]["customer"]
    assert shop("guest")[1]["customer"] == first
    assert Customer.objects.filter(external_id=first).count() == 1
    cookie = client.cookies["shop_customer"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    Customer.objects.filter(external_id=first).delete()
    assert shop("guest")[1]["customer"] != first


@pytest.mark.parametrize(
    "sent",
    [
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
    ],
)
def test_a_form_of_another_site_does_nothing(client: Client, shop, sent: dict[str, str]) -> None:
    answer = client.post("/shop/do/guest", "{}", **sent)
    assert answer.status_code == 415
    assert not Customer.objects.exists()
    assert client.get("/shop/do/guest").status_code == 405
    assert client.post("/shop/do/guest", "{", content_type="application/json").status_code == 400
    asked = client.options("/shop/do/guest", headers={"access-control-request-method": "POST"})
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_an_order_counts_the_shop_s_own_prices(shop, anna) -> None:
    shop("enter", customer="anna")
    status, bill = shop("order", lines={"rose": 2, "tea": 1}, order_id=ORDER, price="0.01")
    assert (status, bill) == (
        201,
        {"order_id": ORDER, "sum": "29.50", "discount": "0", "total": "29.50", "currency": "EUR"},
    )
    rows = Event.objects.filter(customer=anna).order_by("value").values_list("type", "order_id", "value")
    assert list(rows) == [("ordered", ORDER, Decimal("4.50")), ("ordered", ORDER, Decimal(25))]
    assert shop("order", lines={"rose": 2, "tea": 1}, order_id=ORDER)[0] == 201
    assert Event.objects.count() == 2, "the same order is taken once"


def test_a_code_is_used_with_the_order_or_neither_is(shop, code: str, anna) -> None:
    shop("enter", customer="anna")
    assert shop("check", lines={"pan": 1}, code=code.lower(), order_id=ORDER)[1]["discount"] == "3.90"
    assert not Redemption.objects.exists()
    assert shop("order", lines={"pan": 1}, code=code, order_id=ORDER)[1]["total"] == "35.10"
    assert Redemption.objects.get().customer == anna
    assert Code.objects.get().state == "redeemed"
    status, said = shop("order", lines={"mug": 1}, code=code, order_id=ORDER[::-1])
    assert (status, said) == (422, {"code": "already_used", "message": "This code has been used."})
    assert not Event.objects.filter(product__sku="mug").exists()


@pytest.mark.parametrize("who", ["a visitor", "boris"])
def test_another_s_code_takes_nothing_off(shop, code: str, boris, who: str) -> None:
    if who == "boris":
        shop("enter", customer="boris")
    status, said = shop("order", lines={"pan": 1}, code=code, order_id=ORDER)
    assert (status, said["code"]) == (422, "wrong_customer")
    assert CodeMisuse.objects.exists() == (who == "boris"), "who tried it is on record"
    assert not Customer.objects.filter(external_id__startswith="guest-").exists()
    assert not Redemption.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"lines": {}}, "no_lines"),
        ({"lines": ["rose"]}, "no_lines"),
        ({"lines": {"\0": 1}}, "no_lines"),
        ({"lines": {f"s{n}": 1 for n in range(51)}}, "no_lines"),
        ({"lines": {"nothing": 1}}, "not_sellable"),
        ({"lines": {"soil": 1}}, "not_sellable"),
        ({"lines": {"rose": 0}}, "wrong_quantity"),
        ({"lines": {"rose": -1}}, "wrong_quantity"),
        ({"lines": {"rose": True}}, "wrong_quantity"),
        ({"lines": {"rose": "1"}}, "wrong_quantity"),
        ({"lines": {"rose": 100}}, "wrong_quantity"),
        ({"lines": {"rose": 1}, "code": 5}, "wrong_code"),
        ({"lines": {"rose": 1}, "order_id": "short"}, "wrong_order_id"),
        ({"lines": {"rose": 1}, "order_id": "a b c d e f g h i j"}, "wrong_order_id"),
        ({"lines": {"rose": 1}, "order_id": "a" * 41}, "wrong_order_id"),
    ],
)
def test_a_wrong_order_is_refused_and_nothing_happens(shop, said: dict[str, Any], code: str) -> None:
    Product.objects.filter(sku="soil").update(in_stock=False)
    assert shop("order", **{"order_id": ORDER, **said}) == (400, {"code": code})
    assert not Event.objects.exists()
    assert not Customer.objects.exists()
