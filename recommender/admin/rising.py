"""Products that rise and fall: this week's buyers against the week's before."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from catalog.pages import ReadOnly, button
from customers import few
from recommender import trends


class Rising(ReadOnly):
    """The button of what changes."""

    actions_list: tuple[str, ...] = ("rising",)

    @button(_("Rising and falling"), path="rising", icon="trending_up", needs="view")
    def rising(self, request: HttpRequest) -> HttpResponse:
        """Worked out when asked for and not kept: a page that opens computes nothing."""
        found = trends.weekly(at=timezone.now()) if "now" in request.GET else None
        return self.own_page(
            request,
            "admin/desk/recommender_rising.html",
            title=gettext("Rising and falling products"),
            asked=found is not None,
            state=_state(found),
            groups=[] if found is None else _groups(found),
        )


def _state(found: trends.Trends | None) -> str:
    if found is None:
        return gettext("Which products more people, or fewer, buy this week than the week before.")
    if not found.products:
        return (
            gettext("No product had %s buyers in one of the two weeks: nothing is said of so few.")
            % few.FEWEST_PEOPLE
        )
    return gettext("Since %(begins)s: surely rising %(rising)s, surely falling %(falling)s; products with enough buyers: %(products)s.") % {
        "begins": date_format(timezone.localtime(found.begins), "SHORT_DATE_FORMAT"), "products": f"{found.products:,}",
        "rising": len(found.rising), "falling": len(found.falling),
    }  # fmt: skip


def _groups(found: trends.Trends) -> list[dict[str, Any]]:
    """Two tables. One query for both."""
    changes = [*found.rising, *found.falling]
    products = Product.objects.in_bulk([change.product_id for change in changes])
    return [
        {"title": gettext("Rising"), "sign": "▲", "rows": _rows(found.rising, products)},
        {"title": gettext("Falling"), "sign": "▼", "rows": _rows(found.falling, products)},
    ]


def _rows(changes: Sequence[trends.Change], products: dict[int, Product]) -> list[dict[str, str]]:
    return [
        {
            "link": reverse("admin:catalog_product_change", args=[change.product_id]),
            "title": str(products[change.product_id]),
            "before": _people(change.before),
            "now": _people(change.now),
            "ratio": f"× {change.ratio:.1f} ({change.low:.1f} … {change.high:.1f})",
        }
        for change in changes
        if change.product_id in products
    ]


def _people(n: int) -> str:
    return gettext("≈ %s or fewer") % n if n <= few.FEWEST_ORDERS else f"≈ {n:,}"
