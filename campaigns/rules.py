"""Reasons not to send: one function a rule, listed in RULES."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q

from campaigns.models import Campaign, Delivery

Reason = Delivery.Reason
# At most so many marketing messages to one person in so many rolling days, by channel.
FREQUENCY_CAPS: dict[str, tuple[int, timedelta]] = {
    Campaign.Channel.EMAIL: (3, timedelta(days=7)),
    Campaign.Channel.WEBHOOK: (10, timedelta(days=1)),
}
_COUNTED = (Delivery.Status.TRANSMITTING, Delivery.Status.SENT, Delivery.Status.UNKNOWN)
_WAITING = (Delivery.Status.PLANNED, Delivery.Status.CLAIMED, Delivery.Status.RETRY)


def capped(customer_ids: Collection[int], *, campaign: Campaign, at: datetime) -> set[int]:
    """Who has had, or will have with what waits, as many messages as the cap allows. One query."""
    channel = campaign.channel
    cap = FREQUENCY_CAPS.get(channel)
    if cap is None or not customer_ids:
        return set()
    most, window = cap
    sent = Q(status__in=_COUNTED, transmitting_at__gt=at - window)
    rows = Delivery.objects.filter(
        sent | Q(status__in=_WAITING), customer_id__in=customer_ids, channel=channel
    )
    counts = rows.values_list("customer_id").annotate(n=Count("pk")).order_by()
    return {customer for customer, n in counts if n >= most}


@dataclass(frozen=True)
class Facts:
    """What the rules judge a message by, as it stands in the transaction that asks."""

    campaign_status: str
    """Empty when the campaign is gone."""
    had: int
    """How many messages the person had within the cap's window."""
    most: int | None


# Written out for the same reason as the gate's question: it is asked for each message alone.
_FACTS = f"""
SELECT campaign.status, (
    SELECT COUNT(*) FROM campaigns_delivery AS sent
    WHERE sent.customer_id = %s AND sent.channel = %s AND sent.transmitting_at > %s
    AND sent.status IN ({", ".join(f"'{status}'" for status in _COUNTED)})
)
FROM campaigns_campaignrun AS run JOIN campaigns_campaign AS campaign ON campaign.id = run.campaign_id
WHERE run.id = %s
"""  # noqa: S608 - our own words


def facts(delivery: Delivery, *, at: datetime) -> Facts:
    """One query."""
    most, window = FREQUENCY_CAPS.get(delivery.channel, (None, timedelta(0)))
    since = connection.ops.adapt_datetimefield_value(at - window)
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [delivery.customer_id, delivery.channel, since, delivery.run_id])
        status, had = cursor.fetchone() or ("", 0)
    return Facts(status, had, most)


def not_running(facts: Facts) -> Reason | None:
    """The campaign was paused, cancelled or archived meanwhile."""
    return None if facts.campaign_status == Campaign.Status.RUNNING else Reason.NOT_RUNNING


def too_many(facts: Facts) -> Reason | None:
    """The person has had as many messages as the cap allows."""
    return Reason.CAPPED if facts.most is not None and facts.had >= facts.most else None


# Asked for each message in the commit that marks it as being transmitted; consent, the suppression list and the
# address are asked there by `reach`, which also gives the permission.
RULES: tuple[Callable[[Facts], Reason | None], ...] = (not_running, too_many)
