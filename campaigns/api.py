"""The storefront's door to offers and codes."""

from datetime import datetime
from typing import Any, cast

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import codes, messages, onsite
from campaigns.codes import Discount
from campaigns.models import Decision, Offer
from campaigns.onsite import Shown
from catalog.api import CURRENCY, NOT_NEGATIVE
from customers import consent, identities
from customers.api.caller import customer_or_404
from recommender.api import known_customer
from recommender.models import Interest, Score

OFFERS_SKUS = 10


class InterestOutput(serializers.Serializer[Any]):
    category = serializers.CharField(source="category.slug")
    probability = serializers.FloatField()


class ScoresOutput(serializers.Serializer[Any]):
    purchase = serializers.FloatField(allow_null=True, help_text="Probability of an order in `purchase_days`")
    churn = serializers.FloatField(allow_null=True, help_text="Probability of no order in `churn_days`")
    lifetime_value = serializers.FloatField(allow_null=True, help_text="Money expected in `value_days`")
    expected_at = serializers.DateField(allow_null=True, help_text="By when an order is as likely as not")
    rests_on = serializers.DictField(help_text="The model's version, its horizons, and until when it learnt")


class ProfileOutput(serializers.Serializer[Any]):
    customer = serializers.CharField()
    personalized = serializers.BooleanField(help_text="false: nothing may be inferred about this person")
    interests = InterestOutput(many=True)
    scores = ScoresOutput(allow_null=True)


class ProfileView(APIView):
    scopes = {"GET": "customers:read"}

    @extend_schema(
        operation_id="get_profile",
        summary="What is inferred about a customer who allows personalization",
        responses=ProfileOutput,
    )
    def get(self, request: Request, external_id: str) -> Response:
        customer = customer_or_404(external_id)
        allows = consent.permitted("personalization").filter(pk=customer.pk)
        interests = Interest.objects.filter(customer__in=allows).order_by("-probability")
        score = Score.objects.filter(customer__in=allows).select_related("model").first()
        return Response(
            ProfileOutput(
                {
                    "customer": external_id,
                    "personalized": allows.exists(),
                    "interests": interests.select_related("category"),
                    "scores": score and _scores(score),
                }
            ).data
        )


def _scores(score: Score) -> dict[str, Any]:
    model = score.model
    rests_on = {"version": model.pk, "learnt_until": model.trained_until, **model.parameters}
    names = ("purchase", "churn", "lifetime_value", "expected_at")
    return {**{name: getattr(score, name) for name in names}, "rests_on": rests_on}


class OffersInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200, required=False)
    placement = serializers.SlugField(max_length=60)
    language = serializers.ChoiceField(choices=messages.LANGUAGES, default="en")


class BenefitOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=Offer.Benefit.values)
    value = serializers.CharField()
    currency = serializers.CharField()


class OfferOutput(serializers.Serializer[Any]):
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
    decision = None if shown.fallback else shown.decision
    with translation.override(language):
        return {
            "decision_id": shown.decision.pk if shown.decision is not None else None,
            "placement": placement,
            "offers": [_shown(offer, decision, language) for offer in shown.offers],
            "fallback": shown.fallback,
        }


class OffersView(APIView):
    scopes = {"GET": "offers:read"}

    @extend_schema(
        operation_id="get_offers",
        summary="The offer for this customer at this placement, the same until it ends",
        parameters=[OffersInput],
        responses=OffersOutput,
    )
    def get(self, request: Request) -> Response:
        given = OffersInput(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        customer = known_customer(request, asked.get("customer"))
        shown = onsite.decide(customer, asked["placement"], at=timezone.now())
        answer = as_answer(shown, asked["placement"], asked["language"])
        return Response(OffersOutput(answer).data)


class CodeInput(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)
    customer = serializers.CharField(max_length=200, required=False, allow_null=True)
    order_id = serializers.CharField(max_length=100)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=NOT_NEGATIVE)
    currency = serializers.RegexField(CURRENCY)
    skus = serializers.ListField(child=serializers.CharField(max_length=100), default=list, max_length=1000)


class ReverseInput(serializers.Serializer[Any]):
    """Only the code and the order are read; the rest may be sent as it was at redemption."""

    code = serializers.CharField(max_length=40)
    order_id = serializers.CharField(max_length=100)


class DiscountOutput(serializers.Serializer[Any]):
    discount = serializers.CharField()
    currency = serializers.CharField()
    code = serializers.CharField()
    offer = serializers.CharField()


def _discount(worth: Discount) -> Response:
    return Response(
        {
            "discount": str(worth.discount),
            "currency": worth.currency,
            "code": worth.code.value,
            "offer": worth.code.offer.slug,
        }
    )


def _order(request: Request, at: datetime) -> tuple[str, dict[str, Any]]:
    given = CodeInput(data=request.data)
    given.is_valid(raise_exception=True)
    said = cast(dict[str, Any], given.validated_data)
    customer = said.pop("customer", None)
    # A code belongs to a person: someone unknown is someone else.
    customer_id = identities.find([customer]).get(customer, 0) if customer else None
    return said.pop("code"), {**said, "customer_id": customer_id, "at": at}


class ValidateCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="validate_code",
        summary="What a code would take off this order; changes nothing",
        request=CodeInput,
        responses=DiscountOutput,
    )
    def post(self, request: Request) -> Response:
        value, order = _order(request, timezone.now())
        return _discount(codes.validate(value, **order))


class RedeemCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="redeem_code",
        summary="Use a code for this order; the same order again gets the same answer",
        request=CodeInput,
        responses=DiscountOutput,
    )
    def post(self, request: Request) -> Response:
        value, order = _order(request, timezone.now())
        return _discount(codes.redeem(value, **order))


class ReverseCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="reverse_code",
        summary="The order came back: the code can be used again",
        request=ReverseInput,
        responses=DiscountOutput,
    )
    def post(self, request: Request) -> Response:
        given = ReverseInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        return _discount(codes.reverse(said["code"], order_id=said["order_id"], at=timezone.now()))
