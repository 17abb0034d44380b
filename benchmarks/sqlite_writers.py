"""How many read-modify-write transactions SQLite loses: 2 processes x 4 threads, three sets of options.

    python benchmarks/sqlite_writers.py [--transactions 100]

Run as a file, so that the writers' Django has nothing but their database. Each transaction reads a counter through Django, waits a millisecond as a caller that computes would, and writes it
back one higher. A failed one is not tried again. At the end the counter must equal what succeeded.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import OperationalError, connection, transaction

ROOT = Path(__file__).resolve().parent.parent
PROCESSES, THREADS = 2, 4
CHOICES = ("Django's defaults", "WAL alone", "Tact's options")


def options(choice: str) -> dict[str, Any]:
    if choice == "Django's defaults":
        return {}
    if choice == "WAL alone":
        return {"init_command": "PRAGMA journal_mode=WAL;"}
    os.environ.update(ENV_FILE="", DEBUG="1", DATABASE_URL="sqlite:///unused.sqlite3")
    sys.path.insert(0, str(ROOT))
    tact = importlib.import_module("config.settings")
    return dict(tact.DATABASES["default"]["OPTIONS"])


def connect(path: str, chosen: dict[str, Any]) -> None:
    """Django with nothing but this database."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": chosen}
    settings.configure(DATABASES={"default": database})
    django.setup()


def write(
    path: str, chosen: dict[str, Any], transactions: int, results: "multiprocessing.Queue[tuple[int, int]]"
) -> None:
    connect(path, chosen)
    done, failed = [], []

    def work() -> None:
        for _ in range(transactions):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SELECT n FROM counter")
                    (n,) = cursor.fetchone()
                    time.sleep(0.001)
                    cursor.execute("UPDATE counter SET n = %s", [n + 1])
                done.append(1)
            except OperationalError:
                failed.append(1)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((len(done), len(failed)))


def setup(path: str, chosen: dict[str, Any]) -> None:
    connect(path, chosen)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE counter (n integer)")
        cursor.execute("INSERT INTO counter VALUES (0)")


def counted(path: str, results: "multiprocessing.Queue[int]") -> None:
    connect(path, {})
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM counter")
        results.put(cursor.fetchone()[0])


def measure(choice: str, transactions: int) -> dict[str, Any]:
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path, results, chosen = str(Path(folder) / "db.sqlite3"), fresh.Queue(), options(choice)
        maker = fresh.Process(target=setup, args=(path, chosen))
        maker.start()
        maker.join()
        began = time.perf_counter()
        writers = [
            fresh.Process(target=write, args=(path, chosen, transactions, results)) for _ in range(PROCESSES)
        ]
        for writer in writers:
            writer.start()
        told = [results.get() for _ in writers]
        for writer in writers:
            writer.join()
        seconds = time.perf_counter() - began
        reader = fresh.Process(target=counted, args=(path, results))
        reader.start()
        counter = results.get()
        reader.join()
    done, failed = sum(row[0] for row in told), sum(row[1] for row in told)
    return {
        "options": choice,
        "asked": done + failed,
        "failed": failed,
        "lost": done - counter,
        "seconds": seconds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--transactions", type=int, default=100, help="for each thread")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = [measure(choice, asked.transactions) for choice in CHOICES]
    if asked.json:
        print(json.dumps(rows))
        return 0
    print(f"{'options':20}{'asked':>7}{'failed':>8}{'share':>7}{'lost':>6}{'seconds':>9}")
    for row in rows:
        print(
            f"{row['options']:20}{row['asked']:>7}{row['failed']:>8}{row['failed'] / row['asked']:>7.0%}"
            f"{row['lost']:>6}{row['seconds']:>9.1f}"
        )
    sys.path.insert(0, str(ROOT))
    report = importlib.import_module(
        "benchmarks.report"
    )  # sets up Django, so not before the measuring is done
    sizes = {"processes": PROCESSES, "threads": THREADS, "transactions": asked.transactions}
    report.save("sqlite_writers", sizes, {row.pop("options"): row for row in rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
