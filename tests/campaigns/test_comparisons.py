"""Several arms against one control group: Holm worked by hand, intervals that hold together, and arms of odd sizes."""

import math

import numpy as np
import pytest
from scipy import stats

from campaigns import statistics
from campaigns.experiments import sample_ratio as of_two
from campaigns.statistics import Values

pytestmark = pytest.mark.once


def arm(mean: float) -> Values:
    """A hundred people of this mean whose standard error is one tenth."""
    return np.tile([-1.0, 1.0], 50) * math.sqrt(0.99) + mean


# Against a control of the same kind: standard error √0.02 = 0.14142, and t of 198 is 1.972 at 5 %, 2.414 at 5/3 %,
# 2.258 at 5/2 %: half-widths 0.2789, 0.3415, 0.3194.
HALF, HALF_OF_THREE, HALF_OF_TWO = 0.2789, 0.3415, 0.3194


def test_the_figures_above_are_those_of_student() -> None:
    for alpha, half in ((0.05, HALF), (0.05 / 3, HALF_OF_THREE), (0.05 / 2, HALF_OF_TWO)):
        found = statistics.welch(arm(1.0), arm(0.0), alpha=alpha)
        assert (found.high - found.low) / 2 == pytest.approx(half, abs=2e-4)


def test_each_arm_that_is_named_leaves_more_room_for_the_next() -> None:
    # 0.50 is named at α/3, then 0.33 at α/2 (not at α/3), then 0.30 at α (not at α/2).
    found = statistics.against_control([arm(0.30), arm(0.50), arm(0.33)], arm(0.0))
    assert [one.verdict for one in found] == ["earned", "earned", "earned"]
    assert (found[1].low, found[1].high) == pytest.approx(
        (0.5 - HALF_OF_THREE, 0.5 + HALF_OF_THREE), abs=1e-4
    )
    # Named by Holm, though the interval of all three held nought: it ends there.
    assert (found[0].low, found[0].high) == pytest.approx((0.0, 0.30 + HALF_OF_THREE), abs=2e-4)
    assert (found[0].alone.low, found[0].alone.high) == pytest.approx((0.30 - HALF, 0.30 + HALF), abs=2e-4)


def test_without_a_clear_first_nobody_is_named() -> None:
    found = statistics.against_control([arm(0.30), arm(-0.33), arm(0.0)], arm(0.0))
    assert [one.verdict for one in found] == ["cannot_tell"] * 3
    assert found[0].alone.verdict == "earned"
    assert (found[1].low, found[1].high) == pytest.approx(
        (-0.33 - HALF_OF_THREE, -0.33 + HALF_OF_THREE), abs=1e-4
    )


def test_an_arm_that_costs_is_named_too() -> None:
    found = statistics.against_control([arm(-0.50), arm(-0.33)], arm(0.0))
    assert [one.verdict for one in found] == ["cost", "cost"]
    assert found[1].high < 0


def test_one_arm_is_what_it_is_alone() -> None:
    (found,) = statistics.against_control([arm(0.30)], arm(0.0))
    assert (found.low, found.high, found.verdict) == (found.alone.low, found.alone.high, "earned")


def test_holm_names_what_the_book_s_steps_name() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        arms = [arm(mean) for mean in rng.normal(0.2, 0.2, 5)]
        ps = np.array([stats.ttest_ind(one, arm(0.0), equal_var=False).pvalue for one in arms])
        order = np.argsort(ps)
        passed = np.cumprod(ps[order] <= 0.05 / np.arange(5, 0, -1)).astype(bool)
        found = statistics.against_control(arms, arm(0.0))
        assert {i for i, one in enumerate(found) if one.verdict != "cannot_tell"} == set(
            order[passed].tolist()
        )


def test_of_three_arms_without_effect_none_is_named_in_95_of_a_hundred_runs_and_all_intervals_hold() -> None:
    rng = np.random.default_rng(2)
    runs, named, named_alone, held = 1000, 0, 0, 0
    for _ in range(runs):
        found = statistics.against_control([rng.normal(0, 1, 200) for _ in range(3)], rng.normal(0, 1, 200))
        named += any(one.verdict != "cannot_tell" for one in found)
        named_alone += any(one.alone.verdict != "cannot_tell" for one in found)
        held += all(one.low <= 0 <= one.high for one in found)
    # Three standard deviations of 5 % of 1,000 runs are 2.1 points.
    assert named / runs <= 0.071
    assert held / runs >= 0.929
    assert named_alone / runs > 0.08


def test_a_sequence_of_several_arms_splits_what_may_be_wrong() -> None:
    arms, control = [arm(1.0), arm(0.0)], arm(0.0)
    found = statistics.sequences_against_control(arms, control, planned=[200, 200])
    alone = statistics.confidence_sequence(arms[1], control, planned=200)
    halved = statistics.confidence_sequence(arms[1], control, planned=200, alpha=0.025)
    assert found[1].alone == alone
    assert (found[1].low, found[1].high) == (halved.low, halved.high)
    assert halved.high > alone.high
    assert [one.verdict for one in found] == ["earned", "cannot_tell"]


def test_n5_of_arms_looked_at_all_the_time_none_is_named_by_chance() -> None:
    rng = np.random.default_rng(3)
    runs, named = 150, 0
    for _ in range(runs):
        money = [np.exp(rng.normal(3, 1, 2000)) * (rng.random(2000) < 0.2) for _ in range(3)]
        looks = [
            statistics.sequences_against_control(
                [money[0][:n], money[1][:n]], money[2][:n], planned=[4000, 4000]
            )
            for n in range(250, 2001, 250)
        ]
        named += any(one.verdict != "cannot_tell" for look in looks for one in look)
    assert named / runs <= 0.05


# --- sample ratio ------------------------------------------------------------------------------------------------


def test_the_sample_ratio_of_three_arms_by_hand() -> None:
    # Expected 250, 250, 500: 10²/250 + 20²/250 + 30²/500 = 0.4 + 1.6 + 1.8 = 3.8; two degrees of freedom: e^−1.9.
    assert statistics.sample_ratio([260, 270, 470], [25, 25, 50]) == pytest.approx(np.exp(-1.9))


def test_of_two_arms_it_is_what_the_report_asks() -> None:
    assert (
        statistics.sample_ratio([90, 10], [0.8, 0.2])
        == pytest.approx(of_two(90, 10, 20))
        == pytest.approx(0.0124, abs=2e-4)
    )


@pytest.mark.parametrize(("counts", "shares"), [([0, 0], [1, 1]), ([50], [1]), ([], []), ([50, 0], [1, 0])])
def test_where_there_is_nothing_to_compare_nothing_is_odd(counts: list[int], shares: list[float]) -> None:
    assert statistics.sample_ratio(counts, shares) == 1.0


@pytest.mark.parametrize(("counts", "shares"), [([5, 5], [1, 0]), ([5, 5], [1]), ([5, 5], [2, -1])])
def test_people_in_an_arm_without_a_share_are_a_mistake(counts: list[int], shares: list[float]) -> None:
    with pytest.raises(ValueError, match="has a share"):
        statistics.sample_ratio(counts, shares)
