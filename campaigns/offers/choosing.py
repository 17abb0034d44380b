"""Who gets which offer in which slot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from campaigns.models import Offer, Placement
from campaigns.offers import caps, ranking, rooms
from campaigns.offers.candidates import Choice, Floats, Page, Taste, page_of
from campaigns.offers.facts import Facts
from campaigns.offers.ranking import Ranked
from campaigns.offers.rooms import Room
from catalog import together


@dataclass(frozen=True)
class _Draw:
    person: int
    offer: int
    chances: Floats
    explored: bool


def choose_and_commit(
    tastes: Mapping[int, Taste],
    available: Sequence[Offer],
    *,
    placement: Placement,
    at: datetime,
    rng: np.random.Generator | None = None,
) -> dict[int, list[Choice]]:
    """The best offers for each person, one a slot, with caps and budgets held exactly. Call it inside the transaction
    that keeps the choice, with the people held; it locks the offers until that ends.

    In date and approved -> eligibility -> the person's caps -> what another place shows -> ranking -> what is left in
    all. Whom a cap turns away gets the next best; a person no offer is left for is missing. Each slot is drawn from
    what the slots before it left. Chance comes from `rng`, else from a hash of person, placement and moment.
    A bounded number of queries, whatever the people and the offers.
    """
    page = page_of(tastes, available, at=at)
    if not page.verdicts.size:
        return {}
    open_ = [offer for i, offer in enumerate(page.offers) if (page.verdicts[:, i] == "").any()]
    of = caps.caps_of([offer.pk for offer in open_], placement=placement.slug)
    facts = Facts(open_, page.people, of, placement=placement, at=at)
    together.read(*facts.questions)
    chosen, found = choose(
        page,
        facts,
        lambda wanted: rooms.locked(wanted, page.people, placement=placement, at=at),
        rng=rng,
    )
    together.write(*rooms.taken(found, at=at))
    return chosen


def choose(
    page: Page,
    facts: Facts,
    rooms_of: Callable[[list[Offer]], dict[int, Room]],
    *,
    rng: np.random.Generator | None = None,
) -> tuple[dict[int, list[Choice]], dict[int, Room]]:
    """Each person's choices, one a slot, and what they take of the rooms. Nothing is written yet.

    rooms_of : what is left of the offers that someone may have. Asks only what `facts` does not know yet.
    """
    placement, at = facts.placement, facts.at
    bar(page, facts)
    ranked = ranking.ranked(page, placement=placement, at=at, facts=facts)
    found = rooms_of([offer for i, offer in enumerate(page.offers) if (page.verdicts[:, i] == "").any()])
    chosen: dict[int, list[Choice]] = {}
    for slot in range(placement.slots):
        waiting = [n for n, pk in enumerate(page.people) if len(chosen.get(pk, ())) == slot]
        while waiting:
            draws = _drawn(page, ranked, waiting, placement, slot, at=at, rng=rng)
            turned_away: list[tuple[_Draw, str]] = []
            for draw in _best_suited_first(draws, page, ranked):
                pk, offer = page.people[draw.person], page.offers[draw.offer]
                if verdict := found[offer.pk].take(pk):
                    turned_away.append((draw, verdict))
                else:
                    chosen.setdefault(pk, []).append(_choice(page, ranked, draw, found[offer.pk]))
                    page.verdicts[draw.person, draw.offer] = "shown_elsewhere"
            # Only now, so that everyone's verdicts are those their chance was drawn by.
            for draw, verdict in turned_away:
                _turn_away(page, draw, verdict)
            waiting = [draw.person for draw, _verdict in turned_away]
    return chosen, found


def bar(page: Page, facts: Facts) -> None:
    """Write down for whom each offer is not: its rule, the person's caps, a used code, another place that shows it."""
    column = {offer.pk: i for i, offer in enumerate(page.offers)}
    row = {pk: n for n, pk in enumerate(page.people)}

    def refuse(pairs: Iterable[tuple[int, int]], verdict: str) -> None:
        for person, offer in pairs:
            if offer in column and page.verdicts[row[person], column[offer]] == "":
                page.verdicts[row[person], column[offer]] = verdict

    for offer in page.offers:
        if offer.eligibility is not None and (page.verdicts[:, column[offer.pk]] == "").any():
            matched = facts.eligible(offer)
            refuse(((pk, offer.pk) for pk in page.people if pk not in matched), "not_eligible")
    refuse(facts.given(), "capped_customer")
    for pk, cap in facts.used_up():  # the first that is full is told
        refuse([(pk, cap.offer_id)], caps.verdict(cap))
    refuse(facts.without_a_code(), "no_code_left")
    refuse(facts.elsewhere(), "shown_elsewhere")


def _drawn(
    page: Page,
    ranked: Ranked,
    waiting: Sequence[int],
    placement: Placement,
    slot: int,
    *,
    at: datetime,
    rng: np.random.Generator | None,
) -> list[_Draw]:
    """What each of them gets if there is room; who has nothing open is missing."""
    explore = placement.explore_percent / 100
    draws = []
    open_ = page.verdicts == ""
    left = open_.sum(axis=1)
    for n in waiting:
        if not left[n]:
            continue
        chances = ranked.chances(n, open_[n], explore)
        if chances.max() == 1.0:  # one choice only: nothing is drawn
            draws.append(_Draw(n, int(chances.argmax()), chances, False))
            continue
        if rng is not None:
            by_chance, place = rng.random(2)
        else:
            # The number of open offers parts a second draw, after a refusal, from the first.
            said = (page.people[n], placement.slug, at.isoformat(), slot, left[n])
            by_chance, place = ranking.chance(*said, "explore"), ranking.chance(*said, "place")
        explored = bool(by_chance < explore)
        line = open_[n] / left[n] if explored else ranked.chances(n, open_[n], 0.0)
        found = int(np.searchsorted(np.cumsum(line), place, side="right"))
        draws.append(_Draw(n, min(found, int(np.flatnonzero(line)[-1])), chances, explored))
    return draws


def _best_suited_first(draws: Sequence[_Draw], page: Page, ranked: Ranked) -> list[_Draw]:
    """When there is not enough for all, who the offer suits best comes first, whatever its place in the page."""
    return sorted(
        draws,
        key=lambda draw: (draw.offer, -ranked.scores[draw.person, draw.offer], page.people[draw.person]),
    )


def _turn_away(page: Page, draw: _Draw, verdict: str) -> None:
    column = page.verdicts[:, draw.offer]
    if verdict in rooms.FOR_ALL:
        column[column == ""] = verdict
    else:
        column[draw.person] = verdict


def _choice(page: Page, ranked: Ranked, draw: _Draw, room: Room) -> Choice:
    offer = page.offers[draw.offer]
    scores, fits = ranked.scores[draw.person].round(6).tolist(), page.fit[draw.person].round(4).tolist()
    candidates: list[dict[str, Any]] = []
    for i, (other, verdict) in enumerate(zip(page.offers, page.verdicts[draw.person], strict=True)):
        told: dict[str, Any] = {"offer": other.slug, "score": scores[i], "verdict": verdict or "eligible"}
        if not verdict:
            told |= {"fit": fits[i], "chance": round(float(draw.chances[i]), 9)}
        if i == draw.offer:
            told |= {"verdict": "chosen", "by": ranked.by}
        candidates.append(told)
    return Choice(
        offer,
        scores[draw.offer],
        candidates,
        propensity=float(draw.chances[draw.offer]),
        explored=draw.explored,
        set_aside=room.set_aside,
    )
