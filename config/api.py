"""What all endpoints share: keys and scopes, throttles, pages, the error shape, idempotency."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.throttling import BaseThrottle


class KeyAuthentication(BaseAuthentication):
    pass


class HasScope(BasePermission):
    pass


class StrictJSONParser(JSONParser):
    pass


class Schema(AutoSchema):
    pass


class KeyThrottle(BaseThrottle):
    pass


def errors(exc: Exception, context: dict[str, Any]) -> None:
    return None


class IdempotencyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)
