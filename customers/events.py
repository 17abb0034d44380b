"""Taking in what people do, each event once, and only what they allow.

Orders are kept under contract. Views, searches and baskets are kept by `analytics`, opens and clicks by
`message_tracking`; without it the event is refused and nothing of it is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection, transaction

from catalog.imports import product_ids
from catalog.models import Product
from customers import consent, identities, softoptin
from customers.models import ConsentState, Event, Identity

MAX_BATCH = 1000
# A clock may be a little fast; an event from further ahead is refused.
FUTURE_TOLERANCE = timedelta(minutes=5)
_CONTRACT = frozenset({Event.Type.ORDERED, Event.Type.REFUNDED})
_TRACKING = frozenset({Event.Type.OPENED, Event.Type.CLICKED})
TYPES = frozenset(Event.Type.values)
# What a browser alone claims to have bought opens nobody's mailbox.
FROM_BROWSERS = ("api:publishable", "segment:publishable")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event as it arrives, already of the right types. `value` is the line's money."""

    message_id: str
    type: str
    occurred_at: datetime
    customer: str | None = None
    anonymous_id: str | None = None
    sku: str | None = None
    quantity: Decimal = Decimal(1)
    value: Decimal | None = None
    currency: str = ""
    order_id: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    cancels_id: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    message_id: str
    reason: str


@dataclass
class Taken:
    accepted: int = 0
    duplicates: int = 0
    refused: list[Refusal] = field(default_factory=list)
    soft_opt_ins: int = 0
    """How many lines of orders let their buyers be written to about similar products."""


def purpose_of(event_type: str) -> str | None:
    """The purpose an event of this type is kept by; None for what is kept under contract."""
    if event_type in _CONTRACT:
        return None
    return "message_tracking" if event_type in _TRACKING else "analytics"


def take_in(batch: Sequence[Incoming], *, source: str, at: datetime) -> Taken:
    """Keep each event once, of those that may be kept. About ten queries for up to a thousand events.

    People and products named for the first time are made. `at` is when the batch arrived. An event seen before
    (same source and message id) counts as a duplicate and changes nothing.
    """
    taken = Taken()
    sound = list(_sound(batch, at, taken))
    with transaction.atomic():
        people = identities.find_or_create({e.customer for e in sound if e.customer})
        visitors = identities.find_or_create(
            {e.anonymous_id for e in sound if e.anonymous_id and not e.customer}, Identity.Kind.ANONYMOUS
        )
        owners = [people[e.customer] if e.customer else visitors[e.anonymous_id or ""] for e in sound]
        sound, owners = _with_their_sales(sound, owners, source=source)
        verdicts = {
            purpose: consent.verdicts(
                {
                    owner
                    for event, owner in zip(sound, owners, strict=True)
                    if purpose_of(event.type) == purpose
                },
                purpose,
            )
            for purpose in ("analytics", "message_tracking")
        }
        kept: list[tuple[Incoming, int, str, int | None]] = []
        for event, owner in zip(sound, owners, strict=True):
            purpose = purpose_of(event.type)
            if purpose is None:
                kept.append((event, owner, Event.Basis.CONTRACT, None))
                continue
            verdict = verdicts[purpose].get(owner)
            if verdict is None or not verdict.allowed:
                taken.refused.append(Refusal(event.message_id, f"no_consent:{purpose}"))
            else:
                kept.append((event, owner, verdict.basis, verdict.record_id))
        products = product_ids({event.sku for event, *_ in kept if event.sku}, create_missing=True)
        new = _insert(kept, products, source=source, at=at)
        taken.accepted, taken.duplicates = len(new), len(kept) - len(new)
        if source not in FROM_BROWSERS:
            taken.soft_opt_ins = _buyers(
                [(event, owner) for event, owner, *_ in kept if event.message_id in new], products, at=at
            )
    return taken


def _with_their_sales(
    sound: Sequence[Incoming], owners: Sequence[int], *, source: str
) -> tuple[list[Incoming], list[int]]:
    """Refunds that name only their order become a refund of each of its lines; those without money get their line's.

    What another refund already took back is not taken back again. Two queries where there is such a refund, else none.
    """
    bare = {
        (owner, event.order_id)
        for event, owner in zip(sound, owners, strict=True)
        if event.type == Event.Type.REFUNDED
        and event.order_id
        and event.value is None
        and not event.cancels_id
    }
    if not bare:
        return list(sound), list(owners)
    sales: dict[tuple[int, str], list[Event]] = {}
    sold = Event.objects.filter(
        type=Event.Type.ORDERED,
        order_id__in={order for _owner, order in bare},
        customer_id__in={owner for owner, _order in bare},
    ).select_related("product")
    for line in sold.order_by("pk"):
        sales.setdefault((line.customer_id, line.order_id), []).append(line)
    back: dict[int, set[str]] = {}
    cancelling = Event.objects.filter(cancels_id__in=[line.pk for found in sales.values() for line in found])
    for cancelled, by, message_id in cancelling.values_list("cancels_id", "source", "message_id"):
        back.setdefault(cancelled, set()).add(message_id if by == source else "")
    events: list[Incoming] = []
    whose: list[int] = []
    for event, owner in zip(sound, owners, strict=True):
        made = [event]
        if (owner, event.order_id) in bare and event.type == Event.Type.REFUNDED and event.value is None:
            lines = [
                line
                for line in sales.get((owner, event.order_id), ())
                if event.sku is None or (line.product is not None and line.product.sku == event.sku)
            ]
            if lines:  # a refund of an order that nobody has told us of is kept as it is
                backs = [_taken_back(event, line) for line in lines]
                made = [one for one in backs if back.get(one.cancels_id or 0, set()) <= {one.message_id}]
        events += made
        whose += [owner] * len(made)
    return events, whose


