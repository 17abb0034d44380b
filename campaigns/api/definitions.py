"""The marketer's door, for programs: offers and the places they show."""

from typing import Any, cast

from django.db import IntegrityError, transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns.models import Offer, OfferCap, Placement
from campaigns.offers import caps
from campaigns.offers.definitions import is_possible_step, problems_of_offer, problems_of_placement
from catalog.api import CURRENCY, NOT_NEGATIVE
from catalog.lists import NumberedPages
from catalog.models import Category

SLUG = r"^[-a-zA-Z0-9_]+$"
MOST = 2_147_483_647
# What one may say of an offer, and nothing that is counted.
FIELDS = (
    "title", "description", "translations", "status", "benefit", "value", "currency", "minimum_amount", "eligibility",
    "priority", "starts_at", "ends_at", "code_kind", "code_prefix", "code_valid_days", "max_total", "max_per_customer",
    "low_stock_at", "max_discount", "budget", "used_percent",
)  # fmt: skip


class CapFields(serializers.Serializer[Any]):
    event = serializers.ChoiceField(choices=OfferCap.Event.choices, default=OfferCap.Event.DECIDED)
    scope = serializers.ChoiceField(choices=OfferCap.Scope.choices, default=OfferCap.Scope.CUSTOMER)
    placement = serializers.SlugRelatedField(
        slug_field="slug", queryset=Placement.objects.all(), allow_null=True, default=None
    )
    most = serializers.IntegerField(min_value=0, max_value=MOST)
    every_days = serializers.IntegerField(min_value=1, max_value=3650, allow_null=True, default=None)


class OfferFields(serializers.Serializer[Any]):
    """A field that is left out stays as it is; `caps` and `categories` are replaced whole."""

    title = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=20_000, allow_blank=True, required=False)
    translations = serializers.DictField(child=serializers.DictField(), required=False)
    status = serializers.ChoiceField(choices=Offer.Status.choices, required=False)
    benefit = serializers.ChoiceField(choices=Offer.Benefit.choices, required=False)
    value = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=NOT_NEGATIVE, required=False)
    currency = serializers.RegexField(CURRENCY, required=False, allow_blank=True)
    minimum_amount = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=NOT_NEGATIVE, required=False
    )
    categories = serializers.SlugRelatedField(
        slug_field="slug", queryset=Category.objects.all(), many=True, required=False
    )
    eligibility = serializers.JSONField(required=False, allow_null=True, help_text="A segment rule, or null")
    priority = serializers.IntegerField(min_value=-MOST, max_value=MOST, required=False)
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True)
    code_kind = serializers.ChoiceField(choices=Offer.CodeKind.choices, required=False)
    code_prefix = serializers.CharField(max_length=10, allow_blank=True, required=False)
    code_valid_days = serializers.IntegerField(min_value=1, max_value=3650, required=False)
    max_total = serializers.IntegerField(min_value=0, max_value=MOST, required=False, allow_null=True)
    max_per_customer = serializers.IntegerField(min_value=0, max_value=MOST, required=False, allow_null=True)
    low_stock_at = serializers.IntegerField(min_value=0, max_value=MOST, required=False, allow_null=True)
    max_discount = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=NOT_NEGATIVE, required=False, allow_null=True
    )
    budget = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=NOT_NEGATIVE, required=False, allow_null=True
    )
    used_percent = serializers.IntegerField(min_value=0, max_value=100, required=False)
    caps = CapFields(many=True, required=False)


class NewOffer(OfferFields):
    slug = serializers.RegexField(SLUG, max_length=80)
    title = serializers.CharField(max_length=200)
    benefit = serializers.ChoiceField(choices=Offer.Benefit.choices)


class DefinitionOutput(OfferFields):
    slug = serializers.CharField()
    caps = CapFields(source="caps.all", many=True)
    given = serializers.IntegerField()
    discount_given = serializers.CharField()
    discount_reserved = serializers.CharField()
    created_at = serializers.DateTimeField()


class PlacementFields(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False)
    channel = serializers.ChoiceField(choices=Placement.Channel.choices, required=False)
    slots = serializers.IntegerField(min_value=1, max_value=30, required=False)
    ranking = serializers.ChoiceField(choices=Placement.Ranking.choices, required=False)
    formula = serializers.JSONField(required=False)
    success = serializers.ChoiceField(choices=Placement.Success.choices, required=False)
    explore_percent = serializers.IntegerField(min_value=0, max_value=100, required=False)
    allow_duplicates = serializers.BooleanField(required=False)
    fallback = serializers.SlugRelatedField(
        slug_field="slug", queryset=Offer.objects.all(), required=False, allow_null=True
    )


class NewPlacement(PlacementFields):
    slug = serializers.RegexField(SLUG, max_length=60)
    name = serializers.CharField(max_length=200)


class PlacementOutput(PlacementFields):
    slug = serializers.CharField()
    shares = serializers.SerializerMethodField(
        help_text="What the ranking has learnt last, by offer; null: nothing"
    )

    def get_shares(self, placement: Placement) -> dict[str, Any] | None:
        last = max(placement.states.all(), key=lambda state: state.at, default=None)
        return last.arms if last is not None and last.method == placement.ranking else None


class Pages(NumberedPages):
    ordering = "-pk"
    page_size = 100


def _wrong(problems: dict[str, str]) -> None:
    if problems:
        raise serializers.ValidationError({field: [told] for field, told in problems.items()})


