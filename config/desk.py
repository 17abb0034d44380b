"""The desk's home: what is running, how it goes, the first steps; what waits for a person stands in needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.admin import words
from campaigns.admin.fates import fates
from campaigns.models import Campaign, Decision, Delivery, Message, Offer, Outcome, Segment
from catalog.models import Product
from config import needs
from customers import consent
from customers.models import Customer

PERIOD = timedelta(days=30)


@dataclass(frozen=True)
class Figure:
    title: str
    told: str
    under: str


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows; a fixed number of queries, whatever the size."""
    if not request.user.has_perm("campaigns.view_campaign"):
        may_answer = request.user.has_perm("customers.view_privacyrequest")
        own = needs.of_rights(timezone.now()) if may_answer else []
        return {**context, "title": _("Home"), "sees_nothing": True, "needs": own}
    now = timezone.now()
    running = _running()
    return {
        **context,
        "title": _("Home"),
        "needs": needs.everything(now),
        "figures": figures(now),
        "running": running,
        "first_steps": [] if running else first_steps(),
    }


def figures(now: datetime) -> list[Figure]:
    """Four figures of the last thirty days. Five queries."""
    since = now - PERIOD
    sent = Delivery.objects.filter(status=Delivery.Status.SENT, ended_at__gte=since)
    reached = sent.aggregate(people=Count("customer", distinct=True), messages=Count("pk"))
    earned = Outcome.objects.filter(
        kind=Outcome.Kind.ORDERED, at__gte=since, decision__arm=Decision.Arm.TREATED
    ).aggregate(orders=Count("event__order_id", distinct=True), money=Sum("value", default=Decimal(0)))
    everyone = Customer.objects.present().filter(external_id__isnull=False)
    known = everyone.count()
    shares = []
    for purpose in ("personalization", "marketing_email"):
        allowed = consent.permitted(purpose).filter(external_id__isnull=False).count()
        shares.append(f"{allowed / known:.0%}" if known else "–")
    of_whom = ngettext("of %s known customer, now", "of %s known customers, now", known) % f"{known:,}"
    period = _("in the last 30 days")
    messages = ngettext("by %s message", "by %s messages", reached["messages"]) % f"{reached['messages']:,}"
    worth = _("worth %s, by last touch") % words.money(earned["money"], settings.DEFAULT_CURRENCY)
    return [
        Figure(
            _("People reached"),
            f"{reached['people']:,}",
            _("%(what)s, %(when)s") % {"what": messages, "when": period},
        ),
        Figure(
            _("Orders of people treated"),
            f"{earned['orders']:,}",
            _("%(what)s, %(when)s") % {"what": worth, "when": period},
        ),
        Figure(_("Allow personalization"), shares[0], of_whom),
        Figure(_("Allow offers by e-mail"), shares[1], of_whom),
    ]


def _running() -> list[dict[str, Any]]:
    """Campaigns under way, with how far each has come. Two queries."""
    rows = list(Campaign.objects.filter(status__in=("running", "paused")).order_by("-updated_at")[:20])
    found = fates([row.pk for row in rows])
    entries = []
    for row in rows:
        counts = found.get(row.pk)
        planned = counts.total() if counts else 0
        open_ = sum(counts[s] for s in ("planned", "claimed", "transmitting", "retry")) if counts else 0
        entries.append(
            {
                "name": row.name,
                "link": reverse("admin:campaigns_campaign_change", args=[row.pk]),
                "report": reverse("admin:campaigns_campaign_report", args=[row.pk]),
                "percent": round(100 * (planned - open_) / planned) if planned else 0,
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
