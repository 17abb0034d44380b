"""The desk's pages of what we sell."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Product, ProductChange, Review
from catalog.pages import Page, ReadOnly, shown


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
    list_display = ("title", "sku", "category", "price", "currency", "in_stock", "is_listed", "updated_at")
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


@admin.register(ProductChange)
class ProductChangeAdmin(ReadOnly):
    list_display = ("product", "price", "in_stock", "at")
    list_select_related = ("product",)
    search_fields = ("=product__sku",)
    search_help_text = _("By SKU")
    list_filter = ("in_stock",)


@admin.register(Review)
class ReviewAdmin(ReadOnly):
    """People write reviews; the desk may only take one away."""

    list_display = ("product", "rating", "title", "mood", "locale", "written_at")
    list_select_related = ("product",)
    list_filter = ("rating",)
    search_fields = ("=product__sku", "title")
    search_help_text = _("By SKU or title")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("catalog.delete_review"))

    @shown(_("sentiment"), order="sentiment")
    def mood(self, review: Review) -> str:
        return "–" if review.sentiment is None else f"{review.sentiment:.0%}"
