"""Who gets which offer in which slot."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from campaigns import segments
from campaigns.models import Offer, OfferCap, Placement
from campaigns.offers import caps, ranking
from campaigns.offers.candidates import Choice, Floats, Page, Taste, page_of
from campaigns.offers.caps import Room
from campaigns.offers.ranking import Ranked
from campaigns.segments import InvalidRule
from customers import sensitive


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
    Queries grow with the offers and their caps, not with the people.
    """
    page = page_of(tastes, available, at=at)
    if not page.verdicts.size:
        return {}
    bar(page, placement=placement, at=at)
    ranked = ranking.ranked(page, placement=placement, at=at)
    wanted = [offer for i, offer in enumerate(page.offers) if (page.verdicts[:, i] == "").any()]
    rooms = caps.rooms(wanted, page.people, placement=placement, at=at)
    chosen: dict[int, list[Choice]] = {}
    for slot in range(placement.slots):
        waiting = [n for n, pk in enumerate(page.people) if len(chosen.get(pk, ())) == slot]
        while waiting:
            draws = _drawn(page, ranked, waiting, placement, slot, at=at, rng=rng)
            turned_away: list[tuple[_Draw, str]] = []
            for draw in _best_suited_first(draws, page, ranked):
                pk, offer = page.people[draw.person], page.offers[draw.offer]
                if verdict := rooms[offer.pk].take(pk):
                    turned_away.append((draw, verdict))
                else:
                    chosen.setdefault(pk, []).append(_choice(page, ranked, draw, rooms[offer.pk]))
                    page.verdicts[draw.person, draw.offer] = "shown_elsewhere"
            # Only now, so that everyone's verdicts are those their chance was drawn by.
            for draw, verdict in turned_away:
                _turn_away(page, draw, verdict)
            waiting = [draw.person for draw, _verdict in turned_away]
    caps.keep(rooms, placement=placement, at=at)
    return chosen


def bar(page: Page, *, placement: Placement, at: datetime) -> None:
    """Write down for whom each offer is not: its rule, the person's caps, a used code, another place that shows it."""
    by_id = {offer.pk: offer for offer in page.offers}
    column = {offer.pk: i for i, offer in enumerate(page.offers)}
    row = {pk: n for n, pk in enumerate(page.people)}
    open_ids = [pk for pk, i in column.items() if (page.verdicts[:, i] == "").any()]
    open_ = [by_id[pk] for pk in open_ids]

    def refuse(pairs: Iterable[tuple[int, int]], verdict: str) -> None:
        for person, offer in pairs:
            if page.verdicts[row[person], column[offer]] == "":
                page.verdicts[row[person], column[offer]] = verdict

    # Of two offers with one rule, one may hold an approval that the other lacks.
    apart = any(offer.eligibility is not None for offer in open_) and bool(sensitive.declared())
    asked: dict[str, set[int]] = {}
    for offer in open_:
        if offer.eligibility is not None:
            rule = json.dumps(offer.eligibility, sort_keys=True)
            if apart:
                rule = f"{offer.slug}: {rule}"
            if rule not in asked:
                asked[rule] = eligible(offer, page.people, at=at)
            refuse(((pk, offer.pk) for pk in page.people if pk not in asked[rule]), "not_eligible")
    most = {offer.pk: offer.max_per_customer for offer in open_ if offer.max_per_customer is not None}
    refuse(caps.given_to(page.people, most), "capped_customer")
    of_each = caps.caps_of(open_ids, placement=placement.slug)
    of_each = [cap for cap in of_each if cap.scope == OfferCap.Scope.CUSTOMER]
    full = caps.capped_people(of_each, page.people, at=at)
    for pk, cap in sorted(full, key=lambda pair: (pair[1].pk, pair[0])):  # the first that is full is told
        refuse([(pk, cap.offer_id)], caps.verdict(cap))
    refuse(caps.without_a_code(open_, page.people, at=at), "no_code_left")
    # A placement nobody described stands for itself.
    if placement.pk and not placement.allow_duplicates:
        refuse(caps.shown_elsewhere(open_, page.people, placement=placement, at=at), "shown_elsewhere")


def eligible(offer: Offer, people: Sequence[int], *, at: datetime) -> set[int]:
    """Who of these people the offer's own rule matches now; a rule that cannot be read any more, or asks for what
    is withheld, matches nobody."""
    try:
        among = segments.matching(offer.eligibility, at=at, ids=people, where=f"offer:{offer.slug}")
    except InvalidRule:
        return set()
    return set(among.values_list("pk", flat=True))


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
    if verdict in caps.FOR_ALL:
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
