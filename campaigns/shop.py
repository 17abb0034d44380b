"""The demo's shop, its server's half: who has logged in, and orders, about which a browser is not believed.

What the pages show they ask of the public API, by `tact.js`.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from campaigns import codes
from campaigns.codes import Discount, NotRedeemable
from catalog.models import Category, Product
from customers import access, consent, encryption, events, identities
from customers.events import Incoming
from customers.models import Customer
from customers.shop import key
from customers.views import language_for

COOKIE = "shop_customer"
A_YEAR = 365 * 24 * 3600
GUEST = "guest-"
SHOWN_PEOPLE = 3
MOST_LINES = 50


class Wrong(Exception):
    """The page asked for something that the shop cannot do; what it said."""


@dataclass(frozen=True)
class Line:
    product: Product
    quantity: int

    @property
    def value(self) -> Decimal:
        return (self.product.price or Decimal(0)) * self.quantity


# --- pages -------------------------------------------------------------------------------------------------------------


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What the shop has: all of it, a category, or what was searched for. The page asks for that itself."""
    return _page(
        request, "home", chosen=request.GET.get("category", ""), search=request.GET.get("search", "")
    )


@require_safe
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """What it is, in the page itself: links of mails lead here. What goes with it the page asks for."""
    row = get_object_or_404(Product.objects.listed().select_related("category"), sku=sku)
    return _page(request, "product", product=row, chosen=row.category.slug if row.category else "")


@require_safe
def basket(request: HttpRequest) -> HttpResponse:
    return _page(request, "basket")


def _page(request: HttpRequest, name: str, **more: Any) -> HttpResponse:
    language = language_for(request)
    who = customer_of(request)
    with translation.override(language):
        context = {
            "language": language,
            "languages": settings.LANGUAGES,
            "key": key(),
            "categories": Category.objects.filter(products__is_listed=True).distinct(),
            "customer": who,
            "people": people(),
            "is_guest": who.startswith(GUEST),
            "words": _words(),
            **more,
        }
        page = render(request, f"shop/{name}.html", context)
    page.headers["Content-Language"] = language
    page.headers["Cache-Control"] = "no-store"  # it says who has logged in
    return page


def _words() -> dict[str, str]:
    """What the page's script says by itself."""
    return {
        "why": _("Why am I seeing this?"),
        "add": _("Into the basket"),
        "added": _("It is in your basket."),
        "sold_out": _("Sold out"),
        "yes": _("Allow"),
        "no": _("Refuse"),
        "saved": _("Saved."),
        "failed": _("That did not work. Please try again."),
        "for_you": _("For you"),
        "popular": _("Popular in the shop"),
        "use_code": _("Use at checkout"),
        "code": _("Code"),
        "until": _("Until %s"),
        "nothing": _("Nothing was found."),
        "empty": _("Your basket is empty."),
        "fewer": _("One less of %s"),
        "more": _("One more of %s"),
        "sum": _("Sum"),
        "discount": _("Discount"),
        "total": _("To pay"),
        "ordered": _("Thank you. Your order is %s."),
    }


def people() -> Sequence[Mapping[str, Any]]:
    """A few of the demo's people to be, and one who refused to be known."""
    known = Customer.objects.present().select_related("key").filter(external_id__isnull=False)
    known = known.exclude(external_id__startswith=GUEST).order_by("pk")
    allowing = known.filter(consent.may("analytics"), consent.may("personalization"))[:SHOWN_PEOPLE]
    refusing = known.exclude(consent.may("personalization"))[:1]
    return [
        {"id": row.external_id, "name": encryption.unseal(row).get("name", row.external_id), "allows": allows}
        for rows, allows in ((allowing, True), (refusing, False))
        for row in rows
    ]


# --- what the shop's server does for its pages ---------------------------------------------------------------------------

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
                return JsonResponse({"code": reason.code, "message": _refusal(reason.code)}, status=422)

    return view