def save_offer(offer: Offer, said: dict[str, Any]) -> Offer:
    """Keep what was said, and never what is counted. Raises ValidationError."""
    named = [name for name in FIELDS if name in said]
    if offer.pk and not is_possible_step(offer.status, said.get("status", offer.status)):
        _wrong({"status": f"An offer that is {offer.status} does not become {said['status']}."})
    for name in named:
        setattr(offer, name, said[name])
    _wrong(problems_of_offer(offer))
    if not offer.pk:
        offer.save(force_insert=True)
    elif named:
        offer.save(update_fields=named)
    if "categories" in said:
        offer.categories.set(said["categories"])
    if "caps" in said:
        _save_caps(offer, said["caps"])
    return offer


def _save_caps(offer: Offer, wanted: list[dict[str, Any]]) -> None:
    """The caps as they are wanted; one that stays keeps its count."""
    left = [dict(one) for one in wanted]
    for cap in offer.caps.select_related("placement"):
        same = {name: getattr(cap, name) for name in ("event", "scope", "placement", "most", "every_days")}
        if same in left:
            left.remove(same)
        else:
            cap.delete()
    OfferCap.objects.bulk_create(OfferCap(offer=offer, **one) for one in left)


def _offers() -> Any:
    return Offer.objects.prefetch_related("categories", "caps__placement")


class OfferDefinitionsView(APIView):
    scopes = {"GET": "offers:read", "POST": "offers:write"}
    pagination_class = Pages

    @extend_schema(
        operation_id="list_offer_definitions",
        summary="All offers, newest first",
        responses=DefinitionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        pages = self.pagination_class()
        page: Any = pages.paginate_queryset(_offers(), request, view=self)
        return pages.get_paginated_response(DefinitionOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_offer_definition", summary="A new offer, a draft unless said otherwise",
        request=NewOffer, responses={201: DefinitionOutput},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = NewOffer(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        try:
            with transaction.atomic():
                offer = save_offer(Offer(slug=said["slug"]), said)
        except IntegrityError as error:
            raise serializers.ValidationError(
                {"slug": ["There is an offer of this name already."]}
            ) from error
        return Response(DefinitionOutput(_offers().get(pk=offer.pk)).data, status=201)


class OfferDefinitionView(APIView):
    scopes = {"GET": "offers:read", "PATCH": "offers:write"}

    @extend_schema(operation_id="get_offer_definition", summary="One offer", responses=DefinitionOutput)
    def get(self, request: Request, slug: str) -> Response:
        return Response(DefinitionOutput(one(_offers(), slug, "offer")).data)

    @extend_schema(
        operation_id="change_offer_definition",
        summary="Change an offer; approve it by its status",
        request=OfferFields,
        responses=DefinitionOutput,
    )
    def patch(self, request: Request, slug: str) -> Response:
        given = OfferFields(data=request.data)
        given.is_valid(raise_exception=True)
        with transaction.atomic():
            # Under the offer's lock: what is compared with what was given must not move meanwhile.
            pk = one(Offer.objects.all(), slug, "offer").pk
            save_offer(caps.lock([pk])[pk], cast(dict[str, Any], given.validated_data))
        return Response(DefinitionOutput(_offers().get(pk=pk)).data)


def one(rows: Any, slug: str, what: str) -> Any:
    found = rows.filter(slug=slug).first()
    if found is None:
        raise Http404(f"There is no {what} {slug!r}.")
    return found


def _save_placement(placement: Placement, said: dict[str, Any]) -> Placement:
    for name, value in said.items():
        setattr(placement, name, value)
    fallback = placement.fallback
    _wrong(
        problems_of_placement(placement, fallback_is_capped=fallback is not None and fallback.caps.exists())
    )
    placement.save()
    return placement


def _placements() -> Any:
    return Placement.objects.select_related("fallback").prefetch_related("states")


class PlacementsView(APIView):
    scopes = {"GET": "offers:read", "POST": "offers:write"}
    pagination_class = Pages

    @extend_schema(
        operation_id="list_placements",
        summary="Where offers show, newest first",
        responses=PlacementOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        pages = self.pagination_class()
        page: Any = pages.paginate_queryset(_placements(), request, view=self)
        return pages.get_paginated_response(PlacementOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_placement", summary="Describe a place where offers show", request=NewPlacement,
        responses={201: PlacementOutput},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = NewPlacement(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        try:
            with transaction.atomic():
                placement = _save_placement(Placement(), said)
        except IntegrityError as error:
            raise serializers.ValidationError(
                {"slug": ["There is a placement of this name already."]}
            ) from error
        return Response(PlacementOutput(placement).data, status=201)


class PlacementView(APIView):
    scopes = {"GET": "offers:read", "PATCH": "offers:write"}

    @extend_schema(operation_id="get_placement", summary="One placement", responses=PlacementOutput)
    def get(self, request: Request, slug: str) -> Response:
        return Response(PlacementOutput(one(_placements(), slug, "placement")).data)

    @extend_schema(
        operation_id="change_placement", summary="Change a placement; it holds from the next decision on",
        request=PlacementFields, responses=PlacementOutput,
    )  # fmt: skip
    def patch(self, request: Request, slug: str) -> Response:
        given = PlacementFields(data=request.data)
        given.is_valid(raise_exception=True)
        placement = _save_placement(
            one(_placements(), slug, "placement"), cast(dict[str, Any], given.validated_data)
        )
        return Response(PlacementOutput(placement).data)
