"""The door for receipts: an answer that anyone can check without us."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from customers.api.caller import customer_or_404, speak_for
from customers.models import ConsentRecord
from customers.proof import receipts
from customers.proof.reading import DoesNotExtend
from customers.proof.signing import NotGenuine


class ReceiptRecord(serializers.Serializer[Any]):
    """The fields of one answer, in the ledger's own spelling: `hash` is SHA-256 over all the others."""

    customer = serializers.IntegerField(help_text="The platform's number of the person, not the shop's id")
    sequence = serializers.IntegerField(min_value=1)
    purpose = serializers.CharField()
    granted = serializers.BooleanField()
    notice = serializers.CharField()
    notice_sha256 = serializers.CharField()
    language = serializers.CharField()
    method = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    actor = serializers.CharField()
    at = serializers.CharField(help_text="UTC with microseconds")
    commitment = serializers.CharField()
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


class ReceiptProof(serializers.Serializer[Any]):
    index = serializers.IntegerField(min_value=0)
    path = serializers.ListField(child=serializers.CharField())


class ReceiptCheckpoint(serializers.Serializer[Any]):
    format = serializers.CharField()
    at = serializers.CharField()
    people = serializers.IntegerField()
    records = serializers.IntegerField()
    newest_record = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]
    previous_root = serializers.CharField()
    key_id = serializers.CharField()
    signature = serializers.CharField()


class ReceiptOutput(serializers.Serializer[Any]):
    """To be kept byte for byte: written otherwise it does not verify."""

    format = serializers.CharField()
    record = ReceiptRecord()
    text = serializers.CharField(help_text="The exact text that was shown; empty for a withdrawal")
    later = ReceiptRecord(many=True, help_text="The person's further answers up to the checkpoint")
    proof = ReceiptProof(
        allow_null=True, help_text="null until a checkpoint covers the answer, a few minutes"
    )
    checkpoint = ReceiptCheckpoint(allow_null=True)


class LedgerBroken(exceptions.APIException):
    status_code = 409
    default_code = "ledger_broken"
    default_detail = "This answer does not verify any more, so there is no receipt of it. Run verify_ledger."


class ReceiptView(APIView):
    scopes = {"GET": "consents:read"}

    @extend_schema(
        operation_id="get_consent_receipt",
        summary="One answer with the text that was shown and its proof, to be checked without us",
        responses=ReceiptOutput,
    )
    def get(self, request: Request, external_id: str, record: int) -> HttpResponse:
        speak_for(request, external_id)
        owner = Q(customer_id=customer_or_404(external_id).pk)
        row = ConsentRecord.objects.filter(owner, pk=record).first()
        if row is None:
            raise Http404("This customer has no such record.")
        # The bytes themselves: another spelling of the same JSON would not verify.
        try:
            return HttpResponse(receipts.issue(row), content_type="application/json")
        except (NotGenuine, DoesNotExtend) as error:
            raise LedgerBroken from error
