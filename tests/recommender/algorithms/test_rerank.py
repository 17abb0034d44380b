"""Lists worth showing, worked by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from recommender.algorithms import rerank

pytestmark = pytest.mark.once

SCORES = np.array([1.0, 0.9, 0.5])
ALIKE = rerank.same_group(np.array([7, 7, 8]))


def test_mmr_by_hand() -> None:
    # λ ½: after the first, the second is ½·0.9 − ½·1 = −0.05 and the third ½·0.5 − 0 = 0.25.
    assert rerank.mmr(SCORES, ALIKE, 3, balance=0.5).tolist() == [0, 2, 1]
    # λ 0.9: 0.81 − 0.1 = 0.71 against 0.45.
    assert rerank.mmr(SCORES, ALIKE, 3, balance=0.9).tolist() == [0, 1, 2]


def test_mmr_with_full_balance_is_the_order_of_the_scores() -> None:
    scores = np.array([0.2, 3.0, 1.0])
    assert rerank.mmr(scores, np.ones((3, 3)), 9, balance=1.0).tolist() == [1, 2, 0]
    with pytest.raises(ValueError, match="balance"):
        rerank.mmr(scores, np.ones((3, 3)), 3, balance=1.1)


def test_what_has_no_group_is_like_nothing_and_vectors_compare_by_their_cosine() -> None:
    assert rerank.same_group(np.array([-1, -1])).tolist() == [[0, 0], [0, 0]]
    found = rerank.cosines(np.array([[3.0, 4.0], [6.0, 8.0], [0.0, 0.0], [4.0, 3.0]]))
    np.testing.assert_allclose(found[0], [1, 1, 0, 24 / 25])


def test_the_divergence_by_hand() -> None:
    wanted = np.array([0.7, 0.3])
    # q̃ = (0.502, 0.498): 0.7·ln(0.7/0.502) + 0.3·ln(0.3/0.498)
    assert rerank.divergence(wanted, np.array([0.5, 0.5])) == pytest.approx(0.080691, abs=1e-6)
    # q̃ = (0.997, 0.003): 0.7·ln(0.7/0.997) + 0.3·ln(100)
    assert rerank.divergence(wanted, np.array([1.0, 0.0])) == pytest.approx(1.133982, abs=1e-6)
    assert rerank.divergence(wanted, wanted) == pytest.approx(0)
    assert rerank.divergence(wanted, np.array([0.2, 0.8]), smoothing=0.0) == pytest.approx(
        entropy(wanted, [0.2, 0.8])
    )


def test_calibration_by_hand() -> None:
    """Seven tenths of the history are of group 0, three tenths of group 1; ½·0.2 − ½·0.0807 beats ½·0.9 − ½·1.134."""
    scores, groups, wanted = np.array([1.0, 0.9, 0.8, 0.2]), np.array([0, 0, 0, 1]), np.array([0.7, 0.3])
    assert rerank.calibrated(scores, groups, wanted, 2, balance=0.5).tolist() == [0, 3]
    assert rerank.calibrated(scores, groups, wanted, 2, balance=0.0).tolist() == [0, 1]
    # Ten places by calibration alone: seven and three.
    many = np.repeat([0, 1], 10)
    chosen = rerank.calibrated(np.ones(20), many, wanted, 10, balance=1.0)
    assert Counter(many[chosen].tolist()) == {0: 7, 1: 3}


def test_without_shares_to_meet_calibration_leaves_the_order() -> None:
    found = rerank.calibrated(np.array([0.1, 0.5]), np.array([0, 0]), np.zeros(1), 2, balance=0.9)
    assert found.tolist() == [1, 0]


def test_shares_of_groups_leave_out_what_has_none() -> None:
    found = rerank.distribution(np.array([0, 1, -1, 0]), np.array([1.0, 1.0, 9.0, 2.0]), 2)
    assert found.tolist() == [0.75, 0.25]


@pytest.mark.parametrize(
    ("percents", "available", "others", "given_out"),
    [
        ([20, 30], [5, 1], 100, [2, 1]),  # fewer where fewer are there
        ([25], [9], 100, [2]),  # rounded down
        ([9], [9], 100, [0]),
        ([29], [100], 100, [2]),
        ([60, 60], [9, 9], 100, [6, 4]),  # the first in the sequence first, together the list
        ([50], [5], 2, [2]),  # a list of four: half of it
        ([100], [3], 0, [3]),
        ([50], [5], 0, [0]),
    ],
)
def test_a_promotion_gets_its_share_and_no_more(percents, available, others, given_out) -> None:
    assert rerank.slots(percents, available, others, 10) == given_out


def test_promotions_stand_anywhere_and_every_arrangement_is_as_likely() -> None:
    rng = np.random.default_rng(3)
    seen = Counter(tuple(rerank.interleaved([2, 1], rng=rng).tolist()) for _n in range(6000))
    assert set(seen) == {(0, 0, 1), (0, 1, 0), (1, 0, 0)}
    assert all(abs(n - 2000) < 4 * np.sqrt(6000 * (1 / 3) * (2 / 3)) for n in seen.values())


ORDER, POOL = np.array([1, 2, 3]), np.array([1, 2, 3, 4])


def test_propensities_by_hand() -> None:
    def found(*shown: int) -> list[float]:
        return list(rerank.propensities(np.array(shown), ORDER, POOL, share=0.2))

    assert found(1, 3) == pytest.approx([0.8 + 0.2 / 4, 0.2 / 3])
    assert found(4, 1) == pytest.approx([0.2 / 4, 0.8 + 0.2 / 3])
    assert found(4, 4) == pytest.approx([0.2 / 4, 0])
    assert found(2, 1, 3) == pytest.approx([0.2 / 4, 0.8 + 0.2 / 3, 0.8 + 0.2 / 2])


def test_the_lists_come_as_often_as_their_propensities_say() -> None:
    rng, n = np.random.default_rng(5), 6000
    seen: Counter[tuple[int, ...]] = Counter()
    said: dict[tuple[int, ...], float] = {}
    for _n in range(n):
        drawn = rerank.explore(ORDER, POOL, 2, share=0.3, rng=rng)
        shown = tuple(drawn.items.tolist())
        seen[shown] += 1
        said[shown] = float(drawn.propensities.prod())
    assert len(said) == 12
    assert sum(said.values()) == pytest.approx(1)
    for shown, probability in said.items():
        assert abs(seen[shown] - n * probability) < 4 * np.sqrt(n * probability * (1 - probability)), shown


def test_without_a_share_for_chance_the_order_stays_and_is_certain() -> None:
    drawn = rerank.explore(ORDER, POOL, 9, share=0.0, rng=np.random.default_rng(0))
    assert (drawn.items.tolist(), drawn.propensities.tolist()) == ([1, 2, 3], [1, 1, 1])
    with pytest.raises(ValueError, match="pool"):
        rerank.explore(ORDER, np.array([1]), 2, share=0.1, rng=np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 12), st.floats(0, 1), st.integers(0, 2**31))
def test_whatever_is_drawn_is_a_list_of_different_items_with_a_possible_propensity(
    ranked: int, more: int, share: float, seed: int
) -> None:
    pool = np.arange(ranked + more)
    drawn = rerank.explore(pool[:ranked], pool, 8, share=share, rng=np.random.default_rng(seed))
    assert len(set(drawn.items.tolist())) == len(drawn.items) == min(8, ranked)
    assert ((drawn.propensities > 0) & (drawn.propensities <= 1 + 1e-12)).all()
