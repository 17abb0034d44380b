"""Is this database what it was when it last looked, and may it send?

A backup that was restored, and a copy that somebody made, are told so before they answer or send anything: what the
journal knows and they do not is done again (D3), and nothing is sent until a person says that it may.

What can be known. The file `installation.json` beside the journal names the database that wrote there last: its own
number and its mark, which a restored dump, a copied file or another server does not have (`_mark`). So a copy that
finds the journal, or brings its own along, is told from the first. Two machines on one database are one installation.
A copy of the whole machine, its disks' numbers included, cannot be told: give it another `JOURNAL_DIR`, or none.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from time import monotonic
from uuid import UUID, uuid4

import orjson
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from customers import consent, encryption, journal, privacy, suppression
from customers.consent import Answer, Evidence
from customers.journal import Line, Row
from customers.models import ConsentRecord, ConsentState, Customer, Installation
from customers.suppression import Place

log = structlog.get_logger()
FRESH_S = 5.0
"""For so long an answer is believed without asking again."""
UNDER_WAY = timedelta(hours=1)
"""A line without its `done` may be of a transaction that has not ended; after this it was rolled back."""
PAGE = 500
BY = "installation"
WHY = {
    "no journal": gettext_noop(
        "There is no journal beside this database: it is a copy of one, or the journal's folder was lost."
    ),
    "another": gettext_noop("This is not the database that was here before: a restored backup, or a copy."),
    "older": gettext_noop(
        "The database was older than the journal: a backup was restored. The erasures and withdrawals that it did "
        "not know have been done again."
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
        row, mark = _row(at=at), _mark()
        before = _looked
        if before is None or row.journal_seen < before.seen or mark != before.mark or _is_strange(row, mark):
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

    Rung every minute. What it finds to be missing is replayed, as at a start.
    """
    forget()
    look(at=at)
    return _row(at=at).journal_seen


def forget() -> None:
    """Look anew at the next question."""
    global _looked
    _looked = None


# --- holding and releasing ------------------------------------------------------------------------------------


def current(*, at: datetime) -> Installation:
    """The row of this installation, as it stands."""
    return _row(at=at)


def hold(why: str, *, at: datetime) -> None:
    """Send nothing until a person says so. `why` is one of WHY; a second reason is added to the first."""
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=_row(at=at).pk)
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
    row = _row(at=at)
    changed = "changed" in row.held_why.split(", ")
    if changed:
        journal.lay_aside(at=at)
    _name(row, _mark())
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=row.pk)
        # What the journal held that is gone can be known no more: the person has been told so.
        row.journal_seen = min(row.journal_seen, journal.length())
        row.held_since, row.held_why, row.released_by, row.released_at = None, "", by[:150], at
        row.save()
    forget()
    log.warning("sending is released", by=by)
    return row


# --- what this database is --------------------------------------------------------------------------------------


def _row(*, at: datetime) -> Installation:
    """The one row. Without one the database is new, or from before there was one: it takes the name in the file."""
    row = Installation.objects.order_by("pk").first()
    if row is not None:
        return row
    named = _named()
    fresh, _is_new = Installation.objects.get_or_create(pk=named[0] if named else uuid4())
    if named is None:
        _name(fresh, _mark())
    return fresh


def _file() -> Path:
    return Path(settings.JOURNAL_DIR) / "installation.json"


def _named() -> tuple[UUID, str] | None:
    """(number, mark) of the database that is named beside the journal; None where none is. Raises ValueError."""
    try:
        told = orjson.loads(_file().read_bytes())
        return UUID(told["id"]), str(told["mark"])
    except FileNotFoundError:
        return None


def _name(row: Installation, mark: str) -> None:
    where = _file()
    where.parent.mkdir(parents=True, exist_ok=True)
    part = where.with_name(f"{where.name}.{os.getpid()}.part")
    part.write_bytes(orjson.dumps({"id": str(row.pk), "mark": mark}))
    part.replace(where)


