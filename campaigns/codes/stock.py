"""How many codes are left in the pools, and for how long."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from campaigns.models import Code, Offer

PACE_OVER = timedelta(days=7)


@dataclass(frozen=True)
class Stock:
    offer: Offer
    free: int
    a_day: float
    """Assigned a day, over the last week."""

    @property
    def days_left(self) -> float | None:
        """At the present pace; None where none was assigned this week."""
        return self.free / self.a_day if self.a_day else None

    @property
    def is_low(self) -> bool:
        return self.offer.low_stock_at is not None and self.free <= self.offer.low_stock_at


def stock(offers: Collection[Offer], *, at: datetime) -> dict[int, Stock]:
    """What is left in the pool of each of these offers. Two queries."""
    pools = [offer for offer in offers if offer.code_kind == Offer.CodeKind.POOL]
    if not pools:
        return {}
    fresh = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    rows = Code.objects.filter(offer__in=pools).order_by()
    free = dict(rows.filter(fresh, state=Code.State.FREE).values_list("offer").annotate(n=Count("pk")))
    lately = dict(rows.filter(assigned_at__gt=at - PACE_OVER).values_list("offer").annotate(n=Count("pk")))
    return {
        offer.pk: Stock(offer, free.get(offer.pk, 0), lately.get(offer.pk, 0) / PACE_OVER.days)
        for offer in pools
    }


def low_stock(*, at: datetime) -> list[Stock]:
    """The pools of offers in force that hold no more codes than their mark, the emptiest first. Three queries."""
    watched = Offer.objects.in_force(at).filter(code_kind=Offer.CodeKind.POOL, low_stock_at__isnull=False)
    found = [one for one in stock(list(watched), at=at).values() if one.is_low]
    return sorted(found, key=lambda one: (one.free, one.offer.slug))
