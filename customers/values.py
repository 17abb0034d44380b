"""Plain values out of JSON that anybody may have written."""

from decimal import Decimal, InvalidOperation
from typing import Any


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
