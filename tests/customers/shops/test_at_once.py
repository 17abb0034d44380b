"""Deliveries of one order that come at the same moment leave what they leave one after the other."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from customers.models import Customer, Event, ShopConnection, ShopDelivery
from tests.customers.shops.conftest import balance, deliver
from tests.customers.shops.payloads import shopify_order, shopify_product, shopify_refund

TOLD = [
    ("refunds/create", shopify_refund()),
    ("orders/create", shopify_order()),
    ("orders/paid", shopify_order()),
    ("products/update", shopify_product()),
]


@pytest.mark.django_db(transaction=True)
def test_an_order_its_refund_and_its_products_at_once_are_each_kept_once(garden: ShopConnection) -> None:
    gate, answers = threading.Barrier(2 * len(TOLD)), []

    def shop(n: int) -> None:
        topic, said = TOLD[n % len(TOLD)]
        gate.wait()
        answers.append(deliver(garden, topic, said, number=f"d{n % len(TOLD)}"))
        connection.close()

    threads = [threading.Thread(target=shop, args=(n,)) for n in range(2 * len(TOLD))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((code, said["taken"]) for code, said in answers) == [(200, False)] * 4 + [(200, True)] * 4
    assert balance(garden) == {"5001": Decimal("25.50")}
    assert (Event.objects.count(), Customer.objects.count(), ShopDelivery.objects.count()) == (3, 1, 4)
    assert not ShopDelivery.objects.exclude(order_id="").exists()
