"""Connecting a shop: by hand and by command; its secrets lie sealed and are changed without losing a delivery."""

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from customers import encryption, rotation
from customers.models import PersonKey, ShopConnection
from customers.shops import connections
from customers.shops.connections import NotPossible
from tests.customers.shops.conftest import SECRET, taken
from tests.customers.shops.payloads import shopify_product
from tests.customers.test_encryption import NEWER

pytestmark = pytest.mark.django_db
USUAL = {"label": "Garden", "currency": "EUR", "secret": SECRET}


def test_the_secret_lies_sealed(garden: ShopConnection) -> None:
    row = ShopConnection.objects.get()
    assert SECRET.encode() not in bytes(row.sealed)
    assert connections.secrets_of(row) == [SECRET]


def test_the_keys_rotation_takes_the_secret_along(garden: ShopConnection, settings) -> None:
    former = settings.FIELD_KEYS
    settings.FIELD_KEYS = [NEWER, *former]
    rotation.rotate()
    settings.FIELD_KEYS, settings.INDEX_KEY = [NEWER], former[0]
    taken(ShopConnection.objects.get(), "products/create", shopify_product())


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("garden.myshopify.com", "garden.myshopify.com"),
        ("https://Garden.MyShopify.com/admin", "garden.myshopify.com"),
        ("http://localhost:8080/", "localhost:8080"),
    ],
)
def test_an_address_as_people_paste_it_becomes_its_domain(said: str, host: str) -> None:
    assert connections.domain_of(said) == host


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "magento"}, {"domain": "no domain"}, {"domain": ""}, {"currency": "euro"}, {"secret": "short"},
        {"prefix": "not a prefix"}, {"domain": "user:pass@shop.example"}, {"prefix": "x" * 21}, {"domain": "http://[1"},
    ],
)  # fmt: skip
def test_what_cannot_be_connected_makes_nothing(wrong: dict[str, str]) -> None:
    said = {"kind": "shopify", "domain": "garden.myshopify.com", **USUAL, **wrong}
    with pytest.raises(NotPossible):
        connections.connect(said.pop("kind"), said.pop("domain"), **said)
    assert not ShopConnection.objects.exists()
    assert not PersonKey.objects.exists()


def test_no_two_shops_share_their_numbers(garden: ShopConnection) -> None:
    with pytest.raises(NotPossible):
        connections.connect("shopify", "second.myshopify.com", prefix="", **USUAL)
    with pytest.raises(IntegrityError), transaction.atomic():
        ShopConnection.objects.create(kind="shopify", domain="x", prefix="", key=PersonKey.objects.get())
    second = connections.connect("shopify", "second.myshopify.com", **USUAL)
    third = connections.connect("woocommerce", "third.example", **USUAL)
    assert (second.prefix, third.prefix) == ("shop2-", "shop3-")


def test_the_same_secret_again_leaves_one(garden: ShopConnection) -> None:
    connections.seal(garden, SECRET)
    assert connections.secrets_of(garden) == [SECRET]


def test_a_third_secret_ends_the_first(garden: ShopConnection) -> None:
    for secret in ("the second one", "the third one"):
        connections.seal(garden, secret)
    assert connections.secrets_of(garden) == ["the third one", "the second one"]


def test_the_command_reads_the_secret_and_says_what_to_enter(monkeypatch, settings) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{SECRET}\n"))
    told = io.StringIO()
    call_command("connect_shop", "shopify", "garden.myshopify.com", "--currency", "eur", stdout=told)
    row = ShopConnection.objects.get()
    assert f"{settings.PUBLIC_URL}/hooks/shopify/{row.pk}" in told.getvalue()
    assert "orders/create" in told.getvalue()
    assert SECRET not in told.getvalue()
    assert connections.secrets_of(row) == [SECRET]


def test_the_command_makes_a_secret_and_tells_it_once() -> None:
    told = io.StringIO()
    call_command("connect_shop", "woocommerce", "https://beet.example", "--currency=EUR", "--make-secret", "--json", stdout=told)  # fmt: skip
    said = json.loads(told.getvalue())
    row = ShopConnection.objects.get()
    assert said["topics"][0] == "product.created"
    assert said["address"].endswith(f"/hooks/woocommerce/{row.pk}")
    assert connections.secrets_of(row) == [said["secret"]]


def test_the_command_says_what_is_wrong_in_one_line(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="at least 8 characters"):
        call_command("connect_shop", "shopify", "garden.myshopify.com", "--currency", "EUR")
    assert not ShopConnection.objects.exists()


def test_a_shop_whose_key_does_not_open_takes_nothing(garden: ShopConnection, settings) -> None:
    PersonKey.objects.update(master_key_id="lost")
    with pytest.raises(encryption.Unreadable):
        connections.secrets_of(ShopConnection.objects.select_related("key").get())
