"""The door for what people demand."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from customers import letters, request_work, requests
from customers.api.caller import access, customer_or_404, speak_for
from customers.models import PrivacyRequest
from customers.request_pages import copy_file


class DetailsInput(serializers.Serializer[Any]):
    """The new words of a rectification; only what is to be changed."""

    name = serializers.CharField(max_length=320, required=False, allow_blank=True)
    email = serializers.EmailField(max_length=320, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=50, required=False, allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=50, required=False, allow_blank=True)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class PrivacyRequestInput(serializers.Serializer[Any]):
    customer = serializers.CharField(max_length=200, help_text="the shop's own id")
    type = serializers.ChoiceField(choices=PrivacyRequest.Type.choices)
    details = DetailsInput(required=False, help_text="for a rectification")


class EvidenceOutput(serializers.Serializer[Any]):
    store = serializers.CharField()
    what = serializers.CharField()
    rows = serializers.IntegerField()
    at = serializers.DateTimeField()


class PrivacyRequestOutput(serializers.Serializer[PrivacyRequest]):
    id = serializers.UUIDField()
    customer = serializers.CharField(
        source="customer.external_id",
        default=None,
        allow_null=True,
        help_text="null once the person is erased",
    )
    type = serializers.CharField()
    state = serializers.ChoiceField(choices=PrivacyRequest.State.choices)
    asked_at = serializers.DateTimeField()
    proven_at = serializers.DateTimeField(
        allow_null=True, help_text="when the person said by a click that it was them"
    )
    due_at = serializers.DateTimeField(help_text="by the law of where the person lives")
    extended_reason = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)
    why = serializers.CharField(help_text="why it was refused")
    steps = EvidenceOutput(many=True, help_text="what was done, store by store")
    download = serializers.SerializerMethodField(help_text="whether a copy waits to be fetched")

    def get_download(self, row: PrivacyRequest) -> bool:
        return letters.is_waiting(row, at=timezone.now())


def request_or_404(request: Request, number: UUID) -> PrivacyRequest:
    """The request, if this key and token may know of it. Raises Http404, also for another's: it tells nothing."""
    row = PrivacyRequest.objects.select_related("customer__key").filter(pk=number).first()
    whose = row.customer.external_id if row is not None and row.customer is not None else None
    if row is None or not access(request).speaks_for(whose):
        raise Http404("There is no such request.")
    return row


class PrivacyRequestsView(APIView):
    scopes = {"POST": "privacy:write"}

    @extend_schema(
        operation_id="create_privacy_request",
        summary="A customer demands something by law; a mail asks them whether it was them",
        description=(
            "An objection holds at once. Everything else waits until the customer opens the mailed link and says yes. "
            "A second request of the same type while one is under way answers with that one (200)."
        ),
        request=PrivacyRequestInput,
        responses={201: PrivacyRequestOutput, 200: PrivacyRequestOutput},
    )
    def post(self, request: Request) -> Response:
        given = PrivacyRequestInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        speak_for(request, said["customer"])
        customer, now = customer_or_404(said["customer"]), timezone.now()
        source = "api" if access(request).is_secret else "api, customer token"
        try:
            asked = requests.ask(customer, said["type"], source=source, at=now, details=said.get("details"))
        except requests.NotPossible as error:
            raise exceptions.ValidationError({"details": [str(error)]}) from error
        request_work.work_at_once(asked.request, at=now)
        row = request_or_404(request, asked.request.pk)
        return Response(PrivacyRequestOutput(row).data, status=201 if asked.is_new else 200)


class PrivacyRequestView(APIView):
    scopes = {"GET": "privacy:read"}

    @extend_schema(
        operation_id="get_privacy_request",
        summary="How a request stands, and what was done",
        responses=PrivacyRequestOutput,
    )
    def get(self, request: Request, number: UUID) -> Response:
        return Response(PrivacyRequestOutput(request_or_404(request, number)).data)


class PrivacyRequestDownloadView(APIView):
    scopes = {"GET": "privacy:read"}

    @extend_schema(
        operation_id="download_privacy_copy",
        summary="The copy of an access or portability request: JSON and CSV in one zip, for seven days",
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, number: UUID) -> HttpResponseBase:
        row = request_or_404(request, number)
        if not letters.is_waiting(row, at=timezone.now()):
            raise Http404(
                "No copy waits: it is not made yet, was of another type, or its seven days are over."
            )
        answer = copy_file(row)
        answer.headers["Cache-Control"] = "no-store"
        return answer
