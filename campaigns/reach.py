"""Who of these people can be reached by a channel, and why the others cannot."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection

from campaigns.models import Campaign, CampaignSegment
from catalog.models import Product
from customers import softoptin, suppression
from customers.consent import Permission
from recommender.serving import Recommendation

PURPOSE_OF_CHANNEL = {
    Campaign.Channel.EMAIL: "marketing_email",
    Campaign.Channel.ONSITE: "personalization",
    Campaign.Channel.WEBHOOK: "partner_sharing",
}

# Written out, as the gate's question is, because it is asked for each message alone. It answers for people whose index
# and entry are made with one key; of others `suppression` knows.
_ADDRESSES = """
SELECT person.id, person.email_index, person.index_key, suppression.reason
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


def reachable(
    customer_ids: Collection[int], *, channel: str, at: datetime, campaign: Campaign | None = None
) -> Reach:
    """Sort people by whether the channel may and can reach them. Two queries at most, two more while index keys change.

    campaign : whose message it is. By e-mail it may also reach buyers of similar products who never answered (C11),
    unless it is a journey, whose later steps nobody knows yet; three queries more where some did not allow it.
    """
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(channel)]
    held = Permission.of_many(customer_ids, purpose, at=at)
    others = [pk for pk in customer_ids if pk not in held]
    if others and channel == Campaign.Channel.EMAIL and campaign is not None and not is_journey(campaign):
        held |= Permission.of_buyers(others, advertised(campaign.pk), at=at)
    reach = Reach(no_consent={pk: purpose for pk in others if pk not in held})
    if channel != Campaign.Channel.EMAIL:
        reach.permissions = held
        return reach
    addresses: dict[int, tuple[str, str | None]] = {}
    unsettled: list[int] = []
    if held:
        with connection.cursor() as cursor:
            people = ", ".join(["%s"] * len(held))
            cursor.execute(_ADDRESSES.format(people=people), [channel, *held])
            for pk, index, key, why in cursor.fetchall():
                addresses[pk] = (index, why)
                if index and why is None and not suppression.is_settled(key):
                    unsettled.append(pk)
    for pk, why in suppression.reasons_of(unsettled, channel=channel).items():
        addresses[pk] = (addresses[pk][0], why)
    for pk, permission in held.items():
        index, why = addresses.get(pk, ("", None))
        if not index:
            reach.no_address.add(pk)
        elif why is not None:
            reach.suppressed[pk] = why
        else:
            reach.permissions[pk] = permission
    return reach


def is_journey(campaign: Campaign) -> bool:
    return campaign.kind == Campaign.Kind.JOURNEY


def advertised(campaign_id: int) -> frozenset[int]:
    """The categories of all that a campaign offers; empty where one of its audiences has no offer, or one for
    everything. One query."""
    rows = CampaignSegment.objects.filter(campaign=campaign_id).values_list("offers__categories", flat=True)
    found = set(rows)
    return frozenset() if None in found else frozenset(found)


def buyers_see(
    recommendations: Mapping[int, Recommendation], reach: Reach, campaign: Campaign
) -> dict[int, Recommendation]:
    """The lists as they may be sent: who is reached as a buyer sees products of the advertised categories only.

    Two queries where there is such a person.
    """
    lists = dict(recommendations)
    soft = [pk for pk in lists if pk in reach.permissions and reach.permissions[pk].basis == softoptin.BASIS]
    if not soft:
        return lists
    named = {item.product_id for pk in soft for item in lists[pk].items}
    like = set(
        Product.objects.filter(pk__in=named, category__in=advertised(campaign.pk)).values_list(
            "pk", flat=True
        )
    )
    for pk in soft:
        lists[pk] = replace(lists[pk], items=[item for item in lists[pk].items if item.product_id in like])
    return lists
