"""One key a person; destroying it is erasure.

A person's fields are sealed by AES-256-GCM under their own data key. That key is kept wrapped under a master
key of the environment (`FIELD_KEYS`, "id:base64", newest first); `rotate_keys` wraps them anew. Addresses are found
again by a blind index: HMAC-SHA256 of the normalised value under a key derived from `INDEX_KEY`, or without one from
the oldest master key.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from functools import lru_cache

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


def index_key() -> tuple[str, bytes]:
    """Name and value of the key that indexes, links and signatures are derived from."""
    if settings.INDEX_KEY:
        return next(iter(_parsed((settings.INDEX_KEY,), "INDEX_KEY").items()))
    # The oldest master key, so that adding a newer one keeps every index where it is.
    return [*master_keys().items()][-1]


def _derived(purpose: bytes) -> bytes:
    return hmac.digest(index_key()[1], b"tact " + purpose, "sha256")


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
    """The keyed hash (hex) by which an address is found again; empty for no address."""
    value = normalised(kind, value)
    if not value:
        return ""
    return hmac.new(_derived(b"index " + kind.encode()), value.encode(), hashlib.sha256).hexdigest()


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
        return AESGCM(_derived(b"token")).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], kind.encode())
    except (ValueError, InvalidTag) as error:
        raise Unreadable("not a token") from error


def signing_secret(name: str) -> str:
    """A secret for signing outgoing webhooks, in the form Standard Webhooks use (`whsec_` and base64)."""
    return f"whsec_{base64.b64encode(_derived(b'signing ' + name.encode())).decode()}"
