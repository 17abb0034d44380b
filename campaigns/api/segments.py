"""The marketer's door, for programs: segments, whom they hold, and whom a rule would hold."""

from typing import Any, cast

from django.db import IntegrityError, transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import segments
from campaigns.api.definitions import SLUG, Pages, one
from campaigns.models import Campaign, Segment
from campaigns.reports import small
from customers.api.caller import access
from customers.models import Customer


class SegmentFields(serializers.Serializer[Any]):
    """A field that is left out stays as it is."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=20_000, allow_blank=True, required=False)
    rule = serializers.JSONField(required=False, help_text="A segment rule")


class NewSegment(SegmentFields):
    slug = serializers.RegexField(SLUG, max_length=80)
    name = serializers.CharField(max_length=200)
    rule = serializers.JSONField(help_text="A segment rule")


class SegmentDefinitionOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    rule = serializers.JSONField()
    updated_at = serializers.DateTimeField()


class PreviewInput(serializers.Serializer[Any]):
    rule = serializers.JSONField(help_text="A segment rule")
    channel = serializers.ChoiceField(choices=Campaign.Channel.choices, default=Campaign.Channel.EMAIL)


class WaterfallOutput(serializers.Serializer[Any]):
    """The rows add up to `matched` where `exact`; else each is the nearest ten, and null below twenty."""

    exact = serializers.BooleanField()
    matched = serializers.IntegerField(allow_null=True)
    no_consent = serializers.DictField(
        child=serializers.IntegerField(allow_null=True), help_text="By purpose"
    )
    suppressed = serializers.DictField(child=serializers.IntegerField(allow_null=True), help_text="By reason")
    no_address = serializers.IntegerField(allow_null=True)
    sendable = serializers.IntegerField(allow_null=True)


class MemberOutput(serializers.Serializer[Any]):
    customer = serializers.CharField(
        source="external_id", allow_null=True, help_text="null: a visitor nobody knows"
    )


class Members(Pages):
    ordering = "pk"
    page_size_query_param = "limit"
    max_page_size = 1000


def checked(rule: Any, slug: str) -> Any:
    """The rule, which compiles and does not stand in itself. Raises InvalidRule."""
    segments.check(rule, where=f"segment:{slug}")
    segments.read(rule, within=(slug,))
    return rule


class SegmentsView(APIView):
    scopes = {"GET": "segments:read", "POST": "segments:write"}
    pagination_class = Pages

    @extend_schema(
        operation_id="list_segments",
        summary="All segments, newest first",
        responses=SegmentDefinitionOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        pages = self.pagination_class()
        page: Any = pages.paginate_queryset(Segment.objects.all(), request, view=self)
        return pages.get_paginated_response(SegmentDefinitionOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_segment",
        summary="A new segment",
        request=NewSegment,
        responses={201: SegmentDefinitionOutput},
    )
    def post(self, request: Request) -> Response:
        given = NewSegment(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        checked(said["rule"], said["slug"])
        try:
            with transaction.atomic():
                segment = Segment.objects.create(**said)
        except IntegrityError as error:
            raise serializers.ValidationError(
                {"slug": ["There is a segment of this name already."]}
            ) from error
        return Response(SegmentDefinitionOutput(segment).data, status=201)


class SegmentView(APIView):
    scopes = {"GET": "segments:read", "PATCH": "segments:write"}

    @extend_schema(operation_id="get_segment", summary="One segment", responses=SegmentDefinitionOutput)
    def get(self, request: Request, slug: str) -> Response:
        return Response(SegmentDefinitionOutput(one(Segment.objects.all(), slug, "segment")).data)

    @extend_schema(
        operation_id="change_segment",
        summary="Change a segment; it holds from the next planning on",
        request=SegmentFields,
        responses=SegmentDefinitionOutput,
    )
    def patch(self, request: Request, slug: str) -> Response:
        segment = one(Segment.objects.all(), slug, "segment")
        given = SegmentFields(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        if "rule" in said:
            checked(said["rule"], slug)
        for name, value in said.items():
            setattr(segment, name, value)
        segment.save()
        return Response(SegmentDefinitionOutput(segment).data)


class SegmentPreviewView(APIView):
    scopes = {"POST": "segments:read"}

    @extend_schema(
        operation_id="preview_segment",
        summary="How many a rule matches now, and how many of them a channel could reach",
        request=PreviewInput,
        responses=WaterfallOutput,
    )
    def post(self, request: Request) -> Response:
        """Nothing is kept. Exact for a key that may read customers, who can count them; else in tens (N1)."""
        given = PreviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        counted = segments.waterfall(said["rule"], channel=said["channel"], at=timezone.now())
        exact = "customers:read" in access(request).scopes
        told = counted if exact else small.in_tens(counted, hides_nobody=True)
        return Response({"exact": exact, **told})


class SegmentMembersView(APIView):
    scopes = {"GET": "customers:read"}
    pagination_class = Members

    @extend_schema(
        operation_id="list_segment_members",
        summary="Who matches a segment now, by the shop's own ids",
        responses=MemberOutput(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """A list of persons: it needs `customers:read`, and a rule of behaviour lists only who allows its use."""
        found = segments.matching(one(Segment.objects.all(), slug, "segment"), at=timezone.now())
        pages = self.pagination_class()
        people = Customer.objects.filter(pk__in=found.values("pk")).only("pk", "external_id")
        page: Any = pages.paginate_queryset(people, request, view=self)
        return pages.get_paginated_response(MemberOutput(page, many=True).data)
