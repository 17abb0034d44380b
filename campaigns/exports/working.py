"""An export is a row (Export): the wish, its progress, its file. The worker takes it under a lease, as a training is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

import structlog
from django.db import DatabaseError
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop

from campaigns.exports.datasets import Span
from campaigns.exports.leaving import SomebodyLeft, mark
from campaigns.exports.writing import DATASETS, write
from campaigns.models import Export
from customers import data_files

log = structlog.get_logger()
State = Export.State
LEASE = timedelta(minutes=10)
MOST_ATTEMPTS = 5
LOOK_S = 1.0  # a look costs a query: no more often than this
LEFT = gettext_noop("Somebody was erased or restricted meanwhile.")


class Stopped(Exception):
    """It was cancelled, or is another worker's now."""


class TooLate(Exception):
    """It has ended already."""


def free(*, at: datetime) -> Q:
    """Exports nobody works on: not begun, or their worker's lease is over."""
    return Q(state=State.WAITING) | Q(state=State.RUNNING, lease_until__lt=at)


def work_due(*, clock: Callable[[], datetime]) -> int:
    """Write every export that was asked for; how many were taken up. One that fails never stops the others."""
    taken = 0
    while (export := claim(at=clock())) is not None:
        work(export, clock=clock)
        taken += 1
    return taken


def claim(*, at: datetime) -> Export | None:
    """The oldest that is free, made ours for the length of a lease; of those that too many workers died at, none.

    None either while another is being written: two long ones would take all the threads of a small worker.
    """
    dead = Export.objects.filter(state=State.RUNNING, lease_until__lt=at)
    dead.filter(cancel_asked_at__isnull=False).update(state=State.CANCELLED, ended_at=at)
    dead.filter(attempt__gte=MOST_ATTEMPTS).update(
        state=State.FAILED, ended_at=at, why=f"{MOST_ATTEMPTS} workers died at it."
    )
    if Export.objects.filter(state=State.RUNNING, lease_until__gte=at).exists():
        return None
    for pk in Export.objects.filter(free(at=at)).order_by("created_at").values_list("pk", flat=True):
        ours = Export.objects.filter(free(at=at), pk=pk, cancel_asked_at__isnull=True).update(
            state=State.RUNNING, started_at=at, lease_until=at + LEASE, attempt=F("attempt") + 1, rows=0
        )
        if ours:
            return Export.objects.get(pk=pk)
    return None


def work(export: Export, *, clock: Callable[[], datetime]) -> Export:
    """Write the file of an export that is ours, and give it its name once it is whole."""
    try:
        _write(export, clock)
    except Stopped:
        called_off = _held(export).filter(cancel_asked_at__isnull=False)
        if called_off.update(state=State.CANCELLED, ended_at=clock()):
            data_files.drop(export.pk)
    except (SomebodyLeft, FileNotFoundError):  # the draft goes with an erasure
        again = _held(export).filter(attempt__lt=MOST_ATTEMPTS)
        if not again.update(state=State.WAITING, why=LEFT):
            _held(export).update(state=State.FAILED, ended_at=clock(), why=LEFT)
    except (DatabaseError, OSError, ValueError) as error:
        log.error("an export was not written", export=str(export.pk), reason=type(error).__name__)
        _held(export).update(state=State.FAILED, ended_at=clock(), why=type(error).__name__)
    export.refresh_from_db()
    return export


def _write(export: Export, clock: Callable[[], datetime]) -> None:
    """Raises Stopped, SomebodyLeft, and what reading and writing raise."""
    dataset, before, looked = DATASETS[export.dataset], mark(), monotonic()

    def look(rows: int) -> None:
        nonlocal looked
        if monotonic() - looked >= LOOK_S:
            looked = monotonic()
            _keep_hold(export, rows=rows, lease_until=clock() + LEASE)

    path = data_files.path_of(export.pk, of_people=dataset.of_people)
    with data_files.draft(path) as file:
        span = Span(clock(), export.since, export.until)
        rows = write(dataset, file, form=export.format, span=span, tell=look)
        _keep_hold(export, rows=rows)
        if dataset.of_people and mark() != before:
            raise SomebodyLeft
        size = file.tell()
    at = clock()
    _keep_hold(
        export, state=State.DONE, size=size, mark=before, why="", ended_at=at, expires_at=at + data_files.KEPT_FOR
    )  # fmt: skip


def _held(export: Export) -> QuerySet[Export]:
    """The row, while it is still ours."""
    return Export.objects.filter(pk=export.pk, attempt=export.attempt, state=State.RUNNING)


def _keep_hold(export: Export, **figures: object) -> None:
    if not _held(export).filter(cancel_asked_at__isnull=True).update(**figures):
        raise Stopped


def cancel(export: Export, *, by: str, at: datetime) -> Export:
    """Call it off: at once where nobody works on it, else its worker stops at its next page. Raises TooLate."""
    asked = {"cancel_asked_at": at, "cancelled_by": by[:150]}
    rows = Export.objects.filter(pk=export.pk)
    if not rows.filter(free(at=at)).update(state=State.CANCELLED, ended_at=at, **asked):
        rows.filter(state=State.RUNNING, cancel_asked_at__isnull=True).update(**asked)
    export.refresh_from_db()
    if export.cancel_asked_at is None:
        raise TooLate("It has ended already.")
    return export
