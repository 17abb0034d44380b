"""The demo shop's pages: their frame and words; what they show they ask for themselves."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from campaigns.shop.people import GUEST, customer_of, people
from catalog.models import Category, Product
from customers.shop import key
from customers.views import language_for


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What the shop has: all of it, a category, or what was searched for. The page asks for that itself."""
    slug, search = (request.GET.get(name, "")[:100].strip() for name in ("category", "search"))
    title = get_object_or_404(Category, slug=slug).name if slug else ""
    return _page(request, "home", chosen=slug, title=title, search=search)


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
