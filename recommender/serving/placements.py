"""A placement's rules, as serving reads them, and a request that may narrow them but not widen."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext as _

from recommender import catalogue
from recommender.algorithms.interactions import IntArray
from recommender.models import Placement, Promotion
from recommender.serving.arrangement import PLAIN, Arrangement, Diversity, Promoted
from recommender.serving.filters import Bought, Filters, Mode


class Contradiction(Exception):
    """The request asks for what the placement never shows; the message says so in words."""


@dataclass(frozen=True, eq=False)
class Placed:
    """What a placement allows, how it arranges, and whether its lists are kept."""

    filters: Filters
    how: Arrangement = PLAIN
    is_measured: bool = False

    def narrowed(self, asked: Filters) -> Filters:
        """What both allow. Raises Contradiction where nothing could."""
        mine = self.filters
        if {mine.mode, asked.mode} == {"again", "new"}:
            raise Contradiction(
                _("This placement shows only what was bought before.")
                if mine.mode == "again"
                else _("This placement shows only what is new to the customer.")
            )
        if mine.bought == "only" and asked.mode == "new":
            raise Contradiction(_("This placement shows only what was bought before."))
        if mine.bought == "exclude" and mine.bought_within_days is None and asked.mode == "again":
            raise Contradiction(_("This placement leaves out what was bought before."))
        mode: Mode = asked.mode if mine.mode == "all" else mine.mode
        categories = asked.category_ids
        if mine.category_ids is not None:
            both = set(mine.category_ids)
            categories = both if categories is None else both & set(categories)
        return replace(
            mine,
            mode=mode,
            in_stock=mine.in_stock or asked.in_stock,
            category_ids=categories,
            exclude_ids={*mine.exclude_ids, *asked.exclude_ids},
            only_ids=asked.only_ids,
        )


ANYWHERE = Placed(Filters(in_stock=False))
"""Where no placement has the name that was asked for: the request alone decides."""


def named(slug: str, *, at: datetime) -> Placed:
    """The placement's rules at this hour; unknown names have none. One query, five where there is a placement."""
    row = Placement.objects.prefetch_related("categories").filter(slug=slug).first()
    return ANYWHERE if row is None else placed(row, at=at)


def placed(row: Placement, *, at: datetime) -> Placed:
    """A placement's rules, with the promotions that run at this hour."""
    categories = [category.pk for category in row.categories.all()]
    running = (
        row.promotions.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=at), Q(ends_at__isnull=True) | Q(ends_at__gt=at)
        )
        .order_by("-priority", "pk")
        .prefetch_related("products", "categories")
    )
    filters = Filters(
        mode=cast(Mode, row.mode),
        in_stock=row.in_stock,
        category_ids=categories or None,
        bought=cast(Bought, row.bought),
        bought_within_days=row.bought_within_days,
    )
    how = Arrangement(
        diversity=cast(Diversity, row.diversity),
        strength=row.strength,
        exploration=row.exploration,
        promotions=tuple(_promoted(promotion) for promotion in running),
        is_padded=row.relevance == Placement.Relevance.LOW,
    )
    return Placed(filters, how, row.is_measured or row.exploration > 0)


def _promoted(promotion: Promotion) -> Promoted:
    categories = [category.pk for category in promotion.categories.all()]
    ids: IntArray = np.array([product.pk for product in promotion.products.all()], dtype=np.int64)
    if categories:
        shelf = catalogue.current()
        ids = np.union1d(ids, shelf.ids[np.isin(shelf.categories, categories)])
    return Promoted(promotion.name, promotion.percent, ids)
