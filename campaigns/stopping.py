"""A campaign that does harm stops itself; only a person lets it go on (U7)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import lifecycle
from campaigns.models import Campaign

WARNS_AT = Decimal("0.10")
"""Complaints, percent: from here on the desk shows a warning."""
FEWEST, NEWEST = 100, 500
log = structlog.get_logger()

# For each running campaign alone, and only as far as something went wrong: who has neither complaints nor failures
# enough is not counted at all. `unknown` is a failure too: nobody knows whether it arrived. Once a person has let a
# campaign go on, only what came since counts.
_NEW = "(hurt.resumed_at IS NULL OR {moment} > hurt.resumed_at)"
_OF_IT = "JOIN campaigns_campaignrun AS run ON run.id = {row}.run_id AND run.campaign_id = hurt.id"
_NEWEST = f"""
    SELECT ended.status FROM campaigns_delivery AS ended {_OF_IT.format(row="ended")}
    WHERE ended.status IN ('sent', 'failed', 'unknown') AND {_NEW.format(moment="ended.ended_at")}
    ORDER BY ended.ended_at DESC LIMIT %s
"""  # noqa: S608 - our own words
_HEALTH = f"""
WITH running AS (
    SELECT hurt.*, (
        SELECT COUNT(DISTINCT bounce.delivery_id)
        FROM campaigns_bounce AS bounce
        JOIN campaigns_delivery AS about ON about.id = bounce.delivery_id {_OF_IT.format(row="about")}
        WHERE bounce.kind = 'complaint' AND {_NEW.format(moment="bounce.at")}
    ) AS complaints, (
        SELECT COUNT(*) FROM campaigns_delivery AS lost {_OF_IT.format(row="lost")}
        WHERE lost.status IN ('failed', 'unknown')
    ) AS failures
    FROM campaigns_campaign AS hurt WHERE hurt.status = 'running'
)
SELECT hurt.id, hurt.stop_at_complaints, hurt.stop_at_errors, hurt.complaints, (
    SELECT COUNT(*) FROM campaigns_delivery AS sent {_OF_IT.format(row="sent")}
    WHERE sent.status IN ('sent', 'unknown') AND {_NEW.format(moment="sent.ended_at")}
), (SELECT COUNT(*) FROM ({_NEWEST}) AS newest), (
    SELECT COUNT(*) FROM ({_NEWEST}) AS newest WHERE newest.status IN ('failed', 'unknown')
)
FROM running AS hurt WHERE hurt.complaints > 0 OR hurt.failures >= {FEWEST} * hurt.stop_at_errors / 100
ORDER BY hurt.id
"""  # noqa: S608 - our own words


@dataclass(frozen=True)
class Health:
    """What came back of a running campaign's messages."""

    campaign_id: int
    stop_at_complaints: Decimal
    stop_at_errors: Decimal
    complaints: int
    sent: int
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
        if self.sent >= FEWEST and self.complaints_percent >= self.stop_at_complaints:
            return _("%(n)s complaints about %(sent)s messages, %(share)s %%; it stops at %(limit)s %%.") % {
                "n": f"{self.complaints:,}",
                "sent": f"{self.sent:,}",
                "share": f"{self.complaints_percent:.2f}",
                "limit": f"{self.stop_at_complaints:.2f}",
            }
        if self.ended >= FEWEST and self.errors_percent >= self.stop_at_errors:
            return _(
                "%(n)s of the last %(ended)s messages failed, %(share)s %%; it stops at %(limit)s %%."
            ) % {
                "n": f"{self.failed:,}",
                "ended": f"{self.ended:,}",
                "share": f"{self.errors_percent:.1f}",
                "limit": f"{self.stop_at_errors:.1f}",
            }
        return ""


def health() -> list[Health]:
    """The running campaigns of whose messages something came back or failed. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_HEALTH, [NEWEST, NEWEST])
        return [
            Health(pk, Decimal(str(complaints)), Decimal(str(errors)), *counts)
            for pk, complaints, errors, *counts in cursor.fetchall()
        ]


def check(*, at: datetime) -> list[Campaign]:
    """Pause every running campaign that does harm, and say why; answers which. One query where none does."""
    stopped = []
    for found in health():
        because = found.stops_because
        if not because:
            continue
        campaign = Campaign.objects.get(pk=found.campaign_id)
        try:
            with transaction.atomic():
                lifecycle.take(campaign, "pause", by="tact", at=at)
                Campaign.objects.filter(pk=campaign.pk).update(stopped_because=because[:300])
        except lifecycle.NotPossible:  # somebody was quicker
            continue
        campaign.stopped_because = because[:300]
        log.warning("a campaign stopped itself", campaign=campaign.pk, because=because)
        stopped.append(campaign)
    return stopped
