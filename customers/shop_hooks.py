"""Where connected shops deliver their webhooks: `/hooks/shopify/…` and `/hooks/woocommerce/…`.

Whatever is signed and is JSON is answered 200, also where nothing of it can be used: a shop that is refused stops
delivering. What could not be used stands on the connection's page.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from customers.models import ShopConnection
from customers.shops import connections, taking
from customers.shops.taking import Delivery
from customers.throttle import counted

MOST_BYTES = 5 * 1024 * 1024
SIGNATURES: Mapping[str, str] = {
    ShopConnection.Kind.SHOPIFY: "X-Shopify-Hmac-Sha256",
    ShopConnection.Kind.WOOCOMMERCE: "X-WC-Webhook-Signature",
}
# WooCommerce knocks so when a webhook is saved, mostly without a signature, and wants 200.
_PING = re.compile(rb"webhook_id=\d{1,20}")


class NotTaken(Exception):
    """The delivery cannot be taken; nothing of it is kept."""

    def __init__(self, code: str, message: str, http: int = 400, *, wait: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.http, self.wait = code, message, http, wait


@csrf_exempt
def door(request: HttpRequest, kind: str, number: UUID) -> HttpResponseBase:
    """POST of one delivery. No cookie opens it, only the signature."""
    try:
        answer = _answered(request, kind, number, at=timezone.now())
    except NotTaken as reason:
        answer = JsonResponse({"code": reason.code, "message": reason.message}, status=reason.http)
        if reason.wait:
            answer.headers["Retry-After"] = str(reason.wait)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _answered(request: HttpRequest, kind: str, number: UUID, *, at: datetime) -> JsonResponse:
    if request.method != "POST":
        raise NotTaken("method_not_allowed", "This address takes POST.", 405)
    rows = ShopConnection.objects.select_related("key")
    shop = rows.filter(pk=number, kind=kind, is_active=True).first()
    if shop is None:
        raise NotTaken("not_found", "No shop is connected here.", 404)
    raw = _raw(request)
    signature = request.headers.get(SIGNATURES[shop.kind], "")
    if shop.kind == ShopConnection.Kind.WOOCOMMERCE and not signature and _PING.fullmatch(raw):
        return JsonResponse({"taken": False})
    if not connections.is_signed(shop, raw, signature):
        raise NotTaken("bad_signature", "The signature does not fit the body.", 401)
    count = counted(f"shop:{shop.pk}")
    if not count.is_allowed:
        wait = f"Too many deliveries; come again in {count.wait} seconds."
        raise NotTaken("throttled", wait, 429, wait=count.wait)
    if shop.kind == ShopConnection.Kind.WOOCOMMERCE and _PING.fullmatch(raw):
        return JsonResponse({"taken": False})
    if not _is_from(shop, request):
        raise NotTaken("wrong_shop", "The delivery is of another shop than the one connected here.", 401)
    delivery = _read(request, shop, raw)
    if request.headers.get("X-Shopify-Test") == "true":
        return JsonResponse({"taken": False})
    return JsonResponse({"taken": taking.take(shop, delivery, at=at)})


def _raw(request: HttpRequest) -> bytes:
    too_large = NotTaken("too_large", f"A delivery holds at most {MOST_BYTES // 1024**2} MB.", 413)
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise too_large
    try:
        raw = request.read(MOST_BYTES + 1)
    except (OSError, UnreadablePostError) as error:
        raise NotTaken("incomplete", "The body ended early.") from error
    if len(raw) > MOST_BYTES:
        raise too_large
    return raw


def _is_from(shop: ShopConnection, request: HttpRequest) -> bool:
    """One secret may sign for several shops of an app: the one that is told must be this one."""
    said = request.headers.get("X-Shopify-Shop-Domain") or request.headers.get("X-WC-Webhook-Source") or ""
    try:
        return not said or connections.domain_of(said) == shop.domain
    except connections.NotPossible:
        return False


def _read(request: HttpRequest, shop: ShopConnection, raw: bytes) -> Delivery:
    headers = request.headers
    try:
        said: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotTaken("invalid_json", "The body is not JSON.") from error
    if not isinstance(said, dict):
        raise NotTaken("invalid", "The body must be a JSON object.")
    if shop.kind == ShopConnection.Kind.SHOPIFY:
        topic, own = headers.get("X-Shopify-Topic", ""), headers.get("X-Shopify-Webhook-Id", "")
        event = headers.get("X-Shopify-Event-Id", "")
        own = own or (f"{topic}:{event}" if event else "")
    else:
        topic, own = headers.get("X-WC-Webhook-Topic", ""), headers.get("X-WC-Webhook-Delivery-ID", "")
    if not topic.strip():
        raise NotTaken("no_topic", "The delivery does not say its topic.")
    return Delivery(topic.strip(), own.strip(), said, raw)
