"""Writing down what people answer: a yes only with its proof, a no always; each under the person's lock."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from customers import journal, ledger, purposes
from customers.models import ConsentRecord, ConsentState, Customer


class NoEvidence(Exception):
    """A grant without proof of what was shown, how, where and by whom is no grant (GDPR 7(1))."""


def hold(customer_ids: Iterable[int]) -> dict[int, Customer]:
    """Lock these people's rows, in one order, until the transaction ends, so that answers and sends take turns.

    On SQLite the IMMEDIATE transaction itself is the lock.
    """
    rows = (
        Customer.objects.select_for_update(of=("self",))
        .select_related("key")
        .filter(pk__in=list(customer_ids))
    )
    return {customer.pk: customer for customer in rows.order_by("pk")}


def hold_only(customer_ids: Collection[int]) -> None:
    """`hold` for people of whom nothing needs to be read."""
    if connection.features.has_select_for_update:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM customers_customer WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
                [list(customer_ids)],
            )


@dataclass(frozen=True)
class Evidence:
    """What proves a grant: the notice (`slug@version`) in the language shown, how, where and by whom."""

    notice: str
    language: str
    method: str
    source: str
    actor: str


@dataclass(frozen=True)
class Answer:
    """One person's yes or no to one purpose."""

    customer_id: int
    purpose: str
    granted: bool
    evidence: Evidence


def check_answer(answer: Answer, texts: dict[tuple[str, str, str], str]) -> None:
    """Raise NoEvidence unless the answer can be written down. `texts` remembers notices already found."""
    evidence = answer.evidence
    if answer.purpose not in purposes.PURPOSES:
        raise NoEvidence(f"{answer.purpose!r} is no purpose. Purposes: {', '.join(purposes.PURPOSES)}.")
    if not (evidence.method and evidence.source and evidence.actor):
        raise NoEvidence("An answer needs its method, source and actor.")
    if not answer.granted:
        return
    if not (evidence.notice and evidence.language):
        raise NoEvidence("A grant needs the notice that was shown, as slug@version, and its language.")
    key = (evidence.notice, evidence.language, answer.purpose)
    if key not in texts:
        try:
            texts[key] = purposes.find_notice(*key).sha256
        except purposes.UnknownNotice as error:
            raise NoEvidence(str(error)) from error


def record(answers: Sequence[Answer], *, at: datetime) -> list[ConsentRecord]:
    """Write answers down, all or none. Raises NoEvidence for a grant without proof, Customer.DoesNotExist."""
    texts: dict[tuple[str, str, str], str] = {}
    for answer in answers:
        check_answer(answer, texts)
    with transaction.atomic():
        people = hold({answer.customer_id for answer in answers})
        entries = []
        for answer in answers:
            customer = people.get(answer.customer_id)
            if customer is None or customer.erased_at is not None:
                raise Customer.DoesNotExist(f"customer #{answer.customer_id}")
            evidence = answer.evidence
            entries.append(
                ledger.Entry(
                    customer=customer,
                    purpose=answer.purpose,
                    granted=answer.granted,
                    method=evidence.method,
                    source=evidence.source,
                    actor=evidence.actor,
                    notice=evidence.notice,
                    notice_sha256=texts.get((evidence.notice, evidence.language, answer.purpose), ""),
                    language=evidence.language,
                )
            )
        records = ledger.append(entries, at=at)
        journal.withdrawn(records, people, at=at)
        return records


def give(customer_id: int, purpose: str, *, evidence: Evidence, at: datetime) -> ConsentRecord:
    """A person allows a purpose. Raises NoEvidence without proof of what they were shown."""
    return record([Answer(customer_id, purpose, True, evidence)], at=at)[0]


def withdraw(
    customer_id: int, purpose: str, *, method: str, source: str, actor: str, at: datetime
) -> ConsentRecord:
    """A person no longer allows a purpose. Needs no reason and always works."""
    return record([Answer(customer_id, purpose, False, Evidence("", "", method, source, actor))], at=at)[0]


def withdraw_all(
    customer_id: int,
    *,
    method: str,
    source: str,
    actor: str,
    at: datetime,
    only: Collection[str] = tuple(purposes.PURPOSES),
) -> list[ConsentRecord]:
    """Stop everything (or the purposes in `only`), in one transaction."""
    evidence = Evidence("", "", method, source, actor)
    return record([Answer(customer_id, purpose, False, evidence) for purpose in only], at=at)


def object_to(
    customer_ids: Collection[int],
    purposes_refused: Collection[str],
    *,
    method: str,
    source: str,
    actor: str,
    at: datetime,
) -> list[ConsentRecord]:
    """Write a no of these people to each purpose they do not already refuse. A repeated signal adds nothing."""
    refused = set(
        ConsentState.objects.filter(
            customer_id__in=customer_ids, purpose__in=purposes_refused, granted=False
        ).values_list("customer_id", "purpose")
    )
    evidence = Evidence("", "", method, source, actor)
    answers = [
        Answer(customer_id, purpose, False, evidence)
        for customer_id in sorted(customer_ids)
        for purpose in purposes_refused
        if (customer_id, purpose) not in refused
    ]
    return record(answers, at=at) if answers else []
