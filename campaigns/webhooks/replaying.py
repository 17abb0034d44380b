"""Sending again what arrived or failed, by hand; and a message that tells nothing, to try an endpoint out."""

import uuid
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.lifecycle import NotPossible
from campaigns.models import WebhookEndpoint, WebhookMessage
from campaigns.webhooks.facts import TEST

State = WebhookMessage.State
OVER = (State.SENT, State.FAILED, State.WITHHELD)
MOST_AT_ONCE = 50_000
"""As many as the database puts back in about a second."""


def replay(message: WebhookMessage, *, at: datetime) -> bool:
    """Send one again, under the same webhook-id; whether a partner may hear it is asked anew. False while it is under way."""
    rows = WebhookMessage.objects.filter(pk=message.pk, state__in=OVER)
    return bool(rows.update(state=State.WAITING, reason="", tries=0, not_before=at, ended_at=None))


def replay_failed(endpoint: WebhookEndpoint, *, since: datetime, at: datetime) -> int:
    """Send again what was given up since then, the oldest `MOST_AT_ONCE`; how many."""
    given_up = endpoint.messages.filter(state=State.FAILED, ended_at__gte=since).order_by("ended_at")
    rows = endpoint.messages.filter(pk__in=given_up.values("pk")[:MOST_AT_ONCE], state=State.FAILED)
    return rows.update(state=State.WAITING, tries=0, not_before=at, ended_at=None)


def put_test(endpoint: WebhookEndpoint, *, at: datetime) -> WebhookMessage:
    """A message of the type `webhook.test`, sent with the next. Raises NotPossible where the endpoint is paused."""
    if endpoint.paused_at is not None:
        raise NotPossible(_("This webhook is paused: nothing is sent to it."))
    return WebhookMessage.objects.create(
        endpoint=endpoint, type=TEST, fact=uuid.uuid4().hex, not_before=at, occurred_at=at, gathered_at=at
    )
