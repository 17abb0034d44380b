"""Cells as values. Each raises ValueError with a short reason, which becomes the reason a row is skipped."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache


@lru_cache(maxsize=20_000)
def moment(text: str) -> datetime:
    """ISO 8601 (a time without a zone is UTC), seconds or milliseconds since the epoch, or `1/12/2010 8:26`."""
    if text.isdecimal():
        seconds = int(text) / (1000 if len(text) > 11 else 1)
        return datetime.fromtimestamp(seconds, tz=UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        for pattern in ("%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"):
            try:
                found = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is set below
                break
            except ValueError:
                continue
        else:
            raise ValueError("bad_time") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def past(text: str, *, latest: datetime) -> datetime:
    """A moment until `latest`, in ISO 8601 or since the epoch: of 5/4/2024 nobody can tell whether it is in May."""
    if "/" in text:
        raise ValueError("bad_time")
    found = moment(text)
    if found > latest:
        raise ValueError("in_the_future")
    return found


@lru_cache(maxsize=20_000)
def number(text: str) -> Decimal:
    """A finite decimal. "12,50" is not guessed at."""
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("bad_number") from error
    if not found.is_finite() or abs(found) >= Decimal(10) ** 9:
        raise ValueError("bad_number")
    return found


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """A number as it is written in an id, whatever the file's way of writing it: "1.50" is 1.5."""
    return f"{number(text).normalize():f}"


def whole_id(text: str) -> str:
    """An id that a spreadsheet turned into a number: "17850.0" is 17850."""
    head, dot, tail = text.partition(".")
    return head if dot and head.isdecimal() and not tail.strip("0") else text


def truth(text: str) -> bool | None:
    """yes, no, or None for an empty cell."""
    flat = text.casefold()
    if flat in ("1", "true", "yes", "y", "t", "in stock", "in_stock", "instock"):
        return True
    if flat in ("0", "false", "no", "n", "f", "out of stock", "out_of_stock", "outofstock"):
        return False
    if not flat:
        return None
    raise ValueError("bad_boolean")
