"""Recompute, from the ledger alone, whether everything that was kept, decided and sent was permitted at its time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from campaigns.models import Decision, Delivery
from customers import consent
from customers.events import purpose_of
from customers.models import ConsentRecord, Event

PAGE = 1000


@dataclass(frozen=True)
class Claim:
    """Something that happened by leave: of whom, for what, when, on which record."""

    what: str
    customer_id: int
    purpose: str
    at: datetime
    basis: str
    record_id: int | None


@dataclass
class Audit:
    checked: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


def audit() -> Audit:
    """Walk through all events kept by consent, all decisions and all transmitted messages. Streams, a page a query."""
    result = Audit()
    for kind, claims in (("events", _events()), ("decisions", _decisions()), ("deliveries", _deliveries())):
        result.checked[kind] = 0
        while page := list(islice(claims, PAGE)):
            result.checked[kind] += len(page)
            result.violations += _violations(page)
    return result


def _events() -> Iterator[Claim]:
    rows = Event.objects.exclude(basis=Event.Basis.CONTRACT).order_by("pk")
    columns = rows.values_list("pk", "customer_id", "type", "received_at", "basis", "consent_record_id")
    for pk, customer, kind, at, basis, record in columns.iterator(chunk_size=2000):
        yield Claim(f"event {pk}", customer, purpose_of(kind) or "", at, basis, record)


def _decisions() -> Iterator[Claim]:
    for row in Decision.objects.order_by("pk").iterator(chunk_size=2000):
        yield Claim(
            f"decision {row.pk}",
            row.customer_id,
            row.purpose,
            row.decided_at,
            row.basis,
            row.consent_record_id,
        )
        if row.personalized:
            yield Claim(
                f"decision {row.pk} (personalised)",
                row.customer_id,
                "personalization",
                row.decided_at,
                row.personalization_basis,
                row.personalization_record_id,
            )


def _deliveries() -> Iterator[Claim]:
    rows = Delivery.objects.filter(transmitting_at__isnull=False).order_by("pk")
    columns = rows.values_list(
        "pk", "customer_id", "decision__purpose", "transmitting_at", "basis", "consent_record_id"
    )
    for pk, customer, purpose, at, basis, record in columns.iterator(chunk_size=2000):
        if at is not None:
            yield Claim(f"delivery {pk}", customer, purpose, at, basis, record)


def _violations(page: Sequence[Claim]) -> Iterable[str]:
    answers = consent.answers_at([(claim.customer_id, claim.purpose, claim.at) for claim in page])
    elsewhere = {
        record.pk: record
        for record in ConsentRecord.objects.filter(
            pk__in=[claim.record_id for claim in page if claim.record_id]
        )
    }
    for claim, answer in zip(page, answers, strict=True):
        same = (claim.basis, claim.record_id) == (answer.basis, answer.record_id)
        if answer.allowed and same:
            continue
        # After a merge the row is the kept person's, and its proof stands in the other one's chain.
        proof = elsewhere.get(claim.record_id or 0)
        if proof is not None and proof.customer_id != claim.customer_id and proof.granted:
            (there,) = consent.answers_at([(proof.customer_id, claim.purpose, claim.at)])
            if there.allowed and there.record_id == proof.pk:
                continue
        yield f"{claim.what}: {claim.purpose} of customer #{claim.customer_id} at {claim.at.isoformat()}: {answer.reason}"
