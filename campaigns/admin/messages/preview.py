"""A saved message as one person would get it, in a campaign or in none."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import journeys, messages, previews
from campaigns.admin.messages.look import framed, person
from campaigns.models import Campaign, Message
from customers.models import Customer

VIEWS = {
    "desktop": _("On a desktop"),
    "phone": _("On a phone"),
    "dark": _("In the dark"),
    "text": _("Only text"),
    "source": _("Its source"),
}


def previewed(message: Message, asked: Mapping[str, str]) -> dict[str, Any]:
    """The page of a message as one person would get it; without a name the newest who allows it."""
    at = timezone.now()
    named = asked.get("customer", "").strip()
    samples = previews.sample_people(at=at)
    customer = person(named) if named else next(iter(samples), None) or _newest()
    campaigns = [*_campaigns(message)[:20], *journeys.saying(message)[:20]]
    campaign = next((row for row in campaigns if str(row.pk) == asked.get("campaign")), None)
    if campaign is None and "campaign" not in asked:
        campaign = next(iter(campaigns), None)
    view = asked.get("view", "")
    language = asked.get("language", "")
    context: dict[str, Any] = {
        "named": named or (customer.external_id if customer else ""),
        "customer": customer,
        "samples": samples,
        "campaigns": campaigns,
        "campaign": campaign,
        "views": VIEWS,
        "view": view if view in VIEWS else "desktop",
        "language": language if language in messages.LANGUAGES else "",
        "finished": None,
        "wrong": "",
    }
    if customer is None:
        wrong = (
            gettext("Nobody is known as “%s”.") % named if named else gettext("There is nobody yet to show.")
        )
        return {**context, "wrong": wrong}
    if context["language"]:
        customer.locale = context["language"]  # only looked at, never saved
    found = previews.preview(message, customer, at=at, campaign=campaign)
    wrong = gettext("This person would get no message: %s") % found.wrong if found.wrong else ""
    html = framed(found.finished.html, is_dark=context["view"] == "dark") if found.finished else ""
    return {**context, "found": found, "finished": found.finished, "framed": html, "wrong": wrong}


def _campaigns(message: Message) -> QuerySet[Campaign]:
    """Those that say it themselves; a journey says it in its steps."""
    mine = Q(message=message) | Q(variants__message=message)
    rows = Campaign.objects.filter(mine, channel=Campaign.Channel.EMAIL).exclude(kind=Campaign.Kind.JOURNEY)
    return rows.distinct().order_by("-pk")


def _newest() -> Customer | None:
    people = Customer.objects.present().select_related("key").exclude(email_index="")
    newest: Customer | None = people.order_by("-pk").first()
    return newest
