"""The desk's home: what is running, how it goes, the first steps; what waits for a person stands in needs."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.admin import words
from campaigns.admin.fates import fates
from campaigns.models import Campaign, Message, Offer, Segment
from catalog.models import Product
from config import needs
from config.figures import figures
from customers import few
from customers.models import Customer


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows; a fixed number of queries, whatever the size."""
    if not request.user.has_perm("campaigns.view_campaign"):
        may_answer = request.user.has_perm("customers.view_privacyrequest")
        own = needs.of_rights(timezone.now(), request.user) if may_answer else []
        return {**context, "title": _("Home"), "sees_nothing": True, "needs": own}
    now = timezone.now()
    running = _running()
    return {
        **context,
        "title": _("Home"),
        "needs": needs.everything(now, request.user),
        "figures": figures(now),
        "running": running,
        "first_steps": [] if running else first_steps(),
    }


def _running() -> list[dict[str, Any]]:
    """Campaigns under way, with how far each has come. Two queries."""
    rows = list(Campaign.objects.filter(status__in=("running", "paused")).order_by("-updated_at")[:20])
    found = fates([row.pk for row in rows])
    entries = []
    for row in rows:
        counts = found.get(row.pk)
        planned = counts.total() if counts else 0
        open_ = sum(counts[s] for s in ("planned", "claimed", "transmitting", "retry")) if counts else 0
        # In parts that are no fewer than twenty people.
        step = 100 if planned < few.FEWEST_PEOPLE else max(5, round(100 * few.FEWEST_PEOPLE / planned))
        entries.append(
            {
                "name": row.name,
                "link": reverse("admin:campaigns_campaign_change", args=[row.pk]),
                "report": reverse("admin:campaigns_campaign_report", args=[row.pk]),
                "percent": min(100, round(100 * (planned - open_) / planned / step) * step) if planned else 0,
                "state": words.state(row, counts or {}),
            }
        )
    return entries


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
