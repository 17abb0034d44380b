"""What the settings ask of the environment, set before Django reads it (loaded by `-p` in pyproject)."""

import os
from pathlib import Path

# Never a developer's own .env: a test run is the same everywhere.
os.environ["ENV_FILE"] = ""
os.environ.setdefault("DEBUG", "0")
# Hundreds of tests open the desk by a password; test_second_factor.py has its own.
os.environ.setdefault("REQUIRE_SECOND_FACTOR", "0")
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("FIELD_KEYS", "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
os.environ.setdefault("LEDGER_KEY", "bGVkZ2VyIGtleSBvZiB0aGUgdGVzdHMsIDMyIGJ5dGU=")
os.environ.setdefault("PUBLIC_URL", "https://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "*")
os.environ.setdefault("VAR_DIR", str(Path(__file__).resolve().parent.parent / "var" / "test"))
# The processes of a run keep all cores busy already, and threads of matrix products wait for each other by spinning.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Two test processes at once share a Redis server, never one of its databases.
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and (redis := os.environ.get("REDIS_URL")):
    os.environ["REDIS_URL"] = f"{redis.rpartition('/')[0]}/{int(worker.removeprefix('gw')) + 1}"
# Playwright's synchronous client runs an event loop in the test's own thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
