"""What is signed, in one spelling of JSON, and with which key.

A checkpoint is one line of JSON. Whoever reads it demands this very spelling, so that no byte of it can change
unseen. Ed25519 is that of RFC 8032.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FORMAT = "tact-checkpoint/1"


class NotGenuine(Exception):
    """A receipt or checkpoint that does not hold, with a sentence that says why."""

    def __init__(self, why: str | Promise) -> None:
        super().__init__(str(why))


@dataclass(frozen=True)
class Line:
    """A checkpoint as it is signed. Hashes, key and signature in lower hex; `at` in UTC with microseconds."""

    format: str
    at: str
    people: int
    records: int
    newest_record: int
    root: str
    previous_root: str
    key_id: str
    signature: str = ""

    def signed_part(self) -> bytes:
        fields = asdict(self)
        del fields["signature"]
        return canonical(fields)

    def text(self) -> bytes:
        return canonical(asdict(self))


def canonical(value: Any) -> bytes:
    """The one spelling: sorted names, no spaces, UTF-8, nothing escaped that need not be."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def parsed(text: bytes) -> Any:
    """JSON in the one spelling. Raises NotGenuine."""
    try:
        value = json.loads(text)
        if canonical(value) == text:
            return value
    except (ValueError, RecursionError):
        raise NotGenuine(_("This is not a receipt: it cannot be read as JSON.")) from None
    raise NotGenuine(_("It was changed: receipts are written in one spelling, and this is another."))


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@lru_cache(maxsize=2)
def _private(key: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key)


def public_key() -> bytes:
    """The 32 bytes by which everyone can check what this installation signs."""
    return _private(settings.LEDGER_KEY).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()


def known_keys() -> dict[str, bytes]:
    """Public keys by id: the present one, and every one that ever signed here."""
    keys = {}
    for path in sorted(_key_folder().glob("*.pub")):
        public = bytes.fromhex(path.read_text().strip())
        keys[key_id(public)] = public
    return keys | {key_id(public_key()): public_key()}


def _key_folder() -> Path:
    return Path(settings.CHECKPOINT_DIR) / "keys"


def keep_public_key() -> None:
    """Write the present public key beside the checkpoints, so that a later one does not orphan them."""
    public = public_key()
    path = _key_folder() / f"{key_id(public)}.pub"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(public.hex() + "\n")


def sign(line: Line) -> Line:
    signature = _private(settings.LEDGER_KEY).sign(line.signed_part())
    return Line(**{**asdict(line), "signature": signature.hex()})


def check(fields: Any, keys: dict[str, bytes]) -> Line:
    """The checkpoint in these fields, if one of the keys signed it. Raises NotGenuine."""
    if not isinstance(fields, dict) or fields.keys() != Line.__dataclass_fields__.keys():
        raise NotGenuine(_("The checkpoint does not have the fields of one."))
    line = Line(**fields)
    if line.format != FORMAT:
        raise NotGenuine(_("The checkpoint is of another kind."))
    public = keys.get(line.key_id) if isinstance(line.key_id, str) else None
    if public is None or key_id(public) != line.key_id:
        raise NotGenuine(_("The checkpoint was signed with a key that is not ours."))
    try:
        signature = bytes.fromhex(line.signature)
        if signature.hex() != line.signature:
            raise ValueError
        Ed25519PublicKey.from_public_bytes(public).verify(signature, line.signed_part())
    except (ValueError, TypeError, InvalidSignature):
        raise NotGenuine(
            _("The checkpoint's signature does not fit: it was changed after it was signed.")
        ) from None
    return line


def read_lines(text: bytes, keys: dict[str, bytes]) -> list[Line]:
    """All checkpoints of a file, each genuine and each the successor of the one before. Raises NotGenuine.

    A line without a previous root begins anew (after a restored backup, by hand).
    """
    lines: list[Line] = []
    for number, row in enumerate(text.split(b"\n") if text else [], start=1):
        if not row and number > 1 and number == text.count(b"\n") + 1:
            break
        try:
            line = check(parsed(row), keys)
        except NotGenuine as error:
            raise NotGenuine(_("Line %(n)s: %(why)s") % {"n": number, "why": error}) from None
        if lines and line.previous_root and line.previous_root != lines[-1].root:
            raise NotGenuine(_("Line %(n)s does not follow the line before it.") % {"n": number})
        lines.append(line)
    return lines
