"""Is this database what it was when it last looked, and may it send?

A backup that was restored, and a copy that somebody made, are told so before they answer or send anything: what the
journal knows and they do not is done again (D3), and nothing is sent until a person says that it may.

What can be known. The file `installation.json` beside the journal names the database that wrote there last: its own
number and its mark, which a restored dump, a copied file or another server does not have (`naming`). So a copy that
finds the journal, or brings its own along, is told from the first. Two machines on one database are one installation.
A copy of the whole machine, its disks' numbers included, cannot be told: give it another `JOURNAL_DIR`, or none.
"""

from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from time import monotonic

import structlog
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from customers import journal, suppression
from customers.installation import naming
from customers.installation.replaying import replay
from customers.models import Installation

log = structlog.get_logger()
FRESH_S = 5.0
"""For so long an answer is believed without asking again."""
WHY = {
    "no journal": gettext_noop(
        "There is no journal beside this database: it is a copy of one, or the journal's folder was lost."
    ),
    "another": gettext_noop("This is not the database that was here before: a restored backup, or a copy."),
    "older": gettext_noop(
        "The database was older than the journal: a backup was restored. The erasures, withdrawals and "
        "restrictions that it did not know have been done again."
    ),
    "shorter": gettext_noop(
        "The journal is shorter than this database knows: an older journal was put back."
    ),
    "changed": gettext_noop("A line of the journal was changed or is missing, so it cannot be replayed."),
}
"""Why sending may be held, by the word that the row keeps."""
KEY_GONE = gettext_noop(
    "The suppression list was made with a key that is not in the settings: put it into INDEX_KEY_FALLBACKS and restart."
)
"""Why this process sends nothing whatever the row says; nobody needs to release it once the key is back."""


@dataclass(frozen=True)
class _Looked:
    """What this process saw when it last looked."""

    when: float
    may_send: bool
    is_unanswerable: bool
    """An entry of the suppression list rests on a key that is not in the settings."""
    seen: int
    mark: str


_looked: _Looked | None = None
_lock = Lock()


def may_send(*, at: datetime) -> bool:
    """Whether messages may be planned and sent. Asks the database every 5 seconds at most: three queries.

    A hold that this process sets holds at once; a database that is found to be an older one is brought up first. A
    process without the key of an entry of the suppression list sends nothing either, until it has that key (C9).
    """
    known = _looked
    if known is None or monotonic() - known.when > FRESH_S:
        known = look(at=at)
    return known.may_send


def look(*, at: datetime) -> _Looked:
    """See whether it is still the same database, and replay the journal where it is not. Three queries where it is.

    The first call of a process always compares with the journal. Raises DatabaseError and OSError: whoever cannot
    look does not serve and does not send.
    """
    global _looked
    with _lock:
        row, mark = naming.row_of(), naming.mark_of()
        before = _looked
        if (
            before is None
            or row.journal_seen < before.seen
            or mark != before.mark
            or naming.is_strange(row, mark)
        ):
            row = _bring_up(row, mark, at=at)
        lost = suppression.is_unanswerable()
        if lost and not (before is not None and before.is_unanswerable):
            log.error(
                "sending is held", why="the suppression list rests on a key that is not in the settings"
            )
        _looked = _Looked(monotonic(), row.held_since is None and not lost, lost, row.journal_seen, mark)
        return _looked


def keep_up(*, at: datetime) -> int:
    """Note how far the journal is known here, so that the next start reads only what is newer; answers that line.

    Rung every minute. What it finds to be missing is replayed, as at a start. That a worker came by is noted too.
    """
    forget()
    look(at=at)
    row = naming.row_of()
    Installation.objects.filter(pk=row.pk).update(worker_seen_at=at)
    return row.journal_seen


def forget() -> None:
    """Look anew at the next question."""
    global _looked
    _looked = None


# --- holding and releasing ------------------------------------------------------------------------------------


def current(*, at: datetime) -> Installation:
    """The row of this installation, as it stands."""
    return naming.row_of()


def hold(why: str, *, at: datetime) -> None:
    """Send nothing until a person says so. `why` is one of WHY; a second reason is added to the first."""
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=naming.row_of().pk)
        reasons = row.held_why.split(", ") if row.held_since else []
        if why in reasons:
            return
        Installation.objects.filter(pk=row.pk).update(
            held_since=row.held_since or at,
            held_why=", ".join([*reasons, why]),
            released_by="",
            released_at=None,
        )
    forget()
    log.error("sending is held", why=why)


def reasons(row: Installation) -> list[str]:
    """Why sending is held, in sentences; none when it is not."""
    found = [_(WHY[why]) for why in row.held_why.split(", ") if why in WHY]
    return [*found, _(KEY_GONE)] if _looked is not None and _looked.is_unanswerable else found


def release(*, by: str, at: datetime) -> Installation:
    """A person says that this database is the one that sends. It is named beside the journal from now on.

    What the journal can still tell is done first. Another database that names itself there is held from its next look
    on: of two copies one may send. A journal that was changed is laid aside, and a new one begun.
    """
    forget()
    look(at=at)
    row = naming.row_of()
    changed = "changed" in row.held_why.split(", ")
    if changed:
        journal.lay_aside(at=at)
    naming.name(row, naming.mark_of())
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=row.pk)
        # What the journal held that is gone can be known no more: the person has been told so.
        row.journal_seen = min(row.journal_seen, journal.length())
        row.held_since, row.held_why, row.released_by, row.released_at = None, "", by[:150], at
        row.save()
    forget()
    log.warning("sending is released", by=by)
    return row


def _bring_up(row: Installation, mark: str, *, at: datetime) -> Installation:
    """Compare with the file and the journal: hold what is another database, and do again what it does not know."""
    named = naming.named()
    if named is None:
        hold("no journal", at=at)
    elif named != (row.pk, mark):
        hold("another", at=at)
    try:
        if journal.length() < row.journal_seen:
            hold("shorter", at=at)
        else:
            replay(row, on_older=lambda: hold("older", at=at), at=at)
    except journal.Broken as broken:
        hold("changed", at=at)
        log.error("the journal was changed", where=str(broken))
    return Installation.objects.get(pk=row.pk)
