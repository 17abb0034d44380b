"""What a page of people did, are expected to do and match: one query a question, whatever the page."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Max, Q, QuerySet

from campaigns import segments
from customers import histories
from customers.models import Event
from recommender.models import Score


def acts(act: Mapping[str, Any], *, since: datetime) -> QuerySet[Event]:
    """Events such as {"did": "ordered", "category": "garden"} since then, of those who allow their use."""
    conditions = Q()
    if "sku" in act:
        conditions &= Q(product__sku=act["sku"])
    if "category" in act:
        conditions &= Q(product__category__slug=act["category"])
    return histories.behaviour("personalization", types=[act["did"]], since=since).filter(conditions)


def did_since(act: Mapping[str, Any], since: Mapping[int, datetime]) -> set[int]:
    """Who of these people did it at or after their own moment. One query."""
    if not since:
        return set()
    rows = acts(act, since=min(since.values())).filter(customer__in=since)
    newest = rows.values_list("customer_id").annotate(newest=Max("occurred_at")).order_by()
    return {pk for pk, moment in newest if moment >= since[pk]}


def matching(rule: Any, customer_ids: Collection[int], *, at: datetime) -> set[int]:
    """Whom of these people the rule matches. Raises InvalidRule."""
    if not customer_ids:
        return set()
    people = segments.matching(rule, at=at, ids=list(customer_ids))
    return set(people.values_list("pk", flat=True))


def expected_orders(customer_ids: Collection[int]) -> dict[int, date]:
    """The day of each one's next order, of whom one is expected. One query."""
    rows = Score.objects.filter(customer__in=customer_ids).values_list("customer_id", "expected_at")
    return {pk: day for pk, day in rows if day is not None}
