"""The preference page with what is inferred, sent and why; and where the links and pictures of messages lead."""

import base64
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

from campaigns import links, reasons
from campaigns.models import Decision, UpliftScore
from customers import encryption, events, gpc, preferences, purposes
from customers.events import Incoming
from customers.models import Customer, Identity
from customers.views import Preferences as OwnPreferences
from customers.views import guarded, nobody
from recommender import refusals
from recommender.models import ClusterMembership, Interest, RefusedInterest, Score
from recommender.serving import afterwards

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
STRONGEST_INTERESTS, MOST_INTERESTS = 8, 200
log = structlog.get_logger()


def forget_what_was_inferred(customer_id: int) -> None:
    """Drop the interests, the group, the scores and the effects that were worked out from what a person did."""
    Interest.objects.filter(customer_id=customer_id).delete()
    ClusterMembership.objects.filter(customer_id=customer_id).delete()
    Score.objects.filter(customer_id=customer_id).delete()
    UpliftScore.objects.filter(customer_id=customer_id).delete()


class Preferences(OwnPreferences):
    """The preference page, with what the recommender and the campaigns know of the person."""

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        pk = self.person.pk
        if request.POST.get("action") == "forget_interests":
            preferences.leave(
                pk, "personalization", method=preferences.METHOD, source=self.source, at=self.at
            )
            forget_what_was_inferred(pk)
            return self.shown(forgotten=True)
        if request.POST.get("action") == "choose":
            return self.shown(chosen_for=True, changes=self.save_purposes())
        if category := _numbers(request, "refuse"):
            refusals.refuse(pk, category[0], at=self.at)
            return self.shown(refused_one=True)
        if category := _numbers(request, "take_back"):
            refusals.take_back(pk, category[0])
            return self.shown(taken_back=True)
        response = super().post(request, **kwargs)
        if not preferences.answers(pk)["personalization"]:  # a restriction keeps what there is
            forget_what_was_inferred(pk)
        return response

    def more(self) -> dict[str, Any]:
        pk, language = self.person.pk, self.language
        is_chosen_for = preferences.answers(pk)["personalization"]
        interests: list[Interest] = []
        if is_chosen_for:  # what was just forbidden is forgotten, and not shown once more
            own = Interest.objects.told().filter(customer=pk).select_related("category")
            interests = list(own.order_by("-probability", "category")[:MOST_INTERESTS])
        refused = RefusedInterest.objects.filter(customer=pk).select_related("category")
        is_explained = self.request.GET.get("why") == "1"
        acts = afterwards.acts_of(pk) if is_explained and is_chosen_for else None
        return {
            "is_chosen_for": is_chosen_for,
            "choosing": purposes.current_notice("personalization", language),
            "interests": interests[:STRONGEST_INTERESTS],
            "weaker_interests": interests[STRONGEST_INTERESTS:],
            "refused": list(refused.order_by("category__name")[:MOST_INTERESTS]),
            "is_explained": is_explained,
            "messages": reasons.last_messages(self.person, acts, language=language),
            "lists": reasons.last_lists(self.person, acts),
        }


def _numbers(request: HttpRequest, name: str) -> list[int]:
    """The number that the button carried, if one was pressed."""
    value = request.POST.get(name, "")
    return [int(value)] if value.isascii() and value.isdigit() and len(value) < 19 else []


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
