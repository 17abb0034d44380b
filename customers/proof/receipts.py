"""What a person can hold in their own hand: an answer of theirs, the way to a signed checkpoint, and nothing else.

A receipt is JSON in one spelling (`signing.canonical`). `docs/verify_receipt.py` checks it without us.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from django.utils.translation import gettext_lazy as _

from customers import ledger, purposes
from customers.models import Checkpoint, ConsentRecord
from customers.proof import checkpoints, signing, treefile
from customers.proof.merkle import Tree, leaf_hash, packed, root_from
from customers.proof.signing import Line, NotGenuine, canonical

FORMAT = "tact-receipt/1"
# The order in which they are hashed (customers.ledger.record_hash).
HASHED = (
    "customer",
    "sequence",
    "purpose",
    "granted",
    "notice",
    "notice_sha256",
    "language",
    "method",
    "source",
    "actor",
    "at",
    "commitment",
    "previous_hash",
)
MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Verified:
    """What a genuine receipt says."""

    record: dict[str, Any]
    text: str
    checkpoint: Line
    later: int
    """how many answers the same person had given after this one, at the checkpoint"""


def issue(record: ConsentRecord) -> bytes:
    """The receipt of a record. Until a checkpoint covers it, `proof` and `checkpoint` are null. Three queries.

    Raises NotGenuine or DoesNotExtend rather than hand out what would not verify: the ledger was tampered with. Where
    the tree's file is not of the newest checkpoint, it is made anew from the ledger once (seconds at a million).
    """
    line = _newest()
    tree = (treefile.load(line.root) or checkpoints.tree_of(line)) if line else Tree()
    place = tree.find(record.customer_id)
    length = int(tree.heads[place]["length"]) if place is not None else 0
    document: dict[str, Any] = {
        "format": FORMAT,
        "record": _fields(record),
        "text": _text(record),
        "later": [],
        "proof": None,
        "checkpoint": None,
    }
    if line is None or place is None or record.sequence > length:
        if ledger.record_hash(record) != record.hash:
            raise NotGenuine(_("The answer was changed after it was written down."))
        return canonical(document)
    later = ConsentRecord.objects.filter(
        customer_id=record.customer_id, sequence__gt=record.sequence, sequence__lte=length
    )
    document["later"] = [_fields(row) for row in later.order_by("sequence")]
    document["proof"] = {"index": place, "path": [beside.hex() for beside in tree.path(place)]}
    document["checkpoint"] = asdict(line)
    written = canonical(document)
    verify(written, signing.known_keys())
    return written


def _newest() -> Line | None:
    row = Checkpoint.objects.order_by("-pk").first()
    return checkpoints.line_of(row) if row else None


def _fields(record: ConsentRecord) -> dict[str, Any]:
    fields = {name: getattr(record, name) for name in HASHED if name not in ("customer", "at")}
    return fields | {
        "customer": record.customer_id,
        "at": signing.moment(record.at),
        "hash": record.hash,
    }


def _text(record: ConsentRecord) -> str:
    """The words that were shown; empty for a withdrawal, and where the notice is not ours to quote."""
    if not record.notice_sha256:
        return ""
    try:
        shown = purposes.find_notice(record.notice, record.language, record.purpose)
    except purposes.UnknownNotice:
        return ""
    return shown.text if shown.sha256 == record.notice_sha256 else ""


def verify(receipt: bytes, keys: dict[str, bytes]) -> Verified:
    """What the receipt proves, by nothing but its own bytes and the public keys. Raises NotGenuine."""
    try:
        return _verify(receipt, keys)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise NotGenuine(_("This is not a receipt: something is missing or not of its kind.")) from None


def _verify(receipt: bytes, keys: dict[str, bytes]) -> Verified:
    document = signing.parsed(receipt)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise NotGenuine(_("This is not a receipt of this platform."))
    if document.keys() != {"format", "record", "text", "later", "proof", "checkpoint"}:
        raise NotGenuine(_("This is not a receipt: something is missing or not of its kind."))
    record, text, proof = document["record"], document["text"], document["proof"]
    chain = [record, *document["later"]]
    previous = record["previous_hash"]
    for number, row in enumerate(chain, start=record["sequence"]):
        _check_record(row, record["customer"], number, previous)
        previous = row["hash"]
    if text and hashlib.sha256(text.encode()).hexdigest() != record["notice_sha256"]:
        raise NotGenuine(_("The words shown are not those that were agreed to."))
    if proof is None and document["checkpoint"] is None and chain == [record]:
        raise NotGenuine(
            _("No checkpoint covers this answer yet. Ask for the receipt again in a few minutes.")
        )
    line = signing.check(document["checkpoint"], keys)
    if proof.keys() != {"index", "path"} or type(proof["index"]) is not int:
        raise TypeError
    leaf = leaf_hash(packed(record["customer"], chain[-1]["sequence"], previous))
    try:
        root = root_from(leaf, index=proof["index"], people=line.people, path=map(_digest, proof["path"]))
    except ValueError:
        root = b""
    if root.hex() != line.root:
        raise NotGenuine(_("The checkpoint does not contain this answer."))
    return Verified(record, text, line, len(chain) - 1)


def _check_record(row: dict[str, Any], customer: int, number: int, previous: str) -> None:
    if row.keys() != {*HASHED, "hash"}:
        raise KeyError
    if row["customer"] != customer or row["sequence"] != number or row["previous_hash"] != previous:
        raise NotGenuine(_("The answers do not follow one another."))
    if row["hash"] != hashlib.sha256(orjson.dumps([row[name] for name in HASHED])).hexdigest():
        raise NotGenuine(_("The answer was changed after it was written down."))


def _digest(text: str) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != 32 or value.hex() != text:
        raise ValueError
    return value


def read_loosely(text: str) -> bytes:
    """A pasted receipt: white space around it, which mail programs and editors add, says nothing."""
    return text.strip().encode()
