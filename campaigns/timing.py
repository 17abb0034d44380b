"""When: the moment at which each person's message is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign


@dataclass(frozen=True)
class Moment:
    """A message is due from `not_before` on, and of no use after `not_after`."""

    not_before: datetime
    not_after: datetime | None = None


def moments(
    campaign: Campaign, customer_ids: Collection[int], *, due_at: datetime, at: datetime
) -> dict[int, Moment]:
    """Each person's moment for a run that is due at `due_at`. Who may not be written to then at all is missing."""
    return dict.fromkeys(customer_ids, Moment(at))