def _mark() -> str:
    """What a copy of this database does not have: PostgreSQL's number of it, SQLite's place on the disk."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT system_identifier, oid FROM pg_control_system(), pg_database WHERE datname = current_database()"
            )
            system, number = cursor.fetchone()
            return f"postgresql {system} {number}"
    place = Path(connection.settings_dict["NAME"])
    if not place.exists():
        return "memory"
    return f"sqlite {place.stat().st_ino}"  # not the disk's number too: it may change when the machine starts anew


def _is_strange(row: Installation, mark: str) -> bool:
    return _named() != (row.pk, mark)


# --- bringing an older database up ---------------------------------------------------------------------------------


def _bring_up(row: Installation, mark: str, *, at: datetime) -> Installation:
    """Compare with the file and the journal: hold what is another database, and do again what it does not know."""
    named = _named()
    if named is None:
        hold("no journal", at=at)
    elif named != (row.pk, mark):
        hold("another", at=at)
    try:
        if journal.length() < row.journal_seen:
            hold("shorter", at=at)
        else:
            _replay(row, at=at)
    except journal.Broken as broken:
        hold("changed", at=at)
        log.error("the journal was changed", where=str(broken))
    return Installation.objects.get(pk=row.pk)


def _replay(row: Installation, *, at: datetime) -> None:
    """Walk what the row has not seen, a page at a time. Does again what the database does not know.

    A page asks three queries where all is known. `journal_seen` stops in front of a line that may be under way.
    """
    done = {line.of for line in journal.lines(after=row.journal_seen) if line.what == "done"}
    is_older, seen, is_open = False, row.journal_seen, False
    waiting: list[Line] = []
    for page in _pages(journal.lines(after=row.journal_seen)):
        missing = {line.number: line for line in _missing(page)}
        if not is_older and missing.keys() & done:
            is_older = True
            hold("older", at=at)
        waiting += missing.values()
        if is_older:
            for line in waiting:
                _do_again(line, at=at)
            waiting = []
        for line in page:
            is_rolled_back = at - line.at >= UNDER_WAY
            is_open = is_open or not (line.number not in missing or is_older or is_rolled_back)
            seen = seen if is_open else line.number
    if seen > row.journal_seen:
        # Never backwards: another process may have come further.
        Installation.objects.filter(pk=row.pk, journal_seen__lt=seen).update(journal_seen=seen)


def _pages(lines: Iterator[Line]) -> Iterator[list[Line]]:
    page: list[Line] = []
    people = 0
    for line in lines:
        page.append(line)
        people += max(len(line.rows), 1)
        if people >= PAGE:
            yield page
            page, people = [], 0
    if page:
        yield page


def _missing(lines: Sequence[Line]) -> list[Line]:
    """Those of the lines of which the database does not know something. Two queries."""
    rows = [row for line in lines for row in line.rows]
    known = set(
        ConsentRecord.objects.filter(
            customer_id__in={row.customer for row in rows if row.hash},
            sequence__in={row.sequence for row in rows if row.hash},
        ).values_list("customer_id", "sequence", "hash")
    )
    erasures = {row.customer for line in lines if line.what == "erasure" for row in line.rows}
    erased = set(
        Customer.objects.filter(pk__in=erasures, erased_at__isnull=False).values_list("pk", flat=True)
    )

    def is_known(line: Line, row: Row) -> bool:
        if line.what == "erasure":
            return row.customer in erased
        return (row.customer, row.sequence, row.hash) in known or row.customer in erased

    return [line for line in lines if not all(is_known(line, row) for row in line.rows)]


def _do_again(line: Line, *, at: datetime) -> None:
    """Once more what the line tells of, for whoever of it is still here. Twice is once."""
    with transaction.atomic():
        people = consent.hold({row.customer for row in line.rows})
        here = [row for row in line.rows if _is_them(people.get(row.customer), row)]
        refusing = {Place(channel, index, "") for row in line.rows for channel, index in row.addresses}
        privacy.keep_suppressed(refusing, source="journal")
        if line.what == "erasure":
            for row in here:
                try:
                    privacy.erase(row.customer, actor=BY, at=at)
                except privacy.NobodyToErase:
                    continue  # with the one before: they were one person
            return
        refused = set(
            ConsentState.objects.filter(
                customer_id__in=[row.customer for row in here], granted=False
            ).values_list("customer_id", "purpose")
        )
        evidence = Evidence("", "", "replay", "journal", BY)
        consent.record(
            [
                Answer(row.customer, row.purpose, False, evidence)
                for row in here
                if (row.customer, row.purpose) not in refused
            ],
            at=at,
        )


def _is_them(customer: Customer | None, row: Row) -> bool:
    """Numbers are given again where a backup is restored: the person is known by their own key."""
    if customer is None or customer.erased_at is not None:
        return False
    try:
        return journal.person(customer) == row.person
    except encryption.Unreadable:
        return True  # the master key is gone: nobody can read them, and nobody else can be meant
