"""Reasons not to send: one function a rule, listed in RULES."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db.models import Count

from campaigns.models import Campaign, Delivery

Reason = Delivery.Reason
# At most so many marketing messages to one person in so many rolling days, by channel.
FREQUENCY_CAPS: dict[str, tuple[int, timedelta]] = {
    Campaign.Channel.EMAIL: (3, timedelta(days=7)),
    Campaign.Channel.WEBHOOK: (10, timedelta(days=1)),
}
_COUNTED = (Delivery.Status.TRANSMITTING, Delivery.Status.SENT, Delivery.Status.UNKNOWN)
_WAITING = (Delivery.Status.PLANNED, Delivery.Status.CLAIMED, Delivery.Status.RETRY)


def capped(
    customer_ids: Collection[int], *, channel: str, at: datetime, and_waiting: bool = True
) -> set[int]:
    """Who has had (or, with `and_waiting`, will have) as many messages as the cap allows. One query."""
    cap = FREQUENCY_CAPS.get(channel)
    if cap is None or not customer_ids:
        return set()
    most, window = cap
    sent = Delivery.objects.filter(
        customer_id__in=customer_ids, channel=channel, status__in=_COUNTED, transmitting_at__gt=at - window
    )
    counts = dict(sent.values_list("customer_id").annotate(n=Count("pk")).order_by())
    if and_waiting:
        waiting = Delivery.objects.filter(customer_id__in=customer_ids, channel=channel, status__in=_WAITING)
        for customer, n in waiting.values_list("customer_id").annotate(n=Count("pk")).order_by():
            counts[customer] = counts.get(customer, 0) + n
    return {customer for customer, n in counts.items() if n >= most}


def not_running(delivery: Delivery, *, at: datetime) -> Reason | None:
    """The campaign was paused, cancelled or archived meanwhile."""
    status = Campaign.objects.values_list("status", flat=True).get(runs=delivery.run_id)
    return None if status == Campaign.Status.RUNNING else Reason.NOT_RUNNING


def too_many(delivery: Delivery, *, at: datetime) -> Reason | None:
    """The person has had as many messages as the cap allows."""
    over = capped([delivery.customer_id], channel=delivery.channel, at=at, and_waiting=False)
    return Reason.CAPPED if over else None


# Asked for each message in the commit that marks it as being transmitted; consent, the suppression list and the
# address are asked there by `reach`, which also gives the permission.
RULES: tuple[Callable[..., Reason | None], ...] = (not_running, too_many)