def customer_of(request: HttpRequest) -> str:
    """Who has logged in, by the shop's own cookie; empty for nobody."""
    who: str = request.get_signed_cookie(COOKIE, default="", salt=COOKIE) or ""
    return who if identities.find([who]) else ""


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
    if who and who not in {person["id"] for person in people()}:
        raise Wrong("unknown_customer")
    return _entered(who)


@deed
def guest(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """A visitor said yes to something: from now on they are a customer without a name."""
    return _entered(customer_of(request) or _new_guest())


def _new_guest() -> str:
    name = GUEST + secrets.token_hex(8)
    identities.save_profiles([identities.Profile(id=name)])
    return name


@deed
def token(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """What proves the customer to the platform, from the page."""
    who = customer_of(request)
    return JsonResponse({"token": access.customer_token(who, at=timezone.now())[0] if who else None})


@deed
def check(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """What a code would take off the basket."""
    lines, who = lines_of(said), customer_of(request)
    off = codes.validate(_text(said, "code"), order_id=_order_id(said), **_sum(lines, who, at=timezone.now()))
    return JsonResponse(_bill(lines, off))


@deed
def order(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    """Take the order. Sent again it is the same order: its number is the page's."""
    lines, who = lines_of(said), customer_of(request) or _new_guest()
    off = place(who, lines, order_id=_order_id(said), code=_text(said, "code"), at=timezone.now())
    return JsonResponse({"order_id": _order_id(said), **_bill(lines, off)}, status=201)


def place(who: str, lines: Sequence[Line], *, order_id: str, code: str, at: datetime) -> Discount | None:
    """Redeem the code and tell what was ordered, both or neither. Raises NotRedeemable."""
    with transaction.atomic():
        off = codes.redeem(code, order_id=order_id, **_sum(lines, who, at=at)) if code else None
        told = [
            Incoming(
                message_id=f"{order_id}#{place}",
                type="ordered",
                occurred_at=at,
                customer=who,
                sku=line.product.sku,
                quantity=Decimal(line.quantity),
                value=line.value,
                currency=line.product.currency,
                order_id=order_id,
                context={"coupon": code} if code else {},
            )
            for place, line in enumerate(lines)
        ]
        events.take_in(told, source="api:secret", at=at)
    return off


def lines_of(said: Mapping[str, Any]) -> list[Line]:
    """The basket with the shop's own prices. Raises Wrong."""
    asked = said.get("lines")
    if not isinstance(asked, dict) or not 0 < len(asked) <= MOST_LINES:
        raise Wrong("no_lines")
    found = {row.sku: row for row in Product.objects.sellable().filter(sku__in=asked, price__isnull=False)}
    if len(found) != len(asked) or len({row.currency for row in found.values()}) != 1:
        raise Wrong("not_sellable")
    if not all(isinstance(number, int) and 0 < number < 100 for number in asked.values()):
        raise Wrong("wrong_quantity")
    return [Line(found[sku], number) for sku, number in asked.items()]


def _sum(lines: Sequence[Line], who: str, *, at: datetime) -> dict[str, Any]:
    return {
        "customer_id": identities.find([who]).get(who, 0) if who else None,
        "amount": sum((line.value for line in lines), Decimal(0)),
        "currency": lines[0].product.currency,
        "skus": [line.product.sku for line in lines],
        "at": at,
    }


def _bill(lines: Sequence[Line], off: Discount | None) -> dict[str, str]:
    amount = sum((line.value for line in lines), Decimal(0))
    discount = off.discount if off is not None else Decimal(0)
    return {
        "sum": str(amount),
        "discount": str(discount),
        "total": str(amount - discount),
        "currency": lines[0].product.currency,
    }


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


def _refusal(code: str) -> str:
    return {
        "already_used": _("This code has been used."),
        "expired": _("This code has expired."),
        "not_started": _("This code holds later."),
        "wrong_customer": _("This code belongs to someone else."),
        "minimum_not_met": _("Your basket is too small for this code."),
        "limit_reached": _("This offer has been used as often as it may be."),
        "not_applicable": _("This code is for other products."),
    }.get(code, _("There is no such code."))
