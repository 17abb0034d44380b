"""In what order: by priority, by a formula, by what works for everybody or for the person, by what changes most."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from campaigns.models import Placement, RankingState
from campaigns.offers import effects, formula
from campaigns.offers.candidates import Floats, Page
from campaigns.offers.facts import Facts, states
from campaigns.segments import InvalidRule

By = Placement.Ranking
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Ranked:
    """How the offers of a page stand for each person."""

    by: str
    """The ranking in force; in brackets why it is not the one that was asked for."""
    scores: Floats
    """(n_people, n_offers), higher is better."""
    order: Ints
    """(n_people, n_offers) the place of each offer, 0 the best; ties by priority, then by slug."""
    shares: Floats | None = None
    """(n_offers,) where the offer is drawn and not simply the best: how often each."""

    def chances(self, person: int, open_: "np.ndarray[Any, np.dtype[np.bool_]]", explore: float) -> Floats:
        """(n_offers,) the chance of each open offer to be drawn; they sum to one. One offer at least must be open.

        explore : the share of draws that are even among the open ones.
        """
        if self.shares is None:
            best = np.zeros(len(open_))
            best[int(np.where(open_, self.order[person], len(open_)).argmin())] = 1.0
        else:
            weights = np.where(open_, self.shares, 0.0)
            best = weights / weights.sum() if weights.sum() > 0 else open_ / open_.sum()
        found: Floats = (1 - explore) * best + explore * open_ / open_.sum()
        return found


def ranked(page: Page, *, placement: Placement, at: datetime, facts: Facts | None = None) -> Ranked:
    """By the placement's own ranking. A formula that cannot be worked out any more, or a model that is not learnt yet,
    leaves the offers in the order of priority.

    Asks what the `facts` of these people do not know yet.
    """
    if facts is None:
        facts = Facts((), page.people, (), placement=placement, at=at)
    known = next(iter(facts.states), None)
    if placement.ranking == By.FORMULA:
        try:
            return by_formula(
                page, placement.formula, works(page, known), facts, where=f"placement:{placement.slug}"
            )
        except InvalidRule as error:
            return by_priority(page, f"priority (formula: {error.message})")
    if placement.ranking == By.BANDIT:
        return by_shares(page, known)
    if placement.ranking in (By.PERSONAL, By.UPLIFT):
        if known is None:
            return by_priority(page, f"priority (nothing learnt yet for {placement.ranking})")
        return by_model(page, known, facts, at=at)
    return by_priority(page)


def state(placement: Placement, method: Placement.Ranking, *, at: datetime) -> RankingState | None:
    """What is known by that method at that moment. One query, none for a placement nobody described."""
    tried = Placement(pk=placement.pk, slug=placement.slug, ranking=method)
    return next(iter(states(tried, at=at)), None)


def works(page: Page, known: RankingState | None) -> Floats:
    """(n_offers,) the share of people each offer worked for, with one success and one failure added; a half for a new one."""
    arms = known.arms if known is not None else {}
    rows = [arms.get(offer.slug, {}) for offer in page.offers]
    return np.array([(1 + row.get("successes", 0)) / (2 + row.get("people", 0)) for row in rows])


def by_priority(page: Page, by: str = By.PRIORITY) -> Ranked:
    """Priority, then what suits the person times how generous it is."""
    priority = np.array([offer.priority for offer in page.offers])
    return Ranked(by, page.benefit, _places(page.benefit, np.broadcast_to(priority, page.fit.shape)))


def by_formula(page: Page, lines: Any, worked: Floats, facts: Facts, *, where: str = "") -> Ranked:
    """facts : of the page's people · where : whose formula it is, as `placement:slug`. Raises InvalidRule."""
    scores = formula.worked_out(lines, page, worked, facts, where=where)
    return Ranked(By.FORMULA, scores, _by_score(page, scores))


def by_shares(page: Page, known: RankingState | None) -> Ranked:
    """Drawn by the shares in force; an offer that is new gets the mean of the others until the next renewal."""
    arms: Mapping[str, Any] = known.arms if known is not None else {}
    mean = float(np.mean([arm["share"] for arm in arms.values()])) if arms else 1.0
    shares = np.array([float(arms.get(offer.slug, {}).get("share", mean)) for offer in page.offers])
    scores = np.broadcast_to(shares / max(float(shares.sum()), 1e-12), page.fit.shape)
    return Ranked(By.BANDIT, scores, _by_score(page, scores), shares)


def by_model(page: Page, known: RankingState, facts: Facts, *, at: datetime) -> Ranked:
    """Each offer's chance of success with the person (by uplift: the money it brings); one never learnt scores as the worst known."""
    scores = np.full(page.fit.shape, np.nan)
    arms = {i: known.arms[offer.slug] for i, offer in enumerate(page.offers) if offer.slug in known.arms}
    if known.method == By.UPLIFT and arms:
        x = effects.now(page.people, facts.bought, at=at)
        for i, arm in arms.items():
            scores[:, i] = effects.scores(arm, x)
    else:
        for i, arm in arms.items():
            scores[:, i] = 1 / (1 + np.exp(-arm["intercept"] - arm["slope"] * page.fit[:, i]))
    if np.isnan(scores).all():
        return by_priority(page, f"priority (no offer of these is known to {known.method})")
    unknown = np.isnan(scores)
    least = np.nanmin(scores, axis=1, keepdims=True)
    scores = np.where(unknown, least, scores)
    return Ranked(known.method, scores, _by_score(page, scores))


def _by_score(page: Page, scores: Floats) -> Ints:
    priority = np.array([float(offer.priority) for offer in page.offers])
    return _places(np.broadcast_to(priority, scores.shape), scores)


def _places(second: Floats, first: Floats) -> Ints:
    """The place of each column of a row, by `first`, then `second`, both higher first; ties in the order of columns."""
    columns = np.broadcast_to(np.arange(first.shape[1]), first.shape)
    best_first = np.lexsort((columns, -second, -first), axis=-1)
    places: Ints = np.argsort(best_first, axis=-1)
    return places


def chance(*parts: object) -> float:
    """A number from 0 to 1 that these words always give: the chance of a draw that can be told again."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
