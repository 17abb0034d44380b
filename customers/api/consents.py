"""The door for what people allow."""

from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.lists import NumberedPages
from customers import consent, identities, optin, purposes
from customers.api.caller import (
    access,
    customer_or_404,
    refuse_what_gpc_refuses,
    speak_for,
)
from customers.consent import Answer, Evidence
from customers.models import ConsentRecord, Customer


class ConsentInput(serializers.Serializer[Any]):
    """An answer. A grant needs its evidence: the notice shown (`slug@version`), its language, method and source."""

    purpose = serializers.ChoiceField(choices=list(purposes.PURPOSES))
    granted = serializers.BooleanField()
    notice = serializers.CharField(max_length=80, allow_blank=True, default="")
    language = serializers.CharField(max_length=20, allow_blank=True, default="")
    method = serializers.CharField(max_length=50)
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]


class ConsentItem(ConsentInput):
    customer = serializers.CharField(max_length=200)


class ConsentsInput(serializers.Serializer[Any]):
    answers = ConsentItem(many=True, allow_empty=False)


class WrittenOutput(serializers.Serializer[Any]):
    written = serializers.IntegerField()


class ConsentOutput(serializers.Serializer[Any]):
    """The effective answer and what it rests on."""

    purpose = serializers.CharField()
    granted = serializers.BooleanField()
    basis = serializers.CharField(
        help_text="`consent`, `default` of the jurisdiction, or empty where it is not allowed"
    )
    record = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class RecordOutput(serializers.Serializer[ConsentRecord]):
    """One line of the ledger. `hash` covers every field and `previous_hash`."""

    record = serializers.IntegerField(source="pk")
    sequence = serializers.IntegerField()
    purpose = serializers.CharField()
    granted = serializers.BooleanField()
    notice = serializers.CharField()
    notice_sha256 = serializers.CharField()
    language = serializers.CharField()
    method = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    actor = serializers.CharField()
    at = serializers.DateTimeField()
    commitment = serializers.CharField()
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


def actor_of(request: Request) -> str:
    caller = access(request)
    return f"key {caller.key_id}" if caller.is_secret else "customer"


def answer_of(customer_id: int, said: dict[str, Any], actor: str) -> Answer:
    evidence = Evidence(said["notice"], said["language"], said["method"], said["source"], actor)
    return Answer(customer_id, said["purpose"], said["granted"], evidence)


class ConsentsView(APIView):
    scopes = {"GET": "consents:read", "POST": "consents:write"}

    @extend_schema(
        operation_id="list_consents",
        summary="What the customer allows now, purpose by purpose",
        responses=ConsentOutput(many=True),
    )
    def get(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        customer = customer_or_404(external_id)
        rows = []
        for purpose in purposes.PURPOSES:
            verdict = consent.verdicts([customer.pk], purpose)[customer.pk]
            rows.append(
                {
                    "purpose": purpose,
                    "granted": verdict.allowed,
                    "basis": verdict.basis,
                    "record": verdict.record_id,
                    "reason": verdict.reason,
                }
            )
        return Response(rows)

    @extend_schema(
        operation_id="record_consent",
        summary="The customer says yes or no to a purpose",
        request=ConsentInput,
        responses={201: RecordOutput},
    )
    def post(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        given = ConsentInput(data=request.data)
        given.is_valid(raise_exception=True)
        customer = customer_or_404(external_id)
        refuse_what_gpc_refuses(request, [given.validated_data])
        said = answer_of(customer.pk, given.validated_data, actor_of(request))
        (record,) = consent.record([said], at=timezone.now())
        return Response(RecordOutput(record).data, status=201)


class ConsentsBulkView(APIView):
    scopes = {"POST": "consents:write"}

    @extend_schema(
        operation_id="record_consents",
        summary="Up to 1,000 answers of many customers, all or none (for a server's key)",
        request=ConsentsInput,
        responses={201: WrittenOutput},
    )
    def post(self, request: Request) -> Response:
        if not access(request).is_secret:
            raise exceptions.PermissionDenied("Only a secret key speaks for many customers.")
        given = ConsentsInput(data=request.data)
        given.is_valid(raise_exception=True)
        answers = given.validated_data["answers"]
        ids = identities.find([answer["customer"] for answer in answers])
        if unknown := sorted({answer["customer"] for answer in answers} - ids.keys()):
            raise Http404(f"There is no customer {unknown[0]!r}; nothing was written.")
        actor = actor_of(request)
        rows = [answer_of(ids[answer["customer"]], answer, actor) for answer in answers]
        try:
            written = consent.record(rows, at=timezone.now())
        except Customer.DoesNotExist as error:
            raise Http404("One of these customers was erased; nothing was written.") from error
        return Response({"written": len(written)}, status=201)


class AskInput(serializers.Serializer[Any]):
    """A yes that waits until the customer confirms it from their own mailbox (double opt-in)."""

    purpose = serializers.ChoiceField(choices=list(purposes.PURPOSES))
    notice = serializers.CharField(max_length=80, allow_blank=True, default="")
    language = serializers.CharField(max_length=20, default="en")
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]


class AskedOutput(serializers.Serializer[Any]):
    purpose = serializers.CharField()
    asked_by_mail = serializers.BooleanField(help_text="false: the mail leaves within a minute or so")
    expires_at = serializers.DateTimeField()


class AskConsentView(APIView):
    scopes = {"POST": "consents:write"}

    @extend_schema(
        operation_id="ask_consent",
        summary="Ask by mail for a confirmation; nothing is allowed until the customer gives it",
        request=AskInput,
        responses={202: AskedOutput},
    )
    def post(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        given = AskInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        customer = customer_or_404(external_id)
        try:
            pending = optin.ask(customer, at=timezone.now(), **said)
        except (optin.NotAskable, purposes.UnknownNotice) as error:
            raise consent.NoEvidence(str(error)) from error
        answer = {
            "purpose": pending.purpose,
            "asked_by_mail": pending.asked_at is not None,
            "expires_at": pending.expires_at,
        }
        return Response(answer, status=202)


class HistoryPage(NumberedPages):
    ordering = "-sequence"
    page_size = 100


class ConsentHistoryView(APIView):
    scopes = {"GET": "consents:read"}
    pagination_class = HistoryPage

    @extend_schema(
        operation_id="list_consent_history",
        summary="Every answer of the customer, newest first, with the chain's hashes",
        responses=RecordOutput(many=True),
    )
    def get(self, request: Request, external_id: str) -> Response:
        speak_for(request, external_id)
        records = ConsentRecord.objects.filter(customer_id=customer_or_404(external_id).pk)
        pages = self.pagination_class()
        page = pages.paginate_queryset(records, request, view=self)
        return pages.get_paginated_response(RecordOutput(cast(Any, page), many=True).data)


class PurposeOutput(serializers.Serializer[Any]):
    purpose = serializers.CharField()
    notice = serializers.CharField(help_text="`slug@version`, to be sent back as evidence")
    language = serializers.CharField()
    text = serializers.CharField()


class PurposesView(APIView):
    scopes = {"GET": "consents:read"}

    @extend_schema(
        operation_id="list_purposes",
        summary="What can be asked of a customer, with the newest text in each language",
        responses=PurposeOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        shown_texts = [
            purposes.current_notice(slug, language)
            for slug in purposes.PURPOSES
            for language in ("en", "zh-hans")
        ]
        return Response(PurposeOutput(shown_texts, many=True).data)
