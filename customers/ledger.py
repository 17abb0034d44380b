"""The append-only record of what people answered: one hash chain a person.

A record's hash covers its own fields and the hash before it, so a changed, removed, inserted or swapped row is
found. Nothing personal is hashed in the plain: `commitment` is a keyed hash under the person's own key and says
nothing once that key is destroyed, while the chain stays valid.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Max

from customers import encryption
from customers.models import ConsentRecord, ConsentState, Customer

GENESIS = "0" * 64


@dataclass(frozen=True)
class Entry:
    """What is to be written down; the evidence fields may be empty for a withdrawal."""

    customer: Customer
    purpose: str
    granted: bool
    method: str
    source: str
    actor: str
    notice: str = ""
    notice_sha256: str = ""
    language: str = ""


def record_hash(record: ConsentRecord) -> str:
    """SHA-256 (hex) over every field of the record but its own id and hash."""
    return hashlib.sha256(
        orjson.dumps(
            [
                record.customer_id,
                record.sequence,
                record.purpose,
                record.granted,
                record.notice,
                record.notice_sha256,
                record.language,
                record.method,
                record.source,
                record.actor,
                record.at.astimezone(UTC).isoformat(timespec="microseconds"),
                record.commitment,
                record.previous_hash,
            ]
        )
    ).hexdigest()


def append(entries: Sequence[Entry], *, at: datetime) -> list[ConsentRecord]:
    """Add the entries to their people's chains and to the table of states, in one transaction.

    Three queries for any number of entries. The caller has locked the customers (`consent.hold`).
    """
    if not entries:
        return []
    ids = {entry.customer.pk for entry in entries}
    heads: dict[int, tuple[int, str]] = {}
    rows = ConsentRecord.objects.filter(customer_id__in=ids).order_by("customer_id", "sequence")
    for customer_id, sequence, head in rows.values_list("customer_id", "sequence", "hash"):
        heads[customer_id] = (sequence, head)
    records = []
    for entry in entries:
        sequence, previous = heads.get(entry.customer.pk, (0, GENESIS))
        record = ConsentRecord(
            customer_id=entry.customer.pk,
            sequence=sequence + 1,
            purpose=entry.purpose,
            granted=entry.granted,
            notice=entry.notice,
            notice_sha256=entry.notice_sha256,
            language=entry.language,
            method=entry.method,
            source=entry.source,
            actor=entry.actor,
            at=at,
            commitment=encryption.commitment(entry.customer.key, (entry.customer.external_id or "").encode()),
            previous_hash=previous,
        )
        record.hash = record_hash(record)
        heads[entry.customer.pk] = (record.sequence, record.hash)
        records.append(record)
    with transaction.atomic():
        ConsentRecord.objects.bulk_create(records, batch_size=500)
        newest = {(record.customer_id, record.purpose): record for record in records}
        ConsentState.objects.bulk_create(
            [
                ConsentState(
                    customer_id=record.customer_id,
                    purpose=record.purpose,
                    granted=record.granted,
                    record_id=record.pk,
                    at=at,
                )
                for record in newest.values()
            ],
            batch_size=500,
            update_conflicts=True,
            unique_fields=["customer", "purpose"],
            update_fields=["granted", "record_id", "at"],
        )
    return records


@dataclass(frozen=True)
class Fault:
    """The first thing found wrong in a chain, and where."""

    record_id: int | None
    customer_id: int | None
    what: str

    def __str__(self) -> str:
        if self.customer_id is None:
            return self.what
        where = f"record {self.record_id}" if self.record_id is not None else "the table of states"
        return f"{where} of customer #{self.customer_id}: {self.what}"


@dataclass(frozen=True)
class Verification:
    records: int
    people: int
    faults: tuple[Fault, ...]


# The thirteen hashed values, spelt as `record_hash` spells them, between the record's id and its hash. Where a stored
# value has a second spelling that SQLite would read alike, the spelling is changed too, so that it is found.
_ROWS = """
SELECT id, customer_id, sequence, purpose, {granted}, notice, notice_sha256, language, method, source, actor, {at},
commitment, previous_hash, hash FROM customers_consentrecord {where} ORDER BY customer_id, sequence
"""
_SPELLINGS = {
    "postgresql": {
        "granted": "granted",
        "at": """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')""",
    },
    "sqlite": {
        "granted": """CASE WHEN granted IN (0, 1) THEN granted END AS "granted [bool]\"""",
        "at": """substr(at, 1, 10) || CASE substr(at, 11, 1) WHEN ' ' THEN 'T' ELSE '?' END || substr(at, 12) || CASE
            WHEN length(at) = 19 THEN '.000000' WHEN substr(at, 20) = '.000000' THEN '?' ELSE '' END || '+00:00'""",
    },
}
_STATES = (
    "SELECT customer_id, purpose, granted, record_id FROM customers_consentstate {where} ORDER BY customer_id"
)
_Row = tuple[Any, ...]
_Fold = dict[str, tuple[bool, int]]


