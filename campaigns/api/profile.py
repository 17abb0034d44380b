"""What is inferred about a customer."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from customers import consent
from customers.api.caller import customer_or_404
from recommender.models import Interest, Score


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
        interests = Interest.objects.told().filter(customer__in=allows).order_by("-probability")
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
