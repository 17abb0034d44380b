"""The way to the first campaign, on the desk's home until it is gone."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.models import Campaign, Message, Offer, Segment
from catalog.models import Product
from customers.models import Customer


def first_steps() -> list[dict[str, Any]]:
    """The way to the first campaign, with what is done struck through. Six queries."""
    steps: list[tuple[str, bool, str]] = [
        (_("Make a key for the shop: manage.py create_key --kind secret"), Customer.objects.exists(), ""),
        (_("Take in products, by the API or an import"), Product.objects.exists(), ""),
        (_("Say who: a segment"), Segment.objects.exists(), reverse("admin:campaigns_segment_add")),
        (_("Say what: an offer"), Offer.objects.exists(), reverse("admin:campaigns_offer_add")),
        (_("Say it: a message"), Message.objects.exists(), reverse("admin:campaigns_message_add")),
        (
            _("Put them together: a campaign"),
            Campaign.objects.exists(),
            reverse("admin:campaigns_campaign_add"),
        ),
    ]
    if all(is_done for _words, is_done, _link in steps):
        return []
    return [{"words": told, "is_done": is_done, "link": link} for told, is_done, link in steps]
