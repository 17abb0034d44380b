"""A list for a person, for many, and for a stranger."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from customers import histories
from customers.consent import Permission
from customers.histories import Act
from recommender import catalogue, explanations, refusals
from recommender.algorithms.base import Mode as AskedMode
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import History, IntArray
from recommender.models import Task
from recommender.serving.answers import STRANGER, Entry, Recommendation, because_of, items
from recommender.serving.arrangement import PLAIN, Arrangement, arrange
from recommender.serving.asked import Asked
from recommender.serving.filters import Filters, allowed, flags
from recommender.serving.live import Live, live
from recommender.serving.pasts import Past
from recommender.serving.strangers import popular


@dataclass(frozen=True, eq=False)
class _Wish:
    """One request, as every step of it needs it."""

    day: float
    limit: int
    filters: Filters
    how: Arrangement
    explain: bool
    shelf: catalogue.Catalogue
    rng: np.random.Generator

    @property
    def mode(self) -> AskedMode:
        return "again" if self.filters.wants_only_bought else self.filters.mode


def recommend_many(
    customer_ids: Collection[int],
    *,
    at: datetime,
    limit: int = 10,
    filters: Filters | None = None,
    explain: bool = False,
    how: Arrangement = PLAIN,
    rng: np.random.Generator | None = None,
    asked: Asked | None = None,
) -> dict[int, Recommendation]:
    """A list for each person, from their newest history; strangers get the strangers' list. Eight queries at most.

    Reasons name what a thing goes with (`because_bought`); `explain` computes them, which costs a little more.
    how : what a placement does beside filtering; `rng` is the chance in it, a fresh one if none is given.
    asked : about these people, where it was asked with other questions; then one query where reasons are wanted.
    """
    alone = asked is None
    asked = asked or Asked(customer_ids)
    wish = _Wish(
        histories.day(at),
        limit,
        filters or Filters(),
        how,
        explain,
        catalogue.current(asked.stamp),
        rng or np.random.default_rng(),
    )
    models = live(rows=asked.models)
    permissions: dict[int, Permission] = {}
    acts: dict[int, list[Act]] = {}
    if Task.RECOMMEND in models:
        if alone:  # the gate's own statement is written out
            permissions = Permission.of_many(customer_ids, "personalization", at=at)
            asked = Asked(list(permissions))
        else:
            permissions = Permission.of_asked(asked.leave, at=at)
        if permissions:
            acts = histories.acts(asked.acts, asked.customer_ids)
    acts = {pk: did for pk, did in acts.items() if did and pk in permissions}
    refused = refusals.refused_acts(acts, rows=asked.refused) if acts else {}
    pasts = {pk: Past.of(did, person=pk, refused=refused.get(pk, ())) for pk, did in acts.items()}
    # Who refused all that we could go by gets what strangers get.
    pasts = {pk: past for pk, past in pasts.items() if pk not in refused or len(past.history.items)}
    personal = _personal(models.get(Task.RECOMMEND), pasts, wish)
    strangers: list[Entry] = []
    if len(pasts) < len(customer_ids) or not customer_ids:
        strangers = _strangers(models.get(Task.POPULAR), wish)
    named = because_of([*personal.values(), strangers])
    answers = {}
    for pk in customer_ids or (STRANGER,):
        is_personal = pk in personal
        source = models.get(Task.RECOMMEND if is_personal else Task.POPULAR)
        answers[pk] = Recommendation(
            items=items(personal[pk] if is_personal else strangers, wish.shelf, named),
            personalized=is_personal,
            model=source.version if source else None,
            permission=permissions[pk] if is_personal else None,
        )
    return answers


def recommend(
    customer_id: int | None,
    *,
    at: datetime,
    limit: int = 10,
    filters: Filters | None = None,
    explain: bool = True,
    how: Arrangement = PLAIN,
    rng: np.random.Generator | None = None,
    asked: Asked | None = None,
) -> Recommendation:
    """One person's list, or with None the strangers' list."""
    ids = [] if customer_id is None else [customer_id]
    answers = recommend_many(
        ids, at=at, limit=limit, filters=filters, explain=explain, how=how, rng=rng, asked=asked
    )
    return answers[STRANGER if customer_id is None else customer_id]


def recommend_basket(
    product_ids: Collection[int],
    *,
    at: datetime,
    limit: int = 10,
    filters: Filters | None = None,
    how: Arrangement = PLAIN,
    rng: np.random.Generator | None = None,
    asked: Asked | None = None,
) -> Recommendation:
    """The list of somebody of whom nothing is known but that they just bought these; nobody in particular is asked about.

    Three queries, as one for nobody.
    """
    asked = asked or Asked([])
    wish = _Wish(
        histories.day(at), limit, filters or Filters(), how, True, catalogue.current(asked.stamp),
        rng or np.random.default_rng(),
    )  # fmt: skip
    models = live(rows=asked.models)
    past = Past.of([Act(pk, "ordered", wish.day) for pk in product_ids])
    found = _personal(models.get(Task.RECOMMEND), {STRANGER: past}, wish) if product_ids else {}
    entries = found.get(STRANGER) or _strangers(models.get(Task.POPULAR), wish)
    source = models.get(Task.RECOMMEND if found.get(STRANGER) else Task.POPULAR)
    named = because_of([entries])
    return Recommendation(
        items(entries, wish.shelf, named), bool(found.get(STRANGER)), source.version if source else None
    )


# --- a person's list -----------------------------------------------------------------------------------------------


def _personal(source: Live | None, pasts: Mapping[int, Past], wish: _Wish) -> dict[int, list[Entry]]:
    if source is None or not pasts:
        return {}
    model = source.model
    candidates = _ranked(model, pasts, wish)
    promoted = [_promoted(model, pasts, promotion.product_ids, wish) for promotion in wish.how.promotions]
    strange: dict[int, float] = {}
    if wish.explain or not wish.how.is_padded:
        strange = _strange(model, {e.product_id for own in candidates.values() for e in own}, wish)
    if not wish.how.is_padded and not wish.filters.wants_only_bought:
        candidates = {
            pk: [entry for entry in own if _is_for_them(entry, strange)] for pk, own in candidates.items()
        }
    found = {}
    for pk, past in pasts.items():
        shown = arrange(
            candidates[pk],
            [lists[pk] for lists in promoted],
            wish.limit,
            wish.how,
            model=model,
            past=past.history,
            shelf=wish.shelf,
            rng=wish.rng,
        )
        found[pk] = [_reasoned(entry, past, model, strange, wish) for entry in shown]
    return found


def _ranked(model: Recommender, pasts: Mapping[int, Past], wish: _Wish) -> dict[int, list[Entry]]:
    """Each person's candidates, best first: the model's ranking less what their purchases refuse."""
    most = wish.how.pool(wish.limit)
    rankings = model.recommend(
        [past.history for past in pasts.values()],
        # As many more as may be refused, so that the list is as long as it can be.
        most + wish.filters.most_refused(pasts.values()),
        at=wish.day,
        mode=wish.mode,
        allowed=allowed(model, wish.shelf, wish.filters),
    )
    return {
        pk: [
            Entry(product, score, "")
            for product, score in zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True)
            if not wish.filters.refuses(past, product, day=wish.day)
        ][:most]
        for (pk, past), ranking in zip(pasts.items(), rankings, strict=True)
    }


def _promoted(
    model: Recommender, pasts: Mapping[int, Past], product_ids: IntArray, wish: _Wish
) -> dict[int, list[Entry]]:
    """The promotion's products as each person would like them, those the model does not know yet last.

    The filters on categories are for the rest of the list; stock, exclusions and the rule on purchases hold here too.
    """
    own = replace(
        wish.filters, mode="all", category_ids=None, only_ids=product_ids.tolist(),
        bought="exclude" if wish.filters.mode == "new" else wish.filters.bought,
    )  # fmt: skip
    open_ids = wish.shelf.ids[flags(wish.shelf.ids, wish.shelf, own)]
    unknown = open_ids[~np.isin(open_ids, model.items_)][::-1].tolist()
    more = own.most_refused(pasts.values())
    rankings = model.recommend(
        [past.history for past in pasts.values()],
        wish.limit + more,
        at=wish.day,
        allowed=np.isin(model.items_, open_ids),
    )
    return {
        pk: [
            Entry(product, score, "")
            for product, score in [
                *zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True),
                *((product, 0.0) for product in unknown[: wish.limit]),
            ]
            if not own.refuses(past, product, day=wish.day)
        ][: wish.limit]
        for (pk, past), ranking in zip(pasts.items(), rankings, strict=True)
    }


def _strange(model: Recommender, product_ids: Collection[int], wish: _Wish) -> dict[int, float]:
    """What the same model scores for someone without a history: nothing personal is in it."""
    ids = np.fromiter(product_ids, dtype=np.int64)
    if not len(ids):
        return {}
    mode: AskedMode = "all" if wish.mode == "again" else wish.mode  # a stranger has nothing to take again
    (ranking,) = model.recommend(
        [History.empty()], len(ids), at=wish.day, mode=mode, allowed=np.isin(model.items_, ids)
    )
    return dict(zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True))


def _is_for_them(entry: Entry, strange: Mapping[int, float]) -> bool:
    """Whether their own history speaks for it: more than for a stranger, beyond a rounding."""
    return entry.score > max(strange.get(entry.product_id, 0.0), 0.0) * (1 + 1e-6)


def _reasoned(
    entry: Entry, past: Past, model: Recommender, strange: Mapping[int, float], wish: _Wish
) -> Entry:
    """The entry with why it is there. What cannot be explained is not: it is chosen for them, or popular."""
    if entry.product_id in past.bought:
        return replace(entry, type="bought_before")
    if entry.product_id in past.held:
        return replace(entry, type="seen_before")
    if not _is_for_them(entry, strange):
        return replace(entry, type="popular" if entry.score > 0 or not entry.promotion else "new")
    if wish.explain:
        told = explanations.why(
            model,
            past.history,
            entry.product_id,
            entry.score,
            at=wish.day,
            bought=past.bought,
            mode=wish.mode,
        )
        if told is not None:
            return replace(entry, type=told.kind, because=told.product_ids, share=told.share)
        return replace(entry, type="for_you", share=0.0)
    return replace(entry, type="for_you")


# --- the strangers' list -------------------------------------------------------------------------------------------


def _strangers(source: Live | None, wish: _Wish) -> list[Entry]:
    """What everyone may see, with the placement's promotions: equal, but not personal."""
    if wish.filters.wants_only_bought:
        return []
    pool = wish.how.pool(wish.limit)
    candidates = popular(source, wish.shelf, wish.filters, pool, day=wish.day)
    promoted = [
        popular(
            source,
            wish.shelf,
            replace(wish.filters, category_ids=None, only_ids=promotion.product_ids.tolist()),
            wish.limit,
            day=wish.day,
        )
        for promotion in wish.how.promotions
    ]
    return arrange(
        candidates,
        promoted,
        wish.limit,
        wish.how,
        model=None,
        past=None,
        shelf=wish.shelf,
        rng=wish.rng,
    )
