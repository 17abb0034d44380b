"""kill -9 of the worker that writes an export, at every step: no half file, and the next worker writes it whole.

Run as a program it is one process of an installation: `python -m tests.faults.test_killed_exports setup|work|tell`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.world import at_the, installation

pytestmark = [pytest.mark.faults, pytest.mark.slow]
ROWS = 30
# A write of the third page, the taking of its name, and the row's last change.
STEPS = ("write", "replace", "done")


# --- the processes ---------------------------------------------------------------------------------------------------


def setup() -> None:
    from catalog.models import Product  # noqa: PLC0415
    from tests.campaigns.test_exports import some  # noqa: PLC0415
    from tests.conftest import person  # noqa: PLC0415

    product = Product.objects.create(sku="rose", title="Rose")
    some(person("anna", allows=["analytics"]), product, ROWS)


def work(step: str, form: str) -> None:
    """Ask for an export unless one waits, and write it; die at the step."""
    from datetime import timedelta  # noqa: PLC0415

    from django.utils import timezone  # noqa: PLC0415

    from campaigns import exports  # noqa: PLC0415
    from campaigns.exports import datasets, parquet_file, working  # noqa: PLC0415
    from campaigns.models import Export  # noqa: PLC0415

    datasets.PAGE, working.LOOK_S = 5, 0.0
    places = {
        "write": (parquet_file.ParquetFile, "write"),
        "replace": (Path, "replace"),
        "done": (Path, "replace"),
    }
    if place := places.get(step):
        dies = at_the(3 if step == "write" else 1, getattr(*place), after=step != "replace")
        setattr(*place, dies)
    if not Export.objects.exclude(state="done").exists():
        exports.ask("orders", form=form, by="faults")
    later = timedelta(minutes=30 * Export.objects.get().attempt)
    exports.work_due(clock=lambda: timezone.now() + later)


def tell() -> None:
    from campaigns.models import Export  # noqa: PLC0415
    from customers import data_files  # noqa: PLC0415

    rows = list(Export.objects.values_list("state", "attempt", "rows", "size"))
    whole = [path.stat().st_size for path in data_files.folder().glob("*.people")]
    print(json.dumps({"rows": rows, "whole": whole}))


# --- the parent's side -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, migrated: str):
    with installation(tmp_path, migrated) as (environment, forks):
        yield partial(forks.run, environment, "tests.faults.test_killed_exports")


def told(run: Callable[..., subprocess.CompletedProcess[str]]) -> dict[str, Any]:
    said = run("tell")
    assert said.returncode == 0, said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_killed_at_any_step_no_half_file_has_the_name_and_the_next_writes_it(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert run("setup").returncode == 0
    for step, files in zip(STEPS, (0, 0, 1), strict=True):
        assert run("work", step, "parquet").returncode == -9, step
        found = told(run)
        assert found["rows"][0][0] == "running"
        assert len(found["whole"]) == files, step
    done = run("work", "none", "parquet")
    assert done.returncode == 0, done.stderr
    found = told(run)
    assert found["rows"] == [["done", 4, ROWS, found["whole"][0]]]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    import tests.environment

    assert tests.environment
    django.setup()
    match sys.argv[1:]:
        case ["setup"]:
            setup()
        case ["work", step, form]:
            work(step, form)
        case ["tell"]:
            tell()
