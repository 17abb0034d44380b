"""What is read of a request: a body that is whole, bounded and means one thing, or none."""

import re
from collections.abc import Callable
from typing import Any

import orjson
from django.http import HttpRequest, UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.parsers import JSONParser

MAX_BODY = 5 * 1024 * 1024
MAX_ITEMS = 1000
MAX_DEPTH = 64
# Lists and objects: a million empty ones are 3 MB, and seconds to read.
MAX_PARTS = 200_000
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s\";]*)", re.IGNORECASE)
# Every string of a JSON text, with the colon behind it where it is a name.
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"\s*(:?)')
_COLON_APART = re.compile(rb'"\s+:')


class Refused(Exception):
    """Nothing is done with the request; the text says why."""

    def __init__(self, code: str, message: str, http: int) -> None:
        super().__init__(message)
        self.code, self.http = code, http


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = f"A body holds at most {MAX_ITEMS} items and 5 MB."


def check(request: HttpRequest) -> None:
    """Raises Refused for what need not be read, whoever sent it."""
    length = request.headers.get("Content-Length") or "0"
    if length.isdecimal() and int(length) > MAX_BODY:
        raise Refused("too_large", str(TooLarge.default_detail), 413)
    if "Transfer-Encoding" in request.headers:
        # In chunks that broke off (config.wsgi). Django would read nothing, and call done what never was.
        raise Refused("length_required", "Send the body whole, with its Content-Length.", 411)
    asked = [part for name, values in request.GET.lists() for part in (name, *values)]
    if any("\0" in part for part in (request.path_info, *asked)):
        raise Refused("invalid", "The address holds a NUL character, which nothing is called by.", 400)


class StrictJSONParser(JSONParser):
    """JSON as RFC 8259 has it, in UTF-8: no NaN, an object on top, lists of at most 1,000 items.

    Nor what JSON allows and nothing here could keep, or keep in one way only: NUL characters, what is nested without
    end, and a name that stands twice in one object.
    """

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        charset = _CHARSET.search(media_type or "")
        if charset and charset[1].lower() not in ("utf-8", "utf8"):
            raise exceptions.UnsupportedMediaType(media_type)
        request = (parser_context or {}).get("request")
        try:
            raw = whole(stream.read, request.META.get("CONTENT_LENGTH", "") if request is not None else "")
        except Refused as refused:
            raise exceptions.ParseError(str(refused)) from refused
        if raw.count(b"[") + raw.count(b"{") > MAX_PARTS:
            raise TooLarge
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(f"The body is not JSON: {error}.") from error
        if b"\\u0000" in raw:
            raise exceptions.ParseError("The body holds a NUL character, which no field can keep.")
        if not isinstance(body, dict):
            raise exceptions.ParseError("The body must be a JSON object.")
        if any(isinstance(value, list) and len(value) > MAX_ITEMS for value in body.values()):
            raise TooLarge
        names = _names_in(body)
        # Where each colon right behind a string is a name's, all are counted at once; else string by string.
        if (raw.count(b'":') != names or _COLON_APART.search(raw)) and _names_written(raw) > names:
            raise exceptions.ParseError("A name stands twice in one object.")
        return body


def whole(read: Callable[[], bytes], length: str) -> bytes:
    """All that was sent, as `read` gives it. Raises Refused where it ended before its Content-Length."""
    try:
        raw = read()
    except UnreadablePostError as error:
        raise Refused("invalid", "The body ended early.", 400) from error
    if length.isdecimal() and len(raw) < int(length):
        raise Refused("invalid", "The body ended before its Content-Length.", 400)
    return raw


def _names_in(body: dict[str, Any]) -> int:
    """How many names all its objects have. Raises ParseError where they are nested too deep."""
    names, depth = 0, 0
    level: list[Any] = [body]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise exceptions.ParseError(f"The body is nested more than {MAX_DEPTH} deep.")
        names += sum(len(part) for part in level if isinstance(part, dict))
        parts = (value for part in level for value in (part.values() if isinstance(part, dict) else part))
        level = [value for value in parts if isinstance(value, dict | list)]
    return names


def _names_written(raw: bytes) -> int:
    """How many names stand in the text, those included that a later one of the same object takes the place of."""
    return sum(bool(found[1]) for found in _STRINGS.finditer(raw))
