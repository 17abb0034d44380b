"""A feed or a page of products, each kept once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from catalog.models import Category, Product, ProductChange


@dataclass(frozen=True)
class ProductInput:
    """A product as the shop describes it; None leaves what is known unchanged."""

    sku: str
    title: str | None = None
    description: str | None = None
    category: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    in_stock: bool | None = None
    image_url: str | None = None
    url: str | None = None
    attributes: dict[str, Any] | None = field(default=None)
    is_listed: bool | None = None


@dataclass(frozen=True)
class Saved:
    created: int
    changed: int
    unchanged: int


def categories_named(names: Collection[str]) -> dict[str, int]:
    """Category ids by name, created where missing. Two queries, or four when some are new."""
    wanted = {name.strip()[:200] for name in names if name.strip()}
    found = dict(Category.objects.filter(name__in=wanted).values_list("name", "pk"))
    if missing := sorted(wanted - found.keys()):
        taken = set(Category.objects.values_list("slug", flat=True))
        fresh = []
        for name in missing:
            base = slugify(name, allow_unicode=True)[:180] or "category"
            slug, n = base, 2
            while slug in taken:
                slug, n = f"{base}-{n}", n + 1
            taken.add(slug)
            fresh.append(Category(name=name, slug=slug))
        Category.objects.bulk_create(fresh, ignore_conflicts=True)
        found |= dict(Category.objects.filter(name__in=missing).values_list("name", "pk"))
    return found


def product_ids(skus: Collection[str], *, create_missing: bool = False) -> dict[str, int]:
    """Product ids by SKU. Products only known from an event are made unlisted: kept, but never shown."""
    wanted = set(skus)
    found = dict(Product.objects.filter(sku__in=wanted).values_list("sku", "pk"))
    if create_missing and (missing := sorted(wanted - found.keys())):
        Product.objects.bulk_create(
            [Product(sku=sku, title=sku, is_listed=False, is_learnt=True) for sku in missing],
            ignore_conflicts=True,
            batch_size=500,
        )
        found |= dict(Product.objects.filter(sku__in=missing).values_list("sku", "pk"))
    return found


_FIELDS = (
    "title",
    "description",
    "brand",
    "price",
    "currency",
    "in_stock",
    "image_url",
    "url",
    "attributes",
    "is_listed",
)


def learn_products(inputs: Sequence[ProductInput], *, at: datetime, listed: bool) -> Saved:
    """What events say of their products, for a shop that sends no feed: what a feed has described is left as it is.

    `listed`: whether a product learnt so may be shown. One query where nothing is new.
    """
    by_sku = {given.sku: given for given in inputs}
    rows = {row.sku: row for row in Product.objects.filter(sku__in=by_sku).select_related("category")}
    new = [
        replace(given, is_listed=listed or (sku in rows and rows[sku].is_listed))
        for sku, given in by_sku.items()
        if sku not in rows or (rows[sku].is_learnt and _tells_more(given, rows[sku], listed))
    ]
    return save_products(new, at=at, learnt=True) if new else Saved(0, 0, len(by_sku))


def _tells_more(given: ProductInput, row: Product, listed: bool) -> bool:
    said = {name: getattr(given, name) for name in _FIELDS}
    return (
        (listed and not row.is_listed)
        or any(value is not None and getattr(row, name) != value for name, value in said.items())
        or (
            given.category is not None
            and (row.category is None or row.category.name != given.category.strip()[:200])
        )
    )


def save_products(inputs: Sequence[ProductInput], *, at: datetime, learnt: bool = False) -> Saved:
    """Create or update products, all or none, and note what changed of price and stock.

    A bounded number of queries for any number of products; the last of two inputs for one SKU wins. `learnt`: from
    events, not from the shop's own feed.
    """
    by_sku = {given.sku: given for given in inputs}
    with transaction.atomic():
        categories = categories_named({given.category for given in by_sku.values() if given.category})
        rows = {row.sku: row for row in Product.objects.select_for_update().filter(sku__in=by_sku)}
        fresh: list[Product] = []
        changed: list[Product] = []
        repriced: list[Product] = []
        for sku, given in by_sku.items():
            row = rows.get(sku)
            is_new = row is None
            if row is None:
                row = Product(sku=sku, title=given.title or sku, is_learnt=learnt)
            elif row.is_learnt is False and learnt:  # a feed came first after all
                continue
            before = (row.price, row.in_stock, row.is_learnt)
            row.is_learnt = learnt
            if _apply(row, given, categories) or is_new or before[2] != learnt:
                (fresh if is_new else changed).append(row)
                if is_new or (row.price, row.in_stock) != before[:2]:
                    repriced.append(row)
        Product.objects.bulk_create(fresh, batch_size=500)
        for row in changed:
            # Bookkeeping, as auto_now would: what reads the catalogue watches it.
            row.updated_at = datetime.now(UTC)
        # An upsert by primary key: several times as fast as bulk_update's one CASE a column.
        Product.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*_FIELDS, "category", "is_learnt", "updated_at"],
            batch_size=500,
        )
        ProductChange.objects.bulk_create(
            [ProductChange(product=row, price=row.price, in_stock=row.in_stock, at=at) for row in repriced],
            batch_size=500,
        )
    return Saved(len(fresh), len(changed), len(by_sku) - len(fresh) - len(changed))


def note_by_hand(product: Product, *, at: datetime) -> bool:
    """Note price and stock where they are not what the history last says; whether they were not. Two queries at most."""
    now = (product.price, product.in_stock)
    if product.changes.order_by("-pk").values_list("price", "in_stock").first() == now:
        return False
    product.changes.create(price=product.price, in_stock=product.in_stock, at=at)
    return True


def _apply(row: Product, given: ProductInput, categories: dict[str, int]) -> bool:
    """Write what the shop said into the row; a described product becomes listed. True if anything changed."""
    changed = False
    values: dict[str, Any] = {name: getattr(given, name) for name in _FIELDS}
    if given.title is not None and given.is_listed is None:
        values["is_listed"] = True
    if given.category is not None:
        values["category_id"] = categories.get(given.category.strip()[:200])
    for name, value in values.items():
        if value is not None and getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    return changed
