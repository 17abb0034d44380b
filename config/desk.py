"""The desk's home: what is running, how it goes, the first steps; what waits for a person stands in needs."""

from typing import Any

from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.admin import words
from campaigns.admin.fates import fates
from campaigns.models import Campaign
from config import needs
from config.figures import figures
from config.first_steps import first_steps
from customers import few


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows; a fixed number of queries, whatever the size."""
    if not request.user.has_perm("campaigns.view_campaign"):
        may_answer = request.user.has_perm("customers.view_privacyrequest")
        own = needs.of_rights(timezone.now(), request.user) if may_answer else []
        return {**context, "title": _("Home"), "sees_nothing": True, "needs": own}
    now = timezone.now()
    running = _running()
    may_begin = request.user.has_perm("campaigns.add_campaign")
    return {
        **context,
        "title": _("Home"),
        "needs": [need for need in needs.everything(now, request.user) if _may_follow(request, need.link)],
        "figures": figures(now),
        "running": running,
        "first_steps": first_steps() if may_begin and not running else [],
    }


def _may_follow(request: HttpRequest, link: str) -> bool:
    """What waits behind a door that one may not open waits for somebody else."""
    app, model, page = (resolve(link.partition("?")[0]).url_name or "").split("_", 2)
    deed = "change" if page == "train" else "view"
    return bool(request.user.has_perm(f"{app}.{deed}_{model}"))


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
