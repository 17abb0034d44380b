"""A placement's rules, as serving reads them, and a request that may narrow them but not widen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import numpy as np
from django.db.models import CharField, DateTimeField, Q
from django.utils.translation import gettext as _

from catalog import together
from catalog.questions import Given, Question, Rows
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


@dataclass(frozen=True, eq=False)
class Tried:
    """Rules that are not saved: of a placement as somebody would change it, to be looked at beside those that hold.

    percents : of a promotion's number, its share of the list.
    """

    row: Placement
    category_ids: Sequence[int]
    percents: Mapping[int, int]


class Asked:
    """All that stands in the desk about a placement. Nothing is asked yet (`catalog.together`)."""

    def __init__(self, slug: str, *, at: datetime) -> None:
        self._row = _ROW(slug=slug)
        self._categories = _CATEGORIES(slug=slug)
        self._running = _RUNNING(slug=slug, at=at)
        self._products = _PROMOTED_PRODUCTS(slug=slug, at=at)
        self._promoted_categories = _PROMOTED_CATEGORIES(slug=slug, at=at)

    @property
    def questions(self) -> Sequence[Rows]:
        return (self._row, self._categories, self._running, self._products, self._promoted_categories)

    @property
    def running(self) -> Sequence[Promotion]:
        """The promotions that run."""
        return list(self._running)

    def placed(self, stamped: Rows | None = None, *, tried: Tried | None = None) -> Placed:
        """The placement's rules at this hour, with the promotions that run; unknown names have none.

        stamped : the catalogue's stamp, where it was asked before · tried : rules to look at instead of the saved ones.
        """
        row = next(iter(self._row), None) if tried is None else tried.row
        if row is None:
            return ANYWHERE
        categories = self._categories if tried is None else tried.category_ids
        filters = Filters(
            mode=cast(Mode, row.mode),
            in_stock=row.in_stock,
            category_ids=list(categories) or None,
            bought=cast(Bought, row.bought),
            bought_within_days=row.bought_within_days,
        )
        how = Arrangement(
            diversity=cast(Diversity, row.diversity),
            strength=row.strength,
            exploration=row.exploration,
            promotions=tuple(
                self._promoted(promotion, stamped, percents=tried.percents if tried else {})
                for promotion in self._running
            ),
            is_padded=row.relevance == Placement.Relevance.LOW,
        )
        return Placed(filters, how, row.is_measured or row.exploration > 0)

    def _promoted(
        self, promotion: Promotion, stamped: Rows | None, *, percents: Mapping[int, int]
    ) -> Promoted:
        ids: IntArray = np.array([pk for of, pk in self._products if of == promotion.pk], dtype=np.int64)
        categories = [pk for of, pk in self._promoted_categories if of == promotion.pk]
        if categories:
            shelf = catalogue.current(stamped)
            ids = np.union1d(ids, shelf.ids[np.isin(shelf.categories, categories)])
        return Promoted(promotion.name, percents.get(promotion.pk, promotion.percent), ids)


def named(slug: str, *, at: datetime) -> Placed:
    """The placement's rules at this hour. One query, another where a promotion has categories."""
    asked = Asked(slug, at=at)
    together.read(*asked.questions)
    return asked.placed()


def _runs(slug: Given, at: Given, promotion: str = "") -> Q:
    begun = Q((f"{promotion}starts_at__isnull", True)) | Q((f"{promotion}starts_at__lte", at))
    on = Q((f"{promotion}ends_at__isnull", True)) | Q((f"{promotion}ends_at__gt", at))
    return Q((f"{promotion}placement__slug", slug)) & begun & on


_ROW = Question(lambda slug: Placement.objects.filter(slug=slug), slug=CharField())
_CATEGORIES = Question(
    lambda slug: Placement.categories.through.objects.filter(placement__slug=slug).values_list(
        "category_id", flat=True
    ),
    slug=CharField(),
)
_RUNNING = Question(
    lambda slug, at: Promotion.objects.filter(_runs(slug, at)).order_by("-priority", "pk"),
    slug=CharField(),
    at=DateTimeField(),
)
_PROMOTED_PRODUCTS = Question(
    lambda slug, at: Promotion.products.through.objects.filter(_runs(slug, at, "promotion__")).values_list(
        "promotion_id", "product_id"
    ),
    slug=CharField(),
    at=DateTimeField(),
)
_PROMOTED_CATEGORIES = Question(
    lambda slug, at: Promotion.categories.through.objects.filter(_runs(slug, at, "promotion__")).values_list(
        "promotion_id", "category_id"
    ),
    slug=CharField(),
    at=DateTimeField(),
)
