"""The append-only record of what people answered: one hash chain a person.

A record's hash covers its own fields and the hash before it, so a changed, removed, inserted or swapped row is
found. Nothing personal is hashed in the plain: `commitment` is a keyed hash under the person's own key and says
nothing once that key is destroyed, while the chain stays valid.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from django.db import transaction
from django.db.models import Max, QuerySet

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
    """The first thing found wrong, and where."""

    record_id: int | None
    customer_id: int
    what: str

    def __str__(self) -> str:
        where = f"record {self.record_id}" if self.record_id is not None else "the table of states"
        return f"{where} of customer #{self.customer_id}: {self.what}"


@dataclass(frozen=True)
class Verification:
    records: int
    people: int
    faults: tuple[Fault, ...]


def verify(*, customer_id: int | None = None) -> Verification:
    """Recompute every chain and compare the table of states with the fold of the records.

    Streams in order of person and number: memory does not grow with the ledger.
    """
    records = ConsentRecord.objects.order_by("customer_id", "sequence")
    states = ConsentState.objects.order_by("customer_id", "purpose")
    if customer_id is not None:
        records, states = records.filter(customer_id=customer_id), states.filter(customer_id=customer_id)
    faults: list[Fault] = []
    count = people = 0
    folded = _folds(records.iterator(chunk_size=2000), faults)
    stored = _grouped_states(states)
    pending = next(stored, None)
    for person, fold, rows in folded:
        people, count = people + 1, count + rows
        while pending is not None and pending[0] < person:
            faults.append(Fault(None, pending[0], "a state without any record"))
            pending = next(stored, None)
        present: dict[str, tuple[bool, int]] = {}
        if pending is not None and pending[0] == person:
            present = pending[1]
            pending = next(stored, None)
            if present != fold:
                faults.append(Fault(None, person, "the state is not the fold of the records"))
        elif Customer.objects.filter(pk=person, erased_at__isnull=True, merged_into__isnull=True).exists():
            faults.append(Fault(None, person, "records without a state"))
    while pending is not None:
        faults.append(Fault(None, pending[0], "a state without any record"))
        pending = next(stored, None)
    return Verification(count, people, tuple(faults))


def _folds(
    records: Iterator[ConsentRecord], faults: list[Fault]
) -> Iterator[tuple[int, dict[str, tuple[bool, int]], int]]:
    """(person, purpose -> (granted, record id), number of records) in order; chain faults go to `faults`."""
    person: int | None = None
    fold: dict[str, tuple[bool, int]] = {}
    rows, previous, sound = 0, GENESIS, True
    for record in records:
        if record.customer_id != person:
            if person is not None:
                yield person, fold, rows
            person, fold, rows, previous, sound = record.customer_id, {}, 0, GENESIS, True
        rows += 1
        if sound:
            if record.sequence != rows:
                sound = False
                faults.append(
                    Fault(record.pk, record.customer_id, f"number {record.sequence} where {rows} must stand")
                )
            elif record.previous_hash != previous:
                sound = False
                faults.append(Fault(record.pk, record.customer_id, "does not follow the record before it"))
            elif record.hash != record_hash(record):
                sound = False
                faults.append(Fault(record.pk, record.customer_id, "was changed after it was written"))
        previous = record.hash
        fold[record.purpose] = (record.granted, record.pk)
    if person is not None:
        yield person, fold, rows


def _grouped_states(states: QuerySet[ConsentState]) -> Iterator[tuple[int, dict[str, tuple[bool, int]]]]:
    person: int | None = None
    group: dict[str, tuple[bool, int]] = {}
    rows = states.values_list("customer_id", "purpose", "granted", "record_id")
    for customer_id, purpose, granted, record_id in rows.iterator(chunk_size=2000):
        if customer_id != person:
            if person is not None:
                yield person, group
            person, group = customer_id, {}
        group[purpose] = (granted, record_id)
    if person is not None:
        yield person, group


def length(customer_id: int) -> int:
    """How many records a person's chain has."""
    return ConsentRecord.objects.filter(customer_id=customer_id).aggregate(n=Max("sequence"))["n"] or 0
