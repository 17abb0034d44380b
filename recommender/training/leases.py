"""Who works on a training, until when, whether it is still wanted, and how long it may still take.

A lease is renewed by every step and every look, so a long training is not taken twice; a worker that lost it finds out
at its next step, or when it wants to go live.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

from django.db.models import F, Q, QuerySet

from recommender.models import TrainingRun

LEASE = timedelta(minutes=30)
MOST_ATTEMPTS = 5
LOOK_S = 1.0  # a look costs a query: no more often than this
JUDGED_FROM_S = 10.0  # below, how much slower than the last time says nothing

State = TrainingRun.State


class Cancelled(Exception):
    """Somebody called the training off; nothing of it went live."""


class TakenOver(Exception):
    """The lease ran out, and the training is another worker's now, or has ended."""


class TooLate(Exception):
    """What has ended, or is going live already, can no longer be cancelled."""


class Progress(Protocol):
    """What a training tells as it goes; both raise Cancelled or TakenOver when it should stop."""

    def __call__(self, share: float, step: str, /) -> None:
        """`share` is 0 to 1, `step` what is being done."""

    def check(self) -> None:
        """Is it still wanted? Cheap enough to ask between any two blocks of a long computation."""


def free(*, at: datetime) -> Q:
    """Trainings nobody works on: not begun, or their worker's lease is over."""
    return Q(state=State.WAITING) | Q(state=State.RUNNING, lease_until__lt=at)


def take(run: TrainingRun, *, at: datetime) -> bool:
    """Make it ours for the length of a lease; False where somebody else was faster."""
    ours = TrainingRun.objects.filter(free(at=at), pk=run.pk, cancel_asked_at__isnull=True).update(
        state=State.RUNNING,
        started_at=at,
        lease_until=at + LEASE,
        attempt=F("attempt") + 1,
        is_going_live=False,
        pace={},
    )
    if ours:
        run.refresh_from_db()
    return bool(ours)


def set_aside(*, at: datetime) -> None:
    """End what no worker will end: cancelled when its worker was dead already, or the death of too many workers."""
    dead = TrainingRun.objects.filter(state=State.RUNNING, lease_until__lt=at)
    dead.filter(cancel_asked_at__isnull=False).update(state=State.CANCELLED, step="", ended_at=at)
    dead.filter(attempt__gte=MOST_ATTEMPTS).update(
        state=State.FAILED,
        ended_at=at,
        result={"error": f"{MOST_ATTEMPTS} workers died at it; perhaps of too little memory."},
    )


def cancel(run: TrainingRun, *, by: str, at: datetime) -> TrainingRun:
    """Call it off: at once where nobody works on it, else its worker stops at its next step. Twice is once.

    Raises TooLate where it has ended, or is going live already.
    """
    rows = TrainingRun.objects.filter(pk=run.pk)
    asked = {"cancel_asked_at": at, "cancelled_by": by[:100]}
    if not rows.filter(free(at=at)).update(state=State.CANCELLED, step="", ended_at=at, **asked):
        rows.filter(state=State.RUNNING, is_going_live=False, cancel_asked_at__isnull=True).update(**asked)
    run.refresh_from_db()
    if run.cancel_asked_at is None or run.state not in (State.RUNNING, State.CANCELLED):
        raise TooLate("It is going live already." if run.state == State.RUNNING else "It has ended already.")
    return run


def held(run: TrainingRun) -> QuerySet[TrainingRun]:
    """The row of `run`, while it is still ours."""
    return TrainingRun.objects.filter(pk=run.pk, attempt=run.attempt, state=State.RUNNING)


def go_live(run: TrainingRun) -> None:
    """From here on it cannot be cancelled. To be called in the transaction that switches what serves.

    Raises Cancelled, TakenOver.
    """
    _still_wanted(run, held(run).filter(cancel_asked_at__isnull=True).update(is_going_live=True))


def _still_wanted(run: TrainingRun, updated: int) -> None:
    if not updated:
        now = TrainingRun.objects.filter(pk=run.pk).first()
        if now is not None and now.attempt == run.attempt and now.cancel_asked_at is not None:
            raise Cancelled
        raise TakenOver


class Watch:
    """The progress of one run, written into its row; each look renews the lease and asks whether it is still wanted."""

    def __init__(
        self, run: TrainingRun, *, now: Callable[[], datetime], tell: Callable[[float, str], None] | None
    ) -> None:
        self.run, self.now, self.tell = run, now, tell
        self.began, self.looked = monotonic(), monotonic()
        self.pace: dict[str, float] = {}

    def __call__(self, share: float, step: str, /) -> None:
        if self.tell is not None:
            self.tell(share, step)
        self.pace.setdefault(step[:200], round(monotonic() - self.began, 1))
        self._look(progress=share, step=step[:200], pace=self.pace)

    def check(self) -> None:
        if monotonic() - self.looked >= LOOK_S:
            self._look()

    def _look(self, **figures: object) -> None:
        self.looked = monotonic()
        wanted = held(self.run).filter(cancel_asked_at__isnull=True)
        _still_wanted(self.run, wanted.update(lease_until=self.now() + LEASE, **figures))


def seconds_left(run: TrainingRun, *, at: datetime) -> float | None:
    """How long it may still take, by the pace of the last training of its kind; None where there is nothing to go by.

    The share of the steps is no measure of time: one candidate takes a thousand times as long as another.
    """
    if run.state != State.RUNNING or run.started_at is None or run.step not in run.pace:
        return None
    alike = TrainingRun.objects.filter(task=run.task, algorithms=run.algorithms, state=State.DONE)
    last = alike.filter(started_at__isnull=False, ended_at__isnull=False).order_by("-id").first()
    if last is None or last.started_at is None or last.ended_at is None or run.step not in last.pace:
        return None
    then, now = last.pace[run.step], run.pace[run.step]
    slower = now / then if then >= JUDGED_FROM_S else 1.0
    rest = ((last.ended_at - last.started_at).total_seconds() - then) * slower
    return float(max(rest - ((at - run.started_at).total_seconds() - now), 0.0))
