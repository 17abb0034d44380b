"""Why a list was as it was: taken apart afterwards, by the model that made it and what the person had done by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from catalog.models import Product
from customers import histories
from customers.histories import Act
from recommender import refusals
from recommender.algorithms import storage
from recommender.algorithms.base import Recommender
from recommender.algorithms.explain import explained
from recommender.algorithms.interactions import History, IntArray
from recommender.models import ModelVersion
from recommender.serving.live import load
from recommender.serving.pasts import HISTORY_LENGTH, Past

NAMED = 4
"""How many past products are named for each product; the others are counted."""


class ModelGone(Exception):
    """What made the list is not kept any more."""


@dataclass(frozen=True)
class Part:
    """A past product, and the share of the score that what the person did with it carries."""

    title: str
    is_bought: bool
    share: float

    @property
    def percent(self) -> str:
        return _percent(self.share)


@dataclass(frozen=True)
class Account:
    """Why one product stood in the list. All shares add up to one; without parts nothing they did speaks for it."""

    sku: str
    title: str
    parts: tuple[Part, ...] = ()
    more: int = 0
    more_share: float = 0.0
    """How many further past products there are, and what they carry together."""
    rest: float = 0.0
    """What no act explains: what everybody likes, or what the model cannot take apart."""
    is_own: bool = False
    """They had bought it before."""

    @property
    def more_percent(self) -> str:
        return _percent(self.more_share)

    @property
    def rest_percent(self) -> str:
        return _percent(self.rest)


def _percent(share: float) -> str:
    return "< 1 %" if share < 0.005 else f"{share:.0%}".replace("%", " %")


def acts_of(customer_id: int) -> list[Act]:
    """The person's newest acts, newest first; none where they do not allow personalization. One query."""
    return histories.newest([customer_id], "personalization", limit=HISTORY_LENGTH)[customer_id]


def accounts(
    customer_id: int, acts: Sequence[Act], skus: Sequence[str], version: ModelVersion | None, *, at: datetime
) -> list[Account]:
    """An account of each of the products, in their order; those gone from the catalogue are left out.

    acts : `acts_of` the person; what they did after `at` is not looked at. Exact where the model is linear in the
    history. Four queries at most. Raises ModelGone.
    """
    if version is None:
        raise ModelGone
    try:
        model = load(version)
    except storage.TornModel as torn:
        raise ModelGone from torn
    day = histories.day(at)
    # To the second: the moment of a list is kept a little less exactly than what led to it.
    then = [act for act in acts if act.day <= day + 1 / histories.SECONDS_A_DAY]
    refused = refusals.refused_acts({customer_id: then}, at=at).get(customer_id, ())
    past = Past.of(then, person=customer_id, refused=refused)
    products = {row.sku: row for row in Product.objects.filter(sku__in=skus).only("pk", "sku", "title")}
    ids = np.array([row.pk for row in products.values()], dtype=np.int64)
    scores = _scores(model, past.history, ids, day) if len(past.history.items) and len(ids) else {}
    told = {
        pk: explained(model, past.history, pk, score, at=day, least=1.0)
        for pk, score in scores.items()
        if score > 0
    }
    named = {pk for one in told.values() for pk in one.items[:NAMED].tolist()}
    titles = {
        pk: title or sku
        for pk, title, sku in Product.objects.filter(pk__in=named).values_list("pk", "title", "sku")
    }
    found = []
    for sku in skus:
        if (product := products.get(sku)) is None:
            continue
        one = told.get(product.pk)
        own = product.pk in past.bought
        if one is None or not len(one.items):
            found.append(Account(sku, product.title or sku, rest=1.0, is_own=own))
            continue
        pairs = list(zip(one.items.tolist(), one.shares.tolist(), strict=True))
        parts = tuple(
            Part(titles[pk], pk in past.bought, share) for pk, share in pairs[:NAMED] if pk in titles
        )
        found.append(
            Account(
                sku,
                product.title or sku,
                parts,
                len(pairs) - len(parts),
                one.share - sum(part.share for part in parts),
                max(1.0 - one.share, 0.0),
                own,
            )
        )
    return found


def _scores(model: Recommender, history: History, ids: IntArray, day: float) -> dict[int, float]:
    ranking = model.recommend([history], len(ids), at=day, allowed=np.isin(model.items_, ids))[0]
    return dict(zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True))
