"""Plain values out of JSON that anybody may have written."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def text(value: Any, at_most: int) -> str:
    """A string or number as text without NUL and surrounding space, cut; "" for everything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).replace("\0", "").strip()[:at_most]


def number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**9 else None


def address(value: Any) -> str | None:
    """A web address, cut; None for everything else, such as `javascript:`."""
    said = text(value, 1000)
    return said if said.startswith(("https://", "http://")) else None


def mailbox(value: Any) -> str | None:
    """An e-mail address; None for everything that cannot be one, so that no line break comes into a header."""
    said = text(value, 254)
    try:
        validate_email(said)
    except ValidationError:
        return None
    return said
