"""A message as one person got it: made again from what was decided for them then.

Messages are not kept as they left, so this is their present words, filled with that decision. The code is a sample and
the ways out lead nowhere, so that who tries them at the desk ends nobody's permission.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext

from campaigns import messages
from campaigns.liquid_templates import Aborted, TemplateFailed
from campaigns.messages import Finished
from campaigns.models import Campaign, Decision, Delivery
from catalog.pages import told_time
from customers import encryption

# What is looked at has no sender, so no link of it can be pressed for the person.
NOT_SENT = "<preview>"


@dataclass(frozen=True)
class Again:
    """`finished` is None where it cannot be made again; `state` then says why."""

    state: str
    finished: Finished | None = None
    is_changed: bool = False
    """The message's words were changed after it was sent."""


def delivery_of(customer_id: int, number: str) -> Delivery | None:
    """One of this person's own."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    rows = Delivery.objects.filter(customer_id=customer_id, pk=number)
    return rows.select_related("run__campaign", "content", "customer__key", "decision__offer").first()


def again(delivery: Delivery, *, at: datetime) -> Again:
    """The message of a delivery. Seven queries at most."""
    if delivery.channel == Campaign.Channel.WEBHOOK or delivery.content is None:
        return Again(gettext("It was no message: another program was told."))
    real = messages.page_of([delivery], at=at)
    entry = delivery.entry_id
    further = real.siblings.get((delivery.customer_id, entry, delivery.step), ())
    first, *others = _copies([delivery.decision, *further])
    page = replace(
        real,
        trackable=(),
        code=messages.SAMPLE_CODE,
        siblings={(delivery.customer_id, entry, delivery.step): others},
    )
    looked_at = Delivery(
        decision=first, customer=delivery.customer, run=delivery.run, channel=delivery.channel,
        message_id=NOT_SENT, entry_id=entry, step=delivery.step,
    )  # fmt: skip
    try:
        finished = messages.finish(looked_at, delivery.content, page)
    except (TemplateFailed, Aborted) as failed:
        return Again(gettext("It cannot be made again: %s") % failed)
    except encryption.Unreadable:
        return Again(gettext("This person was erased."))
    moment = delivery.transmitting_at or delivery.ended_at
    is_changed = moment is not None and delivery.content.updated_at > moment
    return Again(_state(delivery, moment), finished, is_changed)


def _state(delivery: Delivery, moment: datetime | None) -> str:
    if delivery.status == Delivery.Status.SENT:
        return gettext("Sent: %s") % told_time(moment)
    why = delivery.get_reason_display() or delivery.get_status_display()
    if delivery.ended_at is None:
        return gettext("It has not left yet: %s") % why
    return gettext("It did not leave: %s") % why


def _copies(rows: Sequence[Decision]) -> list[Decision]:
    """What was decided, under new numbers: a link made from them leads nowhere."""
    return [
        Decision(
            customer_id=row.customer_id, slot=row.slot, offer=row.offer, skus=row.skus, purpose=row.purpose,
            decided_at=row.decided_at, expires_at=row.expires_at, basis=row.basis,
        )
        for row in rows
    ]  # fmt: skip
