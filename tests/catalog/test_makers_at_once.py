"""Who makes or changes the same products at one moment."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from catalog.imports import ProductInput, save_products
from catalog.models import Product, ProductChange
from tests.conftest import NOW

MAKERS, SKUS = 6, [f"s{n}" for n in range(12)]


@pytest.mark.django_db(transaction=True)
def test_several_makers_of_one_product_make_it_once_and_none_fails() -> None:
    gate, failed = threading.Barrier(MAKERS), []

    def make(n: int) -> None:
        mine = SKUS if n % 2 else SKUS[::-1]
        try:
            for price in range(3):
                gate.wait()
                save_products([ProductInput(sku=sku, price=Decimal(price)) for sku in mine], at=NOW)
        except Exception as error:
            failed.append(error)
            gate.abort()
        finally:
            connection.close()

    makers = [threading.Thread(target=make, args=(n,)) for n in range(MAKERS)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert failed == []
    assert sorted(Product.objects.values_list("sku", flat=True)) == sorted(SKUS)
    assert ProductChange.objects.count() == 3 * len(SKUS)
