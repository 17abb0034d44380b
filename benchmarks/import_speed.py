"""Importing events-csv rows, against the csv module and executemany into the same table of the same database."""

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction

from benchmarks import world
from benchmarks.report import ratios, save, spread, told
from catalog.models import Product
from customers.models import Event

PEOPLE, PRODUCTS = 500, 300


def write(path: Path, rows: int, salt: int) -> Path:
    """Orders of 500 people over 300 products; another `salt`, other rows."""
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=salt)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["customer", "sku", "event", "value", "occurred_at"])
        for n in range(rows):
            moment = (begin + timedelta(seconds=n)).isoformat()
            out.writerow([f"c{n % PEOPLE:05}", f"p{n % PRODUCTS:05}", "ordered", "9.90", moment])
    return path


def bare(path: Path, people: dict[str, int], products: dict[str, int]) -> None:
    now = connection.ops.adapt_datetimefield_value(world.NOW)
    with path.open(newline="") as file, transaction.atomic(), connection.cursor() as cursor:
        lines = csv.reader(file)
        next(lines)
        cursor.executemany(
            "INSERT INTO customers_event (customer_id, product_id, type, quantity, value, currency, order_id,"
            " occurred_at, received_at, source, message_id, context, basis) VALUES"
            " (%s, %s, %s, 1, %s, '', '', %s, %s, 'bare', %s, '{}', 'contract')",
            (
                (people[c], products[sku], kind, value, moment, now, f"{path.name}-{n}")
                for n, (c, sku, kind, value, moment) in enumerate(lines)
            ),
        )


def alone(path: Path, rows: int) -> dict[str, float]:
    """Import in a process of its own, which says how long it took and how large it grew."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.import_speed", "--child", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert found["kept"] == rows, found
    return found


def child(path: str) -> None:
    before = Event.objects.count()
    began = time.perf_counter()
    call_command("import_data", "events-csv", path, verbosity=0)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("\n" + json.dumps({"seconds": seconds, "peak_mb": peak, "kept": Event.objects.count() - before}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--child", default="")
    asked = parser.parse_args()
    if asked.child:
        child(asked.child)
        return
    world.migrate()
    world.products(PRODUCTS)
    people = world.people(PEOPLE)
    products = dict(Product.objects.values_list("sku", "pk"))
    ours, theirs, peak, large_ours, large_peak = [], [], [], [], []
    for repetition in range(asked.repetitions):
        path = write(world.HOME / f"{repetition}.csv", asked.rows, 2 * repetition)
        found = alone(path, asked.rows)
        began = time.perf_counter()
        bare(path, people, products)
        theirs.append(time.perf_counter() - began)
        ours.append(found["seconds"])
        peak.append(found["peak_mb"])
        # Earlier days, for rows of the future are refused.
        found = alone(
            write(world.HOME / f"{repetition}-large.csv", 4 * asked.rows, -2 * repetition - 1), 4 * asked.rows
        )
        large_ours.append(found["seconds"])
        large_peak.append(found["peak_mb"])
    figures = {
        "rows_a_second": spread([asked.rows / s for s in ours]),
        "rows_a_second_4x": spread([4 * asked.rows / s for s in large_ours]),
        "bare_rows_a_second": spread([asked.rows / s for s in theirs]),
        "time_by_bare": ratios(ours, theirs),
        "peak_mb": spread(peak),
        "peak_mb_4x": spread(large_peak),
        "peak_4x_by_1x": ratios(large_peak, peak),
    }
    print(f"import_speed: {asked.rows:,} and {4 * asked.rows:,} rows, {asked.repetitions} repetitions")
    print(
        f"  import_data events-csv  {told(figures['rows_a_second'], 0)} rows/s; 4x: {told(figures['rows_a_second_4x'], 0)}"
    )
    print(f"  csv and executemany     {told(figures['bare_rows_a_second'], 0)} rows/s")
    print(f"  time against bare       {told(figures['time_by_bare'], 2)} times")
    print(
        f"  peak memory             {told(figures['peak_mb'])} MB; 4x the rows: {told(figures['peak_mb_4x'])} MB"
    )
    save("import_speed", {"rows": asked.rows, "rows_4x": 4 * asked.rows, "people": PEOPLE}, figures)


if __name__ == "__main__":
    main()
