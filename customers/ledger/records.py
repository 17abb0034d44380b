"""Writing answers down, each at the end of its person's chain."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from django.db import transaction
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


def length(customer_id: int) -> int:
    """How many records a person's chain has."""
    return ConsentRecord.objects.filter(customer_id=customer_id).aggregate(n=Max("sequence"))["n"] or 0
