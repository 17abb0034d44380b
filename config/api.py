"""What all endpoints share: keys and scopes, throttles, pages, the error shape, idempotency."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone, translation
from django.utils.translation import get_language
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from campaigns.codes import AlreadyUsed, NotRedeemable
from campaigns.lifecycle import NotPossible
from campaigns.segments import InvalidRule
from campaigns.testing import NotSent
from config import bodies
from customers import access, gpc, identities
from customers.consent import NoEvidence, NotPermitted
from customers.models import IdempotentReply
from customers.throttle import Count, counted, counted_address
from customers.views import rendered

if TYPE_CHECKING:  # the framework's views read this file's classes while they load
    from rest_framework.views import APIView

PREFIX = "/api/v1/"
TRACKING = "/v1/"
WRITES = ("POST", "PUT", "PATCH")


# --- who calls ---------------------------------------------------------------------------------------------


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer sk_…` or `pk_…`; a browser proves its customer with `X-Customer-Token`."""

    def authenticate(self, request: Request) -> tuple[access.Access, access.Access] | None:
        scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise exceptions.NotAuthenticated("Send your key as: Authorization: Bearer KEY")
        beside = getattr((request.parser_context or {}).get("view"), "beside", None)
        try:
            found = access.access_of(
                key.strip(),
                token=request.headers.get("X-Customer-Token", ""),
                at=timezone.now(),
                named=named_in(request),
                beside=partial(beside, request) if beside is not None else None,
            )
        except (access.BadKey, access.BadToken) as error:
            raise exceptions.AuthenticationFailed(str(error)) from error
        if found.customer is not None and gpc.is_on(request):
            # Whatever this door is for: the no of a proven customer's browser is written down first.
            known = identities.find([found.customer]).values()
            gpc.honour(request, list(known), source="api", at=timezone.now())
        return found, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def named_in(request: Request) -> str:
    """The customer whom a question names; empty for none, and for what no customer can be called."""
    name = request.query_params.get("customer", "") if request.method == "GET" else ""
    return name if len(name) <= 200 and "\0" not in name else ""


class HasScope(BasePermission):
    """The key must hold the scope that the view names for the method: `scopes = {"GET": "catalog:read"}`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        needed = scope_of(view, request.method or "")
        if needed is None:
            raise exceptions.MethodNotAllowed(request.method or "")
        held = cast(access.Access, request.auth)
        if needed not in held.scopes:
            self.message = f"This key does not have the scope {needed}."
            return False
        # What is sent is read before anything is done, also where nothing of it is asked: half a body is no order.
        return request.method not in WRITES or request.data is not None


def scope_of(view: "APIView", method: str) -> str | None:
    scopes: Mapping[str, str] = getattr(view, "scopes", {})
    return scopes.get("GET" if method in ("HEAD", "OPTIONS") else method)


class KeyThrottle(BaseThrottle):
    """So many requests a minute and key, or from one address where a door needs none; says when to come again."""

    count: Count | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if request.auth is None:  # the schema and its page, open to everybody
            self.count = counted_address(request.META.get("REMOTE_ADDR", ""))
        else:
            self.count = counted(cast(access.Access, request.auth).key_id)
        return self.count.is_allowed

    def wait(self) -> float | None:
        return self.count.wait if self.count else None


# --- what comes in and goes out ------------------------------------------------------------------------------


_CODES = {
    "parse_error": "invalid",
    "not_authenticated": "unauthenticated",
    "authentication_failed": "unauthenticated",
    "permission_denied": "forbidden",
}


def _flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Nested field errors as {"products.3.price": ["…"]}."""
    if isinstance(detail, Mapping):
        parts = [_flat(value, f"{path}.{name}" if path else str(name)) for name, value in detail.items()]
    elif isinstance(detail, list) and any(isinstance(part, Mapping | list) for part in detail):
        parts = [_flat(part, f"{path}.{i}" if path else str(i)) for i, part in enumerate(detail) if part]
    else:
        texts = detail if isinstance(detail, list) else [detail]
        return {path or "body": [str(text) for text in texts]}
    return {name: texts for part in parts for name, texts in part.items()}


def error(code: str, message: str, http: int, **more: Any) -> Response:
    return Response({"code": code, "message": message, **more}, status=http)


