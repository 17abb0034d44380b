"""Who asks, and for whom: what every address for people begins with."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request

from customers import consent, gpc
from customers.access import Access
from customers.models import Customer


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
    return gpc.honour(request, customer_ids, source="api", at=at)


def refuse_what_gpc_refuses(request: Request, answers: Iterable[Mapping[str, Any]]) -> None:
    """Raise NoEvidence for a yes to what the browser's signal says no to in the same breath."""
    if not gpc.is_on(request):
        return
    for answer in answers:
        if answer["granted"] and answer["purpose"] in gpc.PURPOSES:
            raise consent.NoEvidence(f"The browser's Global Privacy Control says no to {answer['purpose']}.")
