"""Liquid -> a finished message: subject, HTML, text and the headers the law asks for."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils import translation

from campaigns import links
from campaigns.liquid_templates import TemplateFailed
from campaigns.messages.context import Page, context_of, language_of
from campaigns.messages.made import fill_in, made, with_ways_out
from campaigns.models import Campaign, Decision, Delivery, Message
from customers import encryption
from customers.models import Customer

_LINK = re.compile(r'href="(https?://[^"]+)"')


@dataclass(frozen=True)
class Finished:
    """A message ready to leave by a channel. `customer_id` and `purpose` are what its permission must match."""

    customer_id: int
    purpose: str
    address: str
    subject: str
    html: str
    text: str
    message_id: str
    headers: Mapping[str, str]
    payload: Mapping[str, Any]
    """What a webhook says instead."""


def finish(
    delivery: Delivery, message: Message | None, page: Page, *, fields: Mapping[str, str] | None = None
) -> Finished:
    """Raises TemplateFailed or Aborted for this person only. A webhook needs no words, and so no message.

    fields : of someone made up; everyone else's are unsealed here.
    """
    customer, decision = delivery.customer, delivery.decision
    if message is None:
        if delivery.channel != Campaign.Channel.WEBHOOK:
            raise TemplateFailed("the campaign has no message")
        return Finished(
            customer_id=delivery.customer_id,
            purpose=decision.purpose,
            address="",
            subject="",
            html="",
            text="",
            message_id=delivery.message_id or new_message_id(delivery),
            headers={},
            payload=payload_of(decision, customer),
        )
    language = language_of(customer)
    fields = encryption.unseal(customer) if fields is None else fields
    with translation.override(language):
        context = context_of(delivery, fields, message, page, language)
        words = fill_in(message, made(message, language), context, language)
    own, pixel = context["links"], ""
    if delivery.customer_id in page.trackable:
        leave = tuple(own.values())
        words = replace(words, html=_LINK.sub(lambda found: _tracked(found, decision, leave), words.html))
        pixel = links.pixel_url(decision.pk)
    words = with_ways_out(words, own, pixel=pixel)
    return Finished(
        customer_id=delivery.customer_id,
        purpose=decision.purpose,
        address=fields.get("email", ""),
        subject=words.subject,
        html=words.html,
        text=words.text,
        message_id=delivery.message_id or new_message_id(delivery),
        headers={
            "List-Unsubscribe": f"<{own['unsubscribe']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "bulk",
        },
        payload=payload_of(decision, customer),
    )


def payload_of(decision: Decision, customer: Customer) -> dict[str, Any]:
    """What a webhook says of a decision."""
    return {
        "customer": customer.external_id,
        "decision": str(decision.pk),
        "offer": decision.offer.slug if decision.offer else None,
        "code": decision.code.value if decision.code else None,
        "skus": decision.skus,
    }


def _tracked(found: re.Match[str], decision: Decision, own: Sequence[str]) -> str:
    target = html.unescape(found.group(1))
    # Leaving must never depend on a tracker.
    return found.group(0) if target in own else f'href="{html.escape(links.click_url(decision.pk, target))}"'


def new_message_id(delivery: Delivery) -> str:
    """The same for every attempt of a delivery, so that a receiver can tell a repeat."""
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"
    return f"<tact-{delivery.decision_id.hex}@{host}>"