@dataclass(slots=True)
class Chain:
    """One person's records, folded."""

    customer_id: int
    fold: _Fold
    records: int
    fault: Fault | None
    covered: int
    """how many of the records are among those asked about"""
    head: str
    """the hash of the last of these"""


def verify(
    *,
    customer_id: int | None = None,
    until: int = 0,
    on_chain: Callable[[Chain], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Verification:
    """Recompute every chain and compare the table of states with the fold of the records.

    Streams in order of person and number, from one view of the database: memory does not grow with the ledger, and
    what is written meanwhile is no fault. Three queries, and one for each thousand people without a state.
    `on_chain` is given each chain, with its head among the records up to `until`; `on_progress` the records so far.
    """
    where, values = ("WHERE customer_id = %s", [customer_id]) if customer_id is not None else ("", [])
    faults: list[Fault] = []
    stateless: list[int] = []
    records = people = 0
    with _one_view():
        rows = _streamed(_ROWS.format(where=where, **_SPELLINGS[connection.vendor]), values)
        stored = _states(_streamed(_STATES.format(where=where), values))
        pending = next(stored, None)
        for chain in _chains(rows, until):
            people, records = people + 1, records + chain.records
            if chain.fault:
                faults.append(chain.fault)
            while pending is not None and pending[0] < chain.customer_id:
                faults.append(Fault(None, pending[0], "a state without any record"))
                pending = next(stored, None)
            if pending is not None and pending[0] == chain.customer_id:
                if pending[1] != chain.fold:
                    faults.append(Fault(None, chain.customer_id, "the state is not the fold of the records"))
                pending = next(stored, None)
            else:
                stateless.append(chain.customer_id)
                if len(stateless) == 1000:
                    faults += _present_without_state(stateless)
                    stateless.clear()
            if on_chain:
                on_chain(chain)
            if on_progress and people % 2000 == 0:
                on_progress(records)
        while pending is not None:
            faults.append(Fault(None, pending[0], "a state without any record"))
            pending = next(stored, None)
        faults += _present_without_state(stateless)
    return Verification(records, people, tuple(faults))


def _present_without_state(people: list[int]) -> list[Fault]:
    """Who was erased or merged has no state any more; whoever else has none was tampered with."""
    present = Customer.objects.present().filter(pk__in=people).order_by("pk").values_list("pk", flat=True)
    return [Fault(None, pk, "records without a state") for pk in present]


def _chains(rows: Iterator[_Row], until: int) -> Iterator[Chain]:
    chain: Chain | None = None
    previous, newest = GENESIS, 0
    # Written out in one loop: it runs a million times within seconds.
    for row in rows:
        pk, number = row[0], row[1]
        if chain is None or number != chain.customer_id:
            if chain is not None:
                yield chain
            chain = Chain(number, {}, 0, None, 0, GENESIS)
            previous, newest = GENESIS, 0
        chain.records += 1
        if chain.fault is None:
            what = ""
            if row[2] != chain.records:
                what = f"number {row[2]} where {chain.records} must stand"
            elif row[13] != previous:
                what = "does not follow the record before it"
            elif row[14] != _hash(row[1:14]):
                what = "was changed after it was written"
            elif pk <= newest:
                what = "has an older id than the record before it"
            if what:
                chain.fault = Fault(pk, number, what)
        previous, newest = row[14], pk
        if pk <= until:
            chain.covered, chain.head = chain.records, previous
        chain.fold[row[3]] = (row[4], pk)
    if chain is not None:
        yield chain


def _hash(values: _Row) -> str:
    try:
        return hashlib.sha256(orjson.dumps(values)).hexdigest()
    except TypeError:  # bytes that are no text: only tampering puts them there
        return ""


def _states(rows: Iterator[_Row]) -> Iterator[tuple[int, _Fold]]:
    person: int | None = None
    group: _Fold = {}
    for customer_id, purpose, granted, record_id in rows:
        if customer_id != person:
            if person is not None:
                yield person, group
            person, group = customer_id, {}
        group[purpose] = (granted, record_id)
    if person is not None:
        yield person, group


def _streamed(sql: str, values: Sequence[Any]) -> Iterator[_Row]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, values)
        while rows := cursor.fetchmany(5000):
            yield from rows


# Text that is no UTF-8 is a finding, not a reason to stop reading.
_LENIENT = partial(str, encoding="utf-8", errors="surrogateescape")


@contextmanager
def _one_view() -> Iterator[None]:
    """What is read inside is of one moment; nobody is kept waiting. Inside a transaction, that one's view."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        raw = connection.connection
        strict, raw.text_factory = raw.text_factory, _LENIENT
        try:
            with _snapshot():
                yield
        finally:
            raw.text_factory = strict
    else:
        with _snapshot():
            yield


@contextmanager
def _snapshot() -> Iterator[None]:
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        # A plain BEGIN: our transactions are IMMEDIATE, and would keep every writer out.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("COMMIT")


def length(customer_id: int) -> int:
    """How many records a person's chain has."""
    return ConsentRecord.objects.filter(customer_id=customer_id).aggregate(n=Max("sequence"))["n"] or 0
