"""kill -9 of the worker of people's demands before and after every step: nothing done twice, nothing left out.

Run as a program it is one process of an installation: `python -m tests.faults.test_killed_requests setup|work|tell`.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.world import at_the, installation

pytestmark = [pytest.mark.faults, pytest.mark.slow]
KINDS = ("access", "objection", "restriction", "erasure")
EVENTS = 30


# --- the processes ---------------------------------------------------------------------------------------------------


def setup() -> None:
    """One person a kind of demand, each with some events, each demand proven."""
    from django.utils import timezone  # noqa: PLC0415

    from customers import events, requests  # noqa: PLC0415
    from tests.conftest import person  # noqa: PLC0415

    now = timezone.now()
    for kind in KINDS:
        customer = person(kind, allows=("analytics", "personalization", "marketing_email"))
        seen = [
            events.Incoming(message_id=f"{kind}{n}", type="viewed", customer=kind, occurred_at=now)
            for n in range(EVENTS)
        ]
        events.take_in(seen, source="faults", at=now)
        requests.ask(customer, kind, source="faults", at=now, proven_by=requests.BY_PAGE)


def work(n: int, when: str) -> None:
    """Do what is due; die before or after the nth step, or inside it before its commit."""
    from django.utils import timezone  # noqa: PLC0415

    from customers import request_work, requests  # noqa: PLC0415

    if when == "inside":
        requests.note = at_the(n, requests.note, after=True)
    else:
        request_work._once = at_the(n, request_work._once, after=when == "after")
    request_work.work_due(at=timezone.now())


def tell() -> None:
    from customers import consent, export_files, ledger  # noqa: PLC0415
    from customers.models import ConsentRecord, Customer, Event, PrivacyRequest  # noqa: PLC0415

    rows = {row.type: row for row in PrivacyRequest.objects.select_related("customer__key")}
    access = rows["access"]
    copy = b""
    if access.customer is not None and access.customer.key is not None and export_files.is_there(access.pk):
        copy = b"".join(export_files.opened(access.pk, access.customer.key))
    erased = rows["erasure"].customer_number
    told = {
        "states": {kind: row.state for kind, row in rows.items()},
        "steps": {kind: [(s["store"], s["what"], s["rows"]) for s in row.steps] for kind, row in rows.items()},
        "files": len(list(export_files.folder().glob("*.sealed"))),
        "copy": copy[:4].hex(),
        "refusals": ConsentRecord.objects.filter(customer_id=rows["objection"].customer_number, granted=False).count(),
        "restricted": Customer.objects.filter(pk=rows["restriction"].customer_number, restricted_at__isnull=False).count(),
        "marketing": consent.permitted("marketing_email").count(),
        "events_of_the_erased": Event.objects.filter(customer_id=erased).count(),
        "key_of_the_erased": Customer.objects.filter(pk=erased, key__isnull=False).count(),
        "ledger": [str(fault) for fault in ledger.verify().faults],
    }  # fmt: skip
    print(json.dumps(told))


# --- the parent's side -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, migrated: str):
    with installation(tmp_path, migrated) as (environment, forks):
        yield partial(forks.run, environment, "tests.faults.test_killed_requests")


def test_killed_between_and_inside_steps_nothing_is_done_twice_or_left_out(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    made = run("setup")
    assert made.returncode == 0, made.stderr
    # A step of each demand in turn: killed inside it, after it, and before the next one.
    kills = 0
    for n, when in (
        (1, "inside"),
        (1, "after"),
        (2, "before"),
        (1, "after"),
        (4, "inside"),
        (2, "after"),
        (1, "before"),
    ):
        kills += run("work", str(n), when).returncode == -9
    assert kills >= 6
    done = run("work", "0", "none")
    assert done.returncode == 0, done.stderr
    told = run("tell")
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    assert set(found["states"].values()) == {"done"}
    for kind, steps in found["steps"].items():
        assert max(Counter(tuple(step[:2]) for step in steps).values()) == 1, kind
    assert ["customers.Event", "copied", EVENTS] in found["steps"]["access"]
    assert ["customers.Event", "deleted", EVENTS] in found["steps"]["erasure"]
    assert (found["files"], found["copy"]) == (1, b"PK\x03\x04".hex())
    # Two were allowed and are refused; two more purposes were never allowed and are refused too.
    assert found["refusals"] == 4
    assert (found["restricted"], found["events_of_the_erased"], found["key_of_the_erased"]) == (1, 0, 0)
    assert found["marketing"] == 1
    assert found["ledger"] == []


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    import tests.environment

    assert tests.environment
    django.setup()
    match sys.argv[1:]:
        case ["setup"]:
            setup()
        case ["work", n, when]:
            work(int(n), when)
        case ["tell"]:
            tell()
