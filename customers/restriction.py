"""Keeping what is held of a person and using it for nothing (GDPR 18), and the end of that.

Both are in the journal, so that a restored backup restricts again before it serves (D3). Each change has a number, by
which an older database is told which of them it does not know.
"""

from collections.abc import Iterable
from datetime import datetime

from customers import journal
from customers.models import Customer


def restrict(people: Iterable[Customer], *, at: datetime) -> int:
    """Restrict those who are not yet; how many. In a transaction, with them held (`consent.hold`). Raises OSError."""
    fresh = [one for one in people if one.restricted_at is None and one.erased_at is None]
    _put(fresh, at)
    if fresh:
        journal.restricted(fresh, at=at)
    return len(fresh)


def lift(people: Iterable[Customer], *, at: datetime) -> int:
    """End the restriction of those who have one; how many. As `restrict`."""
    held = [one for one in people if one.restricted_at is not None and one.erased_at is None]
    _put(held, None)
    if held:
        journal.lifted(held, at=at)
    return len(held)


def _put(people: list[Customer], restricted_at: datetime | None) -> None:
    for one in people:
        one.restricted_at = restricted_at
        one.restriction_changes += 1
        one.save(update_fields=["restricted_at", "restriction_changes"])
