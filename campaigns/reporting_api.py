"""A campaign's report, for programs."""

import hashlib
from typing import Any

import orjson
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import disclosure
from campaigns.models import Campaign
from customers.api.caller import access


class ArmOutput(serializers.Serializer[Any]):
    """What is null would tell of too few people."""

    people = serializers.IntegerField(allow_null=True)
    ordered = serializers.IntegerField(allow_null=True)
    revenue = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    per_person = serializers.FloatField(allow_null=True)


class EffectOutput(serializers.Serializer[Any]):
    per_person = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    total = serializers.FloatField()
    total_low = serializers.FloatField()
    total_high = serializers.FloatField()
    profit = serializers.FloatField(allow_null=True)
    profit_low = serializers.FloatField(allow_null=True)
    profit_high = serializers.FloatField(allow_null=True)
    verdict = serializers.ChoiceField(choices=["earned", "cost", "cannot_tell"])
    people_needed = serializers.IntegerField(allow_null=True)
    interval = serializers.ChoiceField(choices=["fixed", "sequence"])
    narrowed_by = serializers.FloatField()
    unadjusted = serializers.ListField(child=serializers.FloatField(), help_text="Estimate, low, high")
    detectable = serializers.FloatField()


class ShareOutput(serializers.Serializer[Any]):
    treated = serializers.FloatField()
    control = serializers.FloatField()
    difference = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    interval = serializers.ChoiceField(choices=["newcombe", "sequence"])
    is_exploratory = serializers.BooleanField()


class BesideOutput(serializers.Serializer[Any]):
    orders = ShareOutput()
    bootstrap = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="Low, high")
    winsorised = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Estimate, low, high"
    )
    cap = serializers.FloatField()


class CellOutput(serializers.Serializer[Any]):
    offer = serializers.CharField()
    people = serializers.IntegerField(allow_null=True)
    ordered = serializers.IntegerField(allow_null=True)
    revenue_per_person = serializers.FloatField(allow_null=True)


class SegmentOutput(serializers.Serializer[Any]):
    """What is null would tell of too few people."""

    segment = serializers.CharField()
    offer = serializers.CharField()
    treated = serializers.IntegerField(allow_null=True)
    control = serializers.IntegerField(allow_null=True)
    per_person = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    treated_per_person = serializers.FloatField(allow_null=True)
    control_per_person = serializers.FloatField(allow_null=True)
    cells = CellOutput(many=True)


class VariantOutput(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    people = serializers.IntegerField(allow_null=True)
    ordered = serializers.IntegerField(allow_null=True)
    per_person = serializers.FloatField(allow_null=True)
    effect = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    verdict = serializers.CharField()


class PairOutput(serializers.Serializer[Any]):
    first = serializers.CharField()
    second = serializers.CharField()
    difference = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class VariantsOutput(serializers.Serializer[Any]):
    rows = VariantOutput(many=True)
    pairs = PairOutput(many=True)
    winner = serializers.CharField()
    why_no_winner = serializers.CharField()
    people_needed = serializers.IntegerField(allow_null=True)
    sample_ratio_p = serializers.FloatField()
    is_weighted = serializers.BooleanField()


class DayOutput(serializers.Serializer[Any]):
    until = serializers.DateTimeField()
    treated_people = serializers.IntegerField()
    control_people = serializers.IntegerField()
    treated = serializers.FloatField(allow_null=True)
    control = serializers.FloatField(allow_null=True)
    effect = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    interval = serializers.ChoiceField(choices=["fixed", "sequence"])
    treated_within = serializers.FloatField(allow_null=True, help_text="Half a 95 % interval of `treated`")
    control_within = serializers.FloatField(allow_null=True, help_text="Half a 95 % interval of `control`")


class ReportOutput(serializers.Serializer[Any]):
    campaign = serializers.CharField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Campaign.Status.values)
    currency = serializers.CharField()
    at = serializers.DateTimeField()
    read_from = serializers.DateTimeField(allow_null=True)
    read_until = serializers.DateTimeField(allow_null=True)
    is_over = serializers.BooleanField()
    waterfall = serializers.DictField(help_text="Everyone who matched, and where they went")
    fates = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    suppressed_at_sending = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    touched = serializers.DictField(child=serializers.IntegerField(allow_null=True))
    treated = ArmOutput()
    control = ArmOutput()
    not_measured = serializers.IntegerField(
        allow_null=True, help_text="Planned, but they do not allow measuring"
    )
    still_measured = serializers.IntegerField(allow_null=True, help_text="Whose window has not ended yet")
    in_two_arms = serializers.IntegerField(allow_null=True)
    sample_ratio_p = serializers.FloatField(allow_null=True)
    effect = EffectOutput(allow_null=True)
    why_no_effect = serializers.CharField()
    beside = BesideOutput(allow_null=True)
    segments = SegmentOutput(many=True)
    variants = VariantsOutput(allow_null=True)
    days = DayOutput(many=True)
    attributed_revenue = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    attributed_orders = serializers.IntegerField(allow_null=True)
    attributed_people = serializers.IntegerField(allow_null=True)
    attribution = serializers.DictField(child=serializers.IntegerField())
    codes = serializers.DictField()
    sending_cost = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    adds_up = serializers.BooleanField()
    mixes_arms = serializers.BooleanField()
    at_least = serializers.ListField(
        child=serializers.CharField(), help_text="Fates whose number is a lower bound"
    )
    kept_from = serializers.DictField(
        child=serializers.DateTimeField(),
        help_text="Parts that too few people changed since an earlier report, and the time of that report: "
        "what stands there is what it said",
    )
    margin_percent = serializers.DecimalField(
        max_digits=5, decimal_places=2, allow_null=True, help_text="By which the profit was reckoned"
    )


class CampaignReportView(APIView):
    scopes = {"GET": "campaigns:read"}

    @extend_schema(
        operation_id="get_campaign_report",
        summary="What a campaign caused, against its control group, and how sure that is",
        responses=ReportOutput,
    )
    def get(self, request: Request, slug: str) -> Response:
        campaign = Campaign.objects.filter(slug=slug).first()
        if campaign is None:
            raise Http404(f"There is no campaign {slug!r}.")
        by = f"key {access(request).key_id}"
        told = disclosure.released(campaign, at=timezone.now(), by=by).as_dict()
        answer = Response(told)
        # Weak: the same report, whenever it was read. A tag of the bytes would change with the time alone.
        answer.headers["ETag"] = f'W/"{_tag({**told, "at": None})}"'
        return answer


def _tag(told: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:32]
