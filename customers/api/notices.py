"""The door of the consent widget: the words to ask with, and the answers of visitors nobody knows yet."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from customers import consent, gpc, identities, purposes
from customers.api.caller import honour_gpc, refuse_what_gpc_refuses
from customers.consent import Answer, Evidence, NoEvidence
from customers.models import Customer, Identity

METHOD = "consent widget"


class NoticeOutput(serializers.Serializer[Any]):
    """The words that hold now for one purpose; `notice` and `language` go back with the answer."""

    purpose = serializers.CharField()
    notice = serializers.CharField(help_text="`slug@version`")
    language = serializers.CharField()
    text = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the text in UTF-8; the ledger keeps it with a yes")


class NoticesOutput(serializers.Serializer[Any]):
    language = serializers.CharField()
    notices = NoticeOutput(many=True)
    soft_opt_in = NoticeOutput(
        help_text="The words beside the box with which a buyer refuses messages about similar products"
    )
    gpc = serializers.ListField(
        child=serializers.CharField(),
        help_text="What a browser's Global Privacy Control says no to: not asked while it is on",
    )


class NoticesView(APIView):
    scopes = {"GET": "consents:read"}

    @extend_schema(
        operation_id="get_notices",
        summary="The words to ask with, in one language, with their versions and hashes",
        parameters=[OpenApiParameter("language", str, enum=[code for code, _name in settings.LANGUAGES])],
        responses=NoticesOutput,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params.get("language", "en")
        if asked not in dict(settings.LANGUAGES):
            raise serializers.ValidationError({"language": ["One of: en, zh-hans."]})
        texts = [purposes.current_notice(slug, asked) for slug in purposes.PURPOSES]
        return Response(
            {
                "language": asked,
                "notices": NoticeOutput(texts, many=True).data,
                "soft_opt_in": NoticeOutput(purposes.current_notice(purposes.SOFT_OPT_IN, asked)).data,
                "gpc": list(gpc.PURPOSES),
            }
        )


class VisitorAnswer(serializers.Serializer[Any]):
    purpose = serializers.ChoiceField(choices=list(purposes.PURPOSES))
    granted = serializers.BooleanField()
    notice = serializers.CharField(max_length=80, allow_blank=True, default="")
    language = serializers.CharField(max_length=20, allow_blank=True, default="")
    sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}$", required=False, help_text="Of the text that was shown; refused where it is another"
    )


class VisitorInput(serializers.Serializer[Any]):
    """Answers of a visitor whom nobody knows yet."""

    anonymous_id = serializers.CharField(max_length=200)
    answers = VisitorAnswer(many=True, allow_empty=False)
    method = serializers.CharField(max_length=50, default=METHOD)
    source = serializers.CharField(max_length=100)  # type: ignore[assignment]


class VisitorOutput(serializers.Serializer[Any]):
    written = serializers.IntegerField()
    gpc = serializers.CharField(required=False, help_text="`honoured` when the request carried Sec-GPC: 1")


class VisitorConsentsView(APIView):
    scopes = {"POST": "consents:write"}

    @extend_schema(
        operation_id="record_visitor_consents",
        summary="What an anonymous visitor says yes and no to; a known customer's answers are never written here",
        request=VisitorInput,
        responses={201: VisitorOutput},
    )
    def post(self, request: Request) -> Response:
        given = VisitorInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        at = timezone.now()
        with transaction.atomic():
            visitor = _visitor(said["anonymous_id"])
            honoured = honour_gpc(request, [visitor], at=at)
            refuse_what_gpc_refuses(request, said["answers"])
            answers = [_answer(visitor, answer, said) for answer in said["answers"]]
            written = consent.record(answers, at=at)
        return Response({"written": len(written)} | ({"gpc": "honoured"} if honoured else {}), status=201)


def _visitor(anonymous_id: str) -> int:
    """The nameless person behind the id, locked. Raises PermissionDenied for one the shop knows.

    Under the lock, because the visitor may be saying who they are at this moment.
    """
    visitor = identities.find_or_create([anonymous_id], Identity.Kind.ANONYMOUS)[anonymous_id]
    held = consent.hold([visitor])[visitor]
    moved = identities.find([anonymous_id], Identity.Kind.ANONYMOUS).get(anonymous_id) != visitor
    if moved or held.external_id is not None or held.erased_at is not None or _has_name(held):
        raise exceptions.PermissionDenied(
            "This visitor is a known customer: their answers need their customer token."
        )
    return visitor


def _has_name(person: Customer) -> bool:
    return Identity.objects.filter(customer=person, kind=Identity.Kind.CUSTOMER).exists()


def _answer(visitor: int, answer: dict[str, Any], said: dict[str, Any]) -> Answer:
    """Raises NoEvidence where the hash of what was shown is another text's."""
    if answer["granted"] and "sha256" in answer:
        try:
            text = purposes.find_notice(answer["notice"], answer["language"], answer["purpose"])
        except purposes.UnknownNotice as error:
            raise NoEvidence(str(error)) from error
        if text.sha256 != answer["sha256"]:
            raise NoEvidence(f"The text of {answer['notice']} in {answer['language']} has another hash.")
    evidence = Evidence(answer["notice"], answer["language"], said["method"], said["source"], "visitor")
    return Answer(visitor, answer["purpose"], answer["granted"], evidence)
