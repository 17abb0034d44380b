"""Whom a shop speaks of, in our names; and what they refuse.

A customer of the shop is known by the shop's own number. A guest has none: they are whoever is known by their e-mail,
where that is one person, and else somebody new, named by a keyed hash of it.
"""

from collections.abc import Sequence
from datetime import datetime

from customers import consent, encryption, identities, requests
from customers.identities import Profile
from customers.models import ConsentState, Customer, PrivacyRequest, ShopConnection
from customers.shops.told import Buyer

GUEST = "guest-"
METHOD = "marketing consent of the shop"
SIGNED = "told by the shop, signed"


def name_of(shop: ShopConnection, buyer: Buyer) -> str:
    """The customer's name here; "" where nothing says who they are. One query for a guest."""
    if buyer.number:
        return f"{shop.prefix}{buyer.number}"
    if not buyer.email:
        return ""
    indexes = encryption.blind_indexes("email", buyer.email)
    found = Customer.objects.present().filter(email_index__in=indexes, external_id__isnull=False)
    known = [name for name in found.values_list("external_id", flat=True)[:3] if name]
    named = [name for name in known if not name.startswith(f"{shop.prefix}{GUEST}")]
    for one in (known, named):
        if len(one) == 1:
            return one[0]
    return f"{shop.prefix}{GUEST}{indexes[0][:24]}"


def meet(shop: ShopConnection, name: str, buyer: Buyer) -> None:
    """Keep what an order says of somebody of whom no name and no address is known. Others the shop's customers tell of."""
    person = identities.find([name]).get(name)
    if person is None or Customer.objects.filter(pk=person, sealed=b"").exists():
        describe(name, buyer)


def describe(name: str, buyer: Buyer) -> None:
    identities.save_profiles(
        [
            Profile(
                id=name,
                email=buyer.email,
                phone=buyer.phone,
                name=buyer.name,
                country=buyer.country,
                locale=buyer.locale,
            )
        ]
    )


def lower(shop: ShopConnection, name: str, buyer: Buyer, *, at: datetime) -> int:
    """Write down what they unsubscribed from at the shop, unless they said yes since (C9). How many answers are new."""
    if not buyer.refuses:
        return 0
    person = identities.find([name]).get(name)
    if person is None:
        return 0
    granted = ConsentState.objects.filter(customer=person, purpose__in=buyer.refuses, granted=True)
    since = dict(granted.values_list("purpose", "at"))
    refused_at = buyer.refused_at or at
    refused = [purpose for purpose in buyer.refuses if since.get(purpose, refused_at) <= refused_at]
    return len(consent.object_to([person], refused, method=METHOD, source=shop.kind, actor="customer", at=at))


def demand(shop: ShopConnection, kind: str, buyer: Buyer, *, at: datetime) -> Sequence[str]:
    """Write down what the person demands by law; why it could not be, in our words.

    A copy goes only to who clicks in a mail to the address we hold. To erase, the shop's word is enough: it could do
    so by hand.
    """
    name = name_of(shop, buyer)
    person = identities.find([name]).get(name)
    if person is None:
        return ["nobody_known"]
    proven_by = SIGNED if kind == PrivacyRequest.Type.ERASURE else ""
    try:
        requests.ask(Customer.objects.get(pk=person), kind, source=shop.kind, at=at, proven_by=proven_by)
    except requests.NotPossible:
        return ["nobody_known"]
    return []
