"""Before any page of the desk: whoever has a second factor shows it, and whoever must have one makes one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from config import second_factor

# What one may open with a password alone.
OPEN = frozenset({"login", "logout", "language", "jsi18n", "second_factor_code", "second_factor_set_up"})


class SecondFactorFirst:
    """A session that only a password opened is led to the page that asks for the code; it can do nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        found = request.resolver_match
        if found is None or found.app_name != "admin" or found.url_name in OPEN:
            return None
        user: Any = request.user
        if not (user.is_authenticated and user.is_staff) or user.is_verified():
            return None
        if second_factor.device_of(user) is not None:
            page = "admin:second_factor_code"
        elif second_factor.is_demanded_of(user):
            page = "admin:second_factor_set_up"
        else:
            return None
        # A form that was sent cannot be sent again by a redirect: one comes back to where it stood.
        asked = request.get_full_path() if request.method == "GET" else reverse("admin:index")
        return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': asked})}")
