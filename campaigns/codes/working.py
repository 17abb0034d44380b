"""Many codes into a pool by the worker: a batch is the wish, and its codes go in by one transaction (`customers.queued`)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO

import structlog
from django.db import DatabaseError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.codes import pools, waiting
from campaigns.models import CodeBatch, Offer
from customers.queued import MOST_ATTEMPTS, Queue, Stopped, Watch

log = structlog.get_logger()
State, Origin, SIGNS = CodeBatch.State, CodeBatch.Origin, waiting.SIGNS


def ask_to_make(offer: Offer, count: int, *, by: str, expires_at: datetime | None = None) -> CodeBatch:
    """Let the worker make so many. Raises ValueError as `generate` does."""
    if not 1 <= count <= pools.MOST_AT_ONCE:
        raise ValueError(f"from 1 to {pools.MOST_AT_ONCE:,} codes at once")
    return _asked(offer, Origin.GENERATED, count=count, by=by, expires_at=expires_at)


def ask_to_bring_in(
    offer: Offer, content: IO[bytes], *, name: str, by: str, expires_at: datetime | None = None
) -> CodeBatch:
    """Lay the file down for the worker. Its errors will be told in the language that is spoken now."""
    with transaction.atomic():
        batch = _asked(offer, Origin.IMPORTED, name=name[:200], by=by, expires_at=expires_at)
        SIGNS.drop(batch)  # of a row of this number that a restored database forgot
        waiting.keep(batch, content)
    return batch


def _asked(offer: Offer, origin: str, *, by: str, **said: object) -> CodeBatch:
    language = translation.get_language() or ""
    return CodeBatch.objects.create(
        offer=offer, origin=origin, state=State.WAITING, created_by=by[:150], language=language, **said
    )


def work_due(*, clock: Callable[[], datetime]) -> int:
    """Put in every batch that waits, one after the other; how many were taken up."""
    return QUEUE.work_due(lambda batch: work(batch, clock=clock), clock=clock)


def work(batch: CodeBatch, *, clock: Callable[[], datetime]) -> CodeBatch:
    """Put in the codes of a batch that is ours: all of them, or none."""
    with translation.override(batch.language or None):
        try:
            _put_in(batch, clock)
            SIGNS.drop(batch)
        except Stopped:
            QUEUE.end(batch, State.CANCELLED, at=clock())
        except pools.InvalidFile as error:
            QUEUE.end(batch, State.FAILED, why=_told(error), at=clock())
        except FileNotFoundError:
            QUEUE.end(
                batch, State.FAILED, why=_("Its file is not here any more: bring it in anew."), at=clock()
            )
        except UnicodeDecodeError:
            QUEUE.end(batch, State.FAILED, why=_("The file is not UTF-8."), at=clock())
        except (DatabaseError, OSError, ValueError) as error:
            log.error("codes did not go into a pool", batch=batch.pk, reason=type(error).__name__)
            told = _("It failed (%s); no code went in.") % type(error).__name__
            QUEUE.end(batch, State.FAILED, why=told, at=clock())
    batch.refresh_from_db()
    return batch


def _put_in(batch: CodeBatch, clock: Callable[[], datetime]) -> None:
    """Raises Stopped, InvalidFile, FileNotFoundError, and what reading and writing raise."""
    watch, count = Watch(SIGNS, batch), batch.count
    with transaction.atomic():
        if batch.origin == Origin.GENERATED:
            pools.make(batch, tell=watch)
        else:
            with waiting.opened(batch) as file:
                count = pools.read_in(batch, _lines(batch, file, watch))
        QUEUE.finish(batch, count=count, ended_at=clock())


def _told(error: pools.InvalidFile) -> str:
    """Without the codes themselves: more people see a batch than see codes."""
    lines = [_("Line %(line)s: %(told)s") % {"line": one.line, "told": one.told} for one in error.problems]
    return " · ".join([str(error), *lines])


def _lines(batch: CodeBatch, file: Iterator[str], watch: Watch) -> Iterator[str]:
    read, size = 0, max(waiting.size(batch), 1)
    for line in file:
        read += len(line)
        watch(min(read / size, 1.0))
        yield line


def _give_up(batch: CodeBatch, *, at: datetime) -> None:
    with translation.override(batch.language or None):
        told = _("%s workers died at it; no code went in.") % MOST_ATTEMPTS
    QUEUE.end(batch, State.FAILED, at=at, why=told)


QUEUE = Queue(CodeBatch.objects.select_related("offer").all, SIGNS, _give_up)
claim, cancel, is_silent, told = QUEUE.claim, QUEUE.cancel, QUEUE.is_silent, SIGNS.told
