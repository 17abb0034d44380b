"""The door for programs to those who are told what happened here."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import transaction
from django.http import Http404
from django.utils import timezone, translation
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import webhooks
from campaigns.api.definitions import Pages
from campaigns.models import WebhookEndpoint
from campaigns.webhooks.sending import webhook_id
from customers.api.caller import access

Found = TypeVar("Found")
# An answer with a secret in it is kept nowhere, not even to be repeated (`config.api.IdempotencyMiddleware`).
ONCE = {"Cache-Control": "no-store"}


class WebhookFields(serializers.Serializer[Any]):
    """A field that is left out stays as it is. Who receives is said once, when the webhook is made."""

    name = serializers.CharField(max_length=100, required=False)
    url = serializers.CharField(max_length=500, required=False, help_text="https://…")
    types = serializers.ListField(
        child=serializers.ChoiceField(choices=webhooks.TYPES),
        required=False,
        allow_empty=False,
        max_length=100,
    )
    paused = serializers.BooleanField(required=False)


class NewWebhook(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=500, help_text="https://…")
    types = serializers.ListField(
        child=serializers.ChoiceField(choices=webhooks.TYPES), allow_empty=False, max_length=100
    )
    receiver = serializers.ChoiceField(
        choices=WebhookEndpoint.Receiver.choices,
        help_text="`partner`: of a person it is told nothing without `partner_sharing`",
    )


class WebhookOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    receiver = serializers.ChoiceField(choices=WebhookEndpoint.Receiver.choices)
    paused = serializers.SerializerMethodField()
    paused_because = serializers.CharField(help_text="`person`, `failing`, `gone`, or empty")
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    rotated_at = serializers.DateTimeField(allow_null=True)

    def get_paused(self, row: WebhookEndpoint) -> bool:
        return row.paused_at is not None


class SecretOutput(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="whsec_…, told this once")


class MadeOutput(WebhookOutput):
    secret = serializers.CharField(help_text="whsec_…, told this once")


class PutOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The webhook-id that it will have")


class ReplayInput(serializers.Serializer[Any]):
    since = serializers.DateTimeField()


def _row(number: int) -> WebhookEndpoint:
    row = WebhookEndpoint.objects.select_related("key").filter(pk=number).first()
    if row is None:
        raise Http404(f"There is no webhook {number}.")
    return row


def _by(request: Request) -> str:
    return f"key {access(request).key_id}"


def _kept(keep: Callable[[], Found]) -> Found:
    """What was said, kept. Raises ValidationError by field."""
    try:
        with translation.override("en"):  # programs read it
            return keep()
    except webhooks.NotAnEndpoint as wrong:
        raise serializers.ValidationError({name: [told] for name, told in wrong.fields.items()}) from wrong


class WebhooksView(APIView):
    scopes = {"GET": "webhooks:read", "POST": "webhooks:write"}
    pagination_class = Pages

    @extend_schema(
        operation_id="list_webhooks",
        summary="Who is told what happens here, newest first",
        responses=WebhookOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        pages = self.pagination_class()
        page: Any = pages.paginate_queryset(WebhookEndpoint.objects.all(), request, view=self)
        return pages.get_paginated_response(WebhookOutput(page, many=True).data)

    @extend_schema(
        operation_id="create_webhook",
        summary="Tell an address what happens from now on; the answer holds its secret, this once",
        request=NewWebhook,
        responses={201: MadeOutput},
    )
    def post(self, request: Request) -> Response:
        given = NewWebhook(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        made = _kept(lambda: webhooks.make(**said, by=_by(request)))
        told = {**WebhookOutput(made.endpoint).data, "secret": made.secret}
        return Response(told, status=201, headers=ONCE)


class WebhookView(APIView):
    scopes = {"GET": "webhooks:read", "PATCH": "webhooks:write", "DELETE": "webhooks:write"}

    @extend_schema(operation_id="get_webhook", summary="One webhook", responses=WebhookOutput)
    def get(self, request: Request, webhook: int) -> Response:
        return Response(WebhookOutput(_row(webhook)).data)

    @extend_schema(
        operation_id="change_webhook",
        summary="Change it, pause it, or let it go on",
        request=WebhookFields,
        responses=WebhookOutput,
    )
    def patch(self, request: Request, webhook: int) -> Response:
        row, now = _row(webhook), timezone.now()
        given = WebhookFields(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        with transaction.atomic():
            _kept(lambda: webhooks.update(row, said, by=_by(request)))
            if said.get("paused"):
                because = WebhookEndpoint.Because.PERSON
                webhooks.pause(row, at=now, because=because, by=_by(request))
            elif "paused" in said:
                webhooks.resume(row, by=_by(request))
        return Response(WebhookOutput(row).data)

    @extend_schema(
        operation_id="remove_webhook", summary="Tell it nothing more; what waits goes with it", responses={204: None}
    )  # fmt: skip
    def delete(self, request: Request, webhook: int) -> Response:
        webhooks.remove(_row(webhook), by=_by(request))
        return Response(status=204)


class TestWebhookView(APIView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="test_webhook", summary="Send it a message that tells nothing", request=None,
        responses={202: PutOutput},
    )  # fmt: skip
    def post(self, request: Request, webhook: int) -> Response:
        put = webhooks.put_test(_row(webhook), at=timezone.now())
        return Response({"id": webhook_id(put)}, status=202)


class ReplayWebhookView(APIView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="replay_webhook", summary="Send again all that was given up since then", request=ReplayInput,
        responses={202: ReplayInput},
    )  # fmt: skip
    def post(self, request: Request, webhook: int) -> Response:
        row = _row(webhook)
        given = ReplayInput(data=request.data)
        given.is_valid(raise_exception=True)
        since = cast(dict[str, Any], given.validated_data)["since"]
        while webhooks.replay_failed(row, since=since, at=timezone.now()) == webhooks.MOST_AT_ONCE:
            pass
        return Response(ReplayInput({"since": since}).data, status=202)


class RotateWebhookView(APIView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(
        operation_id="rotate_webhook", summary="A new secret; the last one signs beside it until the next",
        request=None, responses={200: SecretOutput},
    )  # fmt: skip
    def post(self, request: Request, webhook: int) -> Response:
        secret = webhooks.rotate(_row(webhook), at=timezone.now(), by=_by(request))
        return Response({"secret": secret}, headers=ONCE)
