"""What must never be forgotten, kept outside the database: one line an erasure, a restriction, a page of withdrawals.

A restored backup knows nothing of what people demanded after it was taken; this file does (`installation` replays it).
`JOURNAL_DIR/journal.jsonl` is only ever added to. A line is on the disk before the transaction that it tells of may
commit; a second line, `done`, follows once it has. So a line with its `done` that the database does not know proves
that the database is an older one; a line without it was rolled back, or is under way.

A line holds numbers, purposes and keyed hashes, nothing personal: `person` is made with the person's own key and says
nothing once that is destroyed, `addresses` are those of the suppression list (C9). Each line holds the hash of the one
before it.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson
from django.conf import settings
from django.db import transaction

from customers import encryption
from customers.models import ConsentRecord, Customer

What = Literal["withdrawal", "erasure", "restriction", "lifting", "done"]
GENESIS = "0" * 64
# Refused marketing outlives its person as a keyed hash of the address: purpose -> (channel, column of the hash).
ADDRESSES = {"marketing_email": ("email", "email_index"), "marketing_sms": ("sms", "phone_index")}


_is_trial: ContextVar[bool] = ContextVar("_is_trial", default=False)


class Broken(Exception):
    """The file was changed behind our back; the text names the first bad line."""


@dataclass(frozen=True)
class Row:
    """What a line says of one person.

    `sequence` and `hash` are those of the ledger's record of a withdrawal; of a restriction and its lifting `sequence`
    is which change of the person's restriction it is.
    """

    customer: int
    person: str
    purpose: str = ""
    sequence: int = 0
    hash: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    """(channel, keyed hash) of what must not be written to."""


@dataclass(frozen=True)
class Line:
    number: int
    what: What
    at: datetime
    rows: tuple[Row, ...] = ()
    of: int = 0
    """Of `done`: the number of the line whose transaction has committed."""
    previous: str = field(default=GENESIS, repr=False)
    hash: str = field(default="", repr=False)


class _Undone(Exception):
    """Nothing of it is kept."""


@contextmanager
def trial() -> Iterator[None]:
    """A transaction that is always rolled back, and so writes no line: one without `done` may still be done again."""
    token = _is_trial.set(True)
    try:
        with transaction.atomic():
            yield
            raise _Undone
    except _Undone:
        pass
    finally:
        _is_trial.reset(token)


def path() -> Path:
    return Path(settings.JOURNAL_DIR) / "journal.jsonl"


def person(customer: Customer) -> str:
    """By which a person is known again in an older database, as long as they have a key there; empty without one."""
    return encryption.commitment(customer.key, b"journal") if customer.key is not None else ""


def withdrawn(records: Sequence[ConsentRecord], people: dict[int, Customer], *, at: datetime) -> None:
    """Write down the refusals among these new records of the ledger: one line, one fsync, however many they are.

    To be called inside their transaction. Raises OSError when the disk refuses: the withdrawal must not commit then.
    """
    rows = tuple(
        Row(
            record.customer_id,
            person(people[record.customer_id]),
            record.purpose,
            record.sequence,
            record.hash,
            _addresses(people[record.customer_id], record.purpose),
        )
        for record in records
        if not record.granted
    )
    if rows:
        _tell("withdrawal", rows, at=at)


def erased(people: Sequence[Customer], kept: Sequence[tuple[str, str]], *, at: datetime) -> None:
    """Write down an erasure, before the keys are destroyed; `kept` is what stays on the suppression list."""
    _tell("erasure", tuple(Row(one.pk, person(one), addresses=tuple(kept)) for one in people), at=at)


def restricted(people: Sequence[Customer], *, at: datetime) -> None:
    """Write down that these people's data are used for nothing from now on; they hold the new number of the change."""
    _tell("restriction", tuple(_changed(one) for one in people), at=at)


def lifted(people: Sequence[Customer], *, at: datetime) -> None:
    """Write down that their restriction has ended. As it gives leave, it is done again only if it had committed."""
    _tell("lifting", tuple(_changed(one) for one in people), at=at)


def _changed(customer: Customer) -> Row:
    return Row(customer.pk, person(customer), sequence=customer.restriction_changes)


def _addresses(customer: Customer, purpose: str) -> tuple[tuple[str, str], ...]:
    channel, column = ADDRESSES.get(purpose, ("", ""))
    index = getattr(customer, column) if column else ""
    return ((channel, index),) if index else ()


def _tell(what: What, rows: tuple[Row, ...], *, at: datetime) -> None:
    if _is_trial.get():
        return
    number = _append(what, rows, at=at, is_forced=True)
    # Not forced to the disk: without it the line is taken for one that was rolled back, which `installation` allows for.
    transaction.on_commit(partial(_append, "done", (), at=at, of=number), robust=True)


