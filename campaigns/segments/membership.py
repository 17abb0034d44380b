"""Who is in a segment, a page at a time, without asking about everyone."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from campaigns.segments import withheld
from campaigns.segments.audience import matching
from customers.models import Customer

FIRST_SPAN, TIMES, LONGEST_SPAN, MOST_SPANS = 1000, 4, 16_000, 12
PATIENCE_S = 0.4


@dataclass(frozen=True)
class MemberPage:
    """`ids` in order · `beyond` : the number after which the next page goes on, None at the end."""

    ids: list[int]
    beyond: int | None


def members(rule: Any, *, at: datetime, after: int = 0, most: int = 25) -> MemberPage:
    """The next members after that customer's number. Raises InvalidRule.

    Spans of customers are asked, each four times as long as the one before: where many match, a page costs what a
    thousand people did; where few do, it ends after less than half a second, and says where to go on.
    """
    last = Customer.objects.aggregate(last=Max("pk"))["last"] or 0
    declared, found, length = withheld.Declared(at=at), list[int](), FIRST_SPAN
    begun = time.monotonic()
    for span in range(MOST_SPANS):
        if span and time.monotonic() - begun > PATIENCE_S:
            break
        beyond = min(after + length, last)
        people = matching(rule, at=at, span=(after, beyond), declared=declared)
        ids = list(people.order_by("pk").values_list("pk", flat=True)[: most - len(found) + 1])
        if len(found) + len(ids) > most:
            found += ids[:-1]
            return MemberPage(found, found[-1])
        found += ids
        after, length = beyond, min(length * TIMES, LONGEST_SPAN)
        if after >= last:
            return MemberPage(found, None)
        if len(found) == most:
            break
    return MemberPage(found, after)
