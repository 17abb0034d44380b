"""The door for reviews: kept with what they say."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.imports import product_ids
from catalog.models import Review
from customers.api.caller import customer_or_404
from recommender import reviews


class ReviewInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200)
    sku = serializers.CharField(max_length=100)
    rating = serializers.IntegerField(min_value=1, max_value=5)
    text = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    title = serializers.CharField(max_length=300, allow_blank=True, default="")
    locale = serializers.CharField(max_length=20, allow_blank=True, default="")
    message_id = serializers.CharField(
        max_length=100, required=False, help_text="Left out: one review a customer and product, the newest."
    )


class ReviewOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sentiment = serializers.FloatField(
        allow_null=True, help_text="Probability that it is favourable; null where nothing can be told."
    )
    note = serializers.CharField(
        allow_blank=True, help_text="Why there is no sentiment; empty where there is one."
    )


class ReviewsView(APIView):
    scopes = {"POST": "customers:write"}

    @extend_schema(
        operation_id="put_review",
        summary="A customer's review",
        request=ReviewInput,
        responses={200: ReviewOutput, 201: ReviewOutput},
    )
    def post(self, request: Request) -> Response:
        given = ReviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        author = customer_or_404(said["customer"])
        product = product_ids([said["sku"]]).get(said["sku"])
        if product is None:
            raise Http404(f"There is no product {said['sku']!r}.")
        judge = reviews.live()
        words = reviews.said(said["title"], said["text"])
        review, created = Review.objects.update_or_create(
            source="api",
            message_id=said.get("message_id") or f"{author.pk}:{product}",
            defaults={
                "product_id": product,
                "author_id": author.pk,
                "written_at": timezone.now(),
                "sentiment": judge.sentiments([words])[0] if judge else None,
                "sentiment_model": judge.version if judge else None,
                "corrected_by": "",
                **{name: said[name] for name in ("rating", "text", "title", "locale")},
            },
        )
        answer = {"id": review.pk, "sentiment": review.sentiment, "note": _note(review.sentiment, words)}
        return Response(answer, status=201 if created else 200)


def _note(sentiment: float | None, words: str) -> str:
    if sentiment is not None:
        return ""
    return _("No sentiment model is live yet.") if words else _("The review has no words.")
