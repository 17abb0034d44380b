"""The marketer's door, for programs: a campaign as a person would get it, and a test of it to the staff."""

from typing import Any, cast

from django.contrib.auth import get_user_model
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import lifecycle, previews, testing
from campaigns.api.definitions import one
from campaigns.models import Campaign
from customers.api.caller import customer_or_404


class PersonInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200)


class VerdictOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    is_good = serializers.BooleanField()
    words = serializers.CharField()


class PreviewOutput(serializers.Serializer[Any]):
    """`subject`, `html` and `text` are null where this person would get no message; `wrong` then says why."""

    subject = serializers.CharField(allow_null=True)
    html = serializers.CharField(allow_null=True)
    text = serializers.CharField(allow_null=True)
    wrong = serializers.CharField()
    verdicts = VerdictOutput(many=True)
    offers = serializers.ListField(child=serializers.CharField())


class TestInput(serializers.Serializer[Any]):
    staff = serializers.CharField(
        max_length=150, help_text="A member of staff; it goes to their own address only"
    )
    language = serializers.ChoiceField(choices=["en", "zh-hans"], default="en")


class SentOutput(serializers.Serializer[Any]):
    sent = serializers.BooleanField()


class CampaignPreviewView(APIView):
    scopes = {"POST": "customers:read"}

    @extend_schema(
        operation_id="preview_campaign",
        summary="The message as this customer would get it now, and every verdict",
        request=PersonInput,
        responses=PreviewOutput,
    )
    def post(self, request: Request, slug: str) -> Response:
        """Nothing is kept, no code is set aside, and the ways out of the message lead nowhere."""
        given = PersonInput(data=request.data)
        given.is_valid(raise_exception=True)
        campaign = one(Campaign.objects.select_related("message"), slug, "campaign")
        if campaign.message is None:
            raise lifecycle.NotPossible("The campaign has no message of its own to look at.")
        customer = customer_or_404(cast(dict[str, Any], given.validated_data)["customer"])
        seen = previews.preview(campaign.message, customer, at=timezone.now(), campaign=campaign)
        made = seen.finished
        return Response(
            {
                "subject": made and made.subject,
                "html": made and made.html,
                "text": made and made.text,
                "wrong": seen.wrong,
                "verdicts": VerdictOutput(seen.verdicts, many=True).data,
                "offers": list(seen.offers),
            }
        )


class CampaignTestView(APIView):
    scopes = {"POST": "campaigns:write"}

    @extend_schema(
        operation_id="test_campaign",
        summary="Send the message to a member of staff, as someone made up would get it",
        request=TestInput,
        responses=SentOutput,
    )
    def post(self, request: Request, slug: str) -> Response:
        given = TestInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        campaign = one(Campaign.objects.select_related("message"), slug, "campaign")
        if campaign.message is None:
            raise lifecycle.NotPossible("The campaign has no message to send.")
        user = get_user_model().objects.filter(username=said["staff"], is_active=True, is_staff=True).first()
        to = testing.addresses(user) if user is not None else []
        if user is None or not to:
            raise serializers.ValidationError({"staff": ["No member of staff of this name has an address."]})
        testing.send(campaign.message, to=to[0], by=user, language=said["language"], at=timezone.now())
        return Response({"sent": True})
