"""A person's own addresses: opaque, without login, gone when their key is destroyed."""

import uuid

from django.conf import settings

from customers import encryption
from customers.models import Customer

PREFERENCES, UNSUBSCRIBE = "preferences", "unsubscribe"


class NobodyThere(Exception):
    """The token leads to nobody; it says nothing about why."""


def preferences_url(customer: Customer) -> str:
    return f"{settings.PUBLIC_URL}/preferences/{_token(PREFERENCES, customer, '')}/"


def unsubscribe_url(customer: Customer, purpose: str) -> str:
    return f"{settings.PUBLIC_URL}/unsubscribe/{_token(UNSUBSCRIBE, customer, purpose)}/"


def _token(kind: str, customer: Customer, purpose: str) -> str:
    if customer.key_id is None:
        raise NobodyThere
    return encryption.opaque_token(kind, customer.key_id.bytes + purpose.encode())


def person_of(kind: str, token: str) -> tuple[Customer, str]:
    """The person behind a token, and the purpose in it. Raises NobodyThere.

    One query; one more for each time the person turned out to be somebody else (a merge keeps old addresses working).
    """
    try:
        content = encryption.open_token(kind, token)
    except encryption.Unreadable as error:
        raise NobodyThere from error
    customer = Customer.objects.select_related("key").filter(key_id=uuid.UUID(bytes=content[:16])).first()
    while customer is not None and customer.merged_into_id is not None:
        customer = Customer.objects.select_related("key").filter(pk=customer.merged_into_id).first()
    if customer is None or customer.erased_at is not None:
        raise NobodyThere
    return customer, content[16:].decode()
