"""Taking one person out of a journey by hand."""

from datetime import datetime

from django.db import transaction

from campaigns.journeys.page import suppress_what_waits
from campaigns.models import JourneyEntry, JourneyVisit

State, Left = JourneyEntry.State, JourneyEntry.Left


def take_out(entry_id: int, *, at: datetime) -> bool:
    """They leave where they are, and nothing that waits for them is sent; False when they are not on the way any more."""
    with transaction.atomic():
        entry = JourneyEntry.objects.select_for_update(of=("self",)).filter(pk=entry_id).first()
        if entry is None or entry.state != State.WAITING:
            return False
        JourneyVisit.objects.filter(entry=entry, left_at__isnull=True).update(
            left_at=at, outcome=Left.TAKEN_OUT
        )
        entry.state, entry.left_by, entry.left_at, entry.wake_at = State.LEFT, Left.TAKEN_OUT, at, None
        entry.save(update_fields=["state", "left_by", "left_at", "wake_at"])
        suppress_what_waits([entry.pk], at=at)
    return True
