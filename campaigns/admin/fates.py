"""What became of a campaign's messages, counted for its pages."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Count
from django.urls import reverse

from campaigns.admin import words
from campaigns.models import Campaign, CampaignRun, Delivery


def fates(campaign_ids: Sequence[int]) -> dict[int, Counter[str]]:
    """How many deliveries of each campaign have each status. One query."""
    found: dict[int, Counter[str]] = {}
    rows = Delivery.objects.filter(run__campaign_id__in=campaign_ids)
    for pk, status, n in rows.values_list("run__campaign_id", "status").annotate(n=Count("pk")).order_by():
        found.setdefault(pk, Counter())[status] = n
    return found


def newest_runs(campaign: Campaign, *, in_tens: bool) -> list[dict[str, Any]]:
    """The newest runs, each with its waterfall, in tens for whoever may not see people. Two queries."""
    runs: list[CampaignRun] = list(campaign.runs.order_by("-due_at")[:10])
    counted: dict[int, Counter[str]] = {}
    rows = Delivery.objects.filter(run__in=runs).values_list("run_id", "status").annotate(n=Count("pk"))
    for pk, status, n in rows.order_by():
        counted.setdefault(pk, Counter())[status] = n
    deliveries = reverse("admin:campaigns_delivery_changelist")
    return [
        {
            "run": run,
            "bars": words.bars(
                run.waterfall,
                fates=counted.get(run.pk, Counter()),
                in_tens=in_tens,
                links={s: f"{deliveries}?run__id__exact={run.pk}&status__exact={s}" for s in words.FATES},
            ),
        }
        for run in runs
    ]
