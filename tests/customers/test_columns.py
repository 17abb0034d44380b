"""A query's rows as arrays are the query's rows: the same numbers, in the same order, consent and all."""

from datetime import timedelta
from decimal import Decimal
from zlib import crc32

import numpy as np
import pytest
from django.db import connection
from django.db.models import F, FloatField, Value
from django.db.models.functions import Cast

from customers import columns as reading
from customers import consent, events, histories, identities
from customers.columns import columns
from customers.events import Incoming
from customers.models import Event
from tests.conftest import NOW, evidence

pytestmark = pytest.mark.django_db
PEOPLE = ("anna", "boris", "clara")


@pytest.fixture
def orders(products) -> None:
    """Anna and Clara allow personalization, Boris does not; each bought a few things, some twice in one order."""
    ids = identities.find_or_create(PEOPLE)
    consent.record(
        [
            consent.Answer(ids[name], "personalization", True, evidence("personalization"))
            for name in ("anna", "clara")
        ],
        at=NOW - timedelta(days=99),
    )
    events.take_in(
        [
            Incoming(
                message_id=f"{name}-{n}", type="ordered", customer=name, sku=list(products)[n % len(products)],
                quantity=Decimal("1.5"), value=Decimal("12.34"), currency="EUR", order_id=f"{name}-{n // 4}",
                occurred_at=NOW - timedelta(days=n, seconds=n),
            )
            for name in PEOPLE
            for n in range(12)
        ],
        source="tests", at=NOW,
    )  # fmt: skip


def asked():
    rows = Event.objects.filter(consent.may("personalization", person="customer_id"))
    return rows.order_by("-occurred_at", "id").values_list(
        "customer_id", "product_id", Cast("value", FloatField())
    )


@pytest.mark.parametrize("size", [1, 7, 20_000])
def test_the_numbers_are_the_querys_in_its_order(orders, monkeypatch, size: int) -> None:
    monkeypatch.setattr(reading, "ROWS_A_PAGE", size)
    monkeypatch.setattr(reading, "BYTES_A_PAGE", size * 40)
    found = columns(asked(), np.int64, np.int64, np.float64)
    assert [array.dtype for array in found] == [np.int64, np.int64, np.float64]
    assert list(zip(*(array.tolist() for array in found), strict=True)) == list(asked())
    assert len(found[0]) == 24  # Boris is not there


def test_no_rows_are_empty_arrays(orders) -> None:
    for none in (asked().filter(pk=0), asked().none()):
        assert [len(array) for array in columns(none, np.int64, np.int64, np.float64)] == [0, 0, 0]


def test_purchases_are_read_as_a_plain_cursor_reads_them(orders, monkeypatch) -> None:
    def plainly(rows, *dtypes) -> list[np.ndarray]:
        with connection.cursor() as cursor:
            cursor.execute(*rows.query.get_compiler(rows.db).as_sql())
            table = cursor.fetchall()
        numbered = [[crc32(v.encode()) if isinstance(v, str) else v for v in row] for row in table]
        return [np.array([row[place] for row in numbered], dtype) for place, dtype in enumerate(dtypes)]

    fast = histories.purchases("personalization"), histories.actions("personalization", types=["ordered"])
    monkeypatch.setattr(histories.arrays, "columns", plainly)
    slow = histories.purchases("personalization"), histories.actions("personalization", types=["ordered"])
    for ours, theirs in zip(fast, slow, strict=True):
        assert len(ours) > 0
        for name in ("customers", "products", "quantities", "values", "days", "orders"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_a_withdrawal_holds_from_its_moment_on(orders) -> None:
    anna = identities.find(["anna"])["anna"]
    assert anna in columns(asked(), np.int64, np.int64, np.float64)[0]
    consent.withdraw(anna, "personalization", method="m", source="s", actor="a", at=NOW)
    assert anna not in columns(asked(), np.int64, np.int64, np.float64)[0]


def test_a_text_in_a_parameter_is_a_text(orders) -> None:
    rows = Event.objects.filter(order_id="x' OR 1=1; -- %s").values_list("customer_id")
    assert len(columns(rows, np.int64)[0]) == 0
    assert len(columns(Event.objects.filter(order_id="anna-0").values_list("customer_id"), np.int64)[0]) == 4


def test_a_null_is_refused(orders) -> None:
    rows = Event.objects.annotate(no=Cast(Value(None), FloatField())).values_list(F("no"))
    with pytest.raises(TypeError):
        columns(rows, np.float64)
    if connection.vendor == "postgresql":
        narrow = Event.objects.extra(select={"one": "1::integer"}).values_list("one")
        with pytest.raises(TypeError):
            columns(narrow, np.int64)
