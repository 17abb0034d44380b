"""The same by the domain that takes the mail: from a sample of addresses, opened in the background and not kept.

A domain is told of from twenty people of the sample on: a smaller one may be a family's own. Whose data are restricted,
and who was erased, is not in it.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F

from campaigns import pace
from campaigns.figures.counting import ARRIVED, BACK, CAME_BACK, Name, rate
from campaigns.figures.rows import Key, Told
from campaigns.models import Bounce, Delivery
from customers import encryption, few
from customers.models import Customer

SAMPLE = 2_000
MOST = 6
LONGEST = 60


def by_domain(*, at: datetime) -> dict[Key, Told]:
    """What the week's messages to each of the largest domains came to, as estimated. Six queries."""
    rows = Delivery.objects.filter(
        channel="email", status__in=ARRIVED, ended_at__gt=at - BACK, ended_at__lte=at
    )
    total = rows.count()
    # Spread over the whole week, not over its last campaign: every so-many-th message.
    part = rows.annotate(part=F("pk") % max(total // SAMPLE, 1)).filter(part=0).order_by("pk")
    sample = _domains(row.customer for row in part.select_related("customer__key")[: 2 * SAMPLE])
    drawn = sum(len(people) for people in sample.values())
    largest = sorted(sample, key=lambda domain: (-len(sample[domain]), domain))[:MOST]
    told = [domain for domain in largest if len(set(sample[domain])) >= few.FEWEST_PEOPLE]
    found: dict[Key, Told] = {}
    sent = {domain: round(total * len(sample[domain]) / drawn) for domain in told}
    for domain in told:
        found[(Name.SENT, domain)] = Told(float(few.in_tens(sent[domain])))
    for kind in CAME_BACK if told else ():
        counts = _notices(kind, at)
        for domain in told:
            found[(Name.CAME_BACK, f"{kind} {domain}")] = rate(counts.get(domain, 0), sent[domain])
    return found


def _notices(kind: str, at: datetime) -> dict[str, int]:
    """How many messages of each domain a notice came back of; of very many the newest, brought up to all of them."""
    rows = Bounce.objects.filter(kind=kind, at__gt=at - BACK, at__lte=at, delivery__isnull=False)
    newest = rows.select_related("delivery__customer__key").order_by("-at", "-pk")[:SAMPLE]
    about = {row.delivery_id: row.delivery.customer for row in newest if row.delivery is not None}
    scale = 1.0
    if len(newest) == SAMPLE:
        scale = max(1.0, rows.values("delivery").distinct().count() / len(about))
    return {domain: round(scale * len(people)) for domain, people in _domains(about.values()).items()}


def _domains(people: Iterable[Customer]) -> dict[str, list[int]]:
    """By domain the numbers of whoever has an address there, once a message."""
    found: dict[str, list[int]] = {}
    for customer in people:
        if customer.restricted_at is not None or customer.erased_at is not None:
            continue
        try:
            address = encryption.unseal(customer).get("email", "")
        except encryption.Unreadable:
            continue
        domain = pace.domain_of(address)
        if domain and len(domain) <= LONGEST:
            found.setdefault(domain, []).append(customer.pk)
    return found
