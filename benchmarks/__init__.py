"""Side by side with a peer or a bare loop in the same run. Importing this package makes an installation of its own.

It lives in a temporary folder; with a PostgreSQL server in DATABASE_URL, in a database of its own there. Both are
gone when the script ends, and nobody's own data is touched. Child processes inherit it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

import django

PORT = int(os.environ.get("BENCHMARK_PORT", "8200"))
"""The first of the three local ports that the scripts' own servers listen on."""


def _database() -> None:
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        os.environ.pop("DATABASE_URL", None)
        return
    import psycopg2  # noqa: PLC0415 - SQLite needs no driver
    from psycopg2 import sql  # noqa: PLC0415

    def told(sentence: str) -> None:
        line = psycopg2.connect(url)
        line.autocommit = True
        line.cursor().execute(sql.SQL(sentence).format(sql.Identifier(name)))
        line.close()

    name = f"benchmark_{uuid4().hex[:12]}"
    told("CREATE DATABASE {}")
    atexit.register(told, "DROP DATABASE {} WITH (FORCE)")
    os.environ["DATABASE_URL"] = f"{url.rpartition('/')[0]}/{name}"


if "BENCHMARK_HOME" not in os.environ:
    home = Path(tempfile.mkdtemp(prefix="tact-benchmark-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    _database()
    os.environ.update(
        BENCHMARK_HOME=str(home),
        VAR_DIR=str(home),
        ENV_FILE="",
        DEBUG="0",
        SECRET_KEY="only-for-benchmarks-" + "x" * 40,
        FIELD_KEYS="bench:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        LEDGER_KEY="MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        PUBLIC_URL="https://shop.example",
        ALLOWED_HOSTS="*",
        EMAIL_URL=f"smtp://127.0.0.1:{PORT}",
        POSTAL_ADDRESS="Shop, 1 Example Street, 10115 Berlin",
        API_REQUESTS_PER_MINUTE="1000000000",
        REQUIRE_SECOND_FACTOR="0",
        OPENBLAS_NUM_THREADS="1",
        LK_NUM_THREADS="1",
        LK_NUM_BACKEND_THREADS="1",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    os.environ.pop("REDIS_URL", None)
django.setup()
