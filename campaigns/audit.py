"""Recompute, from the ledger alone, whether everything that was kept, decided and sent was permitted at its time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from campaigns.models import Decision, Delivery
from customers import consent, privacy
from customers.consent import Verdict
from customers.events import purpose_of
from customers.models import Event

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
    for claim, answer in zip(page, answers, strict=True):
        if not _rests_on(claim, answer) and not _was_permitted_before_a_merge(claim):
            yield f"{claim.what}: {claim.purpose} of customer #{claim.customer_id} at {claim.at.isoformat()}: {answer.reason}"


def _rests_on(claim: Claim, answer: Verdict) -> bool:
    return answer.allowed and (claim.basis, claim.record_id) == (answer.basis, answer.record_id)


def _was_permitted_before_a_merge(claim: Claim) -> bool:
    """After a merge the row is the kept person's, and its proof stands in the chain of one who became them."""
    others = [pk for pk in privacy.family(claim.customer_id) if pk != claim.customer_id]
    answers = consent.answers_at([(pk, claim.purpose, claim.at) for pk in others])
    return any(_rests_on(claim, answer) for answer in answers)
