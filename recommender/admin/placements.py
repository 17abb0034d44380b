"""The desk's pages of where lists stand, and of what was shown there."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from catalog.pages import ReadOnly, Section, button, shown
from recommender import diversity
from recommender.admin.figures import number
from recommender.admin.shows import Shows
from recommender.models import Placement, Promotion, Shown


class PromotionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Promotion
        fields = ("name", "percent", "products", "categories", "priority", "starts_at", "ends_at")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors and not given.get("products") and not given.get("categories"):
            self.add_error("products", gettext("Name at least one product or one category to promote."))
        return given


class PromotionRows(StackedInline):  # type: ignore[misc]
    model = Promotion
    form = PromotionForm
    extra = 0
    fields = (("name", "percent", "priority"), "products", "categories", ("starts_at", "ends_at"))
    autocomplete_fields = ("products", "categories")
    verbose_name_plural = _("Promotions: products that get a share of the list")


@admin.register(Placement)
class PlacementAdmin(Shows):
    about = _(
        "A placement is where a list stands: home page, basket, mail. It says what may stand there and how varied it "
        "is. The shop asks for it by its slug; names that are not here get the plain list."
    )
    list_display = ("name", "slug", "told_mode", "told_bought", "told_variety", "told_chance", "is_measured")
    list_filter = ("mode", "diversity")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("categories",)
    inlines = (PromotionRows,)
    fieldsets = (
        (None, {"fields": (("name", "slug"),)}),
        (
            _("What may stand there"),
            {
                "fields": ("mode", ("bought", "bought_within_days"), "in_stock", "categories", "relevance"),
                "description": _("A request may ask for less than this, never for more."),
            },
        ),
        (_("Variety"), {"fields": ("diversity", "strength")}),
        (_("Chance and measuring"), {"fields": ("exploration", "is_measured")}),
    )

    @shown(_("what it is for"), order="mode")
    def told_mode(self, placement: Placement) -> str:
        return placement.get_mode_display()

    @shown(_("what they bought already"), order="bought")
    def told_bought(self, placement: Placement) -> str:
        return placement.get_bought_display()

    @shown(_("variety"), order="diversity")
    def told_variety(self, placement: Placement) -> str:
        if placement.diversity == Placement.Diversity.NONE:
            return "–"
        name = "MMR" if placement.diversity == Placement.Diversity.MMR else gettext("calibrated")
        return f"{name} {placement.strength:g}"

    @shown(_("share left to chance"), order="exploration")
    def told_chance(self, placement: Placement) -> str:
        return f"{placement.exploration:.0%}" if placement.exploration else "–"


def _week(week: diversity.Week) -> dict[str, str]:
    def told(value: float | None, form: str) -> str:
        return "–" if value is None else form.format(value)

    return {
        "begins": date_format(week.begins, "SHORT_DATE_FORMAT"),
        "lists": f"{week.lists:,}",
        "coverage": told(week.coverage, "{:.1%}"),
        "gini": told(week.gini, "{:.3f}"),
        "novelty": told(week.novelty, "{:.2f}"),
        "calibration": told(week.calibration, "{:.3f}"),
        "reranked": told(week.reranked, "{:.0%}"),
    }


@admin.register(Shown)
class ShownAdmin(ReadOnly):
    about = _(
        "No list is kept yet. A placement keeps its lists where it is measured, or leaves a share to chance."
    )
    list_display = ("at", "placement", "customer", "model", "told_items")
    list_select_related = ("customer", "model")
    date_hierarchy = "at"
    actions_list = ("variety",)
    search_fields = ("=customer__external_id", "=placement")
    fields = (("at", "placement"), ("customer", "model"), ("basis", "consent_record_id"), "recommendation_id")

    @shown(_("items"))
    def told_items(self, row: Shown) -> int:
        return len(row.items)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        rows = [
            (
                place,
                item["sku"],
                number(item["propensity"]),
                item["promotion"] or "–",
                item.get("reranked_by") or "–",
                item.get("relevance_place") or "–",
            )
            for place, item in enumerate(row.items, 1)
        ]
        headers = (
            _("place"), _("SKU"), _("Propensity"), _("promotion"), _("varied by"), _("place by relevance alone"),
        )  # fmt: skip
        return [Section(_("Items"), headers, rows)]

    @button(_("Variety over time"), path="variety", icon="diversity_3", needs="view")
    def variety(self, request: HttpRequest) -> HttpResponse:
        """Worked out when asked for and not kept: a page that opens computes nothing."""
        weeks = diversity.weekly(at=timezone.now()) if "now" in request.GET else None
        return self.own_page(
            request,
            "admin/desk/variety.html",
            title=gettext("Variety over time"),
            asked=weeks is not None,
            rows=[_week(week) for week in weeks or ()],
        )
