"""THE gate. One function decides whether a person allows a purpose; to hold a Permission is to have asked it.

The effective answer is the newest record of the ledger, else the default of the person's jurisdiction, else no.
Unknown purpose, unknown person, erased person, error: no.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Exists,
    FilteredRelation,
    OuterRef,
    Q,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce

from catalog.questions import Given, Question, Rows
from customers import purposes, softoptin
from customers.answers import (
    Answer,
    Evidence,
    NoEvidence,
    check_answer,
    give,
    hold,
    hold_only,
    object_to,
    record,
    withdraw,
    withdraw_all,
)
from customers.models import ConsentRecord, ConsentState, Customer, Identity
from customers.models.customer import CustomerQuerySet

# Asking and answering are one subject to whoever uses them: `consent.may`, `consent.give`.
__all__ = [
    "BUYER",
    "Answer",
    "Evidence",
    "NoEvidence",
    "NotPermitted",
    "Permission",
    "Verdict",
    "check_answer",
    "decide",
    "everyone",
    "give",
    "hold",
    "hold_only",
    "may",
    "newest_record",
    "object_to",
    "permitted",
    "record",
    "refusals",
    "refused_since",
    "verdict_of",
    "verdicts",
    "withdraw",
    "withdraw_all",
]


class NotPermitted(Exception):
    """The person does not allow this purpose at this moment."""

    def __init__(self, customer_id: int, purpose: str, reason: str) -> None:
        super().__init__(f"customer #{customer_id} does not permit {purpose}: {reason}")
        self.customer_id, self.purpose, self.reason = customer_id, purpose, reason


@dataclass(frozen=True)
class Verdict:
    """What the gate answered, and on what it rests."""

    allowed: bool
    basis: str
    """`consent` (a ledger record), `default` (of the jurisdiction), `soft` (a buyer's) or empty when denied."""
    record_id: int | None
    reason: str


_UNKNOWN_PERSON = Verdict(False, "", None, "unknown person")
_RESTRICTED = Verdict(False, "", None, "restricted: kept, and used for nothing")
_UNKNOWN_PURPOSE = Verdict(False, "", None, "unknown purpose")
BUYER = Verdict(True, softoptin.BASIS, None, "bought something similar and did not object")


def verdict_of(jurisdiction: str, newest: tuple[bool, int] | None, *, silence_means_yes: bool) -> Verdict:
    """The one place where an answer follows from the newest record (granted, its id) and the law."""
    if newest is not None:
        granted, record_id = newest
        return Verdict(granted, "consent" if granted else "", record_id, "granted" if granted else "refused")
    if silence_means_yes:
        return Verdict(True, "default", None, f"default of {jurisdiction}")
    return Verdict(False, "", None, f"never asked, and {jurisdiction} asks first")


def decide(customer_id: int, purpose: str, *, at: datetime) -> Verdict:
    """May we, for this person and purpose, at this moment? Read from the ledger itself."""
    if purpose not in purposes.PURPOSES:
        return _UNKNOWN_PURPOSE
    people = Customer.objects.present().filter(pk=customer_id)
    person = people.values_list("jurisdiction", "restricted_at").first()
    if person is None:
        return _UNKNOWN_PERSON
    jurisdiction, restricted_at = person
    if restricted_at is not None:
        return _RESTRICTED
    newest = (
        ConsentRecord.objects.filter(customer_id=customer_id, purpose=purpose, at__lte=at)
        .order_by("-sequence")
        .values_list("granted", "pk")
        .first()
    )
    silent = purposes.silent(purpose).filter(jurisdiction__code=jurisdiction)
    return verdict_of(jurisdiction, newest, silence_means_yes=newest is None and silent.exists())


# Written out because every message asks it for one person: the ORM takes longer to put it into words than to answer it.
_ASKED = """
SELECT person.id, person.jurisdiction, answer.granted, answer.record_id, silent.id
FROM customers_customer AS person
LEFT JOIN customers_consentstate AS answer ON answer.customer_id = person.id AND answer.purpose = %s
LEFT JOIN customers_jurisdiction AS law ON law.code = person.jurisdiction
LEFT JOIN customers_silentyes AS silent ON silent.jurisdiction_id = law.id AND silent.purpose = %s
WHERE person.erased_at IS NULL AND person.merged_into_id IS NULL AND person.restricted_at IS NULL
AND person.id IN ({people})
"""


def verdicts(customer_ids: Collection[int], purpose: str) -> dict[int, Verdict]:
    """The gate's present answer for many people: one query. A person not in the answer is unknown: no."""
    if purpose not in purposes.PURPOSES or not customer_ids:
        return {}
    with connection.cursor() as cursor:
        people = ", ".join(["%s"] * len(customer_ids))
        cursor.execute(_ASKED.format(people=people), [purpose, purpose, *customer_ids])
        return {
            pk: verdict_of(
                jurisdiction,
                None if record_id is None else (bool(granted), record_id),
                silence_means_yes=silent is not None,
            )
            for pk, jurisdiction, granted, record_id, silent in cursor.fetchall()
        }


def _answers(person: Collection[Any] | Given, purpose: str | Given) -> Rows:
    """What a verdict about each of them follows from."""
    answer = ConsentState.objects.filter(customer=OuterRef("pk"), purpose=purpose)
    silent = purposes.silent(purpose).filter(jurisdiction__code=OuterRef("jurisdiction"))
    here = Customer.objects.present().filter(restricted_at__isnull=True, pk__in=person)
    return here.values_list(
        "pk",
        "jurisdiction",
        Subquery(answer.values("granted")),
        Subquery(answer.values("record_id")),
        Exists(silent),
    )


_ANSWER = Question(_answers, person=BigIntegerField(), purpose=CharField())
_ANSWER_OF = Question(
    lambda named, purpose: _answers([Identity.objects.person(named)], purpose),
    named=CharField(), purpose=CharField(),
)  # fmt: skip


class Asked:
    """The gate's question about these people and one purpose, asked with other questions (`catalog.together`)."""

    def __init__(self, customer_ids: Collection[int], purpose: str, *, named: str = "") -> None:
        """named : instead of ids, the shop's own id of one person."""
        self.purpose = purpose
        if purpose not in purposes.PURPOSES:
            self.rows: Rows = Customer.objects.none()
        elif named:
            self.rows = _ANSWER_OF(named=named, purpose=purpose)
        elif len(customer_ids) == 1:
            self.rows = _ANSWER(person=next(iter(customer_ids)), purpose=purpose)
        else:
            self.rows = _answers(customer_ids, purpose)

    def verdicts(self) -> dict[int, Verdict]:
        """As `verdicts` of the module."""
        return {
            pk: verdict_of(
                jurisdiction, None if record_id is None else (granted, record_id), silence_means_yes=silent
            )
            for pk, jurisdiction, granted, record_id, silent in self.rows
        }


class Permission:
    """Proof that one person allows one purpose at one moment. Making one is the check."""

    __slots__ = ("at", "basis", "customer_id", "purpose", "record_id")

    customer_id: int
    purpose: str
    at: datetime
    basis: str
    record_id: int | None

    def __init__(self, customer_id: int, purpose: str, *, at: datetime) -> None:
        verdict = decide(customer_id, purpose, at=at)
        if not verdict.allowed:
            raise NotPermitted(customer_id, purpose, verdict.reason)
        _fill(self, customer_id, purpose, at, verdict)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a permission is never changed; ask again")

    @classmethod
    def of_many(cls, customer_ids: Collection[int], purpose: str, *, at: datetime) -> dict[int, Self]:
        """The permissions of those among many who allow the purpose now. One query for any number."""
        return cls._of(verdicts(customer_ids, purpose), purpose, at)

    @classmethod
    def of_asked(cls, asked: Asked, *, at: datetime) -> dict[int, Self]:
        """As `of_many`, by a question that may have been asked with others."""
        return cls._of(asked.verdicts(), asked.purpose, at)

    @classmethod
    def _of(cls, found: dict[int, Verdict], purpose: str, at: datetime) -> dict[int, Self]:
        held: dict[int, Self] = {}
        for customer_id, verdict in found.items():
            if verdict.allowed:
                held[customer_id] = cls.__new__(cls)
                _fill(held[customer_id], customer_id, purpose, at, verdict)
        return held

    @classmethod
    def of_buyers(
        cls, customer_ids: Collection[int], categories: Collection[int], *, at: datetime
    ) -> dict[int, Self]:
        """The permissions to e-mail those who bought in these categories, or similar ones, and never answered (C11).

        categories : of everything the message advertises. Empty, or one of them unlike what was bought: nobody.
        Whoever is allowed otherwise is asked by `of_many`. Two queries for any number.
        """
        held: dict[int, Self] = {}
        for customer_id in softoptin.buyers(customer_ids, categories, at=at):
            held[customer_id] = cls.__new__(cls)
            _fill(held[customer_id], customer_id, softoptin.PURPOSE, at, BUYER)
        return held


def _fill(permission: Permission, customer_id: int, purpose: str, at: datetime, verdict: Verdict) -> None:
    values = (customer_id, purpose, at, verdict.basis, verdict.record_id)
    for name, value in zip(("customer_id", "purpose", "at", "basis", "record_id"), values, strict=True):
        object.__setattr__(permission, name, value)


def permitted(purpose: str) -> CustomerQuerySet:
    """Everyone who allows the purpose now, as a query to join with."""
    allowing: CustomerQuerySet = Customer.objects.filter(_allows(purpose))
    return allowing


def may(purpose: str, *, person: str = "pk") -> Exists | Q:
    """Whether the person of a row allows the purpose now, as a condition; `person` is the row's column of them.

    Asked of each row's person and not of everyone beforehand, so that few rows read few customers (decision 0011).
    Of a row that is itself the customer ("pk") it asks that row: joined with the same table once more, PostgreSQL goes
    through all customers for each of them while it believes the table empty, as it does until the rows are analysed.
    """
    return _allows(purpose) if person == "pk" else Exists(permitted(purpose).filter(pk=OuterRef(person)))


def everyone(purposes_asked: Collection[str]) -> CustomerQuerySet:
    """Everyone who is here, each with `allows_<purpose>`: the gate's present answers, to be read as a list.

    The same answers as `permitted`, joined and not looked up: for whoever reads all people, and never a few of them.
    """
    people = Customer.objects.present()
    for purpose in purposes_asked:
        answer = FilteredRelation("consents", condition=Q(consents__purpose=purpose))
        people = people.annotate(**{f"answer_{purpose}": answer})
        by_silence = Q(jurisdiction__in=purposes.silent(purpose).values("jurisdiction__code"))
        answered = Coalesce(f"answer_{purpose}__granted", by_silence, output_field=BooleanField())
        is_known = Q() if purpose in purposes.PURPOSES else Q(pk__in=[])
        allows = Case(When(Q(answered, is_known, restricted_at__isnull=True), then=True), default=False)
        people = people.annotate(**{f"allows_{purpose}": allows})
    return people


def _allows(purpose: str) -> Q:
    """The gate's present answer as a condition on a row of customers.

    The answer is a value, looked up by its unique key for each person that is read. Two questions of existence would
    let PostgreSQL list beforehand everyone who ever answered, anew for each page of people.
    """
    if purpose not in purposes.PURPOSES:
        return Q(pk__in=[])
    answer = ConsentState.objects.filter(customer_id=OuterRef("pk"), purpose=purpose).values("granted")
    by_silence = Q(jurisdiction__in=purposes.silent(purpose).values("jurisdiction__code"))
    is_here = Q(erased_at__isnull=True, merged_into__isnull=True, restricted_at__isnull=True)
    return is_here & Q(Coalesce(Subquery(answer), by_silence, output_field=BooleanField()))


def newest_record() -> int:
    """The number of the newest line of the ledger, nought without one: where `refused_since` may begin."""
    return ConsentRecord.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def refused_since(purpose: str, record: int) -> set[int]:
    """Who said no to the purpose, or was erased, after that line of the ledger; some from shortly before it too.

    Lines get their number before they are committed: one with a smaller number may become visible later.
    """
    newer = ConsentRecord.objects.filter(pk__gt=record - 1000, purpose=purpose, granted=False)
    return set(newer.values_list("customer_id", flat=True).iterator(chunk_size=5000))


def refusals(purpose: str, *, after: int, since: datetime) -> list[datetime]:
    """When people said no to the purpose, of the lines beyond number `after` (and 1,000 before), from `since` on."""
    newer = ConsentRecord.objects.filter(pk__gt=after - 1000, purpose=purpose, granted=False, at__gte=since)
    return list(newer.order_by("pk").values_list("at", flat=True)[:1000])
