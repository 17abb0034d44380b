"""One answer of the ledger as its person may take it along: what was asked, what was said, and its place in the chain."""

from typing import Any

from customers import ledger, purposes
from customers.models import ConsentRecord

FORMAT = "tact-receipt/1"


def receipt(record: ConsentRecord) -> dict[str, Any]:
    """Every field of the record, the exact words behind a yes, and whether its hash was recomputed and fits."""
    shown = ("notice", "notice_sha256", "language", "method", "source", "actor", "at")
    return {
        "format": FORMAT,
        "record": record.pk,
        "customer": record.customer_id,
        "sequence": record.sequence,
        "purpose": record.purpose,
        "granted": record.granted,
        **{name: getattr(record, name) for name in shown},
        "text": _text(record),
        "commitment": record.commitment,
        "previous_hash": record.previous_hash,
        "hash": record.hash,
        "whole": ledger.record_hash(record) == record.hash,
    }


def _text(record: ConsentRecord) -> str:
    """Empty for a no, and where the words are not kept here any more."""
    if not record.granted:
        return ""
    try:
        return purposes.find_notice(record.notice, record.language, record.purpose).text
    except purposes.UnknownNotice:
        return ""
