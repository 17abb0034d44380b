"""A shop's products into the catalogue: each variant is a product, known by its SKU or else by its number."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Q

from catalog.imports import ProductInput, save_products
from catalog.models import Product
from customers.models import ShopConnection, ShopProduct
from customers.shops.told import Told, Ware


def keep(shop: ShopConnection, told: Told, *, at: datetime) -> None:
    """Keep what is told of products, and take from the lists what is gone. Under the shop's lock."""
    if told.wares:
        _keep_wares(shop, told, at)
    if told.whole_item:
        named = [ware.variant for ware in told.wares]
        newest = max((ware.told_at for ware in told.wares), default=at)
        others = ShopProduct.objects.filter(connection=shop, item=told.whole_item, told_at__lte=newest)
        gone = list(others.exclude(variant__in=named).select_related("product"))
        _unlist(gone, at=at)
        ShopProduct.objects.filter(pk__in=[row.pk for row in gone]).update(told_at=newest)
    if told.gone_item:
        rows = ShopProduct.objects.filter(connection=shop)
        rows = rows.filter(Q(item=told.gone_item) | Q(variant=told.gone_item)).select_related("product")
        _unlist(rows, at=at)
        rows.update(told_at=at)
    if told.group is not None:
        _keep_group(shop, told.group_item, told.group, at)


def _keep_wares(shop: ShopConnection, told: Told, at: datetime) -> None:
    variants = [ware.variant for ware in told.wares]
    rows = ShopProduct.objects.filter(connection=shop, variant__in=variants).select_related("product")
    known = {row.variant: row for row in rows}
    fresh: list[Ware] = []
    for ware in told.wares:
        row = known.get(ware.variant)
        if row is None or told.is_forced or ware.told_at >= row.told_at:
            fresh.append(replace(ware, told_at=max(ware.told_at, at)) if told.is_forced else ware)
    renamed = [
        known[ware.variant]
        for ware in fresh
        if ware.variant in known and known[ware.variant].product.sku != ware.product.sku
    ]
    _unlist(renamed, at=at)
    save_products(_merged([ware.product for ware in fresh]), at=at)
    ids = dict(Product.objects.filter(sku__in=[ware.product.sku for ware in fresh]).values_list("sku", "pk"))
    ShopProduct.objects.bulk_create(
        [
            ShopProduct(
                connection=shop, product_id=ids[ware.product.sku], item=ware.item, variant=ware.variant,
                told_at=ware.told_at,
            )
            for ware in fresh
        ],
        update_conflicts=True,
        unique_fields=["connection", "variant"],
        update_fields=["product", "item", "told_at"],
    )  # fmt: skip


def _keep_group(shop: ShopConnection, item: str, group: ProductInput, at: datetime) -> None:
    """What a group says of itself is true of every variant of it that is known."""
    skus = ShopProduct.objects.filter(connection=shop, item=item).values_list("product__sku", flat=True)
    described = replace(group, description=None, image_url=None, currency=None, attributes=None)
    save_products([replace(described, sku=sku) for sku in skus], at=at)


def _merged(given: Sequence[ProductInput]) -> list[ProductInput]:
    """With the attributes that other doors told of the same products: the shop's own say nothing of those."""
    rows = Product.objects.filter(sku__in=[one.sku for one in given])
    before = dict(rows.values_list("sku", "attributes"))
    return [replace(one, attributes={**before.get(one.sku, {}), **(one.attributes or {})}) for one in given]


def _unlist(rows: Iterable[ShopProduct], *, at: datetime) -> None:
    """Not shown any more, unless another variant is the same product. The rows with their products."""
    found = list(rows)
    gone = {row.product_id: row.product.sku for row in found}
    if not gone:
        return
    others = ShopProduct.objects.filter(product__in=gone).exclude(pk__in=[row.pk for row in found])
    kept = set(others.values_list("product_id", flat=True))
    save_products(
        [ProductInput(sku=sku, is_listed=False) for pk, sku in gone.items() if pk not in kept], at=at
    )
