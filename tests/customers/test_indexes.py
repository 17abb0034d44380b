"""The few of very many are found without reading everyone."""

import pytest
from django.db import connection
from django.db.models import QuerySet

from customers.models import ConsentRecord, Customer
from tests.conftest import NOW, person

FEW = {
    "customer_restricted": lambda: Customer.objects.filter(
        restricted_at__isnull=False, erased_at__isnull=True
    ),
    "customer_erased": lambda: Customer.objects.filter(erased_at__gt=NOW),
    "grant_of_notice": lambda: ConsentRecord.objects.filter(notice="analytics@2", granted=True),
}


def plan(rows: QuerySet) -> str:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # of few rows it would read all anyway
            cursor.execute("SET LOCAL enable_seqscan = off")
    return str(rows.order_by().values_list("pk").explain())


@pytest.mark.django_db
@pytest.mark.parametrize("index", FEW)
def test_who_is_one_of_few_is_found_by_an_index(index: str) -> None:
    for n in range(3):
        person(f"p{n}", allows=["analytics"])
    assert index in plan(FEW[index]())
