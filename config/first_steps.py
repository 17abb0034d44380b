"""The way to the first campaign, on the desk's home until it is gone."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.models import Campaign, Message, Offer, Segment
from catalog.models import Product
from customers.models import Customer


@dataclass(frozen=True)
class Step:
    """words : what to do · why : what it is for · link : where; empty where a program does it"""

    words: str
    why: str
    is_done: bool
    link: str
    action: str
    is_next: bool = False


def first_steps(request: HttpRequest) -> list[Step]:
    """The way to the first campaign, the next step marked; empty once it is gone. Six queries."""
    steps = [
        (
            _("Connect the shop"),
            _(
                "Its customers and what they allow come by the API, a connected Shopify or WooCommerce, or a file."
            ),
            Customer.objects.exists(),
            _opens(request, "customers.add_shopconnection", "admin:customers_shopconnection_add"),
            _("Connect a shop"),
        ),
        (
            _("Take in products"),
            _("What is recommended and what mails show. A connected shop brings them along."),
            Product.objects.exists(),
            _opens(request, "catalog.add_product", "admin:catalog_product_add"),
            _("Add a product"),
        ),
        (
            _("Say who: a segment"),
            _("Such as everyone who ordered twice this year; you see at once how many they are."),
            Segment.objects.exists(),
            _opens(request, "campaigns.add_segment", "admin:campaigns_segment_add"),
            _("Make a segment"),
        ),
        (
            _("Say what: an offer"),
            _("Ten percent, free shipping or a gift, with a budget that cannot be overspent."),
            Offer.objects.exists(),
            _opens(request, "campaigns.add_offer", "admin:campaigns_offer_add"),
            _("Make an offer"),
        ),
        (
            _("Say it: a message"),
            _("It begins with a draft that you change; you see it as anybody would get it."),
            Message.objects.exists(),
            _opens(request, "campaigns.add_message", "admin:campaigns_message_add"),
            _("Write a message"),
        ),
        (
            _("Put them together: a campaign"),
            _("A tenth is held out, so that the report can say what it caused."),
            Campaign.objects.exists(),
            _opens(request, "campaigns.add_campaign", "admin:campaigns_campaign_add"),
            _("Begin a campaign"),
        ),
    ]
    if all(is_done for _words, _why, is_done, _link, _action in steps):
        return []
    following = next(place for place, step in enumerate(steps) if not step[2])
    return [
        Step(words, why, is_done, link, action, place == following)
        for place, (words, why, is_done, link, action) in enumerate(steps)
    ]


def _opens(request: HttpRequest, right: str, name: str) -> str:
    return reverse(name) if request.user.has_perm(right) else ""
