"""What can be told: which rows, by which type, of whom, and what is said of each. No name, no address, no free text."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Coalesce

from campaigns.models import Decision, Delivery, Outcome, Redemption
from customers.models import ConsentRecord, Customer

TEST = "webhook.test"
# What a partner may hear of nobody without.
PURPOSE = "partner_sharing"
# Rows that carry the hour of a worker's clock may be written a little later than they say.
STAMPED_LATE = timedelta(minutes=10)
Told = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Rows of one kind, in the order in which they are written or change."""

    name: str
    model: type[Model]
    types: Mapping[str, str]
    """What `by` says -> the type it is told as; of one type only, the key is empty."""
    happened: str
    tell: Callable[[Any], Told]
    by: str = ""
    stamp: str = ""
    """The column of the hour at which a row became what is told; without it rows come in the order of their numbers."""
    person: Any = "customer_id"
    is_told: Q = field(default_factory=Q)
    related: tuple[str, ...] = ()
    of_restricted: bool = False
    """Whether the shop's own system hears it of people whose data are restricted too."""

    @property
    def late(self) -> timedelta:
        return STAMPED_LATE if self.stamp else timedelta(0)

    @property
    def rows(self) -> QuerySet[Any]:
        """(number, stamp, person, hour, what tells the type) of each row."""
        found: QuerySet[Any] = self.model._default_manager.filter(self.is_told)  # noqa: SLF001 - documented by Django
        person = F(self.person) if isinstance(self.person, str) else self.person
        told: QuerySet[Any] = found.annotate(about=person)
        return told

    @property
    def columns(self) -> tuple[str, ...]:
        return ("pk", self.stamp or "pk", "about", self.happened, self.by or "pk")

    def type_of(self, said: Any) -> str:
        return self.types[said if self.by else ""]

    def row(self, fact: str) -> Any:
        """The row itself, with what is told of it; None where it is gone. One query."""
        rows = self.model._default_manager.select_related(*self.related)  # noqa: SLF001 - documented by Django
        return rows.filter(pk=fact).first()


def name_of(customer: Customer | None) -> str | None:
    """The shop's own id of a person, of whoever a visitor turned out to be; null where the shop has none."""
    while customer is not None and customer.merged_into is not None:
        customer = customer.merged_into
    return customer.external_id if customer is not None else None


def _decision(row: Decision) -> Told:
    return {
        "decision": str(row.pk),
        "customer": name_of(row.customer),
        "campaign": row.campaign.slug if row.campaign else None,
        "placement": row.placement,
        "arm": row.arm,
        "offer": row.offer.slug if row.offer else None,
        "code": row.code.value if row.code else None,
        "skus": row.skus,
        "personalized": row.personalized,
        "decided_at": row.decided_at,
        "expires_at": row.expires_at,
    }


def _delivery(row: Delivery) -> Told:
    return {
        "delivery": row.pk,
        "decision": str(row.decision_id),
        "customer": name_of(row.customer),
        "campaign": row.run.campaign.slug,
        "channel": row.channel,
        "reason": row.reason,
        "ended_at": row.ended_at,
    }


def _outcome(row: Outcome) -> Told:
    return {
        "outcome": row.pk,
        "decision": str(row.decision_id),
        "customer": name_of(row.decision.customer),
        "campaign": row.decision.campaign.slug if row.decision.campaign else None,
        "kind": row.kind,
        "value": str(row.value),
        "order_id": row.event.order_id,
        "is_machine": row.is_machine,
        "at": row.at,
    }


def _consent(row: ConsentRecord) -> Told:
    person = Customer.objects.select_related("merged_into").filter(pk=row.customer_id).first()
    return {
        "record": row.pk,
        "customer": name_of(person),
        "purpose": row.purpose,
        "granted": row.granted,
        "notice": row.notice,
        "method": row.method,
        "at": row.at,
    }


def _redemption(row: Redemption) -> Told:
    return {
        "redemption": row.pk,
        "customer": name_of(row.customer or row.code.customer),
        "code": row.code.value,
        "offer": row.code.offer.slug,
        "order_id": row.order_id,
        "amount": str(row.amount),
        "discount": str(row.discount),
        "currency": row.currency,
        "redeemed_at": row.at,
        "reversed_at": row.reversed_at,
    }


# Whoever used a code, or else whose it was: of a code nobody's, no person is known.
_BUYER = Coalesce("customer_id", "code__customer_id")
_TILL = ("customer__merged_into", "code__customer__merged_into", "code__offer")
SOURCES: tuple[Source, ...] = (
    Source(
        "decisions",
        Decision,
        {"": "decision.made"},
        "decided_at",
        _decision,
        stamp="written_at",
        related=("customer__merged_into", "campaign", "offer", "code"),
    ),
    Source(
        "deliveries",
        Delivery,
        {status: f"delivery.{status}" for status in ("sent", "failed", "suppressed", "unknown", "cancelled")},
        "ended_at",
        _delivery,
        by="status",
        stamp="ended_at",
        is_told=Q(status__in=("sent", "failed", "suppressed", "unknown", "cancelled")),
        related=("customer__merged_into", "run__campaign"),
    ),
    Source(
        "outcomes",
        Outcome,
        {"": "outcome.recorded"},
        "at",
        _outcome,
        person="decision__customer_id",
        related=("decision__customer__merged_into", "decision__campaign", "event"),
    ),
    Source("consents", ConsentRecord, {"": "consent.changed"}, "at", _consent, of_restricted=True),
    Source("redemptions", Redemption, {"": "code.redeemed"}, "at", _redemption, person=_BUYER, related=_TILL),
    Source(
        "reversals",
        Redemption,
        {"": "code.reversed"},
        "reversed_at",
        _redemption,
        stamp="reversed_at",
        person=_BUYER,
        related=_TILL,
    ),
)
SOURCE_OF: Mapping[str, Source] = {kind: source for source in SOURCES for kind in source.types.values()}
TYPES: tuple[str, ...] = tuple(SOURCE_OF)


def wanted(types: Collection[str]) -> list[Source]:
    """The sources that any of these types come from."""
    return [source for source in SOURCES if not set(types).isdisjoint(source.types.values())]
