"""What somebody was sent and shown last, and why: as their own page tells it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.messages import benefit_words
from campaigns.models import Decision, Delivery
from catalog.models import Product
from customers import purposes, softoptin
from customers.histories import Act
from customers.models import Customer
from recommender.models import ModelVersion, Shown
from recommender.serving import afterwards
from recommender.serving.afterwards import Account

LAST_MESSAGES, LAST_LISTS, MOST_PRODUCTS = 5, 3, 10


@dataclass(frozen=True)
class Why:
    """The products of one message or list. `accounts` is None where nobody asked, or the person does not allow it."""

    titles: tuple[str, ...]
    is_personal: bool
    accounts: tuple[Account, ...] | None = None
    is_gone: bool = False
    """What chose them then is not kept any more."""


@dataclass(frozen=True)
class Sent:
    """One message someone got: what was in it, and by whose leave."""

    at: datetime
    offer: str
    why: Why
    allowed_by: str
    """The words the person said yes to; empty where silence allowed it, or what they bought."""
    is_buyer: bool = False


@dataclass(frozen=True)
class Listed:
    """One list of products someone was shown in the shop."""

    at: datetime
    why: Why


def last_messages(customer: Customer, acts: Sequence[Act] | None, *, language: str) -> list[Sent]:
    """The newest messages, newest first; with `acts` their products are taken apart.

    Three queries, and four more a message that is taken apart.
    """
    deliveries = (
        Delivery.objects.filter(customer=customer, status=Delivery.Status.SENT)
        .select_related("decision__offer", "decision__model", "content")
        .order_by("-ended_at")[:LAST_MESSAGES]
    )
    shown = {delivery.pk: delivery.decision.skus[: _shown(delivery)] for delivery in deliveries}
    titles = _titles({sku for listed in shown.values() for sku in listed})
    found = []
    for delivery in deliveries:
        decision = delivery.decision
        words = purposes.current_notice(decision.purpose, language).text
        found.append(
            Sent(
                at=delivery.ended_at or decision.decided_at,
                offer=_offer_words(decision, language),
                why=_why(
                    customer,
                    acts,
                    shown[delivery.pk],
                    titles,
                    decision.model if decision.personalized else None,
                    is_personal=decision.personalized,
                    at=decision.decided_at,
                ),
                allowed_by=words if delivery.basis == "consent" else "",
                is_buyer=delivery.basis == softoptin.BASIS,
            )
        )
    return found


def last_lists(customer: Customer, acts: Sequence[Act] | None) -> list[Listed]:
    """The newest lists that were kept, newest first. Two queries, and four more a list that is taken apart."""
    rows = list(
        Shown.objects.filter(customer=customer).select_related("model").order_by("-at", "-pk")[:LAST_LISTS]
    )
    skus = {row.pk: [item["sku"] for item in row.items][:MOST_PRODUCTS] for row in rows}
    titles = _titles({sku for listed in skus.values() for sku in listed})
    return [
        Listed(row.at, _why(customer, acts, skus[row.pk], titles, row.model, is_personal=True, at=row.at))
        for row in rows
    ]


def _why(
    customer: Customer,
    acts: Sequence[Act] | None,
    skus: Sequence[str],
    titles: dict[str, str],
    model: ModelVersion | None,
    *,
    is_personal: bool,
    at: datetime,
) -> Why:
    named = tuple(titles[sku] for sku in skus if sku in titles)
    if acts is None or not is_personal:
        return Why(named, is_personal)
    try:
        return Why(named, True, tuple(afterwards.accounts(customer.pk, acts, skus, model, at=at)))
    except afterwards.ModelGone:
        return Why(named, True, is_gone=True)


def _titles(skus: set[str]) -> dict[str, str]:
    rows = Product.objects.filter(sku__in=skus).values_list("sku", "title")
    return {sku: title or sku for sku, title in rows}


def _shown(delivery: Delivery) -> int:
    """How many of the chosen products the message showed."""
    message = delivery.content
    return min(message.product_count, MOST_PRODUCTS) if message is not None else 0


def _offer_words(decision: Decision, language: str) -> str:
    offer = decision.offer
    if offer is None:
        return ""
    title = offer.translations.get(language, {}).get("title") or offer.title
    return f"{title} ({benefit_words(offer)})"
