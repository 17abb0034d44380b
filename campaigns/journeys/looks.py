"""What calls for a journey, read from fresh rows a page at a time: whom, and by which products.

A row counts only when it has settled: rows get their numbers before they are committed, so one with a smaller number
may still be on its way. What is older than a day when it can be looked at (an import, an outage) calls nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import structlog
from django.db.models import Count, Exists, F, Max, OuterRef, QuerySet, Subquery

from campaigns import segments
from campaigns.journeys import facts
from campaigns.journeys.calls import EVERY_MINUTES, delay_of, unless_of
from campaigns.journeys.entering import Call
from campaigns.models import Trigger
from customers import consent, histories
from customers.models import ConsentRecord, Customer, Event
from recommender.models import Score

PAGE = 500
SETTLED_AFTER = timedelta(minutes=2)
STALE_AFTER = timedelta(days=1)
# What someone did shortly before the event that calls belongs to it, as to one basket.
TOGETHER = timedelta(days=1)
TIMES_WITHIN = timedelta(days=7)
MOST_SKUS = 10
log = structlog.get_logger()


@dataclass
class Seen:
    """A page that was looked at: whom it calls, and how far looking has come."""

    cursor: int = 0
    looked_at: datetime | None = None
    calls: list[Call] = field(default_factory=list)
    is_last: bool = True
    entered: int = 0


def newest_before(rows: str, since: datetime) -> int:
    """Where looking at rows of this sort begins, so that what was there before `since` calls nobody."""
    pks = {
        "events": Event.objects.filter(received_at__lt=since).order_by("-pk").values_list("pk", flat=True),
        "ledger": ConsentRecord.objects.filter(at__lt=since).order_by("-pk").values_list("pk", flat=True),
    }
    return (pks[rows].first() or 0) if rows in pks else 0


# --- what people did -----------------------------------------------------------------------------------------------


def events(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """Events of the kind, once it can be told that nothing came after them that would keep them from calling.

    “unless … within 4 hours” is asked when those four hours are over. Three queries.
    """
    settled = at - max(delay_of(entry), SETTLED_AFTER)
    page = list(
        Event.objects.filter(pk__gt=trigger.cursor).order_by("pk").values_list("pk", "received_at")[:PAGE]
    )
    ripe = [pk for pk, _received in takewhile(lambda row: row[1] <= settled, page)]
    if not ripe:
        return Seen(trigger.cursor, at)
    seen = Seen(ripe[-1], at, is_last=len(ripe) < PAGE)
    oldest = at - delay_of(entry) - STALE_AFTER
    found = list(
        _calling(entry, since=oldest)
        .filter(pk__gt=trigger.cursor, pk__lte=seen.cursor)
        .order_by("pk")
        .values_list("pk", "customer_id", "product__sku", "order_id")
    )
    if found:
        what = _together(entry["event"], {row[1]: row[3] for row in found}, since=oldest - TOGETHER)
        for pk, person, sku, order in found:
            skus = what.get(person, [])
            if sku is not None and not skus:
                continue  # taken out of the basket again, or bought
            first = [sku] if sku in skus else []
            cause = {"event": pk, "skus": (first + [other for other in skus if other != sku])[:MOST_SKUS]}
            key = f"order:{order[:70]}" if order and entry["event"] == "ordered" else f"event:{pk}"
            seen.calls.append(Call(person, key, cause))
    return seen


def _calling(entry: Mapping[str, Any], *, since: datetime) -> QuerySet[Event]:
    kind, where = entry["event"], entry.get("where", {})
    place = {name: where[name] for name in ("sku", "category") if name in where}
    rows = facts.acts({"did": kind, **place}, since=since)
    if "value_gte" in where:
        rows = rows.filter(value__gte=where["value_gte"])
    if "times" in where:
        before = histories.behaviour("personalization", types=[kind], since=since - TIMES_WITHIN)
        own = before.filter(
            customer_id=OuterRef("customer_id"), product_id=OuterRef("product_id"), pk__lte=OuterRef("pk")
        )
        times = own.order_by().values("customer_id").annotate(n=Count("pk")).values("n")
        rows = rows.annotate(times=Subquery(times)).filter(times__gte=where["times"])
    for act in unless_of(entry):
        # The same again later makes the later one the one that calls.
        later = "occurred_at__gt" if act["did"] == kind else "occurred_at__gte"
        after = facts.acts(act, since=since).filter(
            customer_id=OuterRef("customer_id"), **{later: OuterRef("occurred_at")}
        )
        rows = rows.exclude(Exists(after))
    return rows


def _together(kind: str, orders: Mapping[int, str], *, since: datetime) -> dict[int, list[str]]:
    """What each has in the basket, has looked at or ordered together since then, newest first. One query.

    orders : person -> the order that is asked about, where the kind is `ordered`.
    """
    kinds = {kind, Event.Type.REMOVED, Event.Type.ORDERED}
    rows = histories.behaviour("personalization", types=kinds, since=since, customers=orders)
    rows = rows.filter(product__isnull=False).order_by("occurred_at", "pk")
    found: dict[int, dict[str, None]] = {pk: {} for pk in orders}
    for person, did, sku, order in rows.values_list("customer_id", "type", "product__sku", "order_id"):
        if did == kind:
            if did != Event.Type.ORDERED or order == orders[person]:
                found[person].pop(sku, None)
                found[person][sku] = None
        elif did == Event.Type.ORDERED or kind == Event.Type.ADDED:
            found[person].pop(sku, None)
    return {pk: list(reversed(skus)) for pk, skus in found.items()}


def consents(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """Who has newly said yes to the purpose, from the ledger. One query."""
    page = list(
        ConsentRecord.objects.filter(pk__gt=trigger.cursor)
        .order_by("pk")
        .values_list("pk", "customer_id", "purpose", "granted", "at")[:PAGE]
    )
    ripe = list(takewhile(lambda row: row[4] <= at - SETTLED_AFTER, page))
    calls = [
        Call(person, f"consent:{pk}", {"consented": purpose})
        for pk, person, purpose, granted, said_at in ripe
        if granted and purpose == entry["consented"] and said_at >= at - STALE_AFTER
    ]
    return Seen(ripe[-1][0] if ripe else trigger.cursor, at, calls, is_last=len(ripe) < PAGE)


# --- who people are, and will be -------------------------------------------------------------------------------------


def segment(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """Whom the segment matches of the next page of people; everyone once, and then not before the minutes are over."""
    if _is_resting(entry, trigger, at=at):
        return Seen(0, trigger.looked_at)
    people = Customer.objects.present().filter(pk__gt=trigger.cursor).order_by("pk")
    ids = list(people.values_list("pk", flat=True)[:PAGE])
    try:
        who = facts.matching({"segment": entry["segment"]}, ids, at=at)
    except segments.InvalidRule as invalid:
        log.warning("a journey's segment cannot be told", campaign=trigger.campaign_id, why=str(invalid))
        return Seen(0, at)
    calls = [Call(pk, f"segment:{at:%Y%m%d%H%M}", {"segment": entry["segment"]}) for pk in sorted(who)]
    return _swept(ids, calls, trigger, at=at)


def expected_orders(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """Whose next order is expected within the days, with what they order again and again. Two queries a page."""
    if _is_resting(entry, trigger, at=at):
        return Seen(0, trigger.looked_at)
    today = at.date()
    until = today + timedelta(days=entry["expected_order"]["days_before"])
    rows = Score.objects.filter(
        consent.may("personalization", person="customer_id"),
        customer_id__gt=trigger.cursor,
        expected_at__range=(today, until),
    )
    page = list(rows.order_by("customer_id").values_list("customer_id", "expected_at")[:PAGE])
    usual = _usual([pk for pk, _day in page], at=at)
    calls = [
        Call(pk, f"expected:{day}", {"expected": str(day), "skus": usual.get(pk, [])}) for pk, day in page
    ]
    return _swept([pk for pk, _day in page], calls, trigger, at=at)


def _is_resting(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> bool:
    every = timedelta(minutes=entry.get("every_minutes", EVERY_MINUTES))
    return trigger.cursor == 0 and trigger.looked_at is not None and trigger.looked_at + every > at


def _swept(ids: Sequence[int], calls: list[Call], trigger: Trigger, *, at: datetime) -> Seen:
    """A page of everyone; after the last it begins anew with the first."""
    if len(ids) < PAGE:
        return Seen(0, at, calls)
    return Seen(ids[-1], trigger.looked_at, calls, is_last=False)


def _usual(customer_ids: Sequence[int], *, at: datetime) -> dict[int, list[str]]:
    """What each has ordered more than once, the most often ordered first. One query."""
    lines = histories.behaviour("personalization", types=["ordered"], until=at, customers=customer_ids)
    rows = (
        lines.filter(product__is_listed=True, product__in_stock=True)
        .values("customer_id", "product__sku")
        .annotate(times=Count(histories.an_order(), distinct=True))
        .filter(times__gte=2)
        .order_by("customer_id", "-times", "product__sku")
    )
    found: dict[int, list[str]] = {}
    for person, sku, _times in rows.values_list("customer_id", "product__sku", "times"):
        if len(skus := found.setdefault(person, [])) < MOST_SKUS:
            skus.append(sku)
    return found


def scores(entry: Mapping[str, Any], trigger: Trigger, *, at: datetime) -> Seen:
    """Whose newly told score is high enough. Every training writes new rows, so only those are read. Two queries."""
    newest = Score.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if newest <= trigger.cursor:
        return Seen(trigger.cursor, at)
    high = Score.objects.filter(
        consent.may("personalization", person="customer_id"),
        pk__gt=trigger.cursor,
        pk__lte=newest,
        **{f"{entry['score']}__gte": entry["gte"]},
    )
    page = list(high.order_by("pk").values_list("pk", "customer_id", "model_id", F(entry["score"]))[:PAGE])
    calls = [
        Call(person, f"score:{model}", {"score": entry["score"], "value": round(value, 3)})
        for _pk, person, model, value in page
    ]
    if len(page) < PAGE:
        return Seen(newest, at, calls)
    return Seen(page[-1][0], at, calls, is_last=False)


def products_now(entry: Mapping[str, Any], person: int, *, at: datetime) -> list[str]:
    """By which products the entry would call one person at this moment, to look at; empty where none can be told."""
    if entry.get("event") not in (None, Event.Type.ORDERED):
        since = at - delay_of(entry) - STALE_AFTER - TOGETHER
        return _together(entry["event"], {person: ""}, since=since)[person][:MOST_SKUS]
    if "expected_order" in entry:
        return _usual([person], at=at).get(person, [])
    return []