def _taken_back(refund: Incoming, line: Event) -> Incoming:
    """The refund of one line of an order: all of it, or as many as the refund says."""
    whole = refund.sku is None or refund.quantity >= line.quantity or not line.quantity
    share = Decimal(1) if whole else refund.quantity / line.quantity
    return replace(
        refund,
        message_id=f"{refund.message_id}#{line.pk}",
        sku=line.product.sku if line.product else None,
        quantity=line.quantity if whole else refund.quantity,
        value=None if line.value is None else (line.value * share).quantize(Decimal("0.01")),
        currency=refund.currency or line.currency,
        cancels_id=line.pk,
    )


def _buyers(orders: Sequence[tuple[Incoming, int]], products: Mapping[str, int], *, at: datetime) -> int:
    """Keep who may be written to about similar products because of these new orders, and who refused that (C11).

    A refusal is a no to marketing e-mail, unless its person has said yes since. How many lines were kept. A batch
    without such orders costs nothing; else a query for each text that was shown, and six.
    """
    texts: dict[tuple[str, str], str] = {}
    lines: list[softoptin.Ordered] = []
    refused: dict[int, datetime] = {}
    asked = [(event, owner) for event, owner in orders if event.type == Event.Type.ORDERED]
    asked = [(event, owner) for event, owner in asked if "soft_opt_in" in event.context]
    if not asked:
        return 0
    skus = {event.sku for event, _owner in asked if event.sku}
    bought = Product.objects.filter(pk__in=[products[sku] for sku in skus], category__isnull=False)
    categories = dict(bought.values_list("pk", "category_id"))
    for event, owner in asked:
        offered = softoptin.offered(event.context, texts)
        if offered is None:
            continue
        if offered.refused:
            refused[owner] = max(event.occurred_at, refused.get(owner, event.occurred_at))
        elif event.order_id and event.sku and (category := categories.get(products[event.sku])):
            lines.append(softoptin.Ordered(owner, category, event.order_id, offered, event.occurred_at))
    if refused:
        newer = ConsentState.objects.filter(customer_id__in=refused, purpose=softoptin.PURPOSE, granted=True)
        since = dict(newer.values_list("customer_id", "at"))
        against = [owner for owner, moment in refused.items() if since.get(owner, moment) <= moment]
        consent.object_to(
            against,
            [softoptin.PURPOSE],
            method="soft opt-in refused",
            source="order",
            actor="customer",
            at=at,
        )
    return softoptin.keep([line for line in lines if line.customer_id not in refused]) if lines else 0


def _sound(batch: Sequence[Incoming], at: datetime, taken: Taken) -> Iterator[Incoming]:
    for event in batch:
        if event.type not in TYPES:
            reason = "unknown_type"
        elif not event.customer and not event.anonymous_id:
            reason = "no_customer"
        elif event.occurred_at > at + FUTURE_TOLERANCE:
            reason = "in_the_future"
        else:
            yield event
            continue
        taken.refused.append(Refusal(event.message_id, reason))


_COLUMNS = (
    "customer_id, type, product_id, quantity, value, currency, order_id, occurred_at, received_at, source, message_id,"
    " context, basis, consent_record_id, cancels_id"
)
_ROW = "(" + ", ".join(["%s"] * 15) + ")"


def _insert(
    kept: Sequence[tuple[Incoming, int, str, int | None]],
    products: dict[str, int],
    *,
    source: str,
    at: datetime,
) -> set[str]:
    """The message ids that were new. One statement a thousand rows: `INSERT … ON CONFLICT DO NOTHING RETURNING`."""
    new: set[str] = set()
    to_time = connection.ops.adapt_datetimefield_value
    to_money = connection.ops.adapt_decimalfield_value
    received_at = to_time(at)
    with connection.cursor() as cursor:
        for start in range(0, len(kept), MAX_BATCH):
            page = kept[start : start + MAX_BATCH]
            times = {moment: to_time(moment) for moment in {event.occurred_at for event, *_ in page}}
            values: list[Any] = []
            for event, owner, basis, record_id in page:
                values += (
                    owner,
                    event.type,
                    products.get(event.sku) if event.sku else None,
                    to_money(event.quantity, 12, 3),
                    None if event.value is None else to_money(event.value, 14, 2),
                    event.currency,
                    event.order_id,
                    times[event.occurred_at],
                    received_at,
                    source,
                    event.message_id,
                    orjson.dumps(event.context).decode(),
                    basis,
                    record_id,
                    event.cancels_id,
                )
            cursor.execute(
                f"INSERT INTO customers_event ({_COLUMNS}) VALUES {', '.join([_ROW] * len(page))}"  # noqa: S608
                " ON CONFLICT (source, message_id) DO NOTHING RETURNING message_id",
                values,
            )
            new.update(row[0] for row in cursor.fetchall())
    return new
