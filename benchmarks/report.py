"""Repetitions, their spread, and the file they end in."""

import json
import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.db import connection

FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks"
LIBRARIES = (
    "django",
    "numpy",
    "scipy",
    "gunicorn",
    "python-liquid",
    "css-inline",
    "cryptography",
    "aiosmtpd",
)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range over the repetitions."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Ours by theirs, repetition by repetition."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def told(figure: Mapping[str, float], digits: int = 1) -> str:
    return f"{figure['median']:,.{digits}f} ({figure['min']:,.{digits}f}..{figure['max']:,.{digits}f})"


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU seconds of one call, in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def calibration() -> float:
    """CPU milliseconds of a bare loop of a million additions: what this machine is, here and now."""

    def loop() -> None:
        total = 0
        for n in range(1_000_000):
            total += n

    return statistics.median(timed(loop)[1] for _ in range(5)) * 1000


def _database() -> str:
    if connection.vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    connection.ensure_connection()
    return f"PostgreSQL {connection.pg_version / 10000:g}"


def save(
    name: str, sizes: Mapping[str, Any], figures: Mapping[str, Any], *, also: Sequence[str] = ()
) -> None:
    """Print and keep what was measured, with what it was measured on."""
    row = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "architecture": platform.machine()},
        "versions": {
            "python": platform.python_version(),
            "database": _database(),
            **{library: version(library) for library in (*LIBRARIES, *also)},
        },
        "calibration_ms": round(calibration(), 1),
        "sizes": dict(sizes),
        "figures": dict(figures),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(row, indent=1) + "\n")
    sys.stdout.write(f"  written to {path.relative_to(FOLDER.parent.parent)}\n")
