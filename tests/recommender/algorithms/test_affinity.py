"""How much each of many people likes a few items, by hand."""

import numpy as np
import pytest

from recommender.algorithms import affinity
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.interactions import History, Interactions
from recommender.algorithms.item_knn import ItemKNN
from recommender.algorithms.popularity import Popularity

pytestmark = pytest.mark.once

BOUGHT = Interactions.of(
    np.array([1, 1, 2, 2, 3, 3, 4]), np.array([1, 2, 1, 2, 1, 3, 4]), np.zeros(7), np.ones(7, np.float32)
)


def past(*items: int) -> History:
    return History(np.array(items, dtype=np.int64), np.ones(len(items), np.float32), np.zeros(len(items)))


PEOPLE = [past(1), past(3), past(1, 3), past(4), History.empty()]


def test_a_linear_model_is_asked_for_a_few_columns_only() -> None:
    model = ItemKNN().fit(BOUGHT, at=0.0)
    columns = affinity.known(model, np.array([2, 99]))
    assert columns.tolist() == [1]  # 99 was never bought
    # Items 1 and 2 share two people, of three and of two: 2/√6. Items 2 and 3 share none.
    liked = affinity.Question(model, columns, at=0.0).likings(PEOPLE)
    np.testing.assert_allclose(liked, [2 / np.sqrt(6), 0, 2 / np.sqrt(6), 0, 0], rtol=1e-6)
    both = affinity.Question(model, affinity.known(model, np.array([2, 3])), at=0.0).likings(PEOPLE)
    whole = model.scores(PEOPLE, at=0.0)[:, [1, 2]].mean(axis=1)
    np.testing.assert_allclose(both, whole, rtol=1e-6)


def test_what_everybody_likes_is_no_taste_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "CELLS", 8)  # two people at once
    model = Hybrid([(0.5, Frequency()), (0.5, Popularity())]).fit(BOUGHT, at=0.0)
    liked = affinity.Question(model, affinity.known(model, np.array([1])), at=0.0).likings(PEOPLE)
    assert liked.tolist() == [0.5, 0, 0.5, 0, 0]


def test_no_item_is_no_question() -> None:
    model = ItemKNN().fit(BOUGHT, at=0.0)
    with pytest.raises(ValueError, match="no item"):
        affinity.Question(model, affinity.known(model, np.array([99])), at=0.0).likings(PEOPLE)


def test_shares_of_what_suits_each() -> None:
    model = Frequency().fit(BOUGHT, at=0.0)
    groups = [affinity.known(model, np.array(ids)) for ids in ([1, 2], [3], [99])]
    found = affinity.shares(model, PEOPLE, groups, at=0.0)
    assert found.tolist() == [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]]
