"""What follows what: ages counted in acts, and the models that learn the order of acts."""

import numpy as np
import pytest

from recommender.algorithms.ease import EASE
from recommender.algorithms.interactions import History, Interactions, Queries, places_back
from recommender.algorithms.item_knn import ItemKNN
from tests.recommender.algorithms.contract import AT, Contract, past, shop

pytestmark = pytest.mark.once


def sitting(*items: int) -> History:
    """Acts of one single moment, in the order given."""
    n = len(items)
    return History(np.array(items, np.int64), np.ones(n, np.float32), np.full(n, AT))


class TestEASEByActs(Contract):
    def make(self) -> EASE:
        return EASE(reg=1.0, half_life_acts=2.0)


class TestItemKNNByDaysAndActs(Contract):
    def make(self) -> ItemKNN:
        return ItemKNN(neighbours=3, half_life=45.0, half_life_acts=1.0)


def test_an_act_s_place_counts_back_from_its_person_s_newest() -> None:
    rows = np.array([1, 0, 1, 1, 0])
    days = np.array([5.0, 9.0, 7.0, 6.0, 8.0])
    assert places_back(rows, days).tolist() == [2, 0, 0, 1, 1]


def test_of_one_moment_the_later_given_is_the_newer() -> None:
    assert places_back(np.zeros(4, np.int64), np.array([3.0, 3.0, 1.0, 3.0])).tolist() == [2, 1, 3, 0]


def test_acts_of_one_sitting_fade_by_their_places() -> None:
    items = np.array([10, 20, 30])
    queries = Queries.of(
        [sitting(10, 20, 99, 10), past(30)], items, at=AT
    )  # 99 is unknown and takes no place
    assert queries.matrix(None, 1.0).toarray().tolist() == [[1 + 1 / 4, 1 / 2, 0], [0, 0, 1]]
    assert queries.matrix(30.0).toarray().tolist() == [[2, 1, 0], [0, 0, 1]]  # days say nothing here


def test_both_ages_count_together() -> None:
    history = History(np.array([10, 20]), np.ones(2, np.float32), np.array([AT - 8, AT]))
    matrix = Queries.of([history], np.array([10, 20]), at=AT + 5).matrix(4.0, 1.0)
    assert matrix.toarray().tolist() == [[1 / 4 * 1 / 2, 1]]


def test_the_order_of_intake_survives_into_a_history() -> None:
    acts = Interactions.of(np.array([2, 1, 2, 1, 2]), np.array([7, 5, 6, 9, 5]), np.full(5, AT))
    assert [history.items.tolist() for history in acts.histories(np.array([1, 2]))] == [[5, 9], [7, 6, 5]]
    kept = acts.chosen(np.array([True, True, False, True, True]))
    assert [history.items.tolist() for history in kept.histories(np.array([1, 2]))] == [[5, 9], [7, 5]]


def test_contributions_of_one_sitting_tell_its_order() -> None:
    model = EASE(reg=1.0, half_life_acts=1.0).fit(shop(), at=AT)
    one, two = (model.contributions(sitting(*items), 30, at=AT) for items in ((20, 10), (10, 20)))
    assert one.tolist() == pytest.approx([two[1] / 2, two[0] * 2], rel=1e-5)
