"""What "last" means: one act, or the whole order it belongs to."""

import numpy as np
import pytest

from recommender.algorithms.interactions import Interactions
from recommender.algorithms.split import leave_last

pytestmark = pytest.mark.once


def test_exactly_one_act_is_held_out_though_many_fell_on_one_moment() -> None:
    people, items = np.array([1, 2, 1, 2, 1]), np.array([30, 10, 10, 20, 20])
    split = leave_last(Interactions.of(people, items, np.full(5, 7.0)))
    assert [future.tolist() for future in split.future] == [[20], [20]]  # the last given of each
    assert [history.items.tolist() for history in split.histories] == [[30, 10], [10]]
    assert len(split.past) == 3


def test_the_newest_act_is_the_last_whatever_the_order_given() -> None:
    split = leave_last(Interactions.of(np.ones(3, np.int64), np.array([5, 6, 7]), np.array([3.0, 9, 4])))
    assert [future.tolist() for future in split.future] == [[6]]
    assert split.histories[0].items.tolist() == [5, 7]


def test_the_whole_last_order_is_held_out() -> None:
    # Two people may use one number; only the person's own order goes.
    people = np.array([1, 1, 1, 2, 2, 2])
    items, days = np.array([5, 6, 7, 5, 6, 7]), np.array([1.0, 2, 2, 1, 2, 3])
    orders = np.array([-4, -5, -5, -5, -5, -6])
    split = leave_last(Interactions.of(people, items, days, baskets=orders))
    assert [future.tolist() for future in split.future] == [[6, 7], [7]]
    assert [history.items.tolist() for history in split.histories] == [[5], [5, 6]]


def test_whoever_has_nothing_before_the_last_stays_in_the_past() -> None:
    people, orders = np.array([1, 1, 2]), np.array([8, 8, 9])
    split = leave_last(Interactions.of(people, np.array([5, 6, 5]), np.zeros(3), baskets=orders))
    assert (len(split.people), len(split.past)) == (0, 3)


def test_no_acts_are_no_error() -> None:
    none = np.empty(0, np.int64)
    assert len(leave_last(Interactions.of(none, none, np.empty(0))).people) == 0
