"""Who asks, and for whom: what every address for people begins with."""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request

from customers import consent
from customers.access import Access
from customers.models import Customer

# What a browser's global signal says no to (GPC: no sale, no sharing, no targeting).
GPC_PURPOSES = ("personalization", "partner_sharing")


def access(request: Request) -> Access:
    return cast(Access, request.auth)


def customer_or_404(external_id: str) -> Customer:
    """The present person of this name. Raises Http404."""
    people = Customer.objects.present().select_related("key")
    customer: Customer | None = people.filter(external_id=external_id).first()
    if customer is None:
        raise Http404(f"There is no customer {external_id!r}.")
    return customer


def speak_for(request: Request, external_id: str) -> None:
    """Raise PermissionDenied unless the key, with its token, speaks for this customer."""
    if not access(request).speaks_for(external_id):
        raise exceptions.PermissionDenied("This key and token do not speak for this customer.")


def honour_gpc(request: Request, customer_ids: Collection[int], *, at: datetime) -> bool:
    """`Sec-GPC: 1` is an opt-out, written down before anything else of the request (C13)."""
    if request.headers.get("Sec-GPC") != "1":
        return False
    consent.object_to(customer_ids, GPC_PURPOSES, method="Sec-GPC", source="api", actor="browser", at=at)
    return True
