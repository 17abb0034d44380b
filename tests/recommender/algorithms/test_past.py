"""What a person did before a moment, by whole days: the same people in every view of it."""

import numpy as np
import pytest

from recommender.algorithms.past import Past

pytestmark = pytest.mark.once


def past() -> Past:
    # Person 3 ordered first on the last day, after the hour that is asked; person 4 the day after.
    people, days = np.array([1, 1, 2, 3, 4]), np.array([90.2, 99.1, 95.0, 100.9, 101.0])
    none = np.empty(0)
    return Past(
        people, np.array([7, 7, 8, 7, 8]), np.full(5, 10.0), days, none.astype(np.int64), none, {7: 1}
    )


def test_the_day_asked_is_whole_in_rhythms_and_in_the_table() -> None:
    rhythms, table = past().rhythms(100.5), past().table(100.5, returns=None, days=30.0)
    assert rhythms.people.tolist() == table.people.tolist() == [1, 2, 3]
    assert rhythms.age.tolist() == [10.0, 5.0, 0.0]
    assert np.expm1(table.numbers["lines_30_days"]).round().tolist() == [2.0, 1.0, 1.0]


def test_what_is_to_be_told_begins_the_day_after() -> None:
    assert past().ordered(np.array([1, 2, 3, 4]), 100.5, 1.0).tolist() == [False, False, False, True]
    assert past().spent(np.array([1, 2, 3, 4]), 100.5, 1.0).tolist() == [0.0, 0.0, 0.0, 10.0]
