"""The sets of the catalogue: about nobody."""

from django.utils.translation import gettext_lazy as _

from campaigns.exports.datasets import Column, Dataset, told_by
from catalog.models import Product, ProductChange

PRODUCTS = Dataset(
    "products",
    _("Products"),
    "Every product, as it is now.",
    (
        Column("sku", "text", "the shop's own id of the product"),
        Column("title", "text", "its name"),
        Column("category", "text", "the name of its category", "category__name"),
        Column("brand", "text", "its brand"),
        Column("price", "decimal(12,2)", "what it costs now"),
        Column("currency", "text", "ISO 4217"),
        Column("in_stock", "boolean", "whether it can be bought"),
        Column("is_listed", "boolean", "whether it may be shown"),
        Column("is_learnt", "boolean", "whether it is known from events alone"),
        Column("url", "text", "its page in the shop"),
        Column("created_at", "moment", "when it was first known"),
        Column("updated_at", "moment", "when it was last changed"),
    ),
    of_people=False,
    pages=told_by(Product.objects.all),
    time="updated_at",
)
PRICES = Dataset(
    "prices",
    _("Price and stock history"),
    "What each product cost, and whether there was any, from a moment on.",
    (
        Column("sku", "text", "the product", "product__sku"),
        Column("price", "decimal(12,2)", "what it cost from then on"),
        Column("currency", "text", "ISO 4217, as the product has it now", "product__currency"),
        Column("in_stock", "boolean", "whether it could be bought from then on"),
        Column("at", "moment", "since when"),
    ),
    of_people=False,
    pages=told_by(ProductChange.objects.all),
    time="at",
)
