"""Two connected shops, and a client that signs as each of them does."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from customers.models import Event, ShopConnection
from customers.shops import connections
from tests.conftest import NOW

SECRET = "a secret of the garden"
Answer = tuple[int, dict[str, Any]]
Deliver = Callable[..., Answer]
_numbers = count(1)


@pytest.fixture(autouse=True)
def _at_rest() -> Iterator[None]:
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def garden(db: None) -> ShopConnection:
    return connections.connect(
        "shopify", "garden.myshopify.com", label="Garden", currency="EUR", secret=SECRET
    )


@pytest.fixture
def beet(db: None) -> ShopConnection:
    return connections.connect(
        "woocommerce", "https://www.beet.example/", label="Beet", currency="EUR", secret=SECRET, prefix="beet-"
    )  # fmt: skip


def signed(raw: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()


def deliver(shop: ShopConnection, topic: str, said: Any, *, number: str = "", **headers: str) -> Answer:
    """As the shop would: `number` is the delivery's own, a new one where none is given."""
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    own = number or f"delivery-{next(_numbers)}"
    if shop.kind == "shopify":
        usual = {
            "X-Shopify-Hmac-Sha256": signed(raw), "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": own,
            "X-Shopify-Shop-Domain": shop.domain, "X-Shopify-API-Version": "2026-01",
            "X-Shopify-Triggered-At": "2026-11-20T17:30:01.123456789Z",
        }  # fmt: skip
    else:
        usual = {
            "X-WC-Webhook-Signature": signed(raw), "X-WC-Webhook-Topic": topic, "X-WC-Webhook-Delivery-ID": own,
            "X-WC-Webhook-Source": f"https://{shop.domain}/", "X-WC-Webhook-ID": "3",
        }  # fmt: skip
    address = f"/hooks/{shop.kind}/{shop.pk}"
    answer = Client().post(address, raw, content_type="application/json", headers={**usual, **headers})
    return answer.status_code, json.loads(answer.content)


def taken(shop: ShopConnection, topic: str, said: Any, **more: Any) -> None:
    assert deliver(shop, topic, said, **more) == (200, {"taken": True})


def lines(shop: ShopConnection) -> list[tuple[Any, ...]]:
    """What is kept of the shop's orders, without the rows' own numbers."""
    rows = Event.objects.filter(source=shop.source).order_by("message_id")
    return list(
        rows.values_list(
            "message_id", "type", "product__sku", "quantity", "value", "order_id", "occurred_at",
            "customer__external_id", "cancels__message_id",
        )
    )  # fmt: skip


def balance(shop: ShopConnection) -> dict[str, Decimal]:
    """What is left of each order: sold less come back."""
    found: dict[str, Decimal] = {}
    for event in Event.objects.filter(source=shop.source):
        sign = 1 if event.type == "ordered" else -1
        found[event.order_id] = found.get(event.order_id, Decimal(0)) + sign * (event.value or Decimal(0))
    return found
