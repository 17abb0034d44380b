"""The desk's page of a connected shop: made by a form, it says what to enter at the shop and what came."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import ShopConnection, ShopDelivery
from customers.shops import connections
from tests import desk
from tests.customers.shops.conftest import SECRET, taken
from tests.customers.shops.payloads import shopify_order, shopify_refund

pytestmark = pytest.mark.django_db
LIST, ADD = "admin:customers_shopconnection_changelist", "admin:customers_shopconnection_add"
SAID = {"label": "Beet", "kind": "woocommerce", "domain": "https://www.beet.example/shop", "currency": "eur", "prefix": "", "secret": SECRET}  # fmt: skip


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def page(client: Client, shop: ShopConnection) -> Any:
    return client.get(reverse("admin:customers_shopconnection_change", args=[shop.pk]))


def section(answer: Any, title: str) -> list[list[str]]:
    (found,) = [one for one in answer.context["sections"] if str(one.title) == title]
    return [[str(cell) for cell in row] for row in found.rows]


def test_a_shop_is_connected_by_a_form_and_its_page_says_what_to_enter(client: Client) -> None:
    answer = client.post(reverse(ADD), SAID)
    shop = ShopConnection.objects.get()
    assert answer.headers["Location"] == reverse("admin:customers_shopconnection_change", args=[shop.pk])
    assert (shop.domain, shop.currency, shop.is_active) == ("www.beet.example", "EUR", True)
    assert connections.secrets_of(shop) == [SECRET]
    told = dict(section(page(client, shop), "What to enter at the shop"))
    assert told["Delivery address"].endswith(f"/hooks/woocommerce/{shop.pk}")
    assert "order.updated" in told["Topics"]
    assert told["Secrets that hold"] == "1"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"secret": ""}, "secret"), ({"secret": "short"}, "secret"), ({"domain": "no domain"}, "domain"),
        ({"currency": "€"}, "currency"), ({"prefix": "not one"}, "prefix"),
    ],
)  # fmt: skip
def test_a_form_that_is_wrong_connects_nothing(client: Client, wrong: dict[str, str], field: str) -> None:
    answer = client.post(reverse(ADD), {**SAID, **wrong})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not ShopConnection.objects.exists()


def test_the_second_shop_is_offered_a_prefix_and_may_not_share_the_first_s(
    client: Client, garden: ShopConnection
) -> None:
    assert client.get(reverse(ADD)).context["adminform"].form.initial["prefix"] == "shop2-"
    assert client.post(reverse(ADD), SAID).status_code == 200
    assert ShopConnection.objects.count() == 1


def test_a_secret_is_never_shown(client: Client, garden: ShopConnection) -> None:
    for address in (reverse(LIST), reverse("admin:customers_shopconnection_change", args=[garden.pk])):
        assert SECRET not in client.get(address).content.decode()


def test_a_new_secret_holds_beside_the_former_until_that_is_forgotten(
    client: Client, garden: ShopConnection
) -> None:
    address = reverse("admin:customers_shopconnection_change", args=[garden.pk])
    button = reverse("admin:customers_shopconnection_forget_former", args=[garden.pk])
    assert button not in page(client, garden).content.decode()
    said = {"label": "Garden", "domain": garden.domain, "currency": "EUR", "is_active": "on"}
    assert client.post(address, {**said, "secret": ""}).status_code == 302
    assert client.post(address, {**said, "secret": "the second one", "prefix": "x-", "kind": "woocommerce"}).status_code == 302  # fmt: skip
    garden.refresh_from_db()
    assert (garden.kind, garden.prefix) == ("shopify", "")
    assert connections.secrets_of(garden) == ["the second one", SECRET]
    assert button in page(client, garden).content.decode()
    assert "Forget the former secret" in client.get(button).content.decode()
    assert len(connections.secrets_of(ShopConnection.objects.get())) == 2
    client.post(button)
    assert connections.secrets_of(ShopConnection.objects.get()) == ["the second one"]


def test_the_page_tells_what_came_and_what_could_not_be_used(client: Client, garden: ShopConnection) -> None:
    assert "Nothing has come yet." in page(client, garden).content.decode()
    taken(garden, "orders/create", shopify_order())
    taken(garden, "orders/create", shopify_order(test=True, id=5002))
    taken(garden, "refunds/create", shopify_refund(order_id=9))
    answer = page(client, garden)
    assert [row[:2] for row in section(answer, "Deliveries in 30 days")] == [["orders/create", "2"], ["refunds/create", "1"]]  # fmt: skip
    assert [row[1:] for row in section(answer, "What could not be used")] == [
        ["orders/create", "a test order", "1"],
        ["orders/create", "a line without a product: its money is kept", "1"],
    ]
    assert "greta" not in answer.content.decode().casefold()
    listed = client.get(reverse("admin:customers_shopdelivery_changelist")).content.decode()
    assert "a test order" in listed
    row = ShopDelivery.objects.get(topic="refunds/create")
    told = client.get(reverse("admin:customers_shopdelivery_change", args=[row.pk])).content.decode()
    assert "9" in told
    assert client.get(reverse(LIST)).status_code == 200


def test_a_shop_that_asks_to_forget_its_people_says_so_on_its_page(
    client: Client, garden: ShopConnection
) -> None:
    taken(garden, "shop/redact", {"shop_domain": garden.domain})
    assert section(page(client, garden), "Asked to forget everything")


def test_a_connection_is_switched_off_and_never_deleted(client: Client, garden: ShopConnection) -> None:
    address = reverse("admin:customers_shopconnection_delete", args=[garden.pk])
    assert client.post(address, {"post": "yes"}).status_code == 403
    assert ShopConnection.objects.exists()
