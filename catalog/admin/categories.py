"""The desk's pages of categories: one by hand, or a file of them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.bring_in import BringsIn
from catalog.categories import Categories
from catalog.models import Category
from catalog.pages import shown


@admin.register(Category)
class CategoryAdmin(BringsIn):
    things = Categories()
    file_title = _("Bring categories in")
    file_about = _(
        "One category a line. A known slug is changed, a new one is made; what is not in the file stays as it is."
    )
    file_example = "slug,name,parent\ngarden,Garden,\nroses,Roses,garden\n"
    about = _("Categories come with the products of the shop's feed. Add one by hand with the plus above.")
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

    def rows_of_file(self, rows: QuerySet[Category]) -> QuerySet[Category]:
        return rows.select_related("parent")
