"""Checkpoints and verifications as jobs: asked for, done by the scheduler's workers, and what became of them.

The state lies in two small files beside the checkpoints, because a database that is not trusted should not vouch for
itself.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils.translation import gettext as _

from customers.models import Checkpoint, ConsentRecord
from customers.proof import checking, checkpoints
from customers.proof.reading import DoesNotExtend

EVERY = timedelta(days=1)
LATE = timedelta(hours=1)
MOST_FAULTS = 50
log = structlog.get_logger()


def _read(name: str) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((checkpoints.folder() / name).read_text())
    except (OSError, ValueError):
        return {}
    return state


def _write(name: str, state: dict[str, Any]) -> None:
    path = checkpoints.folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(state))
    fresh.replace(path)


def last() -> dict[str, Any]:
    """The newest verification: `ended_at`, `records`, `people`, `faults`, `against`; and under way: `asked_at`, `share`."""
    return _read("verification.json")


def is_waiting() -> bool:
    return bool(last().get("asked_at"))


def ask(*, at: datetime) -> None:
    """Let the next worker verify everything. Asked twice it runs once."""
    if not is_waiting():
        _write("verification.json", {**last(), "asked_at": at.isoformat(), "share": 0.0})


def verify_due(*, at: datetime) -> bool:
    """Verify everything if somebody asked, or the last time is a day ago. False if not, or another is at it."""
    with _one_at_a_time() as is_mine:
        state = last()
        ended = state.get("ended_at")
        is_due = ended is None or datetime.fromisoformat(ended) < at - EVERY
        if not is_mine or not (state.get("asked_at") or is_due):
            return False
        verify(at=at)
        return True


def verify(*, at: datetime) -> dict[str, Any]:
    """Recompute all, against the newest checkpoint outside the database, and keep what was found."""
    before = last()
    total = max(ConsentRecord.objects.count(), 1)
    shown = 0.0

    def show(records: int) -> None:
        nonlocal shown
        if records / total > shown + 0.01:
            shown = min(records / total, 1.0)
            _write(
                "verification.json",
                {**before, "asked_at": before.get("asked_at") or at.isoformat(), "share": shown},
            )

    line = checkpoints.newest_line()
    result = checking.check(line=line, on_progress=show)
    state: dict[str, Any] = {
        "ended_at": at.isoformat(),
        "records": result.records,
        "people": result.people,
        "fault_count": len(result.faults),
        "faults": [str(fault) for fault in result.faults[:MOST_FAULTS]],
        "against": line.at if line else "",
    }
    _write("verification.json", state)
    if result.faults:
        log.error("ledger broken", faults=len(result.faults), first=state["faults"][0])
    return state


@contextmanager
def _one_at_a_time() -> Iterator[bool]:
    checkpoints.folder().mkdir(parents=True, exist_ok=True)
    with (checkpoints.folder() / "verifying.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def checkpoint_due(*, at: datetime) -> Checkpoint | None:
    """A checkpoint if anything is new; a refusal is kept for the desk and logged."""
    try:
        row = checkpoints.make(at=at)
    except DoesNotExtend as error:
        log.error("checkpoint refused", why=str(error))
        _write("refusal.json", {"at": at.isoformat(), "why": str(error)})
        return None
    (checkpoints.folder() / "refusal.json").unlink(missing_ok=True)
    return row


def alarms(*, at: datetime) -> list[str]:
    """What is wrong with the proof, in sentences; none if all is well. Two queries."""
    found = []
    if refusal := _read("refusal.json"):
        found.append(_("No checkpoint of the ledger can be signed: %s.") % refusal["why"])
    state = last()
    if state.get("faults"):
        found.append(_("The ledger did not verify: %s.") % state["faults"][0])
    newest = Checkpoint.objects.order_by("-pk").first()
    uncovered = ConsentRecord.objects.filter(pk__gt=newest.newest_record if newest else 0, at__lt=at - LATE)
    if (newest is None or newest.at < at - LATE) and uncovered.exists():
        found.append(_("The ledger has had no checkpoint for more than an hour."))
    return found
