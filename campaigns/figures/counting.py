"""Counts as of a moment, now or past: whom messages reached, what they ordered, who allows what, what came back."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Sum

from campaigns.figures.rows import PERIOD, Key, Told
from campaigns.models import Bounce, DailyFigure, Decision, Delivery, Outcome
from customers import consent, few, hindsight
from customers.models import Customer
from customers.purposes import PURPOSES

Name = DailyFigure.Name
BACK = timedelta(days=7)
ARRIVED = (Delivery.Status.SENT, Delivery.Status.UNKNOWN)
# What a mailbox or its provider said of a message; what arrived is not among it.
CAME_BACK = (Bounce.Kind.HARD, Bounce.Kind.SOFT, Bounce.Kind.COMPLAINT, Bounce.Kind.DEFERRED)


def _count(n: int, fewest: int = few.FEWEST_PEOPLE) -> float | None:
    return None if n < fewest else float(few.in_tens(n))


def reached(*, at: datetime) -> dict[Key, Told]:
    """People and messages of the thirty days before; the index of how deliveries ended leads there. One query."""
    rows = Delivery.objects.filter(
        status=Delivery.Status.SENT, ended_at__gt=at - PERIOD, ended_at__lte=at
    ).aggregate(people=Count("customer", distinct=True), messages=Count("pk"))
    people = _count(rows["people"])
    messages = None if people is None else float(few.in_tens(rows["messages"]))
    return {(Name.REACHED, ""): Told(people), (Name.MESSAGES, ""): Told(messages)}


def ordered(*, at: datetime) -> dict[Key, Told]:
    """Orders that the treated made after a message, by last touch, and their worth. One query."""
    earned = Outcome.objects.filter(
        kind=Outcome.Kind.ORDERED, at__gt=at - PERIOD, at__lte=at, decision__arm=Decision.Arm.TREATED
    ).aggregate(
        people=Count("decision__customer", distinct=True),
        orders=Count("event__order_id", distinct=True),
        money=Sum("value", default=Decimal(0)),
    )
    buyers = _count(earned["people"], few.FEWEST_ORDERS)
    if buyers is None:
        return {(Name.ORDERS, ""): Told(None), (Name.WORTH, ""): Told(None)}
    people = int(buyers)
    worth = few.sum_in_tens(float(earned["money"]), earned["people"])
    return {
        (Name.ORDERS, ""): Told(float(few.in_tens(earned["orders"])), people=people),
        (Name.WORTH, ""): Told(worth, people=people),
    }


def allowing(*, at: datetime) -> dict[Key, Told]:
    """Of the known customers of that moment the share who allowed each purpose then. A query a purpose, and one."""
    known = hindsight.known(at=at)
    found: dict[Key, Told] = {(Name.KNOWN, ""): Told(_count(known))}
    for purpose in PURPOSES:
        found[(Name.ALLOWS, purpose)] = _share(hindsight.allowing(purpose, at=at), known)
    return found


def _share(some: int, of: int) -> Told:
    """To the whole per cent; where those who do, or those who do not, are a few, only that they are under or above."""
    if of < few.FEWEST_PEOPLE:
        return Told(None)
    people, edge = few.in_tens(of), few.FEWEST_PEOPLE / of
    if few.is_small(some):
        return (
            Told(round(edge, 2), people=people, why="below") if of >= 10 * few.FEWEST_PEOPLE else Told(None)
        )
    if few.is_small(of - some):
        told = Told(round(1 - edge, 2), people=people, why="above")
        return told if of >= 10 * few.FEWEST_PEOPLE else Told(None)
    return Told(round(some / of, 2), people=people)


def here() -> dict[Key, Told]:
    """Everyone who is here now, visitors too, by the law that holds for them, and of them who allows what: for the papers.

    A query a purpose, and one; each reads everyone.
    """
    people = Customer.objects.present().values_list("jurisdiction").annotate(n=Count("pk")).order_by()
    found: dict[Key, Told] = {(Name.HERE, law): Told(_count(n)) for law, n in people}
    total = sum(n for _law, n in people)
    found[(Name.HERE, "")] = Told(_count(total))
    for purpose in PURPOSES:
        found[(Name.MAY, purpose)] = Told(_count(consent.permitted(purpose).count()))
    return found


def came_back(*, at: datetime) -> dict[Key, Told]:
    """What came back of the messages of the week before, as shares of them. Two queries."""
    sent = Delivery.objects.filter(
        channel="email", status__in=ARRIVED, ended_at__gt=at - BACK, ended_at__lte=at
    ).count()
    notices = Bounce.objects.filter(
        kind__in=CAME_BACK, at__gt=at - BACK, at__lte=at, delivery__isnull=False
    ).order_by()
    kinds = dict(notices.values_list("kind").annotate(n=Count("delivery", distinct=True)))
    found: dict[Key, Told] = {(Name.SENT, ""): Told(_count(sent))}
    for kind in CAME_BACK:
        found[(Name.CAME_BACK, kind)] = rate(kinds.get(kind, 0), sent)
    return found


def rate(n: int, sent: int) -> Told:
    """A share of messages; of fewer than ten notices only that it is below what ten would be."""
    if sent < few.FEWEST_PEOPLE:
        return Told(None)
    people = few.in_tens(sent)
    if n < few.FEWEST_ORDERS:
        return Told(few.two_digits(few.FEWEST_ORDERS / people), people=people, why="below")
    return Told(few.two_digits(n / sent), people=people)
