"""What the gate had to answer at moments of the past, from the ledger and the law of the time: for the audit, and how
many allowed what, for the desk's home."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from customers import consent, purposes, softoptin
from customers.consent import Verdict
from customers.lawbook import Lawbook
from customers.models import ConsentRecord, Customer, SoftOptIn
from customers.models.customer import CustomerQuerySet
from customers.softoptin import Advertised


@dataclass(frozen=True)
class Question:
    """Might this have been done to this person, for this purpose, at this moment?"""

    customer_id: int
    purpose: str
    at: datetime
    categories: frozenset[int] = frozenset()
    """Of what was advertised, where it may rest on a soft opt-in."""


def answers(questions: Sequence[Question]) -> list[Verdict]:
    """One answer a question. Four queries; with soft opt-ins among them one more and one for each set of categories.

    By the law of the time: what it said then, of the jurisdiction that the person was under then.
    """
    ids = {question.customer_id for question in questions}
    chains: dict[tuple[int, str], list[tuple[datetime, bool, int]]] = {}
    rows = ConsentRecord.objects.filter(customer_id__in=ids).order_by("customer_id", "sequence")
    for customer_id, purpose, at, granted, pk in rows.values_list(
        "customer_id", "purpose", "at", "granted", "pk"
    ):
        chains.setdefault((customer_id, purpose), []).append((at, granted, pk))
    people = dict(Customer.objects.filter(pk__in=ids).values_list("pk", "jurisdiction"))
    book = Lawbook(ids)
    bought = _Bought({question.customer_id for question in questions if question.categories})
    found = []
    for question in questions:
        newest = None
        for at, granted, pk in chains.get((question.customer_id, question.purpose), ()):
            if at <= question.at:
                newest = (granted, pk)
        law = book.law_of(question.customer_id, people.get(question.customer_id, ""), at=question.at)
        is_silent_yes = book.silence_means_yes(law, question.purpose, at=question.at)
        verdict = consent.verdict_of(law, newest, silence_means_yes=is_silent_yes)
        if newest is None and not verdict.allowed and book.knows_soft_opt_in(law, at=question.at):
            verdict = consent.BUYER if bought.allow(question) else verdict
        found.append(verdict)
    return found


class _Bought:
    """The soft opt-ins of some people, read once."""

    def __init__(self, customer_ids: Collection[int]) -> None:
        self.rows: dict[int, list[tuple[datetime, int, int | None]]] = {}
        self.advertised: dict[frozenset[int], Advertised] = {}
        if not customer_ids:
            return
        rows = SoftOptIn.objects.filter(customer__in=customer_ids)
        for pk, at, category, parent in rows.values_list(
            "customer_id", "at", "category_id", "category__parent_id"
        ):
            self.rows.setdefault(pk, []).append((at, category, parent))

    def allow(self, question: Question) -> bool:
        if not question.categories or question.purpose != softoptin.PURPOSE:
            return False
        if question.categories not in self.advertised:
            self.advertised[question.categories] = Advertised.of(question.categories)
        had = [
            (category, parent)
            for at, category, parent in self.rows.get(question.customer_id, ())
            if at <= question.at
        ]
        return self.advertised[question.categories].all_like(had)


def _then(at: datetime) -> CustomerQuerySet:
    """Customers of the shop that were known by then and still are: who was erased or merged since is told no more."""
    here: CustomerQuerySet = Customer.objects.present()
    return here.filter(external_id__isnull=False, created_at__lte=at)


def known(*, at: datetime) -> int:
    """How many of today's customers the shop knew at that moment. One query."""
    return _then(at).count()


def allowing(purpose: str, *, at: datetime) -> int:
    """How many of them allowed the purpose then, by their newest answer of the time; silence by today's law. One query.

    Each person's chain is looked up by its index, so a million people take seconds: for the background.
    """
    newest = ConsentRecord.objects.filter(customer_id=OuterRef("pk"), purpose=purpose, at__lte=at)
    by_silence = Q(jurisdiction__in=purposes.silent(purpose).values("jurisdiction__code"))
    answer = Subquery(newest.order_by("-sequence").values("granted")[:1])
    people = _then(at).filter(restricted_at__isnull=True)
    return people.filter(Q(Coalesce(answer, by_silence, output_field=BooleanField()))).count()
