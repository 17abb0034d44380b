"""Who of these people can be reached by a channel, and why the others cannot."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from customers.consent import Permission

PURPOSE_OF_CHANNEL = {
    Campaign.Channel.EMAIL: "marketing_email",
    Campaign.Channel.ONSITE: "personalization",
    Campaign.Channel.WEBHOOK: "partner_sharing",
}

# Written out, as the gate's question is, because it is asked for each message alone.
_ADDRESSES = """
SELECT person.id, person.email_index, suppression.reason
FROM customers_customer AS person
LEFT JOIN customers_suppression AS suppression
    ON suppression.channel = %s AND suppression.address_index = person.email_index
WHERE person.id IN ({people})
"""


@dataclass
class Reach:
    """Everyone asked stands in exactly one of the four."""

    permissions: dict[int, Permission] = field(default_factory=dict)
    """Who can be reached, and the proof that they allow it."""
    no_consent: dict[int, str] = field(default_factory=dict)
    """customer id -> the purpose they do not allow"""
    suppressed: dict[int, str] = field(default_factory=dict)
    """customer id -> the reason on the suppression list"""
    no_address: set[int] = field(default_factory=set)


def reachable(customer_ids: Collection[int], *, channel: str, at: datetime) -> Reach:
    """Sort people by whether the channel may and can reach them. Two queries at most."""
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(channel)]
    held = Permission.of_many(customer_ids, purpose, at=at)
    reach = Reach(no_consent={pk: purpose for pk in customer_ids if pk not in held})
    if channel != Campaign.Channel.EMAIL:
        reach.permissions = held
        return reach
    addresses: dict[int, tuple[str, str | None]] = {}
    if held:
        with connection.cursor() as cursor:
            people = ", ".join(["%s"] * len(held))
            cursor.execute(_ADDRESSES.format(people=people), [channel, *held])
            addresses = {pk: (index, why) for pk, index, why in cursor.fetchall()}
    for pk, permission in held.items():
        index, why = addresses.get(pk, ("", None))
        if not index:
            reach.no_address.add(pk)
        elif why is not None:
            reach.suppressed[pk] = why
        else:
            reach.permissions[pk] = permission
    return reach
