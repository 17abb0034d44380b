"""Whether somebody was erased or restricted since a file was read: then it must not be kept, nor given out."""

import hashlib

from customers import histories
from customers.models import Customer


class SomebodyLeft(Exception):
    """Somebody was erased or restricted while their row may have been read: what was written must not be kept."""

    def __init__(self) -> None:
        super().__init__("Somebody was erased or restricted meanwhile; ask again.")


def mark() -> str:
    """The same for as long as nobody is erased, restricted or let back. Two queries over few rows.

    Not by the clock: an erasure carries the hour of its wish, and may commit after a file was begun.
    """
    erased = Customer.objects.filter(erased_at__isnull=False).count()
    restricted = ",".join(map(str, sorted(histories.restricted())))
    return f"{erased}:{hashlib.sha256(restricted.encode()).hexdigest()[:40]}"
