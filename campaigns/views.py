"""The preference page with what was sent and why; and where the links and pictures of messages lead."""

import base64
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from django.views import View

from campaigns import links
from campaigns.messages import benefit_words
from campaigns.models import Decision, Delivery, UpliftScore
from catalog.models import Product
from customers import encryption, events, gpc, preferences, purposes
from customers.events import Incoming
from customers.models import Customer, Identity
from customers.views import Preferences as OwnPreferences
from customers.views import guarded, nobody
from recommender.models import ClusterMembership, Interest, Score

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
LAST_MESSAGES, STRONGEST_INTERESTS = 5, 8
log = structlog.get_logger()


@dataclass(frozen=True)
class Sent:
    """One message someone got: what was in it, and by whose leave."""

    at: datetime
    offer: str
    products: tuple[str, ...]
    is_personal: bool
    allowed_by: str
    """The words the person said yes to; empty where silence allowed it."""


def last_messages(customer: Customer, *, language: str) -> list[Sent]:
    """The newest messages, newest first. Three queries."""
    deliveries = (
        Delivery.objects.filter(customer=customer, status=Delivery.Status.SENT)
        .select_related("decision__offer", "content")
        .order_by("-ended_at")[:LAST_MESSAGES]
    )
    shown = {delivery.pk: delivery.decision.skus[: _shown(delivery)] for delivery in deliveries}
    skus = {sku for listed in shown.values() for sku in listed}
    titles = dict(Product.objects.filter(sku__in=skus).values_list("sku", "title"))
    return [
        Sent(
            at=delivery.ended_at or delivery.decision.decided_at,
            offer=_offer_words(delivery.decision, language),
            products=tuple(titles[sku] for sku in shown[delivery.pk] if sku in titles),
            is_personal=delivery.decision.personalized,
            allowed_by=purposes.current_notice(delivery.decision.purpose, language).text
            if delivery.basis == "consent"
            else "",
        )
        for delivery in deliveries
    ]


def _shown(delivery: Delivery) -> int:
    """How many of the chosen products the message showed."""
    message = delivery.content
    return message.product_count if message is not None else 0


def _offer_words(decision: Decision, language: str) -> str:
    offer = decision.offer
    if offer is None:
        return ""
    title = offer.translations.get(language, {}).get("title") or offer.title
    return f"{title} ({benefit_words(offer)})"


def forget_what_was_inferred(customer_id: int) -> None:
    """Drop the interests, the group, the scores and the effects that were worked out from what a person did."""
    Interest.objects.filter(customer_id=customer_id).delete()
    ClusterMembership.objects.filter(customer_id=customer_id).delete()
    Score.objects.filter(customer_id=customer_id).delete()
    UpliftScore.objects.filter(customer_id=customer_id).delete()


class Preferences(OwnPreferences):
    """The preference page, with what the recommender and the campaigns know of the person."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.POST.get("action") == "forget_interests":
            preferences.leave(
                self.person.pk,
                "personalization",
                method=preferences.METHOD,
                source="preferences",
                at=self.at,
            )
            forget_what_was_inferred(self.person.pk)
            return self.shown(forgotten=True)
        response = super().post(request, **kwargs)
        if not preferences.is_allowed(self.person.pk, "personalization"):
            forget_what_was_inferred(self.person.pk)
        return response

    def more(self) -> dict[str, Any]:
        interests = Interest.objects.filter(customer=self.person).select_related("category")
        if not preferences.is_allowed(self.person.pk, "personalization"):
            interests = interests.none()  # what was just forbidden is forgotten, and not shown once more
        return {
            "interests": [
                (interest.category.name, round(interest.probability * 100))
                for interest in interests.order_by("-probability")[:STRONGEST_INTERESTS]
            ],
            "messages": last_messages(self.person, language=self.language),
        }


class Click(View):
    """A link of a message: on to the target that is sealed inside its own token, and nowhere else."""

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            decision_id, target = links.clicked(token)
        except encryption.Unreadable:
            return nobody(request)
        if urlsplit(target).scheme not in ("http", "https"):
            return nobody(request)
        if request.method == "GET":
            at = timezone.now()
            digest = sha256(target.encode()).hexdigest()[:16]
            # A double click is one click; two links at once are two.
            message_id = f"{decision_id.hex}:{digest}:{int(at.timestamp())}"
            note(decision_id, "clicked", message_id=message_id, request=request, at=at, url=target)
        return guarded(HttpResponse(status=302, headers={"Location": iri_to_uri(target)}))


class Open(View):
    """The invisible picture of a message: seen once a day at most."""

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            decision_id = links.opened(token)
        except encryption.Unreadable:
            return nobody(request)
        if request.method == "GET":
            at = timezone.now()
            note(decision_id, "opened", message_id=f"{decision_id.hex}:{at:%Y-%m-%d}", request=request, at=at)
        return guarded(HttpResponse(GIF, content_type="image/gif"))


def note(
    decision_id: UUID, kind: str, *, message_id: str, request: HttpRequest, at: datetime, url: str = ""
) -> None:
    """Keep an open or a click by the one door, which refuses it without `message_tracking`.

    Whatever goes wrong here, the person gets their page.
    """
    try:
        decision = Decision.objects.select_related("customer__merged_into").filter(pk=decision_id).first()
        if decision is None:
            return
        person = decision.customer.merged_into or decision.customer
        if gpc.honour(request, [person.pk], source=f"message {kind}", at=at):
            return
        context = {"decision": str(decision_id), "user_agent": request.headers.get("User-Agent", "")[:300]}
        if url:
            context["url"] = url
        customer, visitor = _names_of(decision.customer)
        touch = Incoming(
            message_id=message_id,
            type=kind,
            occurred_at=at,
            customer=customer,
            anonymous_id=visitor,
            context=context,
        )
        events.take_in([touch], source="message", at=at)
    except (DatabaseError, Customer.DoesNotExist):
        log.exception("a touch was not kept", kind=kind, decision=str(decision_id))


def _names_of(customer: Customer) -> tuple[str | None, str | None]:
    """(shop's own id, anonymous id) under which the door of events knows the person, or whoever they turned out to be."""
    person = customer.merged_into or customer
    if person.external_id:
        return person.external_id, None
    visitor = person.identities.filter(kind=Identity.Kind.ANONYMOUS).order_by("pk").first()
    return None, visitor.value if visitor is not None else None
