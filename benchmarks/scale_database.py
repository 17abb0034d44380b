"""The rows behind `benchmarks.scale --database`: written past the door, read three ways, and trained on."""

import io
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import QuerySet

from catalog.models import Category, Product
from customers import columns, histories
from customers.histories import Behaviour, arrays
from customers.models import Customer, Event
from recommender import training
from recommender.algorithms.interactions import FloatArray, IntArray

AT = datetime.fromtimestamp(20_001 * 86_400, tz=UTC)  # the day after the newest purchase
ALLOWED = 0.9
COLUMNS = (
    "customer_id, product_id, order_id, occurred_at, received_at, message_id, "
    "type, quantity, value, currency, source, context, basis"
)
CONSTANT = "'ordered', 1, 9.90, 'EUR', 'benchmark', '{}', 'contract'"


def fill(who: IntArray, what: IntArray, days: FloatArray, *, people: int, products: int) -> dict[str, float]:
    """Shop, people (nine in ten allow personalization) and their purchases, as rows; answers the seconds each took."""
    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    categories = Category.objects.bulk_create(Category(slug=f"c{n}", name=f"Category {n}") for n in range(40))
    goods = Product.objects.bulk_create(
        (
            Product(sku=f"s{n}", title=f"Product {n} of {n % 97}", category=categories[n % 40])
            for n in range(products)
        ),
        batch_size=2000,
    )
    crowd = _crowd(people)
    customers = crowd[who]
    goods_ids = np.array([one.pk for one in goods])[what]
    shop_s, began = time.perf_counter() - began, time.perf_counter()
    indexes = list(Event._meta.indexes)  # noqa: SLF001 - Django calls it public
    with connection.schema_editor() as schema:
        for index in indexes:
            schema.remove_index(Event, index)
    write = _by_copy if connection.vendor == "postgresql" else _by_executemany
    with transaction.atomic():
        write(customers, goods_ids, days)
    rows_s, began = time.perf_counter() - began, time.perf_counter()
    with connection.schema_editor() as schema:
        for index in indexes:
            schema.add_index(Event, index)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    seconds = {"shop_s": shop_s, "rows_s": rows_s, "indexes_s": time.perf_counter() - began}
    return {name: round(value, 1) for name, value in seconds.items()}


def _crowd(people: int) -> IntArray:
    """So many customers, nine in ten of whom allow personalization; their ids."""
    counted = "WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customer (external_id, jurisdiction, sealed, attributes, created_at, updated_at, "
            f"email_index, phone_index, index_key, locale, time_zone, country) {counted} "
            "SELECT 'p' || n, 'EU', %s, '{}', %s, %s, '', '', '', '', '', '' FROM counted",
            [people, b"", AT, AT],
        )
        ids = np.array(Customer.objects.order_by("pk").values_list("pk", flat=True))
        cursor.execute(
            "INSERT INTO customers_consentstate (customer_id, purpose, granted, record_id, at) "
            "SELECT id, 'personalization', %s, id, %s FROM customers_customer WHERE id <= %s",
            [True, AT, int(ids[int(ALLOWED * people) - 1])],
        )
    return ids


def _by_copy(customers: IntArray, products: IntArray, days: FloatArray) -> None:
    """Three numbers a row over the wire; the server makes the rest of each row."""
    kind = [("n", ">i2"), ("a", ">i4"), ("c", ">i8"), ("b", ">i4"), ("p", ">i8"), ("d", ">i4"), ("t", ">f8")]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # the keys are right: ask no trigger
        cursor.execute("CREATE TEMPORARY TABLE bought (c bigint, p bigint, t double precision)")
        for start in range(0, len(customers), 500_000):
            page = slice(start, start + 500_000)
            table = np.zeros(len(customers[page]), kind)
            table["n"], table["a"], table["b"], table["d"] = 3, 8, 8, 8
            table["c"], table["p"], table["t"] = customers[page], products[page], days[page]
            data = columns.SIGNATURE + bytes(8) + table.tobytes() + b"\xff\xff"
            cursor.copy_expert("COPY bought FROM STDIN (FORMAT binary)", io.BytesIO(data))
        cursor.execute(
            f"INSERT INTO customers_event ({COLUMNS}) SELECT c, p, c || '-' || floor(t), to_timestamp(t * 86400), "
            f"to_timestamp(t * 86400), row_number() OVER (), {CONSTANT} FROM bought"
        )
        cursor.execute("DROP TABLE bought")


def _by_executemany(customers: IntArray, products: IntArray, days: FloatArray) -> None:
    def rows() -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(days), 100_000):
            page = slice(start, start + 100_000)
            moments = (days[page] * 86_400_000_000).astype("datetime64[us]")
            texts = np.char.replace(np.datetime_as_string(moments), "T", " ").tolist()
            lines = zip(
                customers[page].tolist(), products[page].tolist(), days[page].tolist(), texts, strict=True
            )
            for n, (customer, product, day, text) in enumerate(lines, start):
                yield customer, product, f"{customer}-{int(day)}", text, text, str(n)

    sql = f"INSERT INTO customers_event ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, {CONSTANT})"
    waiting = rows()
    connection.ensure_connection()
    while page := list(islice(waiting, 100_000)):
        connection.connection.cursor().executemany(sql, page)


# --- three ways to read the same query ---------------------------------------------------------------------------

Rows = QuerySet[Any, Any]


def _as_before(rows: Rows) -> Behaviour:
    """A tuple a row through the ORM: how it was read at first."""
    kind = np.dtype(
        [("c", np.int64), ("p", np.int64), ("q", np.float64), ("v", np.float64), ("d", np.float64)]
    )
    table = np.fromiter(rows.iterator(chunk_size=20_000), dtype=kind)
    return Behaviour(*(np.ascontiguousarray(table[name]) for name in kind.names or ()))


def _bare(rows: Rows) -> Behaviour:
    """The database's part alone: its rows are thrown away unread."""

    class Nowhere:
        def write(self, data: bytes) -> None:
            pass

    sql, parameters = rows.query.get_compiler(rows.db).as_sql()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            asked = cursor.mogrify(sql, parameters).decode()
            cursor.copy_expert(f"COPY ({asked}) TO STDOUT (FORMAT binary)", Nowhere())
        else:
            cursor.execute(f"SELECT count(*) FROM ({sql})", parameters)
            cursor.fetchone()
    none: Any = np.empty(0)
    return Behaviour(none, none, none, none, none, none)


WAYS: dict[str, Callable[[Rows], Behaviour] | None] = {"bare": _bare, "ours": None, "as before": _as_before}


def read(way: str) -> dict[str, Any]:
    """To be called in a process of its own: it changes how this one reads."""
    if (other := WAYS[way]) is not None:
        arrays._arrays = other  # type: ignore[assignment]  # noqa: SLF001 - what is compared
    began = time.perf_counter()
    bought = histories.purchases("personalization", until=AT)
    seconds = time.perf_counter() - began
    return {"rows": len(bought), "read_s": round(seconds, 1), "sum": float(bought.days.sum())}


def train(algorithms: list[str]) -> dict[str, Any]:
    """As a worker does it, with its progress told."""
    began = time.perf_counter()

    def tell(share: float, step: str) -> None:
        print(f"    {time.perf_counter() - began:7.1f} s {share:4.0%} {step}", flush=True)

    training.ask("recommend", algorithms=algorithms)
    run = training.claim(at=AT)
    assert run is not None
    done = training.work(run, at=AT, tell=tell)
    told = {name: done.result.get(name) for name in ("algorithm", "promoted", "reason", "refused")}
    return {"state": done.state, "pace": done.pace, **told}
