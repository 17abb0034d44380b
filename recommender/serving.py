"""Live model -> ranking, from the newest history, within milliseconds.

Nothing is stored per person: a ranking is scored from what the person did up to this very moment, so the next event
changes the next answer. Whoever does not allow `personalization` has no history here and gets what strangers get.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal

import numpy as np
import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from catalog.models import Product
from customers import histories
from customers.consent import Permission
from customers.histories import Act
from recommender import catalogue
from recommender.algorithms import storage
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import BoolArray, History
from recommender.models import ModelVersion, Task

Mode = Literal["all", "again", "new"]
STRANGER = 0
"""The key of the strangers' list in an answer to nobody in particular."""
log = structlog.get_logger()
HISTORY_LENGTH = 200
# How much an act says of taste, beside an order. Views and baskets matter between orders, not more than them.
WEIGHTS: Mapping[str, float] = {
    "ordered": 1.0,
    "added": 0.5,
    "wished": 0.5,
    "rated": 0.3,
    "clicked": 0.2,
    "viewed": 0.1,
}


@dataclass(frozen=True)
class Filters:
    """What may be in the answer. `category_ids` and `only_ids` None are any."""

    mode: Mode = "all"
    in_stock: bool = True
    category_ids: Collection[int] | None = None
    exclude_ids: Collection[int] = ()
    only_ids: Collection[int] | None = None


@dataclass(frozen=True)
class Reason:
    """Why an item stands in the list: `because_bought`, `bought_before`, `for_you`, `goes_with`, `popular` or `new`."""

    type: str
    skus: Sequence[str] = ()
    titles: Sequence[str] = ()

    @property
    def text(self) -> str:
        """In words, in the language of whoever asks."""
        return _words(self.type, self.titles)


@dataclass(frozen=True)
class Item:
    product_id: int
    sku: str
    score: float
    reason: Reason


@dataclass(frozen=True)
class Recommendation:
    """A person's list, or the strangers' list. `permission` is what a personal list rests on."""

    items: list[Item]
    personalized: bool
    model: ModelVersion | None
    permission: Permission | None = field(default=None)


@lru_cache(maxsize=8)
def _loaded(file: str, sha256: str) -> Recommender:
    return storage.load(settings.MODEL_DIR / file, sha256=sha256)


def load(version: ModelVersion) -> Recommender:
    """The fitted algorithm of a version; kept in memory. Raises storage.TornModel when the file is not the one."""
    return _loaded(version.file, version.sha256)


def history(acts: Sequence[Act], *, person: int | None = None) -> History:
    """A person's newest acts as the algorithms read them."""
    weighed = [act for act in acts if act.type in WEIGHTS]
    return History(
        items=np.fromiter((act.product_id for act in weighed), dtype=np.int64),
        weights=np.fromiter((WEIGHTS[act.type] for act in weighed), dtype=np.float32),
        days=np.fromiter((act.day for act in weighed), dtype=np.float64),
        person=person,
    )


@dataclass(frozen=True)
class _Loaded:
    version: ModelVersion
    model: Recommender


def _live(*tasks: str) -> dict[str, _Loaded]:
    """The live models of the tasks, whole ones only: a torn file is as if there were none. One query."""
    found = {}
    for version in ModelVersion.objects.filter(task__in=tasks, state=ModelVersion.State.LIVE):
        try:
            found[version.task] = _Loaded(version, load(version))
        except storage.TornModel as torn:
            log.error("model refused", model=version.pk, reason=str(torn))
    return found


def recommend_many(
    customer_ids: Collection[int],
    *,
    at: datetime,
    limit: int = 10,
    filters: Filters | None = None,
    explain: bool = False,
) -> dict[int, Recommendation]:
    """A list for each person, from their newest history; strangers get the strangers' list. Seven queries at most.

    Reasons name what a thing goes with (`because_bought`); `explain` computes them, which costs a little more.
    """
    filters = filters or Filters()
    models = _live(Task.RECOMMEND, Task.POPULAR)
    permissions: dict[int, Permission] = {}
    acts: dict[int, list[Act]] = {}
    if Task.RECOMMEND in models:
        permissions = Permission.of_many(customer_ids, "personalization", at=at)
        if permissions:
            acts = histories.newest(list(permissions), "personalization", limit=HISTORY_LENGTH)
    known = [pk for pk in permissions if acts.get(pk)]
    shelf = catalogue.current()
    personal = _personal(
        models.get(Task.RECOMMEND), known, acts, shelf, filters, limit, at=at, explain=explain
    )
    strangers: list[_Scored] = []
    if len(known) < len(customer_ids) or not customer_ids:
        strangers = _strangers(models.get(Task.POPULAR), shelf, filters, limit, at=at)
    lists = [*personal.values(), strangers]
    needed = {pk for scored in lists for entry in scored for pk in (entry.product_id, *entry.because)}
    products = {row.pk: row for row in Product.objects.filter(pk__in=needed).only("pk", "sku", "title")}
    answers = {}
    for pk in customer_ids:
        is_personal = pk in personal
        source = models.get(Task.RECOMMEND if is_personal else Task.POPULAR)
        answers[pk] = Recommendation(
            items=[_item(entry, products) for entry in (personal[pk] if is_personal else strangers)],
            personalized=is_personal,
            model=source.version if source else None,
            permission=permissions[pk] if is_personal else None,
        )
    if not customer_ids:
        source = models.get(Task.POPULAR)
        answers[STRANGER] = Recommendation(
            [_item(entry, products) for entry in strangers], False, source.version if source else None
        )
    return answers


