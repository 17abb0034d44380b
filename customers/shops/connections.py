"""Connecting a shop: its address here, and the secrets that its deliveries are signed with.

Two secrets may hold at once, so that one is changed without losing a delivery: the new one, and the former until
somebody says that the shop signs with it no more.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from customers import encryption
from customers.models import Customer, ShopConnection

Kind = ShopConnection.Kind
SHORTEST_SECRET = 8
LONGEST_DOMAIN = 200
TOPICS: Mapping[str, tuple[str, ...]] = {
    Kind.SHOPIFY: (
        "products/create", "products/update", "products/delete", "orders/create", "orders/paid", "orders/updated",
        "orders/cancelled", "refunds/create", "customers/create", "customers/update",
        "customers_email_marketing_consent/update", "customers/data_request", "customers/redact", "shop/redact",
    ),
    Kind.WOOCOMMERCE: (
        "product.created", "product.updated", "product.deleted", "product.restored", "order.created", "order.updated",
        "order.restored", "customer.created", "customer.updated",
    ),
}  # fmt: skip
"""What to subscribe a shop of each kind to."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?")

_PREFIX = re.compile(r"[A-Za-z0-9.-]{0,20}")


class NotPossible(Exception):
    """The shop cannot be connected like this; the text says why."""


def connect(
    kind: str, domain: str, *, label: str, currency: str, secret: str, prefix: str | None = None
) -> ShopConnection:
    """A new connection. Raises NotPossible.

    prefix : before the shop's numbers; None leaves the first shop without one and gives the next one of its own.
    """
    if kind not in Kind.values:
        raise NotPossible(f"A shop is {' or '.join(Kind.values)}.")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise NotPossible("A currency is three capital letters, such as EUR.")
    with transaction.atomic():
        prefix = free_prefix() if prefix is None else prefix
        if not is_prefix(prefix):
            raise NotPossible("A prefix is at most twenty letters, digits, dots and dashes, such as berlin-.")
        if ShopConnection.objects.filter(prefix=prefix).exists():
            raise NotPossible("Another connected shop has this prefix: their customers would be one.")
        row = ShopConnection(
            kind=kind, label=label.strip()[:100] or domain, domain=domain_of(domain), currency=currency, prefix=prefix
        )  # fmt: skip
        seal(row, secret)
        row.save(force_insert=True)
    return row


def is_prefix(said: str) -> bool:
    return bool(_PREFIX.fullmatch(said))


def free_prefix() -> str:
    """None for the first shop; the next ones are told apart."""
    taken = set(ShopConnection.objects.values_list("prefix", flat=True))
    return next(one for one in ("", *(f"shop{n}-" for n in range(2, len(taken) + 3))) if one not in taken)


def domain_of(said: str) -> str:
    """The host of an address as people paste it. Raises NotPossible."""
    said = said.strip().lower()
    try:
        host = urlsplit(said if "://" in said else f"https://{said}").netloc
    except ValueError:
        host = ""
    if len(host) > LONGEST_DOMAIN or not _HOST.fullmatch(host):
        raise NotPossible("This is not the domain of a shop, such as garden.myshopify.com.")
    return host


def make_secret() -> str:
    return secrets.token_urlsafe(32)


def seal(row: ShopConnection, secret: str) -> None:
    """Let it sign with this secret from now on, and with the one before too; in memory. Raises NotPossible."""
    secret = secret.strip()
    if len(secret) < SHORTEST_SECRET:
        raise NotPossible(f"A secret has at least {SHORTEST_SECRET} characters.")
    former = secrets_of(row)[:1] if row.sealed else []
    if not row.sealed:
        row.key = encryption.new_key()
        row.key.save(force_insert=True)
    _put(row, [secret, *(one for one in former if one != secret)])


def forget_former(row: ShopConnection) -> bool:
    """Whatever is signed with the former secret is refused from now on. False where there is none."""
    with transaction.atomic():
        row = ShopConnection.objects.select_for_update(of=("self",)).select_related("key").get(pk=row.pk)
        known = secrets_of(row)
        if len(known) < 2:
            return False
        _put(row, known[:1])
        row.save(update_fields=["sealed"])
        return True


def _put(row: ShopConnection, known: list[str]) -> None:
    row.sealed = encryption.seal(row.key, dict(zip(("secret", "former"), known, strict=False)))


def secrets_of(row: ShopConnection) -> list[str]:
    """The secret, and the former one where it still holds. Select `key` along. Raises encryption.Unreadable."""
    fields = encryption.unseal(Customer(key=row.key, sealed=bytes(row.sealed)))
    return [fields[name] for name in ("secret", "former") if name in fields]


def is_signed(row: ShopConnection, raw: bytes, signature: str) -> bool:
    """Whether it is the base64 of the HMAC-SHA256 of the body by one of the secrets; takes as long for a wrong one."""
    given = signature.strip().encode("utf-8", "surrogateescape")
    expected = [base64.b64encode(hmac.digest(secret.encode(), raw, "sha256")) for secret in secrets_of(row)]
    return sum(hmac.compare_digest(one, given) for one in expected) > 0  # all are compared


def address_of(row: ShopConnection) -> str:
    """Where the shop is to deliver to."""
    return f"{settings.PUBLIC_URL}/hooks/{row.kind}/{row.pk}"
