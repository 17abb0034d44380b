"""A file from the desk, taken in by the worker, all of it in one transaction (`customers.queued`)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from customers.imports import reasons, waiting
from customers.imports.intake import Intake
from customers.imports.running import read, sha256_of
from customers.imports.source import BadFile, Held, Progress
from customers.models import ImportRun
from customers.queued import MOST_ATTEMPTS, Queue, Stopped, Watch

log = structlog.get_logger()
State, SIGNS = ImportRun.State, waiting.SIGNS
Reader = Callable[[ImportRun, Held, Intake, Progress], None]


def ask(kind: str, name: str, *, by: str, content: bytes, **options: Any) -> ImportRun:
    """Lay the file down for the worker. Its errors will be told in the language that is spoken now."""
    said = {"language": translation.get_language(), **options}
    with transaction.atomic():
        run = ImportRun.objects.create(
            format=kind, name=name[:300], state=State.WAITING, options=said, requested_by=by[:150]
        )
        SIGNS.drop(run)  # of a row of this number that a restored database forgot
        waiting.keep(run, content)
    return run


def may_begin_again(run: ImportRun) -> bool:
    return run.state == State.FAILED and SIGNS.is_here(run)


def again(run: ImportRun) -> bool:
    """What failed waits once more, if its file is still here."""
    if not may_begin_again(run):
        return False
    SIGNS.drop_signs(run)
    fresh = {"state": State.WAITING, "attempt": 0, "error": "", "ended_at": None, "begun_at": None}
    return bool(ImportRun.objects.filter(pk=run.pk, state=State.FAILED).update(**fresh))


def work_due(read_one: Reader | None = None, *, clock: Callable[[], datetime]) -> int:
    """Take in every file that waits, one after the other; how many were taken up."""
    return QUEUE.work_due(lambda run: work(run, read_one or _read, clock=clock), clock=clock)


def work(run: ImportRun, read_one: Reader, *, clock: Callable[[], datetime]) -> ImportRun:
    """Take in the file of a run that is ours: all of it, or nothing."""
    with translation.override(run.options.get("language")):
        try:
            _take_in(run, read_one, clock)
            SIGNS.drop(run)
        except Stopped:
            QUEUE.end(run, State.CANCELLED, at=clock())
        except BadFile as error:
            QUEUE.end(run, State.FAILED, at=clock(), error=error.kept)
        except waiting.Gone:
            told = _("Its file is not here any more, perhaps because somebody was erased. Bring it in anew.")
            QUEUE.end(run, State.FAILED, at=clock(), error=told)
        except (DatabaseError, OSError, ValueError) as error:
            log.error("a file was not taken in", run=run.pk, reason=type(error).__name__)
            _fail(run, _("It failed (%s); nothing was kept.") % type(error).__name__, at=clock())
    run.refresh_from_db()
    return run


def _take_in(run: ImportRun, read_one: Reader, clock: Callable[[], datetime]) -> None:
    """Raises Stopped, BadFile, Gone, and what reading and writing raise."""
    source = waiting.opened(run)
    intake = Intake(source=run.format, at=clock(), by=run.requested_by)
    watch, size, read_so_far = Watch(SIGNS, run), max(len(source.content), 1), 0

    def told(n: int) -> None:
        nonlocal read_so_far
        read_so_far += n
        watch(min(read_so_far / size, 1.0))

    with transaction.atomic():
        read_one(run, source, intake, told)
        # An erasure takes the file away: what was read of it before must not bring the person back.
        if not SIGNS.is_here(run):
            raise waiting.Gone
        QUEUE.finish(run, counts=dict(intake.counts), sha256=sha256_of(source), ended_at=clock())


def _read(run: ImportRun, source: Held, intake: Intake, progress: Progress) -> None:
    """With one wrong line nothing is taken in."""
    read(run.format, source, intake, progress=progress)
    if found := reasons.problems(intake.counts, intake.skipped_lines):
        told = [_("Line %(lines)s: %(what)s") % {"lines": lines, "what": what} for lines, what in found]
        raise BadFile("\n".join([_("%s has lines that cannot be taken in.") % run.name, *told]))


def _fail(run: ImportRun, error: str, *, at: datetime) -> None:
    """Its file stays, to begin again."""
    QUEUE.held(run).update(state=State.FAILED, ended_at=at, error=error)


def _give_up(run: ImportRun, *, at: datetime) -> None:
    with translation.override(run.options.get("language")):
        _fail(run, _("%s workers died at it; nothing was kept.") % MOST_ATTEMPTS, at=at)


QUEUE = Queue(ImportRun.objects.all, SIGNS, _give_up)
claim, cancel, is_silent, told = QUEUE.claim, QUEUE.cancel, QUEUE.is_silent, SIGNS.told
