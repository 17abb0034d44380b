"""The desk's pages of products' pictures as they were read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from catalog.pages import ReadOnly, Section
from recommender import serving
from recommender.admin.figures import number
from recommender.models import Look


@admin.register(Look)
class LookAdmin(ReadOnly):
    about = _("No picture has been read yet. manage.py see_pictures FOLDER reads pictures named by SKU.")
    list_display = ("product", "at")
    list_select_related = ("product",)
    date_hierarchy = "at"
    search_fields = ("=product__sku", "product__title")
    fields = (("product", "at"), "sha256")

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        found = serving.similar(row.product_id, at=timezone.now(), limit=20).items
        alike = [item for item in found if item.reason.type == "looks_like"]
        products = Product.objects.in_bulk([item.product_id for item in alike])
        rows = [(products[item.product_id], number(item.score)) for item in alike]
        headers = (_("product"), _("score"))
        empty = _("Nothing: what people buy with it fills the list, or nothing in stock looks like it.")
        return [Section(_("Shown beside it because it looks alike"), headers, rows, empty)]
