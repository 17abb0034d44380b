"""People's newest acts with a product: what a list made this moment rests on."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from catalog.questions import Given
from customers.histories.allowed import behaviour
from customers.histories.days import as_day


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a person did with a product."""

    product_id: int
    type: str
    day: float


def newest(
    customer_ids: Collection[int], purpose: str, *, limit: int = 200, types: Collection[str] = ()
) -> dict[int, list[Act]]:
    """Each person's newest acts with a product, newest first, of those who allow the purpose. One query.

    Everyone asked for is in the answer; whoever did nothing or allows nothing has an empty list.
    """
    return acts(newest_rows(customer_ids, purpose, limit=limit, types=types), customer_ids)


def newest_rows(
    customer_ids: Collection[int] | Given, purpose: str, *, limit: int = 200, types: Collection[str] = ()
) -> QuerySet[Any, Any]:
    """What `newest` asks, for `acts` to read: to be asked together with other questions."""
    rows = behaviour(purpose, types=types, customers=customer_ids).filter(product__isnull=False)
    if len(customer_ids) == 1:
        rows = rows.order_by("-occurred_at", "-id")[:limit]
    else:
        order = [F("occurred_at").desc(), F("id").desc()]
        place = Window(RowNumber(), partition_by=F("customer_id"), order_by=order)
        rows = rows.annotate(place=place).filter(place__lte=limit).order_by("customer_id", "place")
    told: QuerySet[Any, Any] = rows.values_list("customer_id", "product_id", "type", as_day("occurred_at"))
    return told


def acts(rows: QuerySet[Any, Any], customer_ids: Collection[int]) -> dict[int, list[Act]]:
    """The acts of each of these people by `newest_rows`, as `newest` tells them."""
    found: dict[int, list[Act]] = {pk: [] for pk in customer_ids}
    for customer, product, kind, when in rows:
        found[customer].append(Act(product, kind, when))
    return found
