"""The marketer's door, for programs: campaigns, and the steps of their lives."""

from decimal import Decimal
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import checks, contents, lifecycle
from campaigns.api.definitions import SLUG, Pages, one
from campaigns.models import Campaign, CampaignSegment, Message, Offer, Segment, Tag, Variant
from customers.api.caller import access
from customers.models import Topic

APPROVE = "campaigns:approve"
STEPS = tuple(name for name in lifecycle.STEPS if name not in ("recall", "revise"))


class Percent(serializers.DecimalField):
    """0 to 100 with two places, unless said otherwise."""

    def __init__(self, *, most: int = 100, **more: Any) -> None:
        limits = {"min_value": Decimal(0), "max_value": Decimal(most)}
        super().__init__(max_digits=5, decimal_places=2, **{**limits, **more})


class AudienceFields(serializers.Serializer[Any]):
    segment = serializers.SlugRelatedField(slug_field="slug", queryset=Segment.objects.all())
    offers = serializers.SlugRelatedField(
        slug_field="slug", queryset=Offer.objects.all(), many=True, required=False
    )


class VariantFields(serializers.Serializer[Any]):
    key = serializers.RegexField(SLUG, max_length=20)
    name = serializers.CharField(max_length=100, allow_blank=True, default="")
    message = serializers.SlugRelatedField(slug_field="slug", queryset=Message.objects.all())
    weight = serializers.IntegerField(min_value=1, max_value=1000, default=1)


class CampaignFields(serializers.Serializer[Any]):
    """A field that is left out stays as it is; `audiences`, `variants` and `tags` are replaced whole."""

    name = serializers.CharField(max_length=200, required=False)
    channel = serializers.ChoiceField(choices=Campaign.Channel.choices, required=False)
    kind = serializers.ChoiceField(choices=Campaign.Kind.choices, required=False)
    message = serializers.SlugRelatedField(
        slug_field="slug", queryset=Message.objects.all(), required=False, allow_null=True
    )
    placement = serializers.RegexField(SLUG, max_length=60, required=False, allow_blank=True)
    webhook_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    recurrence = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="RFC 5545")
    send_time = serializers.ChoiceField(choices=Campaign.SendTime.choices, required=False)
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True)
    priority = serializers.IntegerField(min_value=-1_000_000, max_value=1_000_000, required=False)
    topic = serializers.SlugRelatedField(
        slug_field="slug", queryset=Topic.objects.all(), required=False, allow_null=True
    )
    tags = serializers.SlugRelatedField(
        slug_field="slug", queryset=Tag.objects.all(), many=True, required=False
    )
    control_percent = Percent(most=99, required=False)
    window_days = serializers.IntegerField(min_value=1, max_value=365, required=False)
    margin_percent = Percent(required=False)
    sending_cost = serializers.DecimalField(
        max_digits=8, decimal_places=4, min_value=Decimal(0), required=False
    )
    allocation = serializers.ChoiceField(choices=Campaign.Allocation.choices, required=False)
    stop_at_complaints = Percent(required=False)
    stop_at_errors = Percent(required=False)
    audiences = AudienceFields(many=True, required=False)
    variants = VariantFields(many=True, required=False)


class NewCampaign(CampaignFields):
    slug = serializers.RegexField(SLUG, max_length=80)
    name = serializers.CharField(max_length=200)


