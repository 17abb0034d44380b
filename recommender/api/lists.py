"""The storefront's door to what suits whom."""

import uuid
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import together
from catalog.api import SkuList, product_or_404
from catalog.imports import product_ids
from catalog.models import Category
from customers import identities
from customers.access import Access
from recommender import serving
from recommender.serving import Filters, Item, Recommendation, placements, shown
from recommender.serving.placements import Contradiction, Placed

MODES = ("all", "again", "new")


def known_customer(request: Request, external_id: str | None) -> int | None:
    """Whom an answer may be personal to: None for a stranger, and where nobody proved who asks.

    A token that proves somebody else is refused.
    """
    caller = cast(Access, request.auth)
    asked = external_id or caller.customer
    if not asked:
        return None
    if not caller.speaks_for(asked):
        if caller.customer is not None:
            raise exceptions.PermissionDenied("The token proves another customer.")
        return None
    return caller.person if asked == caller.named else identities.find([asked]).get(asked)


class ListInput(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)
    category = serializers.CharField(max_length=200, required=False, help_text="A category's name or slug")
    exclude = SkuList(max_length=5000, default="", help_text="SKUs, separated by commas")
    in_stock = serializers.BooleanField(default=True)


class RecommendationsInput(ListInput):
    customer = serializers.CharField(max_length=200, required=False)
    placement = serializers.CharField(max_length=60, default="home")
    mode = serializers.ChoiceField(choices=MODES, default="all")
    item = serializers.CharField(max_length=100, required=False, help_text="What goes with this SKU")
    explain = serializers.BooleanField(default=False)


class ReasonOutput(serializers.Serializer[Any]):
    type = serializers.CharField()
    skus = serializers.ListField(child=serializers.CharField())
    text = serializers.CharField()
    share = serializers.FloatField(
        allow_null=True, help_text="how much of the score those SKUs explain, 0 to 1; null where nobody asked"
    )


class ItemOutput(serializers.Serializer[Any]):
    sku = serializers.CharField()
    score = serializers.FloatField()
    reason = ReasonOutput()
    propensity = serializers.FloatField(
        required=False,
        help_text="how likely it was in this place, given those above; only where a share is left to chance",
    )
    promotion = serializers.CharField(required=False, help_text="the promotion that placed it, if one did")
    reranked_by = serializers.CharField(
        required=False, help_text="what varied the list, mmr or calibrated; only where something did"
    )
    relevance_place = serializers.IntegerField(
        required=False, help_text="its place by relevance alone, from 1; only in a list that was varied"
    )


class ModelNameOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()


class RecommendationsOutput(serializers.Serializer[Any]):
    recommendation_id = serializers.UUIDField()
    customer = serializers.CharField(allow_null=True)
    placement = serializers.CharField()
    personalized = serializers.BooleanField()
    model = ModelNameOutput(allow_null=True)
    items = ItemOutput(many=True)


def filters_of(asked: dict[str, Any]) -> Filters:
    categories = None
    if name := asked.get("category"):
        rows = Category.objects.filter(slug=name) | Category.objects.filter(name=name)
        categories = list(rows.values_list("pk", flat=True))
    excluded = product_ids(asked["exclude"]).values() if asked["exclude"] else ()
    return Filters(
        mode=asked.get("mode", "all"),
        in_stock=asked["in_stock"],
        category_ids=categories,
        exclude_ids=set(excluded),
    )


def narrowed(placed: Placed, asked: dict[str, Any]) -> Filters:
    """What the request and the placement both allow."""
    try:
        return placed.narrowed(filters_of(asked))
    except Contradiction as contradiction:
        raise serializers.ValidationError({"mode": [str(contradiction)]}) from contradiction


