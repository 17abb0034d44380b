"""Recompute, from the ledger and the law of the time, whether all that was kept, decided and sent was permitted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from campaigns import reach
from campaigns.models import Decision, Delivery, Offer
from customers import hindsight, lawbook, privacy, softoptin
from customers.consent import Verdict
from customers.events import purpose_of
from customers.hindsight import Question
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
    categories: frozenset[int] = frozenset()
    """Of what was advertised, where the claim is a soft opt-in."""

    def asked_of(self, customer_id: int) -> Question:
        return Question(customer_id, self.purpose, self.at, self.categories)


@dataclass
class Audit:
    checked: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


def audit() -> Audit:
    """Walk through all events kept by consent, all decisions and all transmitted messages. Streams, a page a query.

    A law that is applied otherwise than its history says is a violation of its own: nobody could tell since when.
    """
    result = Audit()
    result.violations += lawbook.gaps()
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
    rows = Decision.objects.order_by("pk").iterator(chunk_size=PAGE)
    while page := list(islice(rows, PAGE)):
        soft = _advertised([row for row in page if row.basis == softoptin.BASIS])
        for row in page:
            yield Claim(
                f"decision {row.pk}",
                row.customer_id,
                row.purpose,
                row.decided_at,
                row.basis,
                row.consent_record_id,
                soft.get(row.pk, frozenset()),
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
    rows = Delivery.objects.filter(transmitting_at__isnull=False).select_related("decision").order_by("pk")
    messages = rows.iterator(chunk_size=PAGE)
    while page := list(islice(messages, PAGE)):
        soft = _advertised([row.decision for row in page if row.basis == softoptin.BASIS])
        for row in page:
            if row.transmitting_at is not None:
                yield Claim(
                    f"delivery {row.pk}",
                    row.customer_id,
                    row.decision.purpose,
                    row.transmitting_at,
                    row.basis,
                    row.consent_record_id,
                    soft.get(row.decision_id, frozenset()),
                )


def _advertised(rows: Sequence[Decision]) -> dict[UUID, frozenset[int]]:
    """The categories of each decision's offer; of its campaign's where it has none. Empty: of everything.

    One query for the offers, one for each campaign.
    """
    offers: dict[int, set[int | None]] = {}
    through = Offer.objects.filter(pk__in={row.offer_id for row in rows if row.offer_id is not None})
    for offer, category in through.values_list("pk", "categories"):
        offers.setdefault(offer, set()).add(category)
    campaigns: dict[int | None, frozenset[int]] = {None: frozenset()}
    found = {}
    for row in rows:
        if row.offer_id is not None:
            of_it = offers.get(row.offer_id, {None})
            found[row.pk] = frozenset(one for one in of_it if one is not None)
            continue
        if row.campaign_id is not None and row.campaign_id not in campaigns:
            campaigns[row.campaign_id] = reach.advertised(row.campaign_id)
        found[row.pk] = campaigns[row.campaign_id]
    return found


def _violations(page: Sequence[Claim]) -> Iterable[str]:
    answers = hindsight.answers([claim.asked_of(claim.customer_id) for claim in page])
    for claim, answer in zip(page, answers, strict=True):
        if not _rests_on(claim, answer) and not _was_permitted_before_a_merge(claim):
            yield f"{claim.what}: {claim.purpose} of customer #{claim.customer_id} at {claim.at.isoformat()}: {answer.reason}"


def _rests_on(claim: Claim, answer: Verdict) -> bool:
    return answer.allowed and (claim.basis, claim.record_id) == (answer.basis, answer.record_id)


def _was_permitted_before_a_merge(claim: Claim) -> bool:
    """After a merge the row is the kept person's, and its proof stands in the chain of one who became them."""
    others = [pk for pk in privacy.family(claim.customer_id) if pk != claim.customer_id]
    answers = hindsight.answers([claim.asked_of(pk) for pk in others])
    return any(_rests_on(claim, answer) for answer in answers)
