"""Campaigns under way: how far each has come, and what can be said of its effect already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.admin import words
from campaigns.figures import EARLY, NO_CONTROL, RATIO, Figures
from campaigns.models import Campaign, CampaignRun, DailyFigure
from config.home.need import page
from customers import few

SHOWN = 8
# Of one campaign no more messages than these are counted as waiting: an index alone, a few milliseconds.
MOST_COUNTED = 20_000
WHY = {
    EARLY: gettext_noop("Too early: both groups need more people and buyers."),
    RATIO: gettext_noop("Not readable: the groups have sizes that chance does not make."),
    NO_CONTROL: gettext_noop("No control group, so its effect cannot be told."),
}

# Correlated inside, so that each campaign's count stops by itself.
_WAITING = """
SELECT campaign.id, (
    SELECT COUNT(*) FROM (
        SELECT 1 FROM campaigns_delivery AS delivery
        JOIN campaigns_campaignrun AS run ON run.id = delivery.run_id
        WHERE run.campaign_id = campaign.id AND delivery.status IN ('planned', 'claimed', 'transmitting', 'retry')
        LIMIT {most}
    ) AS bounded
)
FROM campaigns_campaign AS campaign WHERE campaign.id IN ({campaigns})
"""


@dataclass(frozen=True)
class Running:
    name: str
    link: str
    report: str
    percent: int | None
    """Of the numbers as they are told; None where it has no end to come nearer to."""
    state: str
    effect: str
    is_paused: bool


def running(found: Figures) -> tuple[list[Running], int]:
    """The ones changed last, and how many more there are. Three queries, bounded."""
    rows = Campaign.objects.filter(status__in=(Campaign.Status.RUNNING, Campaign.Status.PAUSED))
    shown = list(rows.order_by("-updated_at", "pk")[: SHOWN + 200])
    first = shown[:SHOWN]
    planned, waiting = _planned(first), _waiting(first)
    effects = {row.about: row for row in found.about(DailyFigure.Name.EFFECT)}
    entries = [
        _entry(row, planned.get(row.pk, 0), waiting.get(row.pk, 0), effects.get(row.slug)) for row in first
    ]
    return entries, len(shown) - len(first)


def _planned(rows: Sequence[Campaign]) -> dict[int, int]:
    """How many messages each campaign's runs planned, as their waterfalls say."""
    found: dict[int, int] = {}
    runs = CampaignRun.objects.filter(campaign__in=rows).order_by("-pk")
    for campaign_id, waterfall in runs.values_list("campaign_id", "waterfall")[:2000]:
        found[campaign_id] = found.get(campaign_id, 0) + int(waterfall.get("sendable", 0))
    return found


def _waiting(rows: Sequence[Campaign]) -> Mapping[int, int]:
    if not rows:
        return {}
    places = ", ".join(["%s"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(_WAITING.format(most=MOST_COUNTED, campaigns=places), [row.pk for row in rows])
        return {int(pk): int(n) for pk, n in cursor.fetchall()}


def _entry(row: Campaign, planned: int, waiting: int, effect: DailyFigure | None) -> Running:
    return Running(
        row.name,
        page("campaigns_campaign", row.pk),
        reverse("admin:campaigns_campaign_report", args=[row.pk]),
        _percent(row, planned, waiting),
        _state(row, planned, waiting),
        _effect(effect),
        row.status == Campaign.Status.PAUSED,
    )


def _comes_to_an_end(row: Campaign, planned: int) -> bool:
    is_sent = row.channel != Campaign.Channel.ONSITE and row.kind != Campaign.Kind.JOURNEY
    return is_sent and planned > 0


def _percent(row: Campaign, planned: int, waiting: int) -> int | None:
    if not _comes_to_an_end(row, planned):
        return None
    return few.percent_done(planned - min(waiting, planned), planned)


def _state(row: Campaign, planned: int, waiting: int) -> str:
    if row.status == Campaign.Status.PAUSED:
        told = _("It stopped by itself: %s") % row.stopped_because if row.stopped_because else _("Paused.")
        return f"{told} {_messages(planned, waiting)}" if _comes_to_an_end(row, planned) else told
    if row.kind == Campaign.Kind.JOURNEY:
        return _("Running: people go through it one by one.")
    if not _comes_to_an_end(row, planned):
        return words.state(row, {})
    return _messages(planned, waiting)


def _messages(planned: int, waiting: int) -> str:
    told = {"planned": few.told_in_tens(planned), "waiting": few.told_in_tens(waiting)}
    if not waiting:
        return _("Messages planned: %(planned)s; none waits.") % told
    if waiting >= MOST_COUNTED:
        told["waiting"] = _("more than %s") % f"{MOST_COUNTED:,}"
    return _("Messages planned: %(planned)s; still to leave: %(waiting)s.") % told


def _effect(row: DailyFigure | None) -> str:
    """What can be said of its effect in thirty days; the report says it exactly."""
    if row is None:
        return _("Effect: not counted yet.")
    if row.value is None:
        return _(WHY[row.why]) if row.why in WHY else _(WHY[EARLY])
    told = {
        "money": words.money(row.value, settings.DEFAULT_CURRENCY, sign=True),
        "low": f"{row.low or 0:,.2f}",
        "high": f"{row.high or 0:,.2f}",
        "n": f"{row.people or 0:,}",
    }
    if (row.low or 0) <= 0 <= (row.high or 0):
        return (
            _("Cannot tell yet: %(money)s per person (%(low)s to %(high)s), about %(n)s in the campaign")
            % told
        )
    return _("%(money)s per person (%(low)s to %(high)s), about %(n)s in the campaign") % told
