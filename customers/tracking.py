"""The Segment-compatible door, `/v1/…`: what Segment's and RudderStack's clients send, as they send it.

A success is exactly 200 and every error carries `code` and `message`, because those clients send anything else again.
Nothing of a body is kept before all of it has been read, and one transaction keeps it.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from customers import access, segment
from customers.throttle import Count, counted
from customers.tracked import MESSAGE_BYTES, take

MOST_BYTES = 5 * 1024 * 1024
"""Of a body, sent and decompressed. Segment's clients send at most 500 KB, RudderStack takes 4 MB."""
MOST_MESSAGES = 2_500
KINDS: Mapping[str, str] = {
    **{kind: kind for kind in segment.TYPES},
    **{kind[0]: kind for kind in segment.TYPES},
    "batch": "batch",
    "b": "batch",
    "import": "batch",
}
_ASKED_HEADERS = "Authorization, Content-Type, Content-Encoding, X-Customer-Token, X-Retry-Count"


class NotTaken(Exception):
    """The request cannot be taken; nothing of it is kept."""

    def __init__(self, code: str, message: str, http: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.http = code, message, http


@csrf_exempt
def door(request: HttpRequest, kind: str) -> HttpResponseBase:
    """POST of one message, or of a batch. Any page may call it (CORS): no cookie opens it, only the key."""
    response = (
        HttpResponse(status=204)
        if request.method == "OPTIONS"
        else _answered(request, KINDS.get(kind.rstrip("/")))
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = _ASKED_HEADERS
    response.headers["Access-Control-Expose-Headers"] = "GPC, Retry-After, X-RateLimit-Reset"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers["Cache-Control"] = "no-store"
    return response


def settings_of(request: HttpRequest, key: str) -> HttpResponseBase:
    """What the browser client asks its `cdnURL` for before it starts: where to send. The key is not checked here."""
    if request.method not in ("GET", "HEAD"):
        return _said("method_not_allowed", "This address answers GET.", 405)
    sends = {"apiKey": key, "apiHost": f"{request.get_host()}/v1", "protocol": request.scheme}
    response = JsonResponse({"integrations": {"Segment.io": sends}, "plan": {}, "enabledMiddleware": {}})
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _answered(request: HttpRequest, kind: str | None) -> HttpResponse:
    at = timezone.now()
    try:
        if kind is None:
            raise NotTaken(
                "not_found", f"There is no such address; there are {', '.join(sorted(KINDS))}.", 404
            )
        if request.method != "POST":
            raise NotTaken("method_not_allowed", "This address takes POST.", 405)
        body = read_body(request)
        caller = _caller(request, body, at)
        count = counted(caller.key_id)
        if not count.is_allowed:
            return _too_many(count)
        if "events:write" not in caller.scopes:
            raise NotTaken("forbidden", "This key does not have the scope events:write.", 403)
        taken = take(_messages(body, kind), request, caller, at=at)
        if kind != "batch" and taken.refused and taken.refused[0].reason in MALFORMED:
            raise NotTaken(taken.refused[0].reason, MALFORMED[taken.refused[0].reason])
    except NotTaken as reason:
        return _said(reason.code, reason.message, reason.http)
    answer: dict[str, Any] = {"success": True, "accepted": taken.accepted, "duplicates": taken.duplicates}
    if taken.profiles:
        answer["profiles"] = taken.profiles
    answer["refused"] = [{"message_id": each.message_id, "reason": each.reason} for each in taken.refused]
    return JsonResponse(answer | ({"gpc": "honoured"} if taken.gpc else {}))


MALFORMED: Mapping[str, str] = {
    "not_an_object": "A message is a JSON object.",
    "unknown_type": "A message's type is one of " + ", ".join(sorted(segment.TYPES)) + ".",
    "no_user_anon_id": "A message names userId or anonymousId; an alias names previousId and userId.",
    "no_event": "A track call names its event.",
    "too_large": f"A message holds at most {MESSAGE_BYTES // 1024} KB.",
    "too_deep": "A message is nested at most 250 deep.",
}
"""What a client can only mend itself: 400 where it is the whole request, told beside the others in a batch."""


# --- the request ------------------------------------------------------------------------------------------------------


def read_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the request, whatever its Content-Type, decompressed where it says so. Raises NotTaken."""
    too_large = NotTaken(
        "too_large", f"A body holds at most {MOST_BYTES // 1024**2} MB and {MOST_MESSAGES} messages.", 413
    )
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise too_large
    try:
        raw = request.read(MOST_BYTES + 1)
    except (OSError, UnreadablePostError) as error:
        raise NotTaken("incomplete", "The body ended early.") from error
    if len(raw) < int(length):
        raise NotTaken("incomplete", "The body ended before its Content-Length.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "gzip":
        raw = _unzipped(raw, too_large)
    elif encoding not in ("identity", ""):
        raise NotTaken("unsupported_encoding", "Content-Encoding is gzip or nothing.", 415)
    if len(raw) > MOST_BYTES:
        raise too_large
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotTaken("invalid_json", f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise NotTaken("invalid", "The body must be a JSON object.")
    return body


def _unzipped(raw: bytes, too_large: NotTaken) -> bytes:
    """Never more than the bound, whatever a small body would unfold to."""
    unfold = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        found = unfold.decompress(raw, MOST_BYTES + 1)
    except zlib.error as error:
        raise NotTaken("invalid_gzip", f"The body is not gzip: {error}.") from error
    if len(found) > MOST_BYTES:
        raise too_large
    if not unfold.eof:
        raise NotTaken("incomplete", "The gzip body ends early.")
    return found


def _caller(request: HttpRequest, body: Mapping[str, Any], at: datetime) -> access.Access:
    """The write key: Basic's user name, a Bearer, or `writeKey` in the body. Raises NotTaken."""
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    key = ""
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(given.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError) as error:
            raise NotTaken("unauthenticated", "The Basic authorization is not base64.", 401) from error
    inside = body.get("writeKey")
    if not key and isinstance(inside, str):
        key = inside
    if not key and scheme.lower() == "bearer":
        key = given.strip()
    if not key:
        raise NotTaken(
            "unauthenticated", "Send your write key as Basic user name or as writeKey in the body.", 401
        )
    try:
        return access.access_of(key, token=request.headers.get("X-Customer-Token", ""), at=at)
    except (access.BadKey, access.BadToken) as error:
        raise NotTaken("unauthenticated", str(error), 401) from error


def _messages(body: dict[str, Any], kind: str) -> list[Any]:
    if kind != "batch":
        return [{**body, "type": kind}]
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise NotTaken("invalid", "A batch holds its messages in the list `batch`.")
    if not batch:
        raise NotTaken("empty_batch", "The batch holds no message.")
    if len(batch) > MOST_MESSAGES:
        raise NotTaken("too_large", f"A batch holds at most {MOST_MESSAGES} messages.", 413)
    return [segment.with_envelope(message, body) for message in batch]


def _said(code: str, message: str, http: int) -> HttpResponse:
    response = JsonResponse({"code": code, "message": message}, status=http)
    if http == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="write key", charset="UTF-8"'
    return response


def _too_many(count: Count) -> HttpResponse:
    response = _said("throttled", f"Too many requests; come again in {count.wait} seconds.", 429)
    response.headers["Retry-After"] = str(count.wait)
    response.headers["X-RateLimit-Reset"] = str(count.resets_at)
    return response
