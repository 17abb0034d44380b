"""The least that has to be said, worked by hand and against trying every set."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.algorithms.explain import NOTHING, explained, shortest
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.interactions import History, Interactions
from recommender.algorithms.item_knn import ItemKNN
from recommender.algorithms.popularity import Popularity

pytestmark = pytest.mark.once

ITEMS = np.array([10, 11, 10, 12])
SAID = np.array([0.2, 0.3, 0.2, -0.1], dtype=np.float32)


def test_acts_on_one_item_add_up_and_the_fewest_items_that_carry_half_are_told() -> None:
    told = shortest(ITEMS, SAID, 0.6)
    assert told.items.tolist() == [10]
    assert told.share == pytest.approx(0.4 / 0.7)
    both = shortest(ITEMS, SAID, 0.6, least=0.6)
    assert both.items.tolist() == [10, 11]
    assert both.shares.tolist() == pytest.approx([0.4 / 0.7, 0.3 / 0.7])


def test_what_no_past_item_explains_is_not_claimed() -> None:
    # 1.0 − (0.4 + 0.3 − 0.1) = 0.4 comes from elsewhere: the whole is 0.7 + 0.4.
    told = shortest(ITEMS, SAID, 1.0)
    assert told.items.tolist() == [10]
    assert told.share == pytest.approx(0.4 / 1.1)


def test_nothing_speaks_for_it_and_nothing_is_said() -> None:
    assert shortest(ITEMS, -np.abs(SAID), 0.5) is NOTHING
    assert NOTHING.share == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=7), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_no_smaller_set_carries_as_much(parts: list[int], least: float) -> None:
    told = shortest(np.arange(len(parts)), np.array(parts, dtype=np.float32), sum(parts), least=least)
    enough = [
        n
        for n in range(1, len(parts) + 1)
        if any(sum(chosen) >= least * sum(parts) - 1e-6 for chosen in combinations(parts, n))
    ]
    assert len(told.items) == enough[0]


BOUGHT = Interactions.of(
    np.array([1, 1, 2, 2, 3, 3, 4]), np.array([1, 2, 1, 2, 1, 3, 4]), np.zeros(7), np.ones(7, np.float32)
)
HISTORY = History(np.array([1, 3]), np.ones(2, np.float32), np.zeros(2))


def test_a_linear_model_is_explained_whole() -> None:
    model = ItemKNN().fit(BOUGHT, at=0.0)
    (ranking,) = model.recommend([HISTORY], 1, at=0.0, mode="new")
    assert ranking.items.tolist() == [2]
    told = explained(model, HISTORY, 2, float(ranking.scores[0]), at=0.0)
    # Two of the three who took 1 took 2, nobody who took 3 did: item 1 says it all.
    assert told.items.tolist() == [1]
    assert told.share == pytest.approx(1)


def test_a_hybrid_is_explained_by_its_linear_part_only() -> None:
    model = Hybrid([(0.6, ItemKNN()), (0.4, Popularity())]).fit(BOUGHT, at=0.0)
    (ranking,) = model.recommend([HISTORY], 1, at=0.0, mode="new")
    told = explained(model, HISTORY, 2, float(ranking.scores[0]), at=0.0)
    # Item 2 has 2/√6 from item 1 where the row's greatest, item 3, has 1/√3; popularity 2 of 3.
    linear = 0.6 * (2 / np.sqrt(6)) / max(2 / np.sqrt(6), 1 / np.sqrt(3))
    assert told.share == pytest.approx(linear / (linear + 0.4 * 2 / 3), rel=1e-5)


def test_a_model_that_cannot_be_taken_apart_explains_nothing() -> None:
    assert explained(Popularity().fit(BOUGHT, at=0.0), HISTORY, 2, 1.0, at=0.0) is NOTHING
