"""Who has logged in to the demo's shop, and whom one may be there."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from customers import consent, encryption, identities
from customers.models import Customer

COOKIE = "shop_customer"
GUEST = "guest-"
SHOWN_PEOPLE = 3


def customer_of(request: HttpRequest) -> str:
    """Who has logged in, by the shop's own cookie; empty for nobody."""
    who: str = request.get_signed_cookie(COOKIE, default="", salt=COOKIE) or ""
    return who if identities.find([who]) else ""


def new_guest() -> str:
    name = GUEST + secrets.token_hex(8)
    identities.save_profiles([identities.Profile(id=name)])
    return name


def people() -> Sequence[Mapping[str, Any]]:
    """A few of the demo's people to be, and one who refused to be known."""
    known = Customer.objects.present().select_related("key").filter(external_id__isnull=False)
    known = known.exclude(external_id__startswith=GUEST).order_by("pk")
    allowing = known.filter(consent.may("analytics"), consent.may("personalization"))[:SHOWN_PEOPLE]
    refusing = known.exclude(consent.may("personalization"))[:1]
    return [
        {"id": row.external_id, "name": encryption.unseal(row).get("name", row.external_id), "allows": allows}
        for rows, allows in ((allowing, True), (refusing, False))
        for row in rows
    ]