def errors(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Every expected failure in the one error shape; None (a 500) for what nobody expected."""
    match exc:
        case AlreadyUsed():
            return error("already_used", str(exc), 409)
        case NotRedeemable():
            return error(exc.code, str(exc), 422)
        case NoEvidence():
            return error("no_evidence", str(exc), 422)
        case NotPermitted():
            return error("not_permitted", str(exc), 403)
        case NotPossible():
            return error("not_possible", str(exc), 409)
        case NotSent():
            return error("not_sent", str(exc), 422)
        case InvalidRule():
            with translation.override("en"):  # programs read it; the desk says it in the reader's language
                message = exc.message
            return error("invalid_rule", message, 400, fields={exc.path: [message]})
        case UnreadablePostError():
            return error("invalid", "The body ended early.", 400)
        case Http404():
            return error("not_found", str(exc) or "There is no such thing.", 404)
        case exceptions.ValidationError():
            fields = _flat(exc.detail)
            name, texts = next(iter(fields.items()))
            return error("invalid", f"{name}: {texts[0]}", 400, fields=fields)
        case exceptions.APIException():
            code = _CODES.get(exc.default_code, exc.default_code)
            if exc.status_code == 401 or exc.status_code == 403:
                code = "unauthenticated" if exc.status_code == 401 else "forbidden"
            response = error(code, str(exc.detail), exc.status_code)
            if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
                response["WWW-Authenticate"] = "Bearer"
            if isinstance(exc, exceptions.Throttled):
                response["Retry-After"] = str(max(1, int(getattr(exc, "wait", None) or 1)))
            return response
    return None


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django itself refuses to read, such as too large a form or a host that is none of ours."""
    if request.path.startswith((PREFIX, TRACKING)):
        return _said("invalid", "The request cannot be read.", 400)
    return HttpResponse("The request cannot be read.", status=400, content_type="text/plain")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith((PREFIX, TRACKING)):
        return JsonResponse({"code": "not_found", "message": "There is no such address."}, status=404)
    return _told(request, 404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _told(request, 403)


def _told(request: HttpRequest, status: int) -> HttpResponse:
    return rendered(request, "error", get_language(), status=status, code=status)


def failed(request: HttpRequest) -> HttpResponse:
    if request.path.startswith((PREFIX, TRACKING)):
        said = {"code": "internal_error", "message": "Something broke here; nothing was changed. Try again."}
        return JsonResponse(said, status=500)
    return HttpResponse("Something broke here. Nothing was changed.", status=500, content_type="text/plain")


# --- a POST acts once ------------------------------------------------------------------------------------------

STILL_RUNNING = timedelta(seconds=60)
_NOT_KEPT = (401, 403, 409, 413, 415, 429)


class Overtaken(Exception):
    """Another request took this key over while we were at work; our effect is rolled back."""


class IdempotencyMiddleware:
    """`Idempotency-Key` on a POST: the effect and its answer are committed together, and replayed for seven days.

    A paths' last slash is taken off here too, so that addresses answer the same with and without.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        request.path_info = request.path_info.rstrip("/")
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        length = request.META.get("CONTENT_LENGTH", "")
        try:
            bodies.check(request)
            # Half a body is answered here and not kept: the whole one may come again with the same key.
            raw = bodies.whole(lambda: request.body, length) if key is not None else b""
        except bodies.Refused as refused:
            return _said(refused.code, str(refused), refused.http)
        if key is None:
            return self.get_response(request)
        if not 0 < len(key) <= 200 or not (key.isascii() and key.isprintable()):
            return _said("invalid", "An Idempotency-Key has 1 to 200 printable characters of ASCII.", 400)
        payload = hashlib.sha256(raw).hexdigest()
        who = f"{request.headers.get('Authorization', '')} {request.headers.get('X-Customer-Token', '')}"
        scope = hashlib.sha256(f"{who} {request.path_info}".encode()).hexdigest()
        return self.once(request, scope, key, payload)

    def once(self, request: HttpRequest, scope: str, key: str, payload: str) -> HttpResponse:
        began = timezone.now()
        row, fresh = IdempotentReply.objects.get_or_create(
            scope=scope, key=key, defaults={"payload_sha256": payload}
        )
        if not fresh:
            if row.payload_sha256 != payload:
                return _said("idempotency_key_reused", "This Idempotency-Key came with another body.", 422)
            if row.status is not None:
                replay = HttpResponse(bytes(row.body), status=row.status, content_type="application/json")
                replay["Idempotent-Replayed"] = "true"
                return replay
            # Whoever began it may have been killed: after a while the next one may take it over, once.
            stale = IdempotentReply.objects.filter(
                pk=row.pk,
                status__isnull=True,
                created_at=row.created_at,
                created_at__lt=began - STILL_RUNNING,
            )
            if not stale.update(created_at=began):
                return _said("in_progress", "The first request with this key is still running.", 409)
            row.created_at = began
        try:
            with transaction.atomic():
                response = self.get_response(request)
                self.settle(row, response)
        except Overtaken:
            return _said("in_progress", "Another request took this key over.", 409)
        if row.status is None:
            IdempotentReply.objects.filter(pk=row.pk, status__isnull=True, created_at=row.created_at).delete()
        return response

    def settle(self, row: IdempotentReply, response: HttpResponse) -> None:
        """Keep the answer in the effect's own transaction; undo the effect of a 5xx."""
        if response.status_code >= 500:
            transaction.set_rollback(True)
            return
        if response.status_code in _NOT_KEPT:
            return
        mine = IdempotentReply.objects.filter(pk=row.pk, status__isnull=True, created_at=row.created_at)
        # A secret is told once: repeated, its answer has the status and no text.
        body = b"" if response.headers.get("Cache-Control") == "no-store" else response.content
        if not mine.update(status=response.status_code, body=body):
            raise Overtaken
        row.status = response.status_code


def _said(code: str, message: str, http: int) -> HttpResponse:
    return JsonResponse({"code": code, "message": message}, status=http)