def answer(
    found: Recommendation, customer: str | None, placement: str, *, recommendation_id: uuid.UUID | None = None
) -> Response:
    """As `RecommendationsOutput` describes it, which would take as long to write it as the list took to be found."""
    return Response(
        {
            "recommendation_id": recommendation_id or uuid.uuid4(),
            "customer": customer,
            "placement": placement,
            "personalized": found.personalized,
            "model": {"name": found.model.algorithm, "version": found.model.pk} if found.model else None,
            "items": [_told(item) for item in found.items],
        }
    )


def _told(item: Item) -> dict[str, Any]:
    reason = item.reason
    said: dict[str, Any] = {
        "sku": item.sku,
        "score": item.score,
        "reason": {
            "type": reason.type,
            "skus": reason.skus,
            "text": reason.text,
            "share": reason.share,
        },
    }
    for name in ("propensity", "promotion", "reranked_by", "relevance_place"):
        if (value := getattr(item, name)) not in (None, ""):
            said[name] = value
    return said


class RecommendationsView(APIView):
    scopes = {"GET": "recommendations:read"}

    @extend_schema(
        operation_id="get_recommendations",
        summary="A list for the customer, from their newest behaviour; a good list for a stranger",
        parameters=[RecommendationsInput],
        responses=RecommendationsOutput,
    )
    def get(self, request: Request) -> Response:
        given = RecommendationsInput(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked, at = given.validated_data, timezone.now()
        customer = None if asked.get("item") else known_customer(request, asked.get("customer"))
        here = placements.Asked(asked["placement"], at=at)
        taste = serving.Asked([] if customer is None else [customer])
        together.read(*here.questions, *taste.questions)
        placed = here.placed(taste.stamp)
        filters = narrowed(placed, asked)
        if sku := asked.get("item"):
            product = product_or_404(sku)
            found = serving.similar(product.pk, at=at, limit=asked["limit"], filters=filters)
            return answer(found, asked.get("customer"), asked["placement"])
        found = serving.recommend(
            customer,
            at=at,
            limit=asked["limit"],
            filters=filters,
            explain=asked["explain"],
            how=placed.how,
            asked=taste,
        )
        recommendation_id = uuid.uuid4()
        if placed.is_measured:
            shown.keep(recommendation_id, found, asked["placement"], customer, at=at)
        return answer(found, asked.get("customer"), asked["placement"], recommendation_id=recommendation_id)


class SimilarView(APIView):
    scopes = {"GET": "recommendations:read"}

    @extend_schema(
        operation_id="get_similar_products",
        summary="What goes with a product, for anybody",
        parameters=[ListInput],
        responses=RecommendationsOutput,
    )
    def get(self, request: Request, sku: str) -> Response:
        given = ListInput(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        product = product_or_404(sku)
        found = serving.similar(
            product.pk, at=timezone.now(), limit=asked["limit"], filters=filters_of(asked)
        )
        return answer(found, None, "similar")


class RankInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200, required=False)
    skus = serializers.ListField(
        child=serializers.CharField(max_length=100), allow_empty=False, max_length=1000
    )


class RankOutput(serializers.Serializer[Any]):
    customer = serializers.CharField(allow_null=True)
    personalized = serializers.BooleanField()
    skus = serializers.ListField(child=serializers.CharField())


class RankView(APIView):
    scopes = {"POST": "recommendations:read"}

    @extend_schema(
        operation_id="rank_products",
        summary="The same SKUs, best for the customer first; unknown ones keep their order at the end",
        request=RankInput,
        responses=RankOutput,
    )
    def post(self, request: Request) -> Response:
        given = RankInput(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        skus = list(dict.fromkeys(asked["skus"]))
        customer = known_customer(request, asked.get("customer"))
        only = Filters(in_stock=False, only_ids=set(product_ids(skus).values()))
        found = serving.recommend(customer, at=timezone.now(), limit=len(skus), filters=only, explain=False)
        ranked = [item.sku for item in found.items]
        rest = set(skus) - set(ranked)
        return Response(
            {
                "customer": asked.get("customer"),
                "personalized": found.personalized,
                "skus": ranked + [sku for sku in skus if sku in rest],
            }
        )
