"""The till's door: what a code would take off, holding it, using it, giving it back."""

from datetime import datetime
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import codes
from campaigns.codes import Discount
from campaigns.models import Code
from catalog.api import CURRENCY, NOT_NEGATIVE
from customers import identities


class CodeInput(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=40)
    customer = serializers.CharField(max_length=200, required=False, allow_null=True)
    order_id = serializers.CharField(max_length=100)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=NOT_NEGATIVE)
    currency = serializers.RegexField(CURRENCY)
    skus = serializers.ListField(child=serializers.CharField(max_length=100), default=list, max_length=1000)


class ReverseInput(serializers.Serializer[Any]):
    """Only the code and the order are read; the rest may be sent as it was at redemption."""

    code = serializers.CharField(max_length=40)
    order_id = serializers.CharField(max_length=100)


class DiscountOutput(serializers.Serializer[Any]):
    discount = serializers.CharField()
    currency = serializers.CharField()
    code = serializers.CharField()
    offer = serializers.CharField()


def _discount(worth: Discount) -> Response:
    return Response(
        {
            "discount": str(worth.discount),
            "currency": worth.currency,
            "code": worth.code.value,
            "offer": worth.code.offer.slug,
        }
    )


def _order(request: Request, at: datetime) -> tuple[str, dict[str, Any]]:
    given = CodeInput(data=request.data)
    given.is_valid(raise_exception=True)
    said = cast(dict[str, Any], given.validated_data)
    customer = said.pop("customer", None)
    # A code belongs to a person: someone unknown is someone else.
    customer_id = identities.find([customer]).get(customer, 0) if customer else None
    return said.pop("code"), {**said, "customer_id": customer_id, "at": at}


class ValidateCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="validate_code",
        summary="What a code would take off this order; changes nothing",
        request=CodeInput,
        responses=DiscountOutput,
    )
    def post(self, request: Request) -> Response:
        value, order = _order(request, timezone.now())
        return _discount(codes.validate(value, **order))


class ReservedOutput(DiscountOutput):
    reserved_until = serializers.DateTimeField(
        allow_null=True, help_text="null: this order has used it already"
    )


class ReserveCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="reserve_code",
        summary="Hold a code for this order for 15 minutes, while its customer pays",
        request=CodeInput,
        responses=ReservedOutput,
    )
    def post(self, request: Request) -> Response:
        value, order = _order(request, timezone.now())
        worth = codes.reserve(value, **order)
        answer = _discount(worth)
        is_held = worth.code.state == Code.State.RESERVED
        answer.data["reserved_until"] = worth.code.reserved_until if is_held else None
        return answer


class RedeemCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="redeem_code",
        summary="Use a code for this order; the same order again gets the same answer",
        request=CodeInput,
        responses=DiscountOutput,
    )
    def post(self, request: Request) -> Response:
        value, order = _order(request, timezone.now())
        return _discount(codes.redeem(value, **order))


class ReverseCodeView(APIView):
    scopes = {"POST": "codes:write"}

    @extend_schema(
        operation_id="reverse_code",
        summary="The order came back: the code can be used again",
        request=ReverseInput,
        responses=DiscountOutput,
    )
    def post(self, request: Request) -> Response:
        given = ReverseInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        return _discount(codes.reverse(said["code"], order_id=said["order_id"], at=timezone.now()))
