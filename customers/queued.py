"""Work that waits as a row, is done by one transaction, and is followed and called off meanwhile.

The transaction's last statement asks whether the row is still ours and wanted (`Queue.finish`): whoever was killed,
called off or too slow leaves nothing. What desk and worker tell each other lies on the disk that they share: of an open
transaction nobody else can read, and on SQLite nobody else can write until it ends.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from django.db.models import F, QuerySet

from customers import data_files

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
SILENT_AFTER = timedelta(minutes=2)
"""A worker tells twice a second how far it is; of one that was not heard of for so long it is said that it died."""
MOST_ATTEMPTS = 5
LOOK_S = 0.5
_PROGRESS, _CALLED_OFF = ".progress", ".cancelled"


class Stopped(Exception):
    """It was called off, or is another worker's now."""


class TooLate(Exception):
    """It has ended already."""


@dataclass(frozen=True)
class Signs:
    """A row's file, how much of it is done, and that it was called off."""

    name: str
    ending: str
    """of the file"""

    def path(self, row: Any, what: str = "") -> Path:
        return data_files.folder() / f"{self.name}-{row.pk}{what or self.ending}"

    def is_here(self, row: Any) -> bool:
        return self.path(row).exists()

    def tell(self, row: Any, share: float) -> None:
        """How much of it is done, from the worker; also that the worker lives."""
        self.path(row, _PROGRESS).write_text(f"{share:.4f}", "ascii")

    def told(self, row: Any) -> float:
        with contextlib.suppress(FileNotFoundError, ValueError):  # not begun, or being written just now
            return float(self.path(row, _PROGRESS).read_text("ascii"))
        return 0.0

    def told_at(self, row: Any) -> datetime | None:
        """When the worker was last heard of."""
        with contextlib.suppress(FileNotFoundError):
            return datetime.fromtimestamp(self.path(row, _PROGRESS).stat().st_mtime, tz=UTC)
        return None

    def call_off(self, row: Any) -> None:
        self.path(row, _CALLED_OFF).touch(mode=0o600)

    def is_called_off(self, row: Any) -> bool:
        return self.path(row, _CALLED_OFF).exists()

    def drop(self, row: Any) -> None:
        """The file and all that was told."""
        self.path(row).unlink(missing_ok=True)
        self.drop_signs(row)

    def drop_signs(self, row: Any) -> None:
        for what in (_PROGRESS, _CALLED_OFF):
            self.path(row, what).unlink(missing_ok=True)


class Watch:
    """Told how much is done; tells it on twice a second, and stops what is not wanted any more."""

    def __init__(self, signs: Signs, row: Any) -> None:
        self.signs, self.row, self.looked = signs, row, monotonic()
        signs.tell(row, 0)

    def __call__(self, share: float) -> None:
        if monotonic() - self.looked < LOOK_S:
            return
        self.looked = monotonic()
        if self.signs.is_called_off(self.row):
            raise Stopped
        self.signs.tell(self.row, share)


@dataclass(frozen=True)
class Queue:
    """Rows with `state`, `attempt`, `begun_at`, `ended_at`, `cancel_asked_at` and `cancelled_by`."""

    rows: Callable[[], QuerySet[Any]]
    signs: Signs
    give_up: Callable[..., None]
    """(row, at=) ends what `MOST_ATTEMPTS` workers died at."""

    def is_silent(self, row: Any, *, at: datetime) -> bool:
        """Whether the worker that had it must have died."""
        heard = max(filter(None, (row.begun_at, self.signs.told_at(row))), default=None)
        return row.state == RUNNING and (heard is None or heard < at - SILENT_AFTER)

    def cancel(self, row: Any, *, by: str, at: datetime) -> Any:
        """Call it off: at once where nobody works on it, else its worker stops within moments. Raises TooLate."""
        if row.state == RUNNING:
            self.signs.call_off(row)  # first: on SQLite the row cannot be written while the worker writes
        rows, asked = self.rows().filter(pk=row.pk), {"cancel_asked_at": at, "cancelled_by": by[:150]}
        ended = {"state": CANCELLED, "ended_at": at, **asked}
        is_dead = self.is_silent(row, at=at)
        if rows.filter(state=WAITING).update(**ended) or (
            is_dead and rows.filter(state=RUNNING, attempt=row.attempt).update(**ended)
        ):
            self.signs.drop(row)
        else:
            stopping = rows.filter(state__in=(RUNNING, CANCELLED), cancel_asked_at__isnull=True)
            stopping.update(**asked)
        row.refresh_from_db()
        if row.cancel_asked_at is None:
            raise TooLate
        return row

    def claim(self, *, at: datetime) -> Any:
        """The oldest that waits, made ours; what a dead worker held waits again. None while another is at work."""
        for row in self.rows().filter(state=RUNNING):
            if not self.is_silent(row, at=at):
                return None
            self._let_go(row, at=at)
        for pk in self.rows().filter(state=WAITING).order_by("pk").values_list("pk", flat=True)[:5]:
            ours = {"state": RUNNING, "begun_at": at, "attempt": F("attempt") + 1}
            if self.rows().filter(pk=pk, state=WAITING).update(**ours):
                return self.rows().get(pk=pk)
        return None

    def _let_go(self, row: Any, *, at: datetime) -> None:
        if row.cancel_asked_at is not None or self.signs.is_called_off(row):
            self.end(row, CANCELLED, at=at)
        elif row.attempt >= MOST_ATTEMPTS:
            self.give_up(row, at=at)
        else:
            self.signs.drop_signs(row)
            self.held(row).update(state=WAITING)

    def work_due(self, work: Callable[[Any], object], *, clock: Callable[[], datetime]) -> int:
        """Do all that waits, one after the other; how many were taken up."""
        taken = 0
        while (row := self.claim(at=clock())) is not None:
            work(row)
            taken += 1
        return taken

    def held(self, row: Any) -> QuerySet[Any]:
        """The row, while it is still ours."""
        return self.rows().filter(pk=row.pk, attempt=row.attempt, state=RUNNING)

    def finish(self, row: Any, **said: Any) -> None:
        """The last statement of the transaction that does it. Raises Stopped where it is not ours or not wanted."""
        if self.signs.is_called_off(row):
            raise Stopped
        if not self.held(row).filter(cancel_asked_at__isnull=True).update(state=DONE, **said):
            raise Stopped

    def end(self, row: Any, state: str, *, at: datetime, **said: Any) -> None:
        """While it is ours, and its file goes with it; another worker's is left where it is."""
        if self.held(row).update(state=state, ended_at=at, **said):
            self.signs.drop(row)
