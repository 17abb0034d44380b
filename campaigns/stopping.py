"""A campaign that does harm stops itself; only a person lets it go on (U7)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import fairness, lifecycle
from campaigns.models import Campaign, Delivery
from customers import sensitive
from customers.few import FEWEST_ORDERS, FEWEST_PEOPLE

WARNS_AT = Decimal("0.10")
"""Complaints, percent: from here on the desk shows a warning."""
FEWEST, NEWEST = 100, 500
LOST = (Delivery.Status.FAILED, Delivery.Status.UNKNOWN)
"""Nobody knows whether what is unknown arrived: that is a failure too."""
log = structlog.get_logger()

# What went wrong with each campaign that runs, told by indexes alone. Complaints before a person let it go on do not
# count again; failures do here, and are looked at more closely below.
_HURT = """
SELECT campaign.id, (
    SELECT COUNT(DISTINCT bounce.delivery_id)
    FROM campaigns_bounce AS bounce
    JOIN campaigns_delivery AS about ON about.id = bounce.delivery_id
    JOIN campaigns_campaignrun AS run ON run.id = about.run_id
    WHERE bounce.kind = 'complaint' AND run.campaign_id = campaign.id
    AND (campaign.resumed_at IS NULL OR bounce.at > campaign.resumed_at)
), (
    SELECT COUNT(*) FROM campaigns_delivery AS lost
    JOIN campaigns_campaignrun AS run ON run.id = lost.run_id
    WHERE run.campaign_id = campaign.id AND lost.status IN ('failed', 'unknown')
)
FROM campaigns_campaign AS campaign WHERE campaign.status = 'running'
"""


@dataclass(frozen=True)
class Health:
    """What came back of a running campaign's messages."""

    campaign: Campaign
    complaints: int
    sent: int
    """Nought where there are no complaints: nobody counted."""
    ended: int
    """Of the newest 500 that ended by being sent or not, how many there are."""
    failed: int
    """How many of those were refused or may not have arrived."""

    @property
    def complaints_percent(self) -> Decimal:
        return Decimal(100 * self.complaints) / self.sent if self.sent else Decimal(0)

    @property
    def errors_percent(self) -> Decimal:
        return Decimal(100 * self.failed) / self.ended if self.ended else Decimal(0)

    @property
    def warns(self) -> bool:
        return self.sent >= FEWEST and self.complaints_percent >= WARNS_AT

    @property
    def stops_because(self) -> str:
        """Why it must stop, in words; empty where it need not."""
        limit = self.campaign.stop_at_complaints
        if self.sent >= FEWEST and self.complaints_percent >= limit:
            if self.complaints < FEWEST_ORDERS:
                return _(
                    "Fewer than %(n)s complaints, but too many for %(sent)s messages; it stops at %(limit)s %%."
                ) % {
                    "n": FEWEST_ORDERS,
                    "sent": f"{self.sent:,}",
                    "limit": f"{limit:.2f}",
                }
            return _("%(n)s complaints about %(sent)s messages, %(share)s %%; it stops at %(limit)s %%.") % {
                "n": f"{self.complaints:,}",
                "sent": f"{self.sent:,}",
                "share": f"{self.complaints_percent:.2f}",
                "limit": f"{limit:.2f}",
            }
        limit = self.campaign.stop_at_errors
        if self.ended >= FEWEST and self.errors_percent >= limit:
            if self.failed < FEWEST_PEOPLE:
                return _(
                    "Fewer than %(n)s of the last %(ended)s messages failed, but too many; it stops at %(limit)s %%."
                ) % {
                    "n": FEWEST_PEOPLE,
                    "ended": f"{self.ended:,}",
                    "limit": f"{limit:.1f}",
                }
            return _(
                "%(n)s of the last %(ended)s messages failed, %(share)s %%; it stops at %(limit)s %%."
            ) % {
                "n": f"{self.failed:,}",
                "ended": f"{self.ended:,}",
                "share": f"{self.errors_percent:.1f}",
                "limit": f"{limit:.1f}",
            }
        return ""


def health() -> list[Health]:
    """The running campaigns of whose messages something came back or failed. One query; three more for each of them."""
    with connection.cursor() as cursor:
        cursor.execute(_HURT)
        hurt = [row for row in cursor.fetchall() if row[1] or row[2]]
    found = []
    for campaign in Campaign.objects.filter(pk__in=[pk for pk, *_counts in hurt]).order_by("pk"):
        complaints, failures = next((c, f) for pk, c, f in hurt if pk == campaign.pk)
        rows = Delivery.objects.filter(run__campaign=campaign)
        if (
            campaign.resumed_at is not None
        ):  # what a person knew when they let it go on is theirs to answer for
            rows = rows.filter(ended_at__gt=campaign.resumed_at)
        arrived = rows.filter(status__in=(Delivery.Status.SENT, Delivery.Status.UNKNOWN))
        newest: list[str] = []
        if failures >= FEWEST * campaign.stop_at_errors / 100:
            ended = rows.filter(status__in=(Delivery.Status.SENT, *LOST)).order_by("-ended_at")
            newest = list(ended.values_list("status", flat=True)[:NEWEST])
        found.append(
            Health(
                campaign,
                complaints,
                arrived.count() if complaints else 0,
                len(newest),
                sum(status in LOST for status in newest),
            )
        )
    return found


def check(*, at: datetime) -> list[Campaign]:
    """Pause every running campaign that does harm, and say why; answers which. One query where nothing went wrong."""
    hurt = [(found.campaign, found.stops_because) for found in health()]
    return [campaign for campaign, because in hurt if because and _stop(campaign, because, at=at)]


def check_sensitive(*, at: datetime) -> list[Campaign]:
    """Pause every running campaign whose rules ask for a sensitive attribute without an approval in force (C15); answers
    which. One query where nothing is declared sensitive."""
    if not sensitive.declared():
        return []
    running = Campaign.objects.filter(status=Campaign.Status.RUNNING).order_by("pk")
    found = [(campaign, " ".join(fairness.withheld(campaign, at=at))) for campaign in running]
    return [campaign for campaign, because in found if because and _stop(campaign, because, at=at)]


def _stop(campaign: Campaign, because: str, *, at: datetime) -> bool:
    """Pause it with the reason; False where somebody was quicker."""
    try:
        with transaction.atomic():
            lifecycle.take(campaign, "pause", by="tact", at=at)
            Campaign.objects.filter(pk=campaign.pk).update(stopped_because=because[:300])
    except lifecycle.NotPossible:
        return False
    campaign.stopped_because = because[:300]
    log.warning("a campaign stopped itself", campaign=campaign.pk, because=because)
    return True
