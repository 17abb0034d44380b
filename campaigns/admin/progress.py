"""What a campaign's sending is doing at this moment: how far it is, how fast, and how it is stopped."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.admin import words
from campaigns.models import Campaign, CampaignRun, Delivery
from customers import few

LOOKED_AT = timedelta(minutes=1)
UNDER_WAY = ("planned", "claimed", "transmitting", "retry")
EVERY_S = 5


def told_progress(campaign: Campaign, counted: Mapping[str, int], *, at: datetime) -> dict[str, Any]:
    """Sent of planned, the pace of the last minute, and what is left of the time. Two queries where it runs, else none.

    counted : how many deliveries have each status.
    """
    if campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
        return {}
    total, left = sum(counted.values()), sum(counted.get(status, 0) for status in UNDER_WAY)
    done = total - left
    runs = list(campaign.runs.exclude(state__in=("done", "cancelled")).order_by("due_at")[:5])
    is_live = campaign.status == Campaign.Status.RUNNING
    waits = next((run for run in runs if run.state == CampaignRun.State.DUE and run.due_at > at), None)
    pace = 0
    if is_live and left:
        newest = Delivery.objects.filter(run__campaign=campaign, ended_at__gt=at - LOOKED_AT)
        pace = newest.count()
    return {
        "counted": words.progress(counted) if total else None,
        "percent": few.percent_done(done, total),
        "fates": [
            (Delivery.Status(status).label, few.told_in_tens(n))
            for status in words.FATES
            if (n := counted.get(status, 0)) and status not in ("sent", *UNDER_WAY)
        ],
        "pace": _("%s a minute") % few.told_in_tens(pace) if pace else "",
        "left": _left(left, pace),
        "is_planning": any(run.state == CampaignRun.State.PLANNING for run in runs),
        "waits_until": waits.due_at if waits is not None and is_live else None,
        "polls": is_live and bool(left or runs),
        "every": EVERY_S,
    }


def _left(left: int, pace: int) -> str:
    """In rough words: a precise number would be a promise, and would tell how many are left."""
    if not left or pace < few.TEN:
        return ""
    minutes = round(few.in_tens(left) / few.in_tens(pace))
    if minutes < 2:
        return _("less than two minutes left")
    if minutes < 90:
        return ngettext("about %s minute left", "about %s minutes left", minutes) % minutes
    hours = round(minutes / 60)
    return ngettext("about %s hour left", "about %s hours left", hours) % hours