def recommend(
    customer_id: int | None,
    *,
    at: datetime,
    limit: int = 10,
    filters: Filters | None = None,
    explain: bool = True,
) -> Recommendation:
    """One person's list, or with None the strangers' list."""
    ids = [] if customer_id is None else [customer_id]
    answers = recommend_many(ids, at=at, limit=limit, filters=filters, explain=explain)
    return answers[STRANGER if customer_id is None else customer_id]


def similar(
    product_id: int, *, at: datetime, limit: int = 10, filters: Filters | None = None
) -> Recommendation:
    """What goes with a product, for anybody: the live model asked as if this were all that someone had bought."""
    wanted = filters or Filters()
    wanted = replace(wanted, exclude_ids={*wanted.exclude_ids, product_id})
    models = _live(Task.RECOMMEND, Task.POPULAR)
    shelf = catalogue.current()
    entries: list[_Scored] = []
    if (loaded := models.get(Task.RECOMMEND)) is not None:
        one = Act(product_id, "ordered", histories.day(at))
        (ranking,) = loaded.model.recommend(
            [history([one])],
            limit,
            at=histories.day(at),
            mode="new",
            allowed=_allowed(loaded.model, shelf, wanted),
        )
        entries = [
            _Scored(item, score, "goes_with", (product_id,))
            for item, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True)
            if score > 0
        ]
    if len(entries) < limit:
        rest = replace(wanted, exclude_ids={*wanted.exclude_ids, *(entry.product_id for entry in entries)})
        entries += _strangers(models.get(Task.POPULAR), shelf, rest, limit - len(entries), at=at)
    needed = {pk for entry in entries for pk in (entry.product_id, *entry.because)}
    products = {row.pk: row for row in Product.objects.filter(pk__in=needed).only("pk", "sku", "title")}
    version = loaded.version if loaded is not None else None
    return Recommendation([_item(entry, products) for entry in entries], False, version)


@dataclass(frozen=True)
class _Scored:
    product_id: int
    score: float
    type: str
    because: tuple[int, ...] = ()


def _allowed(model: Recommender, shelf: catalogue.Catalogue, filters: Filters) -> BoolArray:
    allowed = shelf.flags(model.items_, in_stock=filters.in_stock, categories=filters.category_ids)
    if filters.exclude_ids:
        allowed &= ~np.isin(model.items_, np.fromiter(filters.exclude_ids, dtype=np.int64))
    if filters.only_ids is not None:
        allowed &= np.isin(model.items_, np.fromiter(filters.only_ids, dtype=np.int64))
    return allowed


def _personal(
    loaded: _Loaded | None,
    known: Sequence[int],
    acts: Mapping[int, Sequence[Act]],
    shelf: catalogue.Catalogue,
    filters: Filters,
    limit: int,
    *,
    at: datetime,
    explain: bool,
) -> "dict[int, list[_Scored]]":
    if loaded is None or not known:
        return {}
    model, day = loaded.model, histories.day(at)
    asked = [history(acts[pk], person=pk) for pk in known]
    rankings = model.recommend(
        asked, limit, at=day, mode=filters.mode, allowed=_allowed(model, shelf, filters)
    )
    found = {}
    for pk, past, ranking in zip(known, asked, rankings, strict=True):
        held = set(past.items.tolist())
        entries = []
        for item, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True):
            because: tuple[int, ...] = ()
            kind = "bought_before" if item in held else "for_you" if score > 0 else "popular"
            if explain and kind == "for_you":
                because = _because(model, past, item, day)
                kind = "because_bought" if because else kind
            entries.append(_Scored(item, score, kind, because))
        found[pk] = entries
    return found


def _because(model: Recommender, past: History, item: int, day: float) -> tuple[int, ...]:
    """The past product that speaks most for the item, if any does."""
    try:
        shares = model.contributions(past, item, at=day)
    except TypeError:
        return ()
    best = int(np.argmax(shares)) if len(shares) else 0
    return (int(past.items[best]),) if len(shares) and shares[best] > 0 else ()


def _strangers(
    loaded: _Loaded | None, shelf: catalogue.Catalogue, filters: Filters, limit: int, *, at: datetime
) -> list[_Scored]:
    """What everyone may see: popular now, and where nothing was learnt yet the newest products."""
    if filters.mode == "again":
        return []
    entries: list[_Scored] = []
    if loaded is not None:
        model = loaded.model
        (ranking,) = model.recommend(
            [History.empty()], limit, at=histories.day(at), allowed=_allowed(model, shelf, filters)
        )
        entries = [
            _Scored(item, score, "popular")
            for item, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True)
        ]
    if len(entries) < limit:
        seen = {entry.product_id for entry in entries} | set(filters.exclude_ids)
        open_ids = shelf.ids[
            shelf.flags(shelf.ids, in_stock=filters.in_stock, categories=filters.category_ids)
        ]
        if filters.only_ids is not None:
            open_ids = open_ids[np.isin(open_ids, np.fromiter(filters.only_ids, dtype=np.int64))]
        newest = [pk for pk in open_ids[::-1][: limit + len(seen)].tolist() if pk not in seen]
        entries += [_Scored(pk, 0.0, "new") for pk in newest[: limit - len(entries)]]
    return entries


def _item(entry: _Scored, products: Mapping[int, Product]) -> Item:
    because = [products[pk] for pk in entry.because if pk in products]
    reason = Reason(entry.type, [product.sku for product in because], [product.title for product in because])
    return Item(entry.product_id, products[entry.product_id].sku, entry.score, reason)


def _words(kind: str, because: Sequence[str]) -> str:
    titles = ", ".join(because)
    match kind:
        case "goes_with":
            return _("Goes with %s") % titles
        case "because_bought":
            return _("Because you bought %s") % titles
        case "bought_before":
            return _("You bought it before")
        case "for_you":
            return _("Chosen for you")
        case "popular":
            return _("Popular now")
        case _:
            return _("New in the shop")
