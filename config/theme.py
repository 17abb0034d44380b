"""How the desk looks: its name, its colours, its menu. Read by the settings, so it touches no row and no setting."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tact",
    "SITE_HEADER": "Tact",
    "SITE_SUBHEADER": _("Campaigns that keep people's trust"),
    "SITE_SYMBOL": "handshake",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("desk/favicon.svg")}
    ],
    "STYLES": [
        lambda request: static("desk/desk.css"),
        lambda request: static("desk/order.css"),
        lambda request: static("desk/narrow.css"),
    ],
    "SCRIPTS": [lambda request: static("desk/order.js"), lambda request: static("desk/labels.js")],
    "COLORS": {
        # A calm blue: the accent for what we did.
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .214 259.8)",
            "600": "oklch(54.6% .215 262.9)",
            "700": "oklch(48.8% .203 264.4)",
            "800": "oklch(42.4% .169 265.6)",
            "900": "oklch(37.9% .126 265.5)",
            "950": "oklch(28.2% .081 267.9)",
        },
    },
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("admin:language"), "navigation": []},
    "SHOW_HISTORY": True,
    "ACCOUNT": {
        "navigation": [
            {"title": _("Second factor"), "link": reverse_lazy("admin:second_factor")},
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Keyboard shortcuts"), "link": reverse_lazy("admin:shortcuts")},
        ]
    },
    "DASHBOARD_CALLBACK": "config.desk.home",
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "config.navigation.navigation"},
}
