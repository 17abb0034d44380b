"""Fresh rows that a running journey answers: who is called in, and by what.

One `Trigger` row a journey says how far it has looked, locked while it looks; a page is one transaction, which also
moves that cursor: killed at any line, looking goes on where the last whole page ended. The key of an entry sees to it
that no cause calls twice.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from campaigns import journeys
from campaigns.journeys import changes, looks
from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, JourneyVersion, Trigger

# More than this many pages at one ring would keep the others waiting; what is left is looked at at the next.
MOST_PAGES = 200


def look_all(*, at: datetime) -> int:
    """Look for every running journey; answers how many people went in, of any arm."""
    now_open = Q(starts_at__isnull=True) | Q(starts_at__lte=at)
    now_open &= Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    running = Campaign.objects.filter(
        now_open, kind=Campaign.Kind.JOURNEY, status=Campaign.Status.RUNNING
    ).order_by("-priority", "pk")
    return sum(look(campaign, at=at) for campaign in running)


def look(campaign: Campaign, *, at: datetime) -> int:
    """Let in whom anything new calls; answers how many went in, of any arm."""
    version = journeys.newest(campaign)
    if version is None:
        return 0
    begin(version, at=at)
    entered = 0
    for _page in range(MOST_PAGES):
        seen = look_page(version, at=at)
        entered += seen.entered
        if seen.is_last:
            break
    return entered


def begin(version: JourneyVersion, *, at: datetime) -> None:
    """Mark where looking starts: at what is new since the campaign was launched. Two queries, the first time."""
    if not Trigger.objects.filter(campaign_id=version.campaign_id).exists():
        since = journeys.run_of(version.campaign, at=at).due_at
        rows = Definition.of(version.definition).calls.rows
        cursor = (
            changes.newest_change_before(since) if rows == "changes" else looks.newest_before(rows, since)
        )
        Trigger.objects.get_or_create(campaign_id=version.campaign_id, defaults={"cursor": cursor})


def look_page(version: JourneyVersion, *, at: datetime) -> looks.Seen:
    """Look at the next page and let people in, in one transaction."""
    definition = Definition.of(version.definition)
    with transaction.atomic():
        rows = Trigger.objects.filter(campaign_id=version.campaign_id)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(of=("self",), skip_locked=True)
        trigger = rows.first()
        if trigger is None:  # somebody else is looking
            return looks.Seen()
        seen = LOOKS[definition.calls.name](definition.entry, trigger, at=at)
        if seen.calls:
            entered = journeys.enter(version, seen.calls, at=at)
            if entered.is_stopped:  # paused meanwhile: it looks at these again when it goes on
                return looks.Seen()
            seen.entered = len(entered.arms)
        trigger.cursor = seen.cursor
        trigger.looked_at = seen.looked_at
        trigger.save(update_fields=["cursor", "looked_at"])
    return seen


LOOKS: Mapping[str, Callable[..., looks.Seen]] = {
    "event": looks.events,
    "consented": looks.consents,
    "segment": looks.segment,
    "score": looks.scores,
    "expected_order": looks.expected_orders,
    "price_drop": changes.price_drops,
    "back_in_stock": changes.back_in_stock,
}
