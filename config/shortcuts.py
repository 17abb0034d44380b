"""The keys of the desk, on a page of their own; templates/static/desk/order.js presses them."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# After `g`: where it goes, and what it is called.
ROOMS: dict[str, tuple[str, Promise]] = {
    "h": ("admin:index", gettext_lazy("Home")),
    "c": ("admin:campaigns_campaign_changelist", gettext_lazy("Campaigns")),
    "s": ("admin:campaigns_segment_changelist", gettext_lazy("Segments")),
    "m": ("admin:campaigns_message_changelist", gettext_lazy("Messages")),
    "o": ("admin:campaigns_offer_changelist", gettext_lazy("Offers")),
    "p": ("admin:customers_customer_changelist", gettext_lazy("Customers")),
    "r": ("admin:customers_privacyrequest_changelist", gettext_lazy("Requests")),
}


def page(request: HttpRequest) -> HttpResponse:
    keys = [
        ("?", _("This page")),
        ("/", _("To the search of the list; where there is none, of everything")),
        ("t", _("To the search of everything: rooms, campaigns, products, people")),
        *((f"g {key}", words) for key, (_name, words) in ROOMS.items()),
        ("Esc", _("Leave a field, so that keys are shortcuts again")),
    ]
    context = {**admin.site.each_context(request), "title": _("Keyboard shortcuts"), "keys": keys}
    request.current_app = admin.site.name
    return TemplateResponse(request, "admin/shortcuts.html", context)


def addresses() -> dict[str, str]:
    return {key: reverse(name) for key, (name, _words) in ROOMS.items()}
