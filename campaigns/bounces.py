"""What came back of our messages, and what follows: who is not written to any more, and where to go slower (U7).

| notice | follows |
|---|---|
| bounced for good | the address goes on the suppression list |
| complaint | the address goes on the suppression list |
| bounced for now | nothing; the fifth message within 30 days counts as bounced for good |
| deferred, or refused by policy | the domain is written to more slowly |
| left by the mailbox | a no to the message's purpose in the ledger |
| delivered | nothing |
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from campaigns import pace
from campaigns.models import Bounce, Campaign, Delivery
from campaigns.returned import Notice
from customers import consent, encryption, suppression
from customers.models import Customer, Suppression
from customers.suppression import Entry, Place

Kind = Bounce.Kind
EMAIL = Campaign.Channel.EMAIL
# So many messages that bounced for now, within so long, are an address that is gone.
SOFT_BOUNCES, SOFT_WINDOW = 5, timedelta(days=30)
# A notice without our Message-ID is taken to be about the newest message of so many days.
NEWEST_OF = timedelta(days=14)


def take(notices: Iterable[Notice], *, at: datetime) -> Counter[str]:
    """Keep each notice once and do what follows from it; answers how many of each kind were new."""
    by_key = {notice.key[:200]: notice for notice in notices}
    known = set(Bounce.objects.filter(key__in=by_key).values_list("key", flat=True))
    new = {key: notice for key, notice in by_key.items() if key not in known}
    if not new:
        return Counter()
    about = _deliveries(list(new.values()), at=at)
    with transaction.atomic():
        Bounce.objects.bulk_create(
            [
                Bounce(
                    key=key,
                    source=notice.source[:40],
                    kind=notice.kind,
                    delivery=about.get(notice.key),
                    detail=pace.without_addresses(notice.detail)[:300],
                    at=notice.at or at,
                )
                for key, notice in new.items()
            ],
            ignore_conflicts=True,
        )
        # People before entries of the list, as everywhere: whoever holds both takes them in this order.
        _leave(list(new.values()), about, at=at)
        _suppress(list(new.values()), about, at=at)
    domains = {pace.domain_of(notice.address): notice.detail for notice in new.values() if notice.slows}
    pace.slow_all([(domain, answer) for domain, answer in domains.items() if domain], at=at)
    return Counter(str(notice.kind) for notice in new.values())


def _deliveries(notices: Sequence[Notice], *, at: datetime) -> dict[str, Delivery]:
    """By the notice's key, the delivery each is about. Two queries at most."""
    rows = Delivery.objects.filter(channel=EMAIL).select_related("customer__key", "decision")
    ours = {notice.decision_id for notice in notices if notice.decision_id is not None}
    by_decision: dict[UUID, Delivery] = {row.decision_id: row for row in rows.filter(decision_id__in=ours)}
    indexes = {
        notice.key: encryption.blind_indexes("email", notice.address)
        for notice in notices
        if notice.decision_id not in by_decision and notice.is_signed and notice.address
    }
    newest: dict[str, Delivery] = {}
    if indexes:
        left = rows.filter(
            customer__email_index__in={index for found in indexes.values() for index in found},
            status__in=(Delivery.Status.SENT, Delivery.Status.UNKNOWN),
            transmitting_at__gt=at - NEWEST_OF,
        )
        newest = {row.customer.email_index: row for row in left.order_by("transmitting_at")}
    found = {}
    for notice in notices:
        row = by_decision.get(notice.decision_id) if notice.decision_id is not None else None
        named = [newest[index] for index in indexes.get(notice.key, ()) if index in newest]
        row = row or max(named, key=lambda one: one.transmitting_at or at, default=None)
        if row is not None:
            found[notice.key] = row
    return found


def _suppress(notices: Sequence[Notice], about: Mapping[str, Delivery], *, at: datetime) -> None:
    reasons = {
        Kind.HARD: Suppression.Reason.HARD_BOUNCE,
        Kind.COMPLAINT: Suppression.Reason.COMPLAINT,
    }
    rows: dict[str, Entry] = {}
    for notice in notices:
        if notice.kind in reasons and (place := _place(notice, about.get(notice.key))):
            rows.setdefault(place.index, Entry(place, reasons[Kind(notice.kind)], notice.source))
    for place in _worn_out([about[n.key] for n in notices if n.kind == Kind.SOFT and n.key in about], at=at):
        why = f"{SOFT_BOUNCES} soft bounces"
        rows.setdefault(place.index, Entry(place, Suppression.Reason.HARD_BOUNCE, why))
    suppression.keep(list(rows.values()))


def _place(notice: Notice, delivery: Delivery | None) -> Place | None:
    """Whose address it is about: the one a provider names; else the person's we wrote to, whatever a report says."""
    if notice.is_signed and notice.address:
        return suppression.place(notice.address)
    return _theirs(delivery.customer) if delivery is not None else None


def _theirs(customer: Customer) -> Place | None:
    return next((place for place in suppression.places(customer) if place.channel == EMAIL), None)


def _worn_out(deliveries: Sequence[Delivery], *, at: datetime) -> list[Place]:
    """Addresses of these of which too many messages bounced for now. Refusals by policy are not theirs."""
    if not deliveries:
        return []
    people = {row.customer_id: _theirs(row.customer) for row in deliveries}
    soft = Bounce.objects.filter(
        kind=Kind.SOFT, at__gt=at - SOFT_WINDOW, delivery__customer_id__in=people
    ).exclude(detail__startswith="5.7.")
    counts = soft.values_list("delivery__customer_id").annotate(n=Count("delivery_id", distinct=True))
    worn = [people[pk] for pk, n in counts.order_by() if n >= SOFT_BOUNCES]
    return [place for place in worn if place is not None]


def _leave(notices: Sequence[Notice], about: Mapping[str, Delivery], *, at: datetime) -> None:
    for notice in notices:
        if notice.kind == Kind.UNSUBSCRIBE and (row := about.get(notice.key)) is not None:
            consent.object_to(
                [row.customer_id],
                [row.decision.purpose],
                method="mailbox",
                source=notice.source,
                actor="customer",
                at=at,
            )
