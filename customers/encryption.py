"""One key a person; destroying it is erasure.

A person's fields are sealed by AES-256-GCM under their own data key. That key is kept wrapped under a master
key of the environment (`FIELD_KEYS`, "id:base64", newest first); `rotate_keys` wraps them anew. Addresses are found
again by a blind index: HMAC-SHA256 of the normalised value under a key derived from `INDEX_KEY`, or without one from
the oldest master key. Earlier index keys (`INDEX_KEY_FALLBACKS`) still find what they made; `rotate_keys --index`
makes it anew.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from customers.models import Customer, PersonKey

NONCE_BYTES = 12


class Unreadable(Exception):
    """The key is gone or does not fit: what was sealed cannot be read."""


@lru_cache(maxsize=8)
def _parsed(pairs: tuple[str, ...], variable: str = "FIELD_KEYS") -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for pair in pairs:
        name, _, encoded = pair.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise ImproperlyConfigured(f"{variable}: the key {name!r} is not base64.") from error
        if len(key) != 32:
            raise ImproperlyConfigured(f"{variable}: the key {name!r} has {len(key)} bytes, not 32.")
        if keys.setdefault(name, key) != key:
            raise ImproperlyConfigured(f"{variable}: two different keys are called {name!r}.")
    return keys


def master_keys() -> dict[str, bytes]:
    """The master keys by id, newest first."""
    return _parsed(tuple(settings.FIELD_KEYS))


class IndexKey(NamedTuple):
    """A key that indexes, links and signatures are derived from."""

    name: str
    """What the settings call it."""
    mark: str
    """What rows call it: 12 hex digits of a keyed hash of nothing, so another key of the same name is another."""
    value: bytes
    opens: bool
    """Whether links and tokens made with it still open; by all of them addresses are found."""


def index_keys() -> tuple[IndexKey, ...]:
    """The key that indexes are made with, and after it the earlier ones. Raises ImproperlyConfigured."""
    first = settings.INDEX_KEY
    if not first:
        # The oldest master key, so that adding a newer one keeps every index where it is.
        name = [*master_keys()][-1]
        first = next(pair.strip() for pair in settings.FIELD_KEYS if pair.strip().partition(":")[0] == name)
    return _index_keys(first, tuple(settings.INDEX_KEY_FALLBACKS), tuple(settings.INDEX_KEY_RETIRED))


@lru_cache(maxsize=8)
def _index_keys(first: str, fallbacks: tuple[str, ...], retired: tuple[str, ...]) -> tuple[IndexKey, ...]:
    parsed = _parsed((first, *fallbacks, *retired), "INDEX_KEY")
    closed = {*_parsed(retired, "INDEX_KEY_RETIRED").values()} - {*_parsed((first,), "INDEX_KEY").values()}
    keys: dict[str, IndexKey] = {}
    for name, value in parsed.items():  # of one key under two names the first holds
        keys.setdefault(_mark(value), IndexKey(name, _mark(value), value, value not in closed))
    return tuple(keys.values())


def _mark(value: bytes) -> str:
    return hmac.digest(value, b"tact key mark", "sha256").hex()[:12]


def index_key() -> IndexKey:
    """The key that indexes, links and signatures are made with."""
    return index_keys()[0]


def _derived(purpose: bytes, key: IndexKey | None = None) -> bytes:
    return hmac.digest((key or index_key()).value, b"tact " + purpose, "sha256")


def _opening() -> list[IndexKey]:
    return [key for key in index_keys() if key.opens]


def new_key() -> PersonKey:
    """A fresh data key, wrapped under the newest master key; not saved."""
    key = PersonKey(id=uuid.uuid4())
    wrap(key, secrets.token_bytes(32))
    return key


def wrap(key: PersonKey, plain: bytes) -> None:
    """Wrap a data key under the newest master key, in memory."""
    key.master_key_id, master = next(iter(master_keys().items()))
    nonce = secrets.token_bytes(NONCE_BYTES)
    key.wrapped = nonce + AESGCM(master).encrypt(nonce, plain, key.id.bytes)


def data_key(key: PersonKey) -> bytes:
    """The 32 bytes inside. Raises Unreadable when the master key is unknown or does not fit."""
    master = master_keys().get(key.master_key_id)
    wrapped = bytes(key.wrapped)
    if master is None:
        raise Unreadable(f"master key {key.master_key_id!r} is not in FIELD_KEYS")
    try:
        return AESGCM(master).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key.id.bytes)
    except InvalidTag as error:
        raise Unreadable("the wrapped key does not fit its master key") from error


def seal(key: PersonKey, fields: Mapping[str, str]) -> bytes:
    """The fields as one sealed blob, bound to this key."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(data_key(key)).encrypt(nonce, orjson.dumps(dict(fields)), key.id.bytes)


