"""Who is told, and by which secrets they know that it was us. A secret is ours to make, and is shown once."""

import base64
import ipaddress
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import outward
from campaigns.models import WebhookEndpoint
from campaigns.webhooks import gathering
from campaigns.webhooks.facts import TYPES
from customers import encryption
from customers.models import Customer, PersonKey

MOST_ENDPOINTS = 50
FIELDS = ("name", "url", "types")
Receiver, Because = WebhookEndpoint.Receiver, WebhookEndpoint.Because
log = structlog.get_logger()


class NotAnEndpoint(Exception):
    """What was said makes no endpoint. `fields`: which of it, and why."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


@dataclass(frozen=True)
class Made:
    endpoint: WebhookEndpoint
    secret: str
    """whsec_…; whoever has lost it asks for another one."""


def problems(*, url: str, types: Collection[str], receiver: str) -> dict[str, str]:
    """What is wrong with it, by field."""
    found = {}
    if (wrong := _problem_of_address(url)) is not None:
        found["url"] = wrong
    if not types:
        found["types"] = _("Choose what it is told.")
    elif unknown := sorted(set(types) - set(TYPES)):
        found["types"] = _("There is no type %s.") % ", ".join(unknown)
    if receiver not in Receiver.values:
        found["receiver"] = _("Say who receives it: the shop's own system, or a partner.")
    return found


def _problem_of_address(url: str) -> str | None:
    """None where it may do. What a name leads to is asked whenever something is sent."""
    try:
        parts = outward.parts_of(url)
    except outward.NotAllowed:
        return _("An address begins with https://.")
    if "@" in parts.netloc:
        return _("An address holds no name and no password.")
    try:
        is_open = outward.is_public(str(ipaddress.ip_address(parts.hostname or "")))
    except ValueError:  # it is a name
        return None
    return None if is_open else _("This address is not public.")


def is_full() -> bool:
    return WebhookEndpoint.objects.count() >= MOST_ENDPOINTS


def told_full() -> str:
    return _("There are %s webhooks already.") % MOST_ENDPOINTS


def make(*, name: str, url: str, types: Collection[str], receiver: str, by: str) -> Made:
    """A new endpoint, told of what happens from now on, and its secret. Raises NotAnEndpoint, and makes nothing."""
    row = WebhookEndpoint(name=name, url=url, types=sorted(set(types)), receiver=receiver)
    return save_new(row, by=by)


def save_new(row: WebhookEndpoint, *, by: str) -> Made:
    """Keep an endpoint that was filled in. Raises NotAnEndpoint."""
    _check(row)
    if is_full():
        raise NotAnEndpoint({"url": told_full()})
    secret = _new_secret()
    with transaction.atomic():
        row.key = encryption.new_key()
        row.key.save(force_insert=True)
        _keep(row, secret, "")
        gathering.begin(row)
        row.save(force_insert=True)
    log.info("a webhook was made", webhook=row.pk, receiver=row.receiver, types=row.types, by=by)
    return Made(row, secret)


def update(row: WebhookEndpoint, changes: Mapping[str, Any], *, by: str) -> None:
    """Change its name, address or types; a type that is new is told from now on. Raises NotAnEndpoint.

    Who receives it is never changed: what waits was gathered for that receiver.
    """
    with transaction.atomic():
        held = _held(row)
        before = {name: getattr(held, name) for name in FIELDS}
        for name in FIELDS:
            setattr(held, name, changes.get(name, before[name]))
        held.types = sorted(set(held.types))
        _check(held)
        gathering.begin(held)
        held.save(update_fields=[*FIELDS, "cursors"])
        after = {name: getattr(held, name) for name in FIELDS}
    changed = {name: [before[name], after[name]] for name in FIELDS if before[name] != after[name]}
    log.info("a webhook was changed", webhook=row.pk, changed=_without_address(changed), by=by)
    row.refresh_from_db()


def _without_address(changed: Mapping[str, Any]) -> dict[str, Any]:
    """An address may hold a receiver's token: of it only that it changed."""
    return {name: "…" if name == "url" else values for name, values in changed.items()}


def _check(row: WebhookEndpoint) -> None:
    if found := problems(url=row.url, types=row.types, receiver=row.receiver):
        raise NotAnEndpoint(found)


def _held(row: WebhookEndpoint) -> WebhookEndpoint:
    """The row as it is now, under its lock."""
    rows = WebhookEndpoint.objects.select_related("key")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=row.pk)


# --- secrets ---------------------------------------------------------------------------------------------------------


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _keep(row: WebhookEndpoint, secret: str, earlier: str) -> None:
    row.sealed = encryption.seal(row.key, {"secret": secret, "earlier": earlier})


def secrets_of(row: WebhookEndpoint) -> list[str]:
    """The secret, and the one before it where there is one. Raises encryption.Unreadable."""
    kept = encryption.unseal(Customer(key=row.key, sealed=bytes(row.sealed)))
    return [secret for secret in (kept["secret"], kept["earlier"]) if secret]


def rotate(row: WebhookEndpoint, *, at: datetime, by: str) -> str:
    """A new secret. The last one signs beside it until the next rotation; the one before that is forgotten."""
    with transaction.atomic():
        held, secret = _held(row), _new_secret()
        _keep(held, secret, secrets_of(held)[0])
        held.rotated_at = at
        held.save(update_fields=["sealed", "rotated_at"])
    log.info("a webhook's secret was renewed", webhook=row.pk, by=by)
    row.refresh_from_db()
    return secret


# --- stopping and going on -------------------------------------------------------------------------------------------


def pause(row: WebhookEndpoint, *, at: datetime, because: str, by: str) -> bool:
    """Send it nothing more; what happens meanwhile waits. False where it is paused already."""
    rows = WebhookEndpoint.objects.filter(pk=row.pk, paused_at__isnull=True)
    is_done = bool(rows.update(paused_at=at, paused_because=because))
    if is_done:
        log.warning("a webhook was paused", webhook=row.pk, because=because, by=by)
    row.refresh_from_db()
    return is_done


def resume(row: WebhookEndpoint, *, by: str) -> bool:
    """Send again, what waits first. False where it is not paused."""
    rows = WebhookEndpoint.objects.filter(pk=row.pk, paused_at__isnull=False)
    is_done = bool(
        rows.update(paused_at=None, paused_because="", failing_since=None, failures=0, rests_until=None)
    )
    if is_done:
        log.info("a webhook goes on", webhook=row.pk, by=by)
    row.refresh_from_db()
    return is_done


def remove(row: WebhookEndpoint, *, by: str) -> None:
    """Take it away with its messages, and destroy its secrets."""
    pk, key_id = row.pk, row.key_id
    with transaction.atomic():
        row.delete()
        PersonKey.objects.filter(pk=key_id).delete()
    log.info("a webhook was removed", webhook=pk, by=by)
