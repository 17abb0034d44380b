"""A delivery into rows: all of it in one transaction, once, under the lock of its shop.

The lock makes a shop's deliveries follow each other, so that of a return and its order, told at the same moment,
one always finds the other.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, OperationalError, transaction

from customers.models import ShopConnection, ShopDelivery
from customers.shops import goods, orders, people, shopify, woocommerce
from customers.shops.told import Told

log = structlog.get_logger()
ATTEMPTS = 3
MOST_PROBLEMS = 20
NOT_USED = "topic_not_used"
Reader = Callable[..., Told | None]
READERS: Mapping[str, Reader] = {
    ShopConnection.Kind.SHOPIFY: shopify.read,
    ShopConnection.Kind.WOOCOMMERCE: woocommerce.read,
}


@dataclass(frozen=True)
class Delivery:
    """A signed delivery as it arrived."""

    topic: str
    number: str
    """The shop's own; "" where it sends none."""
    said: Mapping[str, Any]
    raw: bytes

    @property
    def name(self) -> str:
        """By what it is known again: its number, or all it says."""
        whole = hashlib.sha256(self.topic.encode() + b"\0" + self.raw).hexdigest()
        return self.number if 0 < len(self.number) <= 100 else f"sha256:{whole}"


def take(shop: ShopConnection, delivery: Delivery, *, at: datetime) -> bool:
    """Keep what the delivery tells; False where it was taken before. Nothing of it is kept where this raises."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            return _take(shop, delivery, at)
        except (IntegrityError, OperationalError) as error:
            # Another door made the same product or person meanwhile, or held their rows.
            if transaction.get_connection().in_atomic_block:
                raise
            log.warning("a shop's delivery is taken anew", reason=type(error).__name__)
    return _take(shop, delivery, at)


def _take(shop: ShopConnection, delivery: Delivery, at: datetime) -> bool:
    with transaction.atomic():
        shop = ShopConnection.objects.select_for_update(of=("self",)).get(pk=shop.pk)
        row = ShopDelivery(connection=shop, number=delivery.name, topic=delivery.topic[:60], at=at)
        if ShopDelivery.objects.filter(connection=shop, number=row.number).exists():
            return False
        told = READERS[shop.kind](delivery.topic, delivery.said, shop, at=at)
        row.problems = [NOT_USED] if told is None else [*told.problems, *_keep(shop, told, row, at)]
        row.problems = row.problems[:MOST_PROBLEMS]
        row.save(force_insert=True)
        return True


def _keep(shop: ShopConnection, told: Told, row: ShopDelivery, at: datetime) -> list[str]:
    """Keep it; what of it could not be used, in our words."""
    goods.keep(shop, told, at=at)
    problems: list[str] = []
    if told.order is not None:
        kept = orders.keep(shop, told.order, at=at)
        problems += kept.problems
        if kept.waiting:
            row.order_id, row.waiting = told.order.number, orders.written(kept.waiting)
    if told.person is not None:
        if told.demand:
            return [*problems, *people.demand(shop, told.demand, told.person, at=at)]
        name = people.name_of(shop, told.person)
        people.describe(name, told.person)
        people.lower(shop, name, told.person, at=at)
    if told.forget_shop:
        shop.forget_asked_at = shop.forget_asked_at or at
        shop.save(update_fields=["forget_asked_at"])
        problems.append("asked_to_forget_everything")
    return problems
