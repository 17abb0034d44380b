"""The other way round: which customers for these products, and how well offers fit the people of a segment."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.together import Rows
from customers import consent, histories
from recommender import refusals
from recommender.algorithms import affinity
from recommender.algorithms.interactions import History, IntArray
from recommender.models import Task
from recommender.serving.live import Live, live
from recommender.serving.pasts import HISTORY_LENGTH, history

PAGE = 1000
MOST = 5000
"""How many customers a list may name: more than a query should be handed."""


class NothingLearnt(Exception):
    """No live model, or none that has seen the products; the message says which in words."""


@dataclass(frozen=True)
class Liking:
    """score : the live model's, less a stranger's, so that what everybody likes is not taken for a person's taste."""

    customer_id: int
    score: float


def customers_for(
    product_ids: Collection[int], *, top: int, at: datetime, people: QuerySet[Any] | None = None
) -> list[Liking]:
    """The `top` customers whom the products suit most (their mean score), best first; ties to the smaller id.

    Only who allows personalization, and only for whom their own history speaks. Streams people in pages: four
    queries a page of a thousand, memory of one page and of the list.
    Raises NothingLearnt; ValueError for `top` outside 1 to MOST. `people` are all, or a query of customers.
    """
    if not 1 <= top <= MOST:
        raise ValueError(f"top must be from 1 to {MOST:,}")
    source, columns = _model_of(product_ids)
    question = affinity.Question(source.model, columns, at=histories.day(at))
    ids, scores = np.empty(0, np.int64), np.empty(0)
    for page, pasts in _pages(people):
        ids, scores = _best(np.append(ids, page), np.append(scores, question.likings(pasts)), top)
    return [Liking(pk, score) for pk, score in zip(ids.tolist(), scores.tolist(), strict=True)]


NEWEST = 1000
"""Of so many people at most a page of the desk is worked out."""


@dataclass(frozen=True)
class Audience:
    """Whom of the newest people the products suit, best first · asked : of how many who allow it."""

    likings: Sequence[Liking]
    asked: int


def audience(product_ids: Collection[int], *, at: datetime, newest: int = NEWEST) -> Audience:
    """Of the `newest` people who allow personalization those whom the products suit. Seven queries at most.

    Bounded, for a page of the desk: everybody is asked by `customers_for`. Raises as that.
    """
    ids = list(allowed(None).order_by("-pk").values_list("pk", flat=True)[:newest])
    if not ids:
        return Audience((), 0)
    people = allowed(None).filter(pk__gte=ids[-1], pk__lte=ids[0])
    return Audience(customers_for(product_ids, top=newest, at=at, people=people), len(ids))


def _best(ids: IntArray, scores: Any, top: int) -> tuple[IntArray, Any]:
    order = np.lexsort((ids, -scores))[:top]
    order = order[scores[order] > 1e-9]
    return ids[order], scores[order]


def ids_for(
    product_ids: Collection[int], *, top: int, at: datetime, models: Rows | None = None
) -> tuple[int, ...]:
    """The customers of `customers_for`, worked out once a model and kept in memory until the next one is live.

    Who withdraws meanwhile is still named here: whoever uses the list asks for leave again, as a segment does.
    models : the live ones, where they were asked before. Raises as `customers_for`.
    """
    source, _columns = _model_of(product_ids, models)
    return _kept(source.version.file, tuple(sorted(set(product_ids))), top, _At(at))


@dataclass(frozen=True)
class _At:
    """A moment that is no part of a cache's key."""

    moment: datetime

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _At)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _kept(file: str, product_ids: tuple[int, ...], top: int, at: _At) -> tuple[int, ...]:
    return tuple(one.customer_id for one in customers_for(product_ids, top=top, at=at.moment))


@dataclass(frozen=True)
class Fit:
    """share : the mean part, 0 to 1, of what suits these people that lies in the products · people : how many."""

    share: float
    people: int


def fits(people: QuerySet[Any], groups: Mapping[str, Collection[int]], *, at: datetime) -> dict[str, Fit]:
    """How well each group of products (an offer's, a category's) fits the people, on average.

    Times what the offer is worth it is the expected value of the offer for the segment, in the same unit; to rank
    offers for one segment any unit serves. Only of who allows personalization and has done something; a group that
    the model has not seen fits nobody. Raises NothingLearnt.
    """
    source = learnt()
    columns = [affinity.known(source.model, np.fromiter(ids, dtype=np.int64)) for ids in groups.values()]
    total, n = np.zeros(len(groups)), 0
    for _page, pasts in _pages(people):
        rows = affinity.shares(source.model, pasts, columns, at=histories.day(at))
        total += rows.sum(axis=0)
        n += len(pasts)
    return {
        name: Fit(float(amount / n) if n else 0.0, n)
        for name, amount in zip(groups, total.tolist(), strict=True)
    }


def learnt(models: Rows | None = None) -> Live:
    """The live model of recommendations. Raises NothingLearnt."""
    source = live(Task.RECOMMEND, rows=models).get(Task.RECOMMEND)
    if source is None:
        raise NothingLearnt(_("nothing has been learnt yet; train the recommender first"))
    return source


def _model_of(product_ids: Collection[int], models: Rows | None = None) -> tuple[Live, IntArray]:
    source = learnt(models)
    columns = affinity.known(source.model, np.fromiter(product_ids, dtype=np.int64))
    if not len(columns):
        raise NothingLearnt(_("nobody whom the live model learnt from has bought this yet"))
    return source, columns


def allowed(people: QuerySet[Any] | None) -> QuerySet[Any]:
    """Who of these (or of all) allows personalization."""
    asked = consent.permitted("personalization")
    return asked if people is None else people.filter(consent.may("personalization"))


def pages(asked: QuerySet[Any], *, types: Collection[str] = ()) -> Iterator[tuple[int, dict[int, History]]]:
    """How many people a page has, and the newest histories of those of them who have one.

    Nothing is read into what they said is not true of them. Four queries a page.
    """
    rows = asked.order_by("pk").values_list("pk", flat=True)
    last = 0
    while ids := list(rows.filter(pk__gt=last)[:PAGE]):
        last = ids[-1]
        newest = histories.newest(ids, "personalization", limit=HISTORY_LENGTH, types=types)
        acts = {pk: did for pk, did in newest.items() if did}
        refused = refusals.refused_acts(acts)
        yield (
            len(ids),
            {
                pk: history([act for act in did if act.product_id not in refused.get(pk, ())], person=pk)
                for pk, did in acts.items()
            },
        )


def _pages(people: QuerySet[Any] | None) -> Iterator[tuple[IntArray, list[History]]]:
    """Ids and newest histories of those who allow personalization and have one, a page at a time."""
    for _n, pasts in pages(allowed(people)):
        yield np.fromiter(pasts, dtype=np.int64), list(pasts.values())
