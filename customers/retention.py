"""How long each kind of row is kept, and dropping what is older. What is not listed stays until its person is erased."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from customers.models import IdempotentReply, PendingConsent

PAGE = 1000


@dataclass(frozen=True)
class Kept:
    """One line of the table: rows made before `at - for_long` go."""

    what: str
    for_long: timedelta
    why: str
    made_before: Callable[[datetime], QuerySet[Any]]


KEPT: tuple[Kept, ...] = (
    Kept(
        "pending consents",
        timedelta(days=30),
        "a yes nobody confirmed is no consent; a confirmed one stands in the ledger",
        lambda moment: PendingConsent.objects.filter(created_at__lt=moment),
    ),
    Kept(
        "idempotent replies",
        timedelta(days=7),
        "a repeated request is answered alike for a week",
        lambda moment: IdempotentReply.objects.filter(created_at__lt=moment),
    ),
)


def drop_old(*, at: datetime) -> Counter[str]:
    """Delete what has been kept long enough, a page at a time; answers how many rows of each kind."""
    dropped: Counter[str] = Counter()
    for kind in KEPT:
        old = kind.made_before(at - kind.for_long)
        while ids := list(old.order_by("pk").values_list("pk", flat=True)[:PAGE]):
            old.filter(pk__in=ids).delete()
            dropped[kind.what] += len(ids)
    return dropped