def _append(what: What, rows: tuple[Row, ...], *, at: datetime, of: int = 0, is_forced: bool = False) -> int:
    with _alone() as file:
        last, previous = _last(file)
        number = last + 1
        content: dict[str, Any] = {"n": number, "what": what, "at": at.isoformat()}
        if of:
            content["of"] = of
        if rows:
            content["rows"] = [
                [row.customer, row.person, row.purpose, row.sequence, row.hash, row.addresses] for row in rows
            ]
        content["previous"] = previous
        file.write(orjson.dumps({**content, "hash": _hash(content)}) + b"\n")
        file.flush()
        if is_forced:
            os.fsync(file.fileno())
    return number


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


@contextmanager
def _alone() -> Iterator[BinaryIO]:
    """The file, held against every other process and machine for as long as one line takes."""
    where = path()
    if not where.exists():
        where.parent.mkdir(parents=True, exist_ok=True)
        where.touch(mode=0o600)
        _force_folder(where.parent)
    with where.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _force_folder(folder: Path) -> None:
    """So that the name of a new file outlives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _last(file: BinaryIO) -> tuple[int, str]:
    """Number and hash of the last whole line, behind which the file then stands.

    A torn line was never acknowledged, and is cut off. One that somebody changed stops no withdrawal: who reads finds it.
    """
    end = file.seek(0, os.SEEK_END)
    start = _start_of_line(file, end - 1) if end else 0
    file.seek(start)
    text = file.readline()
    if text and not text.endswith(b"\n"):
        file.truncate(start)
        return _last(file)
    if not text:
        return 0, GENESIS
    try:
        told = orjson.loads(text)
        return int(told["n"]), str(told["hash"])
    except (ValueError, KeyError, TypeError):
        file.seek(0)
        return sum(1 for _line in file), GENESIS


def lay_aside(*, at: datetime) -> None:
    """Keep a journal that was changed under another name; the next line begins a new one."""
    if path().exists():
        path().rename(path().with_name(f"journal-changed-{at:%Y%m%dT%H%M%S}.jsonl"))


def _start_of_line(file: BinaryIO, place: int, *, step: int = 4096) -> int:
    """Where the line begins that the byte at `place` is in; a newline is the end of its own line."""
    while place > 0:
        begin = max(place - step, 0)
        file.seek(begin)
        found = file.read(place - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        place, step = begin, step * 2
    return 0


def _read(text: bytes) -> Line:
    """Raises Broken when the line is not what was written."""
    try:
        content = orjson.loads(text)
        told = content.pop("hash")
        rows = tuple(
            Row(customer, who, purpose, sequence, hash_, tuple((a, b) for a, b in addresses))
            for customer, who, purpose, sequence, hash_, addresses in content.get("rows", ())
        )
        line = Line(
            content["n"], content["what"], datetime.fromisoformat(content["at"]), rows,
            content.get("of", 0), content["previous"], told,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken(f"a line that cannot be read: {text[:40]!r}") from error
    if _hash(content) != told:
        raise Broken(f"line {line.number} was changed after it was written")
    return line


# --- reading ---------------------------------------------------------------------------------------------------


def length() -> int:
    """How many lines there are. Reads the last one only."""
    if not path().exists():
        return 0
    with path().open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = _start_of_line(file, end - 1)
            file.seek(start)
            text = file.readline()
            if text.endswith(b"\n"):
                return _read(text).number
            end = start  # somebody is writing it now, or died doing so
    return 0


def lines(*, after: int = 0) -> Iterator[Line]:
    """The lines beyond number `after`, in order, each checked. Memory holds one; the place is found by bisection.

    Raises Broken at the first that was changed, removed, inserted or swapped.
    """
    if not path().exists():
        return
    with path().open("rb") as file:
        file.seek(_place_of(file, after))
        before: Line | None = None
        for text in file:
            if not text.endswith(b"\n"):
                return
            line = _read(text)
            if before is None:
                if line.number > max(after, 1):
                    raise Broken(f"line {max(after, 1)} is missing")
            elif (line.number, line.previous) != (before.number + 1, before.hash):
                raise Broken(f"line {line.number} does not follow line {before.number}")
            before = line
            if line.number > after:
                yield line


def _place_of(file: BinaryIO, number: int) -> int:
    """Where a line begins whose number is `number` or less, and as near as bisection finds it."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > 65536:
        middle = _start_of_line(file, (low + high) // 2)
        if middle <= low:
            return low
        file.seek(middle)
        text = file.readline()
        if text.endswith(b"\n") and _read(text).number <= number:
            low = middle
        else:
            high = middle
    return low
