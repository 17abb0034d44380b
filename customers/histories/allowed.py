"""Whose behaviour may be used, and which of it: consent is joined in SQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Exists, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from catalog.questions import Given
from customers import consent
from customers.models import Customer, Event

ORDERS = (Event.Type.ORDERED, Event.Type.REFUNDED)
TRACKED = (Event.Type.OPENED, Event.Type.CLICKED)
OTHERS = tuple(kind for kind in Event.Type if kind not in ORDERS + TRACKED)


def restricted() -> set[int]:
    """Whose data are kept and used for nothing at present (GDPR 18). Reads the table of customers."""
    rows = Customer.objects.filter(restricted_at__isnull=False, erased_at__isnull=True)
    return set(rows.values_list("pk", flat=True).iterator(chunk_size=5000))


def behaviour(
    purpose: str,
    *,
    types: Collection[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    customers: Collection[int] | QuerySet[Any] | Given | None = None,
    of_everyone: bool = False,
) -> QuerySet[Event]:
    """Events that may be used for `purpose`, from `since` (included) to `until` (excluded).

    of_everyone : leave is joined once for all and not looked up for each event's person. The same events; soon where
    everybody's are read, and slow for a few people's.
    """

    def leave(asked: str) -> Q | Exists:
        if not of_everyone:
            return consent.may(asked, person="customer_id")
        return Q(customer__in=consent.everyone([asked]).filter(**{f"allows_{asked}": True}).values("pk"))

    events = Event.objects.filter(leave(purpose))
    kept_by = Q(pk__in=[])
    for also, kinds in ((None, ORDERS), ("message_tracking", TRACKED), ("analytics", OTHERS)):
        asked = [kind for kind in kinds if not types or kind in types]
        if asked:
            kept_by |= Q(*(() if also in (None, purpose) else (leave(also),)), type__in=asked)
    events = events.filter(kept_by)
    if since is not None:
        events = events.filter(occurred_at__gte=since)
    if until is not None:
        events = events.filter(occurred_at__lt=until)
    if customers is not None:
        events = events.filter(customer__in=customers)
    return events


def is_measurable(person: str, *, purpose: str = "analytics") -> Cast:
    """1 where the behaviour of a row's person may be measured at all, else 0; `person` is the row's column of them."""
    allowed = Case(When(consent.may(purpose, person=person), then=Value(1)), default=Value(0))
    return Cast(allowed, BigIntegerField())


def measurable(customers: QuerySet[Any], *, purpose: str = "analytics") -> QuerySet[Any]:
    """Of these people, those whose behaviour may be measured at all."""
    return customers.filter(consent.may(purpose))
