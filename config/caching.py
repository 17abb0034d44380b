"""What may be kept of an answer of the API: of things, to be asked about again; of people, nothing.

The tags themselves, and the 304, are Django's (`ConditionalGetMiddleware`): a strong tag of the very bytes, made after
the key was checked and the answer was. So a 304 saves sending it, not working it out.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

PREFIX = "api/v1/"
# Answers about things, by their address in `config.urls`. Whatever is not named here is of people.
OF_THINGS = frozenset(
    {
        *(
            "products/<str:sku>",
            "products/<str:sku>/similar",
            "purposes",
            "notices",
            "schema",
            "docs",
            "exports",
        ),
        *(
            "segments",
            "segments/<str:slug>",
            "campaigns",
            "campaigns/<str:slug>",
            "campaigns/<str:slug>/report",
        ),
        *("offers/definitions", "offers/definitions/<str:slug>"),
        *("offers/placements", "offers/placements/<str:slug>"),
        *("models", "training-runs/<int:run>"),
    }
)


class ApiCaching:
    """`Cache-Control` and `Vary` on what a GET of the API answers, unless its view said so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method in ("GET", "HEAD") and request.path_info.startswith(f"/{PREFIX}"):
            if "Cache-Control" not in response.headers:
                response.headers["Cache-Control"] = (
                    "private, no-cache"
                    if response.status_code == 200 and is_of_things(request)
                    else "no-store"
                )
            patch_vary_headers(response, ("Authorization", "X-Customer-Token"))
        return response


def is_of_things(request: HttpRequest) -> bool:
    found = request.resolver_match
    return found is not None and found.route.removeprefix(PREFIX) in OF_THINGS
