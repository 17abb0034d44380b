"""The storefront's door to offers."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import messages, onsite
from campaigns.models import Decision, Offer
from campaigns.onsite import Shown
from catalog.questions import Rows
from customers import gpc
from recommender.api import known_customer

OFFERS_SKUS = 10


class OffersInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200, required=False)
    placement = serializers.SlugField(max_length=60)
    language = serializers.ChoiceField(choices=messages.LANGUAGES, default="en")


class BenefitOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=Offer.Benefit.values)
    value = serializers.CharField()
    currency = serializers.CharField()


class OfferOutput(serializers.Serializer[Any]):
    decision_id = serializers.UUIDField(
        allow_null=True, help_text="Send it with clicks: each offer has its own"
    )
    offer = serializers.CharField()
    title = serializers.CharField()
    code = serializers.CharField(allow_null=True)
    benefit = BenefitOutput()
    skus = serializers.ListField(child=serializers.CharField())
    valid_until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class OffersOutput(serializers.Serializer[Any]):
    decision_id = serializers.UUIDField(allow_null=True)
    placement = serializers.CharField()
    offers = OfferOutput(many=True)
    fallback = serializers.BooleanField(help_text="true: what everybody sees, not chosen for anyone")


def _shown(offer: Offer, decision: Decision | None, language: str) -> dict[str, Any]:
    return {
        "decision_id": decision.pk if decision is not None else None,
        "offer": offer.slug,
        "title": offer.translations.get(language, {}).get("title") or offer.title,
        "code": decision.code.value if decision is not None and decision.code is not None else None,
        "benefit": {"type": offer.benefit, "value": str(offer.value), "currency": offer.currency},
        "skus": decision.skus[:OFFERS_SKUS] if decision is not None else [],
        "valid_until": decision.expires_at if decision is not None else offer.ends_at,
        "reason": _("Chosen for you")
        if decision is not None and decision.personalized
        else _("For everybody"),
    }


def as_answer(shown: Shown, placement: str, language: str) -> dict[str, Any]:
    """As `OffersOutput` describes it."""
    own = [] if shown.fallback else [(row.offer, row) for row in shown.decisions if row.offer is not None]
    everybody_s: list[tuple[Offer, Decision | None]] = [(offer, None) for offer in shown.offers]
    with translation.override(language):
        return {
            "decision_id": shown.decision.pk if shown.decision is not None else None,
            "placement": placement,
            "offers": [_shown(offer, row, language) for offer, row in own or everybody_s],
            "fallback": shown.fallback,
        }


class OffersView(APIView):
    scopes = {"GET": "offers:read"}
    asked: onsite.Asked | None = None

    def beside(self, request: Request, named: str) -> Sequence[Rows]:
        """What is asked of the customer in the key's own statement (`access_of`)."""
        given = OffersInput(data=request.query_params)
        # Where the browser says no, that is written down before anything is asked.
        if gpc.is_on(request) or not given.is_valid():
            return ()
        self.asked = onsite.Asked(given.validated_data["placement"], at=timezone.now(), named=named)
        return self.asked.questions

    @extend_schema(
        operation_id="get_offers",
        summary="The offers for this customer at this placement, one a slot, the same until they end",
        parameters=[OffersInput],
        responses=OffersOutput,
    )
    def get(self, request: Request) -> Response:
        given = OffersInput(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        customer = known_customer(request, asked.get("customer"))
        shown = onsite.decide(customer, asked["placement"], at=timezone.now(), asked=self.asked)
        return Response(as_answer(shown, asked["placement"], asked["language"]))
