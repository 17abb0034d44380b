"""Copies that wait to be fetched: files sealed under their person's key, so that erasure makes them unreadable too.

A file is a run of chunks, each sealed by AES-256-GCM with its number and whether it is the last in the nonce, so that
none can be changed, left out, moved or cut off (the STREAM construction of Hoang, Reyhanitabar, Rogaway, Vizár 2015).
Its key is derived from the person's key and a salt of its own.
"""

import hmac
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from customers import encryption
from customers.models import PersonKey

KEPT_FOR = timedelta(days=7)
CHUNK, TAG, SALT = 64 * 1024, 16, 16
_BEGINS = b"tact-sealed/1\n"


class Torn(Exception):
    """The file was changed, cut off, or sealed under another key."""


def folder() -> Path:
    found = settings.VAR_DIR / "exports"
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def path_of(request_id: UUID) -> Path:
    return folder() / f"{request_id}.zip.sealed"


def _cipher(key: PersonKey, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(encryption.data_key(key), b"tact export " + salt, "sha256"))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


class Sealing:
    """A file that is written forwards and sealed as it goes; in place, whole, once `publish` is called."""

    def __init__(self, request_id: UUID, key: PersonKey) -> None:
        salt = secrets.token_bytes(SALT)
        self._cipher, self._bound = _cipher(key, salt), request_id.bytes
        self._target = path_of(request_id)
        # A name of its own: two who work on the same request do not write into each other's file.
        self._draft = self._target.with_suffix(f".{secrets.token_hex(4)}.draft")
        self._file: BinaryIO = self._draft.open("wb")
        self._file.write(_BEGINS + salt)
        self._waiting, self._number, self.size = bytearray(), 0, 0

    def write(self, data: bytes) -> int:
        self._waiting += data
        self.size += len(data)
        while len(self._waiting) > CHUNK:  # the last chunk is known only at the end
            self._put(bytes(self._waiting[:CHUNK]), is_last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def flush(self) -> None:
        """What is written is in the file once the next chunk is full, or at the end."""

    def _put(self, plain: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), plain, self._bound))
        self._number += 1

    def publish(self) -> None:
        self._draft.replace(self._target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._put(bytes(self._waiting), is_last=True)
        self._file.close()
        if error is not None:
            self.discard()

    def discard(self) -> None:
        self._draft.unlink(missing_ok=True)


def opened(request_id: UUID, key: PersonKey) -> Iterator[bytes]:
    """The zip inside, chunk by chunk. Raises FileNotFoundError, encryption.Unreadable and, while it is read, Torn."""
    file = path_of(request_id).open("rb")
    begins, salt = file.read(len(_BEGINS)), file.read(SALT)
    if begins != _BEGINS:
        file.close()
        raise Torn(request_id)
    return _chunks(file, _cipher(key, salt), request_id.bytes)


def _chunks(file: BinaryIO, cipher: AESGCM, bound: bytes) -> Iterator[bytes]:
    with file:
        number, sealed = 0, file.read(CHUNK + TAG)
        while True:
            ahead = file.read(CHUNK + TAG)
            try:
                yield cipher.decrypt(_nonce(number, is_last=not ahead), sealed, bound)
            except InvalidTag as error:
                raise Torn(UUID(bytes=bound)) from error
            if not ahead:
                return
            number, sealed = number + 1, ahead


def is_there(request_id: UUID) -> bool:
    return path_of(request_id).exists()


def waiting() -> set[UUID]:
    """The requests that have a file here, published or in the making."""
    found = set()
    for path in folder().iterdir():
        try:
            found.add(UUID(path.name.partition(".")[0]))
        except ValueError:
            continue  # none of ours
    return found


def drop(request_id: UUID) -> bool:
    """Whether there was a file of this request, published or in the making."""
    found = [path_of(request_id), *folder().glob(f"{request_id}.*.draft")]
    gone = [path for path in found if path.exists()]
    for path in gone:
        path.unlink(missing_ok=True)
    return bool(gone)


def drop_old(*, at: datetime) -> int:
    """Remove what has waited long enough, drafts of the dead included; how many."""
    before = (at - KEPT_FOR).timestamp()
    old = [path for path in folder().iterdir() if path.stat().st_mtime < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
