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


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite is of small shops, and goes another way"
)
@pytest.mark.django_db
def test_whom_the_shop_knows_are_found_newest_first_between_the_anonymous_without_a_sort() -> None:
    for n in range(30):
        person(f"p{n}", allows=[])
    Customer.objects.bulk_create(Customer(jurisdiction="EU") for _n in range(300))
    with connection.cursor() as cursor:  # whatever stood here before, and a sort of thirty costs nothing
        cursor.execute("ANALYZE customers_customer")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
    newest = str(Customer.objects.known().order_by("-pk")[:50].values_list("pk").explain())
    assert "customer_known" in newest
    assert "Sort" not in newest
