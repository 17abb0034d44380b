"""A version of a report for outsiders: its sums with noise, so that nobody's presence can be told from it (N2).

Unit of privacy: one person, added or removed, with everything they did in the campaign's window. Each person stands in
one cell (an arm, or an arm of a segment), once, with money cut at a cap; so per cell one person changes the people and
the buyers by one and the money by the cap. The three sums share the question's epsilon. Epsilon is counted in whole
millionths, so that what was spent is a sum of whole numbers and can be checked by the database.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import F

from campaigns.models import Campaign, PrivacyBudget, PrivateRelease
from campaigns.reports import people as planned
from campaigns.reports.people import Flags, People, Period
from recommender.algorithms import noise

MILLION = 1_000_000
TOTAL = 3 * MILLION
"""Of the one budget that every release about the shop's people is drawn from, unless it was made with another."""
BUDGET = "people"
SUMS = ("people", "buyers", "money")
VERSION = 1


class NotPossible(Exception):
    """Nothing is told and nothing spent. The message says why."""


class Exhausted(NotPossible):
    """The budget does not reach."""


@dataclass(frozen=True)
class Question:
    """What is asked; everything that the answer depends on beside the people.

    by : "arm", or "segment" for the arms of each of the campaign's segments · epsilon : in millionths
    cap : of one person's money, in whole units of the currency · until : the moment up to which is read, ISO 8601
    """

    campaign: int
    by: str
    epsilon: int
    cap: int
    until: str
    version: int = VERSION

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def ask(campaign: Campaign, *, by: str, epsilon: int, cap: int, at: datetime) -> Question:
    """The question as it can be asked now: of the whole window where it is over, else up to the last midnight (UTC).

    Raises NotPossible.
    """
    if by not in ("arm", "segment"):
        raise NotPossible("It can be told by arm or by segment.")
    if not 3 <= epsilon <= 10 * MILLION:
        raise NotPossible("Epsilon lies between 0.000003 and 10.")
    if not 1 <= cap <= MILLION:
        raise NotPossible("The cap lies between 1 and 1,000,000.")
    period = Period.of(campaign, at=at)
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period.began is None or (until := min(midnight, period.ends or midnight)) <= period.began:
        raise NotPossible("Nothing has been measured for a day yet.")
    return Question(campaign.pk, by, epsilon, cap, until.isoformat())


def release(campaign: Campaign, question: Question, *, by: str, at: datetime) -> PrivateRelease:
    """The answer, kept: the same question is answered by the same numbers and spends nothing again.

    The budget is spent in the transaction that keeps the answer. Raises Exhausted, NotPossible.
    """
    if (known := _known(question)) is not None:
        return known
    people = planned.read(campaign, at=at, until=datetime.fromisoformat(question.until))
    segments = dict(campaign.audiences.values_list("segment_id", "segment__name"))
    try:
        told = answer(people, question, segments)
    except noise.NoNoise as missing:
        raise NotPossible(str(missing)) from missing
    try:
        with transaction.atomic():
            budget = _locked()
            if (known := _known(question)) is not None:
                return known
            spent = PrivacyBudget.objects.filter(pk=budget.pk, spent__lte=F("total") - question.epsilon)
            if not spent.update(spent=F("spent") + question.epsilon):
                raise Exhausted(
                    f"The budget does not reach: {question.epsilon / MILLION:g} is asked for and "
                    f"{(budget.total - budget.spent) / MILLION:g} of {budget.total / MILLION:g} is left. It is never filled "
                    "up: what has been told cannot be taken back."
                )
            return PrivateRelease.objects.create(
                budget=budget, campaign=campaign, question_sha256=question.sha256, question=asdict(question),
                answer=told, spent=question.epsilon, at=at, by=by[:150],
            )  # fmt: skip
    except IntegrityError:
        # Somebody asked the same at the same moment, of a budget that was only being made.
        if (known := _known(question)) is None:
            raise
        return known


def _known(question: Question) -> PrivateRelease | None:
    return PrivateRelease.objects.filter(question_sha256=question.sha256).select_related("budget").first()


def _locked() -> PrivacyBudget:
    PrivacyBudget.objects.get_or_create(name=BUDGET, defaults={"total": TOTAL})
    return PrivacyBudget.objects.select_for_update().get(name=BUDGET)


def answer(people: People, question: Question, segments: dict[int, str]) -> dict[str, Any]:
    """Cells with noise, and what the noise is. Cells are those of the campaign's definition, whoever stands in them.

    Numbers are as they were drawn: a cell of few may come out below nought. Raises noise.NoNoise.
    """
    cells = list(_cells(people, question.by, segments))
    cut = np.clip(np.rint(people.revenue), 0, question.cap)
    exact = {
        "people": [int(mask.sum()) for _arm, _segment, mask in cells],
        "buyers": [int((mask & people.ordered).sum()) for _arm, _segment, mask in cells],
        "money": [int(cut[mask].sum()) for _arm, _segment, mask in cells],
    }
    share = question.epsilon // len(SUMS) / MILLION
    bounds = {"people": 1, "buyers": 1, "money": question.cap}
    drawn = {name: noise.release(exact[name], most=bounds[name], epsilon=share) for name in SUMS}
    return {
        "cells": [
            {"arm": arm, "segment": segment, **{name: drawn[name].values[place] for name in SUMS}}
            for place, (arm, segment, _mask) in enumerate(cells)
        ],
        "within": {name: drawn[name].within for name in SUMS},
        "scale": {name: drawn[name].scale for name in SUMS},
        "epsilon": sum(one.epsilon for one in drawn.values()),
        "delta": 0,
    }


def _cells(people: People, by: str, segments: dict[int, str]) -> Iterator[tuple[str, str, Flags]]:
    """(arm, segment, who), everyone in one of them."""
    for arm, drawn in (("treated", people.treated), ("control", ~people.treated)):
        if by == "arm":
            yield arm, "", drawn
            continue
        for pk, name in sorted(segments.items()):
            yield arm, name, drawn & (people.segments == pk)
        yield arm, "–", drawn & ~np.isin(people.segments, list(segments))
