"""The desk's pages of what we sell."""

from catalog.admin import categories, products

__all__ = ["categories", "products"]
