"""What a message says, made from the fact's own row when it is sent, after asking once more whether it may be said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.webhooks.facts import PURPOSE, SOURCE_OF, TEST
from customers.consent import NotPermitted, Permission
from customers.models import Customer

Reason = WebhookMessage.Reason


@dataclass(frozen=True)
class Withheld:
    """It must not be said, and why."""

    reason: str


def said(message: WebhookMessage, *, at: datetime) -> bytes | Withheld:
    """The body, or why there is none. To be asked in a transaction, with the person held (`consent.hold_only`)."""
    if message.type == TEST:
        return _body(message, {"webhook": message.endpoint_id, "name": message.endpoint.name})
    source = SOURCE_OF[message.type]
    if message.endpoint.receiver == WebhookEndpoint.Receiver.PARTNER:
        try:
            Permission(message.customer_id or 0, PURPOSE, at=at)
        except NotPermitted:
            return Withheld(Reason.NO_PERMISSION)
    elif message.customer_id is not None and not source.of_restricted:
        person = Customer.objects.filter(pk=message.customer_id, restricted_at__isnull=False)
        if person.exists():
            return Withheld(Reason.RESTRICTED)
    row = source.row(message.fact)
    return Withheld(Reason.GONE) if row is None else _body(message, source.tell(row))


def _body(message: WebhookMessage, data: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {"type": message.type, "timestamp": message.occurred_at, "data": data}, option=orjson.OPT_UTC_Z
    )