def unseal(customer: Customer) -> dict[str, str]:
    """A person's readable fields (`email`, `phone`, `name`); empty after erasure.

    Select `key` along with the customer: this opens no query then.
    """
    if customer.key is None or not customer.sealed:
        return {}
    sealed = bytes(customer.sealed)
    try:
        plain = AESGCM(data_key(customer.key)).decrypt(
            sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], customer.key.id.bytes
        )
    except InvalidTag as error:
        raise Unreadable("the sealed fields do not fit the person's key") from error
    fields: dict[str, str] = orjson.loads(plain)
    return fields


def normalised(kind: str, value: str) -> str:
    """One spelling an address: e-mail in lower case and NFKC, phone as digits with a leading plus."""
    value = unicodedata.normalize("NFKC", value).strip()
    if kind == "phone":
        return ("+" if value.startswith("+") else "") + "".join(c for c in value if c.isdigit())
    return value.casefold()


def blind_index(kind: str, value: str) -> str:
    """The keyed hash (hex) that an address is kept under; empty for no address. To find one ask by `blind_indexes`."""
    return next(iter(blind_indexes(kind, value)), "")


def blind_indexes(kind: str, value: str) -> tuple[str, ...]:
    """The keyed hashes (hex) by which an address is found again, one a key, newest first; none for no address."""
    value = normalised(kind, value)
    if not value:
        return ()
    purpose, said = b"index " + kind.encode(), value.encode()
    return tuple(hmac.new(_derived(purpose, key), said, hashlib.sha256).hexdigest() for key in index_keys())


def index(customer: Customer, fields: Mapping[str, str]) -> None:
    """Keep a person's addresses, as `unseal` reads them, under the newest key, in memory."""
    customer.email_index = blind_index("email", fields.get("email", ""))
    customer.phone_index = blind_index("phone", fields.get("phone", ""))
    customer.index_key = index_key().mark if customer.email_index or customer.phone_index else ""


def is_indexed(customer: Customer, kind: str, index: str) -> bool:
    """Whether this is a keyed hash of the person's present address, by whichever key."""
    kept = {"email": customer.email_index, "phone": customer.phone_index}[kind]
    if not kept or index == kept:
        return bool(kept)
    try:
        return index in blind_indexes(kind, unseal(customer).get(kind, ""))
    except Unreadable:
        return False


def commitment(key: PersonKey | None, content: bytes) -> str:
    """A keyed hash (hex) that says nothing once the person's key is destroyed."""
    secret = data_key(key) if key is not None else b""
    return hmac.new(secret, content, hashlib.sha256).hexdigest()


def opaque_token(kind: str, content: bytes) -> str:
    """A token that holds nothing readable and cannot be altered: URL-safe base64 of a sealed content."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + AESGCM(_derived(b"token")).encrypt(nonce, content, kind.encode())
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def open_token(kind: str, token: str) -> bytes:
    """What `opaque_token` sealed. Raises Unreadable for anything else, one flipped bit included."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != token:
            raise Unreadable("not a token")  # another spelling of the same bytes
    except ValueError as error:
        raise Unreadable("not a token") from error
    nonce, sealed = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    for key in _opening():
        try:
            return AESGCM(_derived(b"token", key)).decrypt(nonce, sealed, kind.encode())
        except (ValueError, InvalidTag):
            continue
    raise Unreadable("not a token")


def signing_secret(name: str) -> str:
    """A secret for signing outgoing webhooks, in the form Standard Webhooks use (`whsec_` and base64)."""
    return signing_secrets(name)[0]


def signing_secrets(name: str) -> list[str]:
    """The secret, and after it those of earlier keys that still hold: whoever knows one of them is understood."""
    derived = [_derived(b"signing " + name.encode(), key) for key in _opening()]
    return [f"whsec_{base64.b64encode(secret).decode()}" for secret in derived]
