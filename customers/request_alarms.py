"""What the clocks of demands say: which are overdue, which will soon be (D5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from customers.models import PrivacyRequest
from customers.requests import LIVING, State, Type

SOON = timedelta(days=7)


@dataclass(frozen=True)
class Alarms:
    """How many demands each kind of alarm is of."""

    overdue: int
    soon: int
    """Due within SOON."""
    waiting: int
    """Corrections that wait for the privacy officer's yes."""


def alarms(*, at: datetime) -> Alarms:
    """One query."""
    living = PrivacyRequest.objects.filter(state__in=LIVING)
    words = Q(state=State.OPEN, type=Type.RECTIFICATION)
    found = living.aggregate(
        overdue=Count("pk", filter=Q(due_at__lt=at)),
        soon=Count("pk", filter=Q(due_at__gte=at, due_at__lt=at + SOON)),
        waiting=Count("pk", filter=words),
    )
    return Alarms(**found)
