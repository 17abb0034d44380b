"""Nothing is answered by a database that is older than what people demanded of it."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from customers import installation

Answer = Callable[[HttpRequest], HttpResponseBase]
# What asks no database, and says nothing that it would know.
OPEN = ("/health/", "/static/", "/tact.js")


class ReplayFirst:
    """Compare with the journal before the first answer, and see every 5 seconds whether it is still the same database.

    Two queries every 5 seconds and process. Where the database does not answer, neither do we.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(OPEN):
            installation.may_send(at=timezone.now())
        return self.get_response(request)
