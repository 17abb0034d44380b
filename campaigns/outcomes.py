"""Opens, clicks, orders -> which decision earned them. Beside the measured effect, never instead of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.models import Decision, Delivery, Outcome
from customers import consent, histories
from customers.models import Event

BATCH = 1000
# Last touch: an order within five days of a click counts for that decision; of people whose clicks may not be noted,
# one within a day of delivery.
AFTER_CLICK = timedelta(days=5)
AFTER_DELIVERY = timedelta(days=1)
# Machines fetch pictures and follow links for people. Names as their operators publish them.
MACHINES = (
    "googleimageproxy", "yahoomailproxy", "bingpreview", "barracuda", "mimecast", "proofpoint", "safelinks",
    "bot", "crawler", "python-urllib", "curl/",
)  # fmt: skip
TOO_SOON = timedelta(seconds=2)
TOO_MANY_LINKS = 3
BURST = timedelta(seconds=5)
# How far back uncredited events are looked for: the longest window, and time for late arrivals.
LOOKBACK = timedelta(days=10)


def credit_all(*, at: datetime, batch: int = BATCH) -> int:
    """Credit whatever can be; answers how many outcomes were written. Restartable: an event has one outcome at most.

    Looks only at events that a decision can have earned: touches that name one, and orders of people who were sent
    something before. Whoever does not allow measuring is not seen (`histories`).
    """
    touches = _uncredited(at).filter(
        type__in=(Event.Type.OPENED, Event.Type.CLICKED), context__has_key="decision"
    )
    written = sum(_credit_touches(page) for page in _pages(touches, batch))
    touched = Outcome.objects.filter(
        kind=Outcome.Kind.CLICKED,
        is_machine=False,
        decision__customer=OuterRef("customer"),
        at__lte=OuterRef("occurred_at"),
        at__gt=OuterRef("occurred_at") - AFTER_CLICK,
    )
    delivered = Delivery.objects.filter(
        status=Delivery.Status.SENT,
        customer=OuterRef("customer"),
        ended_at__lte=OuterRef("occurred_at"),
        ended_at__gt=OuterRef("occurred_at") - AFTER_DELIVERY,
    )
    orders = _uncredited(at).filter(type=Event.Type.ORDERED)
    noted = consent.may("message_tracking", person="customer_id")
    orders = orders.filter(noted & Exists(touched) | ~noted & Exists(delivered))
    return written + sum(_credit_orders(page) for page in _pages(orders, batch))


def _pages(events: QuerySet[Event], size: int) -> Iterator[list[Event]]:
    """By id, past what earns nothing: a thousand clicks that name no decision must not hold up the next."""
    after = 0
    while page := list(events.filter(pk__gt=after).order_by("pk")[:size]):
        yield page
        after = page[-1].pk


def _uncredited(at: datetime) -> QuerySet[Event]:
    return histories.behaviour("analytics", since=at - LOOKBACK).filter(outcome__isnull=True)


def _credit_touches(events: Sequence[Event]) -> int:
    ids = {parsed for event in events if (parsed := _uuid(event.context.get("decision"))) is not None}
    decisions = {row.pk: row for row in Decision.objects.filter(pk__in=ids).select_related("delivery")}
    bursts = _bursts(events)
    outcomes = []
    for event in events:
        decision = decisions.get(_uuid(event.context.get("decision")) or UUID(int=0))
        if decision is None or decision.customer_id != event.customer_id:
            continue
        signs = machine_signs(event, decision, burst=bursts.get(event.pk, 0))
        outcomes.append(
            Outcome(
                decision=decision,
                event=event,
                kind=event.type,
                is_machine=bool(signs),
                machine_reasons=signs,
                at=event.occurred_at,
            )
        )
    Outcome.objects.bulk_create(outcomes, batch_size=500, ignore_conflicts=True)
    return len(outcomes)


def machine_signs(event: Event, decision: Decision, *, burst: int) -> list[str]:
    """Why this open or click looks like a machine's; empty for a person's."""
    signs = []
    agent = str(event.context.get("user_agent", "")).lower()
    if any(name in agent for name in MACHINES):
        signs.append("known_agent")
    delivery = getattr(decision, "delivery", None)
    if (
        delivery is not None
        and delivery.ended_at is not None
        and event.occurred_at - delivery.ended_at < TOO_SOON
    ):
        signs.append("too_soon_after_delivery")
    if burst >= TOO_MANY_LINKS:
        signs.append("all_links_at_once")
    return signs


def _bursts(events: Sequence[Event]) -> dict[int, int]:
    """For each click, how many different links of its decision were followed within seconds of it."""
    clicks: dict[str, list[Event]] = {}
    for event in events:
        if event.type == Event.Type.CLICKED:
            clicks.setdefault(str(event.context.get("decision")), []).append(event)
    return {
        event.pk: len({
            str(other.context.get("url"))
            for other in together
            if abs(other.occurred_at - event.occurred_at) <= BURST
        })
        for together in clicks.values()
        for event in together
    }  # fmt: skip


def _credit_orders(events: Sequence[Event]) -> int:
    people = {event.customer_id for event in events}
    verdicts = consent.verdicts(people, "message_tracking")
    noted = {customer_id for customer_id, verdict in verdicts.items() if verdict.allowed}
    touches: dict[int, list[tuple[datetime, timedelta, Decision]]] = {}
    clicked = Outcome.objects.filter(
        decision__customer_id__in=noted, kind=Outcome.Kind.CLICKED, is_machine=False
    ).select_related("decision")
    for outcome in clicked:
        touches.setdefault(outcome.decision.customer_id, []).append(
            (outcome.at, AFTER_CLICK, outcome.decision)
        )
    sent = Delivery.objects.filter(
        customer_id__in=people - noted, status=Delivery.Status.SENT
    ).select_related("decision")
    for delivery in sent:
        if delivery.ended_at is not None:
            touches.setdefault(delivery.customer_id, []).append(
                (delivery.ended_at, AFTER_DELIVERY, delivery.decision)
            )
    outcomes = []
    for event in events:
        last = _last_touch(touches.get(event.customer_id, ()), event.occurred_at)
        if last is not None:
            value = event.value or Decimal(0)
            outcomes.append(
                Outcome(
                    decision=last, event=event, kind=Outcome.Kind.ORDERED, value=value, at=event.occurred_at
                )
            )
    Outcome.objects.bulk_create(outcomes, batch_size=500, ignore_conflicts=True)
    return len(outcomes)


def _last_touch(
    touches: Sequence[tuple[datetime, timedelta, Decision]] | tuple[()], moment: datetime
) -> Decision | None:
    within = [(at, decision) for at, window, decision in touches if at <= moment < at + window]
    return max(within, key=lambda touch: touch[0])[1] if within else None


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


RULE: Mapping[str, int] = {"days_after_click": AFTER_CLICK.days, "days_after_delivery": AFTER_DELIVERY.days}
