"""The demo shop's key, and its page with the consent widget on it, as a shop would put it into its own."""

from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from customers import access
from customers.views import language_for

COOKIE = "shop_visitor"
A_YEAR = 365 * 24 * 3600


def consent(request: HttpRequest) -> HttpResponse:
    """A page of the shop: its own cookie names the visitor, the widget asks them."""
    language = language_for(request)
    visitor = request.COOKIES.get(COOKIE, "")[:100] or f"visitor-{uuid4()}"
    with translation.override(language):
        page = render(
            request,
            "shop/consent.html",
            {"language": language, "languages": settings.LANGUAGES, "visitor": visitor, "key": key()},
        )
    page.set_cookie(
        COOKIE, visitor, max_age=A_YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
    return page


SCOPES = (
    "catalog:read",
    "consents:read",
    "consents:write",
    "events:write",
    "offers:read",
    "recommendations:read",
)


def key() -> str:
    """The demo's publishable key, made once and kept in a file: of keys the database knows only the hash."""
    file = settings.VAR_DIR / "shop.key"
    if file.exists():
        try:
            value: str = file.read_text()
            access.access_of(value, token="", at=timezone.now())
        except access.BadKey:
            pass  # another database's
        else:
            return value
    _row, value = access.create_key("publishable", scopes=SCOPES, label="demo: the shop's pages")
    file.write_text(value)
    file.chmod(0o600)
    return value
