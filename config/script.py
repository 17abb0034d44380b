"""The script for shops' pages: one address that stays, small on the way, and kept by browsers."""

import gzip
import hashlib
import re
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.http import require_safe

FILE = settings.BASE_DIR / "templates" / "browser" / "tact.js"
AN_HOUR = "public, max-age=3600, stale-while-revalidate=86400"
A_YEAR = "public, max-age=31536000, immutable"


class Script(NamedTuple):
    text: bytes
    zipped: bytes
    version: str
    etag: str


@cache
def script() -> Script:
    text = FILE.read_bytes()
    named = re.search(rb'VERSION = "([\d.]+)"', text)
    if named is None:
        raise ValueError(f"{FILE.name} names no version.")
    digest = hashlib.sha256(text).hexdigest()[:16]
    return Script(text, gzip.compress(text, mtime=0), named[1].decode(), digest)


@require_safe
def tact(request: HttpRequest) -> HttpResponseBase:
    """`/tact.js` is always the newest, kept for an hour; with `?v=` of the newest's version for a year.

    An older version in the address answers with the newest too: no page breaks because the platform was renewed.
    """
    found = script()
    zips = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(
        found.zipped if zips else found.text, content_type="text/javascript; charset=utf-8"
    )
    if zips:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["ETag"] = etag = f'W/"{found.etag}"'
    response.headers["Cache-Control"] = A_YEAR if request.GET.get("v") == found.version else AN_HOUR
    # Any page may load it, those that isolate themselves and those that check its hash too.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    patch_vary_headers(response, ["Accept-Encoding"])
    return get_conditional_response(request, etag=etag, response=response) or response
