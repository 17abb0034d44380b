"""Check a receipt of consent without asking whoever issued it.

    python verify_receipt.py receipt.json checkpoints.jsonl ledger.pub

receipt.json       what you were given: one answer and its way to a checkpoint
checkpoints.jsonl  checkpoints that you got from somewhere else, or kept: the receipt's must be among them
ledger.pub         the public key, 64 hexadecimal digits (one a line, if there were several): best from a third place

It needs Python 3.10 and the package `cryptography`. It prints what is proven and exits with 0, or why not and with 1.

How it works. A person's answers form a chain: each is hashed (SHA-256) together with the hash before it. All the
chains' ends are the leaves of a Merkle tree (RFC 6962), ordered by the customer's number; a leaf is that number, the
chain's length (8 bytes each) and its last hash. Every few minutes the tree's root is signed (Ed25519, RFC 8032).
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASHED = ["customer", "sequence", "purpose", "granted", "notice", "notice_sha256", "language", "method", "source",
          "actor", "at", "commitment", "previous_hash"]  # fmt: skip
SIGNED = ["format", "at", "people", "records", "newest_record", "root", "previous_root", "key_id"]


class Refused(Exception):
    pass


def demand(holds: Any, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def load(text: bytes) -> Any:
    """JSON in exactly one spelling, so that no byte can change unseen."""
    value = json.loads(text)
    demand(dump(value) == text, "the file is not in the spelling it was written in")
    return value


def from_hex(text: str, length: int) -> bytes:
    value = bytes.fromhex(text)
    demand(len(value) == length and value.hex() == text, "a hash, key or signature is misspelt")
    return value


def check_signature(checkpoint: dict[str, Any], keys: dict[str, bytes]) -> None:
    demand(set(checkpoint) == {*SIGNED, "signature"}, "a checkpoint has other fields")
    demand(checkpoint["format"] == "tact-checkpoint/1", "a checkpoint is of another kind")
    demand(checkpoint["key_id"] in keys, "a checkpoint was signed with another key")
    key = Ed25519PublicKey.from_public_bytes(keys[checkpoint["key_id"]])
    key.verify(from_hex(checkpoint["signature"], 64), dump({name: checkpoint[name] for name in SIGNED}))


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.3.2."""
    demand(type(index) is int and 0 <= index < size, "the leaf stands outside the tree")
    place, last, found = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for beside in path:
        demand(last > 0, "the path is too long")
        is_right = place & 1 or place == last
        found = hashlib.sha256(b"\1" + (beside + found if is_right else found + beside)).digest()
        while is_right and not place & 1 and place:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    demand(last == 0, "the path is too short")
    return found


def verify(receipt_file: bytes, checkpoint_file: bytes, key_file: bytes) -> Any:
    """The receipt's contents, if everything holds. Raises Refused, InvalidSignature, or what reading raises."""
    known = [from_hex(line, 32) for line in key_file.decode().removesuffix("\n").split("\n")]
    keys = {hashlib.sha256(key).hexdigest(): key for key in known}
    lines = [load(line) for line in checkpoint_file.removesuffix(b"\n").split(b"\n")]
    for before, line in zip([None, *lines], lines, strict=False):
        check_signature(line, keys)
        follows = before is None or line["previous_root"] in ("", before["root"])
        demand(follows, "a checkpoint does not follow the one before it")
    receipt = load(receipt_file)
    demand(
        set(receipt) == {"format", "record", "text", "later", "proof", "checkpoint"}, "it has other fields"
    )
    demand(receipt["format"] == "tact-receipt/1", "it is of another kind")
    record, checkpoint, proof = receipt["record"], receipt["checkpoint"], receipt["proof"]
    demand(proof and checkpoint, "no checkpoint covers it yet: ask for it again in a few minutes")
    demand(dump(checkpoint) in [dump(line) for line in lines], "its checkpoint is not among yours")
    previous = record["previous_hash"]
    for number, row in enumerate([record, *receipt["later"]], record["sequence"]):
        demand(set(row) == {*HASHED, "hash"}, "an answer has other fields")
        same = (row["customer"], row["sequence"], row["previous_hash"]) == (
            record["customer"],
            number,
            previous,
        )
        demand(same, "the answers do not follow one another")
        previous = hashlib.sha256(dump([row[name] for name in HASHED])).hexdigest()
        demand(row["hash"] == previous, "an answer was changed after it was written down")
    if receipt["text"]:
        shown = hashlib.sha256(receipt["text"].encode()).hexdigest()
        demand(record["notice_sha256"] == shown, "the words shown are not those agreed to")
    numbers = (record["customer"], number)
    leaf = b"".join(value.to_bytes(8, "big") for value in numbers) + from_hex(previous, 32)
    demand(set(proof) == {"index", "path"}, "the proof has other fields")
    path = [from_hex(beside, 32) for beside in proof["path"]]
    root = root_of(leaf, proof["index"], checkpoint["people"], path)
    demand(root.hex() == checkpoint["root"], "the checkpoint does not contain this answer")
    return receipt


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        receipt = verify(*(Path(name).read_bytes() for name in sys.argv[1:]))
    except InvalidSignature:
        sys.exit("NOT proven: a checkpoint's signature does not fit.")
    except Refused as why:
        sys.exit(f"NOT proven: {why}.")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        sys.exit(f"NOT proven: it cannot be read ({error!r}).")
    record, later = receipt["record"], len(receipt["later"])
    answer = "yes" if record["granted"] else "no"
    sys.stdout.write(
        f"Proven: customer {record['customer']} said {answer} to {record['purpose']} at {record['at']},\n"
        f"and the ledger held it, with {later} later answers, at {receipt['checkpoint']['at']}.\n"
    )
    if receipt["text"]:
        sys.stdout.write(f"The words were: {receipt['text']}\n")


if __name__ == "__main__":
    main()
