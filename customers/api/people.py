"""The door for people: who they are."""

from datetime import timedelta
from typing import Any, cast
from zoneinfo import available_timezones

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from customers import encryption, identities
from customers.access import customer_token
from customers.api.caller import customer_or_404
from customers.identities import Profile
from customers.links import preferences_url
from customers.models import Customer


def _known_zone(value: str) -> None:
    if value and value not in available_timezones():
        raise serializers.ValidationError("This is no time zone of the IANA list, such as Europe/Berlin.")


class CustomerFields(serializers.Serializer[Any]):
    """What a shop says of its customer; a field that is left out stays as it is, an empty one is cleared."""

    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = serializers.RegexField(r"^[+0-9 ()./-]*$", max_length=40, required=False, allow_blank=True)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    locale = serializers.RegexField(r"^[A-Za-z0-9_-]*$", max_length=20, required=False, allow_blank=True)
    time_zone = serializers.CharField(
        max_length=50, required=False, allow_blank=True, validators=[_known_zone], help_text="IANA name"
    )
    country = serializers.RegexField(
        r"^([A-Za-z]{2})?$", required=False, allow_blank=True, help_text="ISO 3166 alpha-2"
    )
    attributes = serializers.DictField(required=False)


class CustomerItem(CustomerFields):
    id = serializers.CharField(max_length=200)


class CustomersInput(serializers.Serializer[Any]):
    customers = CustomerItem(many=True, allow_empty=False)


class CustomerOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    name = serializers.CharField()
    locale = serializers.CharField()
    time_zone = serializers.CharField()
    country = serializers.CharField()
    attributes = serializers.DictField()


class PeopleSavedOutput(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


def shown(customer: Customer) -> dict[str, Any]:
    fields = encryption.unseal(customer)
    return {
        "id": customer.external_id,
        **{name: fields.get(name, "") for name in identities.SEALED},
        "locale": customer.locale,
        "time_zone": customer.time_zone,
        "country": customer.country,
        "attributes": customer.attributes,
    }


class CustomerView(APIView):
    scopes = {"GET": "customers:read", "PUT": "customers:write", "PATCH": "customers:write"}

    @extend_schema(operation_id="get_customer", summary="One customer", responses=CustomerOutput)
    def get(self, request: Request, external_id: str) -> Response:
        return Response(shown(customer_or_404(external_id)))

    @extend_schema(
        operation_id="put_customer",
        summary="Create or change a customer",
        request=CustomerFields,
        responses={200: CustomerOutput, 201: CustomerOutput},
    )
    def put(self, request: Request, external_id: str) -> Response:
        given = CustomerItem(data={**cast(dict[str, Any], request.data), "id": external_id})
        given.is_valid(raise_exception=True)
        saved = identities.save_profiles([Profile(**given.validated_data)])
        return Response(shown(customer_or_404(external_id)), status=201 if saved.created else 200)

    @extend_schema(
        operation_id="change_customer",
        summary="Change a customer that exists",
        request=CustomerFields,
        responses=CustomerOutput,
    )
    def patch(self, request: Request, external_id: str) -> Response:
        customer_or_404(external_id)
        return self.put(request, external_id)


class CustomersBulkView(APIView):
    scopes = {"POST": "customers:write"}

    @extend_schema(
        operation_id="put_customers",
        summary="Create or change up to 1,000 customers, all or none",
        request=CustomersInput,
        responses=PeopleSavedOutput,
    )
    def post(self, request: Request) -> Response:
        given = CustomersInput(data=request.data)
        given.is_valid(raise_exception=True)
        profiles = [Profile(**customer) for customer in given.validated_data["customers"]]
        return Response(PeopleSavedOutput(identities.save_profiles(profiles)).data)


class TokenInput(serializers.Serializer[Any]):
    seconds = serializers.IntegerField(min_value=1, max_value=3600, default=3600)


class TokenOutput(serializers.Serializer[Any]):
    customer_token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    preferences_url = serializers.CharField(
        help_text="The customer's own page, which asks for no login: for a link in their account, and nowhere else"
    )


class CustomerTokenView(APIView):
    scopes = {"POST": "customers:write"}

    @extend_schema(
        operation_id="create_customer_token",
        summary="A token with which a browser's key proves this customer, for an hour at most",
        request=TokenInput,
        responses=TokenOutput,
    )
    def post(self, request: Request, external_id: str) -> Response:
        given = TokenInput(data=request.data)
        given.is_valid(raise_exception=True)
        url = preferences_url(customer_or_404(external_id))
        lasts = timedelta(seconds=given.validated_data["seconds"])
        token, expires = customer_token(external_id, at=timezone.now(), lasts=lasts)
        return Response({"customer_token": token, "expires_at": expires, "preferences_url": url})
