"""What the demo shop's server does for its pages: logging in, the token, the code, the order."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from campaigns import codes
from campaigns.codes import NotRedeemable
from campaigns.shop.orders import Wrong, bill, lines_of, place, refusal, sum_of
from campaigns.shop.people import COOKIE, customer_of, new_guest, people
from customers import access
from customers.views import language_for

A_YEAR = 365 * 24 * 3600
Deed = Callable[[HttpRequest, Mapping[str, Any]], HttpResponse]


def deed(act: Deed) -> Callable[[HttpRequest], HttpResponse]:
    """A POST of JSON, which a form of another site cannot send: so it needs no token against forgery, and no cookie."""

    @csrf_exempt
    @require_POST
    @wraps(act)
    def view(request: HttpRequest) -> HttpResponse:
        if request.content_type != "application/json":
            return JsonResponse({"code": "unsupported_media_type"}, status=415)
        with translation.override(language_for(request)):
            try:
                said = orjson.loads(request.body)
                return act(request, said if isinstance(said, dict) else {})
            except orjson.JSONDecodeError:
                return JsonResponse({"code": "invalid"}, status=400)
            except Wrong as wrong:
                return JsonResponse({"code": str(wrong)}, status=400)
            except NotRedeemable as reason:
                return JsonResponse({"code": reason.code, "message": refusal(reason.code)}, status=422)

    return view


def _entered(who: str) -> HttpResponse:
    answer = JsonResponse({"customer": who})
    if not who:
        answer.delete_cookie(COOKIE)
        return answer
    answer.set_signed_cookie(
        COOKIE, who, salt=COOKIE, max_age=A_YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )  # fmt: skip
    return answer


@deed
def enter(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """Be one of the people on the page, or nobody. A real shop would ask for a password."""
    who = said.get("customer") or ""
    if who and not any(who == person["id"] for person in people()):
        raise Wrong("unknown_customer")
    return _entered(who)


@deed
def guest(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """A visitor said yes to something: from now on they are a customer without a name."""
    return _entered(customer_of(request) or new_guest())


@deed
def token(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """What proves the customer to the platform, from the page."""
    who = customer_of(request)
    return JsonResponse({"token": access.customer_token(who, at=timezone.now())[0] if who else None})


@deed
def check(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """What a code would take off the basket."""
    lines, who = lines_of(said), customer_of(request)
    off = codes.validate(
        _text(said, "code"), order_id=_order_id(said), **sum_of(lines, who, at=timezone.now())
    )
    return JsonResponse(bill(lines, off))


@deed
def order(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """Take the order. Sent again it is the same order: its number is the page's."""
    lines, number, code, at = lines_of(said), _order_id(said), _text(said, "code"), timezone.now()
    who = customer_of(request)
    if code:  # before anything is done, so that somebody else's attempt stays on record
        codes.validate(code, order_id=number, **sum_of(lines, who, at=at))
    with transaction.atomic():
        off = place(who or new_guest(), lines, order_id=number, code=code, at=at)
    return JsonResponse({"order_id": number, **bill(lines, off)}, status=201)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str) or len(value) > 40 or "\0" in value:
        raise Wrong(f"wrong_{name}")
    return value.strip()


def _order_id(said: Mapping[str, Any]) -> str:
    number = _text(said, "order_id")
    if len(number) < 16 or not number.isalnum():
        raise Wrong("wrong_order_id")
    return number
