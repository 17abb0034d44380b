"""Where what was learnt loses to plain recency on the newest window, recency is told, with its own figures."""

import numpy as np
import pytest

from recommender.algorithms.past import Past
from recommender.training.futures import _learnt

pytestmark = [pytest.mark.once, pytest.mark.slow]
PEOPLE, WINDOWS, DAYS = 200, 7, 30.0
LAST = WINDOWS * DAYS


def test_recency_tells_where_the_winner_loses_to_it() -> None:
    # Who ordered lately orders again, three times in four; looks tell it better, until they tell the opposite.
    rng = np.random.default_rng(3)
    orders, looks = [], []
    ordered = rng.random(PEOPLE) < 0.5
    everyone = np.arange(PEOPLE)
    for window in range(WINDOWS):
        start = window * DAYS
        ordered = rng.random(PEOPLE) < np.where(ordered, 0.75, 0.25)
        if not window:
            ordered[:] = True  # so that everybody is known
        is_last = window == WINDOWS - 1
        looked = (ordered != is_last) == (rng.random(PEOPLE) < 0.95)
        orders += [(person, start + 1 + rng.integers(28)) for person in everyone[ordered]]
        looks += [(person, start - rng.integers(5)) for person in everyone[looked] if window]
    who, when = map(np.array, zip(*orders, strict=True))
    seen, seen_days = map(np.array, zip(*looks, strict=True))
    past = Past(
        who,
        np.zeros_like(who),
        np.full(len(who), 10.0),
        when.astype(float),
        seen,
        seen_days.astype(float),
        {},
    )
    answer = _learnt("purchase", past, LAST, DAYS, absent=False)
    assert answer.figures["purchase_told_by"] == "recency"
    recency = next(row for row in answer.test if row["algorithm"] == "purchase: recency")
    assert answer.figures["purchase_auc"].startswith(f"{recency['auc']:.3f}")
    assert answer.people is not None
    rhythms = past.rhythms(LAST)
    since = rhythms.age - rhythms.last
    assert answer.people[since <= DAYS].mean() > answer.people[since > DAYS].mean()
    assert len(np.unique(answer.people)) == len(np.unique(since))  # nothing else is looked at
