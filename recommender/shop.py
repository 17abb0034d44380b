"""The demo's product page, so that the links of its mails lead somewhere. A real shop has its own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from catalog.models import Product
from recommender import serving


def product(request: HttpRequest, sku: str) -> HttpResponse:
    """What it is, and what goes with it: the same for everybody."""
    row = get_object_or_404(Product.objects.listed().select_related("category"), sku=sku)
    found = serving.similar(row.pk, at=timezone.now(), limit=6)
    rows = Product.objects.in_bulk([item.product_id for item in found.items])
    beside = [rows[item.product_id] for item in found.items if item.product_id in rows]
    return render(request, "shop/product.html", {"product": row, "beside": beside})
