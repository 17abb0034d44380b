"""Metrics, splits and the comparison, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.algorithms import metrics
from recommender.algorithms.compare import Candidate, compare, difference
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.interactions import History, Interactions
from recommender.algorithms.split import global_split, leave_last, validation_split

pytestmark = pytest.mark.once

HITS = np.array([[True, False, True], [False, False, False], [False, True, False]])
RELEVANT = np.array([3, 1, 1])


def test_ndcg_by_hand() -> None:
    ideal = 1 + 1 / np.log2(3) + 1 / 2
    expected = [(1 + 1 / 2) / ideal, 0, 1 / np.log2(3)]
    np.testing.assert_allclose(metrics.ndcg(HITS, RELEVANT, k=3), expected)


def test_ndcg_s_ideal_is_cut_at_k() -> None:
    assert metrics.ndcg(np.array([[True]]), np.array([50]), k=1).tolist() == [1.0]


def test_recall_hit_rate_and_reciprocal_rank_by_hand() -> None:
    np.testing.assert_allclose(metrics.recall(HITS, RELEVANT, k=3), [2 / 3, 0, 1])
    assert metrics.hit_rate(HITS, k=1).tolist() == [1, 0, 0]
    assert metrics.reciprocal_rank(HITS).tolist() == [1, 0, 0.5]


def test_gini_is_nought_when_all_are_shown_alike_and_high_when_one_takes_all() -> None:
    assert metrics.gini(np.array([1, 2, 3, 4]), 4) == pytest.approx(0)
    assert metrics.gini(np.array([1, 1, 1, 1]), 4) == pytest.approx(0.75)
    assert metrics.coverage(np.array([1, 1, 2]), 4) == 0.5


def test_novelty_is_in_bits() -> None:
    assert metrics.novelty(np.array([1.0, 2.0]), 8) == pytest.approx((3 + 2) / 2)


def test_the_bootstrap_interval_covers_the_mean() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = metrics.bootstrap(values, rng=np.random.default_rng(2))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.2)


def acts() -> Interactions:
    people = np.array([1, 1, 1, 2, 2, 3, 4])
    items = np.array([1, 2, 1, 1, 3, 2, 2])
    days = np.array([10, 50, 95, 20, 90, 30, 99.0])
    return Interactions.of(people, items, days)


def test_a_global_split_has_one_moment_for_all() -> None:
    split = global_split(acts(), days=30)
    assert split.at == 69
    assert split.people.tolist() == [1, 2]  # 3 did nothing later, 4 nothing before
    assert [history.items.tolist() for history in split.histories] == [[1, 2], [1]]
    assert [future.tolist() for future in split.future] == [[1], [3]]
    assert split.restricted("again").people.tolist() == [1]
    assert split.restricted("new").people.tolist() == [2]


def test_the_validation_never_sees_the_test() -> None:
    split = validation_split(acts(), days=30)
    assert split.at == 39
    assert split.past.days.max() <= 39
    assert all(np.all(history.days <= 39) for history in split.histories)
    assert split.people.tolist() == [1]


def test_leave_last_holds_out_each_person_s_newest_act() -> None:
    split = leave_last(acts())
    assert split.people.tolist() == [1, 2]
    assert [future.tolist() for future in split.future] == [[1], [3]]


def test_the_table_compares_on_the_same_people() -> None:
    rows = compare(
        [Candidate("floor", "popularity", {}), Candidate("own", "frequency", {})], global_split(acts())
    )
    assert [row.people for row in rows] == [2, 2]
    assert rows[1].ndcg10 > rows[0].ndcg10 * 0.99
    mean, low, high = difference(rows[1], rows[0])
    assert low <= mean <= high
    assert rows[0].as_dict()["algorithm"] == "floor"


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, 30, elements=st.sampled_from([0.0, 0.0, 0.5, 1.0, -1.0, 2.0])),
    st.integers(1, 30),
    arrays(np.bool_, 30),
)
def test_the_quick_selection_equals_a_full_sort(row: np.ndarray, k: int, allowed: np.ndarray) -> None:
    people = np.repeat(np.arange(30), np.arange(30) % 4 + 1)
    model = Frequency().fit(
        Interactions.of(
            np.arange(len(people)), np.repeat(np.arange(30), np.arange(30) % 4 + 1), np.zeros(len(people))
        ),
        at=0,
    )
    model._score = lambda queries: row[np.newaxis, :]  # type: ignore[method-assign]
    (ranking,) = model.recommend([History.empty()], k, at=0, allowed=allowed)
    order = np.lexsort((model.items_, -model.popularity_, -row))
    assert ranking.items.tolist() == [i for i in order.tolist() if allowed[i]][:k]
