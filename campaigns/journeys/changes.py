"""What becomes cheaper or comes back calls those who wanted it: they looked at it, and have not bought it since."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from campaigns.journeys.entering import Call
from campaigns.journeys.looks import MOST_SKUS, PAGE, SETTLED_AFTER, STALE_AFTER, Seen
from campaigns.models import Trigger
from catalog.models import Product, ProductChange
from customers import histories
from customers.models import Event

WANTED_WITHIN = timedelta(days=30)
WANTING = (Event.Type.VIEWED, Event.Type.ADDED, Event.Type.WISHED)
# One change may call very many: the cursor counts the change, and in its lower part how far its people have been
# called. All of them, where that part is full.
PEOPLE = 2**32
EVERYONE = PEOPLE - 1


@dataclass(frozen=True)
class Change:
    pk: int
    product_id: int
    sku: str
    price: Decimal | None
    in_stock: bool
    at: datetime
    old_price: Decimal | None
    was_in_stock: bool | None


def newest_change_before(since: datetime) -> int:
    """Where looking at changes begins, so that what changed before `since` calls nobody."""
    changes = ProductChange.objects.filter(at__lt=since).order_by("-pk")
    return (changes.values_list("pk", flat=True).first() or 0) * PEOPLE + EVERYONE


def price_drops(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """What became cheaper by so many percent, and still is."""
    less = 1 - Decimal(str(entry["price_drop"]["percent"])) / 100

    def calls(change: Change) -> bool:
        prices = (change.price, change.old_price)
        return change.in_stock and None not in prices and prices[0] <= prices[1] * less  # type: ignore[operator]

    return _look(calls, "drop", trigger, at=at)


def back_in_stock(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """What could not be had, and now can."""
    return _look(lambda change: change.in_stock and change.was_in_stock is False, "back", trigger, at=at)


def _look(is_cause: Callable[[Change], bool], name: str, trigger: Trigger, *, at: datetime) -> Seen:
    """A page of people of the next change that calls. Four queries."""
    change_id, done = divmod(trigger.cursor, PEOPLE)
    page = list(takewhile(lambda change: change.at <= at - SETTLED_AFTER, _changes(change_id, done)))
    causes = [change for change in page if is_cause(change) and change.at >= at - STALE_AFTER]
    valid = _still_so(causes)
    if not valid:
        last = page[-1].pk * PEOPLE + EVERYONE if page else trigger.cursor
        return Seen(last, at, is_last=len(page) < PAGE)
    change = valid[0]
    after = done if change.pk == change_id else 0
    who = _who_wanted([change.product_id], before=change.at).filter(customer_id__gt=after)
    people = list(who.order_by("customer_id").values_list("customer_id", flat=True).distinct()[:PAGE])
    others = {other.product_id: other.sku for other in valid if other.sku != change.sku}
    also = _also(list(others), people, before=change.at)
    calls = [
        Call(
            person,
            f"{name}:{change.pk}",
            {
                "change": change.pk,
                "skus": [change.sku, *(others[pk] for pk in also.get(person, ()))][:MOST_SKUS],
            },
        )
        for person in people
    ]
    reached = people[-1] if len(people) == PAGE else EVERYONE
    return Seen(change.pk * PEOPLE + reached, at, calls, is_last=False)


def _changes(change_id: int, done: int) -> list[Change]:
    """The next changes, with what was before each; the one whose people are not all called first."""
    first = change_id + (done == EVERYONE)
    before = ProductChange.objects.filter(product_id=OuterRef("product_id"), pk__lt=OuterRef("pk"))
    rows = ProductChange.objects.filter(pk__gte=first).annotate(
        old_price=Subquery(before.order_by("-pk").values("price")[:1]),
        was_in_stock=Subquery(before.order_by("-pk").values("in_stock")[:1]),
    )
    fields = ("pk", "product_id", "product__sku", "price", "in_stock", "at", "old_price", "was_in_stock")
    return [Change(*row) for row in rows.order_by("pk").values_list(*fields)[:PAGE]]


def _still_so(causes: Sequence[Change]) -> list[Change]:
    """Those of products that can still be had, for no more. Of several changes of one product the last."""
    newest = {change.product_id: change for change in causes}
    prices = (
        dict(Product.objects.sellable().filter(pk__in=newest).values_list("pk", "price")) if newest else {}
    )
    return [
        change
        for change in causes
        if newest[change.product_id] is change
        and change.product_id in prices
        and (change.price is None or (prices[change.product_id] or 0) <= change.price)
    ]


def _who_wanted(product_ids: Sequence[int], *, before: datetime) -> QuerySet[Event]:
    """What people did who wanted one of these, and did not buy it after."""
    wanting = histories.behaviour(
        "personalization", types=WANTING, since=before - WANTED_WITHIN, until=before
    ).filter(product__in=product_ids)
    bought = histories.behaviour("personalization", types=["ordered"], since=before - WANTED_WITHIN).filter(
        customer_id=OuterRef("customer_id"),
        product_id=OuterRef("product_id"),
        occurred_at__gte=OuterRef("occurred_at"),
    )
    return wanting.exclude(Exists(bought))


def _also(product_ids: Sequence[int], people: Sequence[int], *, before: datetime) -> dict[int, list[int]]:
    """Which others of what changed each of these people wanted too. One query."""
    if not product_ids or not people:
        return {}
    rows = _who_wanted(product_ids, before=before).filter(customer__in=people)
    found: dict[int, list[int]] = {}
    for person, product in rows.order_by("product_id").values_list("customer_id", "product_id").distinct():
        found.setdefault(person, []).append(product)
    return found
