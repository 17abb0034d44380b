"""What browsers may do: on the desk's pages, and from other sites' pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import cached_property

from customers import access, gpc

Answer = Callable[[HttpRequest], HttpResponseBase]


class DeskSecurity:
    """The admin's own content policy in place of the strict one, directive by directive, and on its pages only.

    The theme compiles its expressions in the browser, hence 'unsafe-eval' here and nowhere else. The referrer stays
    within the site: with none at all a browser sends `Origin: null` with every form, and the CSRF check refuses it.
    """

    def __init__(self, get_response: Answer) -> None:
        self.strict = get_response
        self.desk: Answer = csp_replace(settings.ADMIN_CONTENT_SECURITY_POLICY)(get_response)

    @cached_property
    def path(self) -> str:
        return reverse("admin:index")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self.path):
            return self.strict(request)
        response = self.desk(request)
        response.headers["Referrer-Policy"] = "same-origin"
        if "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        return response


class SaysGpc:
    """Where a request's `Sec-GPC: 1` was written down as a no, the answer says so: `GPC: honoured` (C13)."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if told := request.META.get(gpc.HONOURED):
            response.headers["GPC"] = told
        return response


class OtherSites:
    """A shop's page on another site may call every address that takes its publishable key (CORS, Fetch Standard 3.2).

    Every origin may, because no cookie opens it: the key and the token stand in headers that only the page can set.
    What a browser asks before it calls is answered without a key. The other addresses stay shut.
    """

    is_open = "tact.other_sites"
    headers = "Authorization, Content-Type, Idempotency-Key, X-Customer-Token, X-Retry-Count"

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.META.get(self.is_open):
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = "GPC, Retry-After"
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> HttpResponseBase | None:
        scopes: Mapping[str, str] = getattr(getattr(view, "view_class", None), "scopes", {})
        methods = [method for method, scope in scopes.items() if scope in access.PUBLISHABLE]
        if not methods:
            return None
        request.META[self.is_open] = True
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        asked = {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": self.headers,
            "Access-Control-Max-Age": "86400",
        }
        return HttpResponse(status=204, headers=asked)
