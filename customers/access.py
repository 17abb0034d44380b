"""Who calls: API keys with scopes, and customer tokens that prove one customer to a browser's key."""

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from django.db.models import BigIntegerField, CharField, Value

from catalog import together
from catalog.questions import Given, Question, Rows
from customers import encryption
from customers.models import ApiKey, Identity

SCOPES = (
    "catalog:read",
    "catalog:write",
    "customers:read",
    "customers:write",
    "events:write",
    "consents:read",
    "consents:write",
    "recommendations:read",
    "offers:read",
    "offers:write",
    "codes:write",
    "segments:read",
    "segments:write",
    "campaigns:read",
    "campaigns:write",
    "campaigns:approve",
    "models:read",
    "models:write",
    "privacy:read",
    "privacy:write",
    "webhooks:read",
    "webhooks:write",
    "exports:read",
    "exports:write",
)
# What a key may do only where it was asked for by name.
ON_REQUEST = ("campaigns:approve", "webhooks:write", "exports:read", "exports:write")
# What a browser's key may do at all; of a customer, only of the one a token proves.
PUBLISHABLE = (
    "catalog:read",
    "events:write",
    "recommendations:read",
    "offers:read",
    "consents:read",
    "consents:write",
    "privacy:read",
    "privacy:write",
)
LONGEST_TOKEN = timedelta(hours=1)
_AUDIENCE = "tact customer"
_PREFIX = {ApiKey.Kind.SECRET: "sk_", ApiKey.Kind.PUBLISHABLE: "pk_"}
_SEEN_EVERY = timedelta(hours=1)


class BadKey(Exception):
    """No key, an unknown or a revoked one."""


class BadToken(Exception):
    """The customer token is forged, too old, or not a token."""


@dataclass(frozen=True)
class Access:
    """What one request may do."""

    key_id: int
    kind: str
    scopes: frozenset[str]
    customer: str | None = None
    """The shop's own id of the customer whom the token proves."""
    named: str = ""
    """The shop's own id of the customer whom the request is about, where that was known when the key was read."""
    person: int | None = None
    """Who is known under that id, whether the key speaks for them or not: ask `speaks_for` first."""

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_secret(self) -> bool:
        return self.kind == ApiKey.Kind.SECRET

    def speaks_for(self, external_id: str | None) -> bool:
        """A server's key speaks for every customer, a browser's for the one its token proves."""
        return self.is_secret or (external_id is not None and external_id == self.customer)


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def create_key(kind: str, *, scopes: Collection[str] = (), label: str = "") -> tuple[ApiKey, str]:
    """A new key and, this once, its value; without scopes one with all that need not be named. Raises ValueError for a
    scope this kind cannot have."""
    possible = SCOPES if kind == ApiKey.Kind.SECRET else PUBLISHABLE
    wanted = list(scopes) or [scope for scope in possible if scope not in ON_REQUEST]
    if wrong := sorted(set(wanted) - set(possible)):
        raise ValueError(f"A {kind} key cannot have {', '.join(wrong)}; possible: {', '.join(possible)}.")
    value = _PREFIX[ApiKey.Kind(kind)] + secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        kind=kind, label=label, prefix=value[:8], key_hash=hashed(value), scopes=sorted(wanted)
    )
    return row, value


def revoke(key: ApiKey, *, at: datetime) -> bool:
    """The key opens nothing from now on. False if it was revoked before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=at))


def _known(key: Given, named: Given | None = None) -> Rows:
    person = Value(None, BigIntegerField()) if named is None else Identity.objects.person(named)
    rows = ApiKey.objects.filter(key_hash=key, revoked_at__isnull=True)
    return rows.values_list("pk", "kind", "scopes", "last_used_at", person)


_KEY = Question(_known, key=CharField())
_KEY_AND_PERSON = Question(_known, key=CharField(), named=CharField())


def access_of(
    key: str,
    *,
    token: str,
    at: datetime,
    named: str = "",
    beside: Callable[[str], Sequence[Rows]] | None = None,
) -> Access:
    """One query (and a note of use once an hour). Raises BadKey, BadToken.

    named : the shop's own id of the customer whom the request is about; without it the one whom the token proves.
    beside : what is asked of them in the same statement, by that id; whether the key speaks for them is not known yet.
    """
    customer, bad_token = None, None
    if token:
        try:
            customer = customer_in(token, at=at)
        except BadToken as error:  # told once the key is known to be a good one
            bad_token = error
    named = named or customer or ""
    found = _KEY_AND_PERSON(key=hashed(key), named=named) if named else _KEY(key=hashed(key))
    if named and beside is not None:
        together.read(found, *beside(named))
    for pk, kind, scopes, last_used_at, person in found:
        if last_used_at is None or at - last_used_at > _SEEN_EVERY:
            ApiKey.objects.filter(pk=pk).update(last_used_at=at)
        if bad_token is not None:
            raise bad_token
        return Access(pk, kind, frozenset(scopes), customer, named, person)
    raise BadKey("This key is unknown or revoked.")


def customer_token(
    external_id: str, *, at: datetime, lasts: timedelta = LONGEST_TOKEN
) -> tuple[str, datetime]:
    """A signed token that proves this customer to a browser's key, and when it ends."""
    expires = at + min(lasts, LONGEST_TOKEN)
    claims = {"sub": external_id, "aud": _AUDIENCE, "iat": at, "exp": expires}
    return jwt.encode(claims, encryption.signing_secret("customer token"), algorithm="HS256"), expires


def _signed_by_us(token: str) -> dict[str, Any]:
    """The claims, by whichever index key they were signed. Raises jwt.InvalidTokenError."""
    for secret in encryption.signing_secrets("customer token"):
        with contextlib.suppress(jwt.InvalidSignatureError):
            claims: dict[str, Any] = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                audience=_AUDIENCE,
                options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
            )
            return claims
    raise jwt.InvalidSignatureError


def customer_in(token: str, *, at: datetime) -> str:
    """The customer a token proves. Raises BadToken."""
    try:
        claims = _signed_by_us(token)
        begins, ends = float(claims["iat"]), float(claims["exp"])
    except (jwt.InvalidTokenError, TypeError, ValueError) as error:
        raise BadToken("The customer token is not valid.") from error
    if ends <= at.timestamp() or ends - begins > LONGEST_TOKEN.total_seconds() + 1:
        raise BadToken("The customer token has expired.")
    return str(claims["sub"])