class CampaignOutput(CampaignFields):
    slug = serializers.CharField()
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    stopped_because = serializers.CharField()
    created_by = serializers.CharField()
    approved_by = serializers.CharField()
    approved_people = serializers.IntegerField(allow_null=True)
    audiences = AudienceFields(source="audiences.all", many=True)
    variants = VariantFields(source="variants.all", many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class StepOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    status = serializers.ChoiceField(choices=Campaign.Status.choices)


def _by(request: Request) -> str:
    return f"key {access(request).key_id}"


def _campaigns() -> Any:
    return Campaign.objects.select_related("message", "topic").prefetch_related(
        "audiences__segment", "audiences__offers", "variants__message", "tags"
    )


def _save(campaign: Campaign, said: dict[str, Any]) -> None:
    plain = {name: value for name, value in said.items() if name not in ("audiences", "variants", "tags")}
    for name, value in plain.items():
        setattr(campaign, name, value)
    campaign.save()
    if "tags" in said:
        campaign.tags.set(said["tags"])
    if "audiences" in said:
        campaign.audiences.all().delete()
        for position, audience in enumerate(said["audiences"]):
            row = CampaignSegment.objects.create(
                campaign=campaign, segment=audience["segment"], position=position
            )
            row.offers.set(audience.get("offers", ()))
    if "variants" in said:
        campaign.variants.all().delete()
        Variant.objects.bulk_create(Variant(campaign=campaign, **variant) for variant in said["variants"])


def _distinct(said: dict[str, Any]) -> dict[str, Any]:
    """Raises ValidationError where a segment or a key stands twice: of two only one could count."""
    for name, by in (("audiences", "segment"), ("variants", "key")):
        named = [row[by] for row in said.get(name, ())]
        if len(named) != len(set(named)):
            raise serializers.ValidationError({name: [f"Each {by} stands once."]})
    return said


class CampaignsView(APIView):
    scopes = {"GET": "campaigns:read", "POST": "campaigns:write"}
    pagination_class = Pages

    @extend_schema(
        operation_id="list_campaigns",
        summary="All campaigns, newest first",
        responses=CampaignOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        pages = self.pagination_class()
        page: Any = pages.paginate_queryset(_campaigns(), request, view=self)
        return pages.get_paginated_response(CampaignOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_campaign", summary="A new campaign, a draft", request=NewCampaign,
        responses={201: CampaignOutput},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = NewCampaign(data=request.data)
        given.is_valid(raise_exception=True)
        said = _distinct(cast(dict[str, Any], given.validated_data))
        try:
            with transaction.atomic():
                campaign = Campaign(created_by=_by(request))
                _save(campaign, said)
        except IntegrityError as error:
            raise serializers.ValidationError(
                {"slug": ["There is a campaign of this name already."]}
            ) from error
        return Response(CampaignOutput(_campaigns().get(pk=campaign.pk)).data, status=201)


class CampaignView(APIView):
    scopes = {"GET": "campaigns:read", "PATCH": "campaigns:write"}

    @extend_schema(operation_id="get_campaign", summary="One campaign", responses=CampaignOutput)
    def get(self, request: Request, slug: str) -> Response:
        return Response(CampaignOutput(one(_campaigns(), slug, "campaign")).data)

    @extend_schema(
        operation_id="change_campaign",
        summary="Change a draft; of a paused campaign what does not change whom it reaches",
        request=CampaignFields,
        responses=CampaignOutput,
    )
    def patch(self, request: Request, slug: str) -> Response:
        given = CampaignFields(data=request.data)
        given.is_valid(raise_exception=True)
        said = _distinct(cast(dict[str, Any], given.validated_data))
        with transaction.atomic():
            found = one(Campaign.objects.select_for_update(of=("self",)), slug, "campaign")
            if found.status == Campaign.Status.PAUSED:
                fixed = sorted(said.keys() - set(lifecycle.WHILE_PAUSED))
            else:
                fixed = [] if found.status == Campaign.Status.DRAFT else sorted(said)
            if fixed:
                raise lifecycle.NotPossible(
                    f"The campaign is {found.status}: {', '.join(fixed)} cannot change now."
                )
            _save(found, said)
        return Response(CampaignOutput(_campaigns().get(pk=found.pk)).data)


class CampaignStepView(APIView):
    scopes = {"POST": "campaigns:write"}

    @extend_schema(
        operation_id="step_campaign",
        summary="Take a step: " + ", ".join(STEPS),
        request=None,
        responses=StepOutput,
    )
    def post(self, request: Request, slug: str, step: str) -> Response:
        """409 where the campaign's state or what it lacks does not allow it, and then nothing has changed.

        `approve` needs the scope `campaigns:approve`, and above the set size a person on the desk.
        """
        if step not in STEPS:
            raise Http404(f"There is no step {step!r}; there are {', '.join(STEPS)}.")
        campaign, now = one(Campaign.objects.all(), slug, "campaign"), timezone.now()
        if step == "approve" and APPROVE not in access(request).scopes:
            raise exceptions.PermissionDenied(f"This key does not have the scope {APPROVE}.")
        # To resume what was changed in its pause is to approve it.
        changed = step == "resume" and campaign.approved_contents not in ("", contents.fingerprint(campaign))
        if (step == "approve" or changed) and (
            why := checks.why_not_by_a_program(checks.recipients(campaign, at=now))
        ):
            raise lifecycle.NotPossible(why)
        lifecycle.take(campaign, step, by=_by(request), at=now, undo=lifecycle.UNDO)
        return Response(StepOutput(campaign).data)
