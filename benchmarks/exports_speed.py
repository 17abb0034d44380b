"""Writing a set of orders to a file, against a bare loop of the same query and `csv.writer`; and its peak memory."""

import argparse
import csv
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from benchmarks import world
from benchmarks.report import ratios, save, spread, told
from campaigns import exports
from campaigns.models import Export
from catalog.models import Product
from customers import histories
from customers.models import Customer, Event

COLUMNS = (
    "id", "customer__external_id", "type", "order_id", "product__sku", "quantity", "value", "currency",
    "occurred_at", "received_at", "source", "message_id", "basis",
)  # fmt: skip


def fill(rows: int) -> None:
    people = list(Customer.objects.values_list("pk", flat=True))
    products = list(Product.objects.values_list("pk", flat=True))
    for start in range(0, rows, 5000):
        Event.objects.bulk_create(
            Event(
                customer_id=people[n % len(people)],
                product_id=products[n % len(products)],
                type="ordered",
                value="9.90",
                currency="EUR",
                order_id=f"o{n // 3}",
                occurred_at=world.NOW - timedelta(seconds=n),
                received_at=world.NOW,
                source="benchmark",
                message_id=f"b{n}",
                basis="contract",
            )
            for n in range(start, min(start + 5000, rows))
        )


def ours(form: str, path: Path) -> float:
    began = time.perf_counter()
    exports.write_to(path, "orders", form=form, at=world.NOW)
    return time.perf_counter() - began


def bare(path: Path) -> float:
    """The same rows by the same query, streamed, and each written as it comes."""
    began = time.perf_counter()
    found = histories.behaviour("analytics", types=["ordered", "refunded"]).order_by("pk")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for row in found.values_list(*COLUMNS).iterator(chunk_size=5000):
            table.writerow(row)
    return time.perf_counter() - began


def peak(form: str, path: Path, before: int) -> float:
    """MB at most of a process of its own that writes the orders with a number above `before`."""
    script = (
        "import benchmarks, sys; from pathlib import Path; from benchmarks import world; "
        "from campaigns import exports; "
        "form, path, since = sys.argv[1:]; from datetime import timedelta; "
        "exports.write_to(Path(path), 'orders', form=form, at=world.NOW, "
        "since=world.NOW - timedelta(seconds=int(since))); "
        # Not getrusage: it remembers the process that began this one.
        "print(next(int(x.split()[1]) for x in Path('/proc/self/status').open() if x.startswith('VmHWM')) / 1024)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, form, str(path), str(before)],
        capture_output=True, text=True, timeout=900, check=True,
    )  # fmt: skip
    return float(said.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repetitions", type=int, default=5)
    asked = parser.parse_args()
    world.migrate()
    world.products(300)
    world.people(500)
    fill(asked.rows)
    path = world.HOME / "orders"
    seconds: dict[str, list[float]] = {form: [] for form in ("bare", *Export.Format.values)}
    for repetition in range(asked.repetitions + 1):
        found = {"bare": bare(path), **{form: ours(form, path) for form in Export.Format.values}}
        if repetition:  # the first one warms up
            for name, took in found.items():
                seconds[name].append(took)
    figures = {
        **{f"{name}_rows_a_second": spread([asked.rows / s for s in took]) for name, took in seconds.items()},
        **{f"{form}_time_by_bare": ratios(seconds[form], seconds["bare"]) for form in Export.Format.values},
    }
    print(f"exports_speed: {asked.rows:,} orders, {asked.repetitions} repetitions")
    print(f"  a bare loop with csv.writer  {told(figures['bare_rows_a_second'], 0)} rows/s")
    for form in Export.Format.values:
        print(
            f"  {form:8} {told(figures[f'{form}_rows_a_second'], 0)} rows/s, "
            f"time {told(figures[f'{form}_time_by_bare'], 2)} of bare"
        )
    for form in Export.Format.values:
        few, many = peak(form, path, asked.rows // 10), peak(form, path, asked.rows)
        figures |= {f"{form}_peak_mb_tenth": spread([few]), f"{form}_peak_mb": spread([many])}
        print(f"  {form:8} peak {few:.0f} MB for a tenth of the rows, {many:.0f} MB for all")
    save("exports_speed", {"rows": asked.rows, "people": 500}, figures)


if __name__ == "__main__":
    main()
