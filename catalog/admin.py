"""The desk's pages of what we sell."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.db import transaction
from django.db.models import Avg, Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.imports import note_by_hand
from catalog.models import CatalogueStamp, Category, Product, ProductChange, Review
from catalog.pages import Page, ReadOnly, Section, shown, told_time

FAVOURABLE = Q(sentiment__gte=0.5)
# Of the history of one product, on its own page.
NEWEST = 20
UNFAVOURABLE = Q(sentiment__lt=0.5)
NOT_KNOWN = Q(sentiment__isnull=True)
MOOD = {
    "many": Count("pk"),
    "mean_rating": Avg("rating"),
    "mean": Avg("sentiment"),
    "favourable": Count("pk", filter=FAVOURABLE),
    "unfavourable": Count("pk", filter=UNFAVOURABLE),
    "unknown": Count("pk", filter=NOT_KNOWN),
}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _difference(change: ProductChange, before: ProductChange | None) -> str:
    """By how much the price rose or fell, in percent of what it was."""
    if before is None or not before.price or change.price is None or change.price == before.price:
        return "–"
    return f"{(change.price - before.price) / before.price:+.0%}"


@admin.register(Category)
class CategoryAdmin(Page):
    list_display = ("name", "slug", "parent", "products_in_it")
    search_fields = ("name", "slug")
    list_select_related = ("parent",)
    autocomplete_fields = ("parent",)
    prepopulated_fields = {"slug": ("name",)}
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        rows: QuerySet[Category] = super().get_queryset(request)
        return rows.annotate(product_count=Count("products"))

    @shown(_("products"), order="product_count")
    def products_in_it(self, category: Any) -> int:
        return int(category.product_count)


@admin.register(Product)
class ProductAdmin(Page):
    about = _(
        "Products come from the shop: by the API, by an import (manage.py import_data), or by hand with the plus above."
    )
    list_display = (
        "title",
        "sku",
        "category",
        "price",
        "currency",
        "in_stock",
        "is_listed",
        "mood",
        "updated_at",
    )
    list_filter = ("is_listed", "in_stock")
    search_fields = ("=sku", "title", "brand")
    search_help_text = _("By SKU, title or brand")
    list_select_related = ("category",)
    autocomplete_fields = ("category",)
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": (("sku", "title"), "description", ("category", "brand"))}),
        (_("Price and stock"), {"fields": (("price", "currency"), ("in_stock", "is_listed"))}),
        (_("Addresses"), {"fields": ("url", "image_url")}),
        (_("More"), {"fields": ("attributes", ("created_at", "updated_at"))}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Orders point at products: a product is unlisted, never deleted."""
        return False

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        obj.is_learnt = False  # somebody describes it: no event does any more
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            note_by_hand(obj, at=timezone.now())

    def prepare(self, rows: Sequence[Any]) -> None:
        told = Review.objects.filter(product__in=rows).values("product_id").annotate(**MOOD).order_by()
        moods = {row["product_id"]: row for row in told}
        for row in rows:
            row.told_mood = moods.get(row.pk)

    @shown(_("reviews"))
    def mood(self, product: Any) -> str:
        told = product.told_mood
        return f"{told['many']} · {_percent(told['mean'])}" if told else "–"

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return [self.history(row), *self.reviews(row)]

    def history(self, row: Product) -> Section:
        newest = list(row.changes.order_by("-pk")[: NEWEST + 1])
        rows = [
            (
                told_time(one.at),
                "–" if one.price is None else f"{one.price} {row.currency}",
                _difference(one, before),
                _("yes") if one.in_stock else _("no"),
            )
            for one, before in zip(newest[:NEWEST], [*newest[1:], None], strict=False)
        ]
        every = reverse("admin:catalog_productchange_changelist")
        return Section(
            _("Price and stock history"),
            (_("since"), _("price"), _("change"), _("in stock")),
            rows,
            empty=_("Neither its price nor its stock has been told yet."),
            more=f"{every}?q={quote(row.sku)}" if rows else "",
        )

    def reviews(self, row: Any) -> list[Section]:
        told = row.reviews.aggregate(**MOOD)
        if not told["many"]:
            return [Section(_("Reviews"), (), (), empty=_("Nobody has reviewed it yet."))]
        rating = "–" if told["mean_rating"] is None else f"{told['mean_rating']:.1f}"
        counts = [told[name] for name in ("favourable", "unfavourable", "unknown")]
        heads = (
            _("reviews"),
            _("mean rating"),
            _("mean sentiment"),
            _("favourable"),
            _("unfavourable"),
            _("not known"),
        )
        return [Section(_("Reviews"), heads, [(told["many"], rating, _percent(told["mean"]), *counts)])]


@admin.register(ProductChange)
class ProductChangeAdmin(ReadOnly):
    list_display = ("product", "price", "in_stock", "at")
    list_select_related = ("product",)
    search_fields = ("=product__sku",)
    search_help_text = _("By SKU")
    list_filter = ("in_stock",)


class SentimentFilter(admin.SimpleListFilter):
    """What the words say; not known until a sentiment model has judged them, or where there are none."""

    title = _("sentiment")
    parameter_name = "mood"
    conditions = {"favourable": FAVOURABLE, "unfavourable": UNFAVOURABLE, "unknown": NOT_KNOWN}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("favourable", _("favourable")),
            ("unfavourable", _("unfavourable")),
            ("unknown", _("not known")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.conditions.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    """People write reviews; the desk may only take one away."""

    about = _(
        "Reviews come from the shop: by the API, or by an import (manage.py import_data reviews-csv). A training learns what they say once 50 favourable and 50 unfavourable ones are rated; until then their sentiment is not known."
    )
    list_display = ("product", "rating", "title", "mood", "locale", "written_at")
    list_select_related = ("product",)
    list_filter = (SentimentFilter, "rating")
    search_fields = ("=product__sku", "title")
    search_help_text = _("By SKU or title")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("catalog.delete_review"))

    @shown(_("sentiment"), order="sentiment")
    def mood(self, review: Review) -> str:
        return _percent(review.sentiment)


@admin.register(CatalogueStamp)
class CatalogueStampAdmin(ReadOnly):
    about = _("By a number in each the shop's lists notice that a product changed. The database writes them.")
    list_display = ("__str__",)
    exclude = ("value",)
