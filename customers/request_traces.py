"""What demands leave behind of an erased person: that they were answered and how, and nothing that tells of them."""

from collections.abc import Collection
from functools import partial
from uuid import UUID

from django.db import transaction

from customers import export_files
from customers.models import PrivacyRequest

GONE = "erased with the person"
"""Stands where words of staff stood, which may quote the person."""
BY_HAND = "proven by hand"


def forget(people: Collection[int]) -> None:
    """Blank what staff wrote into these people's demands; once that has committed, remove the copies made for them.

    Inside the transaction that erases them, before it lets go of their rows. Two queries.
    """
    rows = list(PrivacyRequest.objects.filter(customer__in=people))
    for row in rows:
        blank(row)
    PrivacyRequest.objects.bulk_update(rows, ["why", "extended_reason", "steps"], batch_size=500)
    # Not earlier: were it rolled back, a living person's copy would be gone. Whoever dies here leaves it to `sweep`.
    transaction.on_commit(partial(drop_copies, [row.pk for row in rows]), robust=True)


def blank(row: PrivacyRequest) -> None:
    """Replace the words of staff in a demand in hand; it is not saved by this."""
    row.why, row.extended_reason = (GONE if words else "" for words in (row.why, row.extended_reason))
    row.steps = [
        line | {"what": f"{BY_HAND}: {GONE}"} if line["what"].startswith(f"{BY_HAND}: ") else line
        for line in row.steps
    ]


def drop_copies(demands: Collection[UUID]) -> int:
    """Remove the sealed files made for these demands, drafts included; how many had one."""
    return sum(map(export_files.drop, demands))


def sweep() -> int:
    """Remove the copies whose person is gone; how many demands had one. A query for each 500 files."""
    found = sorted(export_files.waiting())
    dropped = 0
    for start in range(0, len(found), 500):
        gone = PrivacyRequest.objects.filter(pk__in=found[start : start + 500], customer__isnull=True)
        dropped += drop_copies(gone.values_list("pk", flat=True))
    return dropped
