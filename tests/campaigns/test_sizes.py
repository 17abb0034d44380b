"""How many people a question takes, how many to hold out for it, and how long that lasts: worked by hand."""

import numpy as np
import pytest

from campaigns import statistics
from campaigns.statistics import Plan

pytestmark = pytest.mark.once


def test_how_many_an_effect_takes_by_hand() -> None:
    # (2.801585 · 10/1)² = 784.888; over ¼ and over 0.16.
    assert statistics.needed(1.0, 10.0, control_share=0.5) == 3140
    assert statistics.needed(-1.0, 10.0, control_share=0.2) == 4906


def test_so_many_find_just_that_effect() -> None:
    n = statistics.needed(1.0, 10.0, control_share=0.2)
    assert statistics.detectable(10.0, round(n * 0.8), round(n * 0.2)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("effect", "share"), [(0.0, 0.5), (1.0, 0.0), (1.0, 1.0)])
def test_what_cannot_be_found_is_refused(effect: float, share: float) -> None:
    with pytest.raises(ValueError, match="other than nought"):
        statistics.needed(effect, 10.0, control_share=share)


def test_the_cheapest_share_by_hand_and_by_trying_them_all() -> None:
    # √0.05/(√0.05 + √0.40) = 0.223607/0.856063.
    share = statistics.cheapest_share(treating=0.05, holding_out=0.40)
    assert share == pytest.approx(0.261204, abs=1e-6)
    tried = np.linspace(0.01, 0.99, 981)
    cost = [statistics.needed(1.0, 100.0, control_share=c) * (0.05 * (1 - c) + 0.40 * c) for c in tried]
    assert tried[np.argmin(cost)] == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize(
    ("treating", "holding_out", "share"), [(0, 0, 0.5), (1, 1, 0.5), (0, 1, 0.05), (1, 0, 0.95)]
)
def test_a_free_side_takes_as_many_as_may_be(treating: float, holding_out: float, share: float) -> None:
    assert statistics.cheapest_share(treating=treating, holding_out=holding_out) == share


def test_the_smallest_share_of_a_whole_audience_by_hand() -> None:
    # 4 · 784.888/10,000 = 0.313955; (1 − √0.686045)/2.
    share = statistics.smallest_share(1.0, 10.0, audience=10_000)
    assert share == pytest.approx(0.085861, abs=1e-5)
    assert statistics.needed(1.0, 10.0, control_share=share) == pytest.approx(10_000, abs=1)
    assert statistics.smallest_share(1.0, 10.0, audience=3139) is None
    assert statistics.smallest_share(1.0, 10.0, audience=0) is None


def test_a_plan_by_hand() -> None:
    # 3,140 people, half and half; 1,140 are missing, at 100 a day 12 days, and 14 to measure the last.
    found = statistics.plan(1.0, 10.0, audience=2000, a_day=100, window_days=14)
    assert found == Plan(3140, 1570, 1570, 0.5, 26, pytest.approx(1.252907, abs=1e-5))


def test_a_plan_for_an_audience_that_is_large_enough_lasts_its_window_and_one_that_never_comes_has_no_end() -> (
    None
):
    assert statistics.plan(1.0, 10.0, audience=5000, window_days=7).days == 7
    never = statistics.plan(1.0, 10.0, audience=2000, window_days=7, control_share=0.1)
    assert never.days is None
    # What 1,800 against 200 find.
    assert never.finds == pytest.approx(statistics.detectable(10.0, 1800, 200))
    assert statistics.plan(1.0, 10.0, audience=0).finds is None


def test_a_plan_takes_the_cheapest_share_when_none_is_given() -> None:
    found = statistics.plan(1.0, 10.0, audience=5000, treating=0.05, holding_out=0.40)
    assert found.control_share == pytest.approx(0.261204, abs=1e-6)
    assert found.people == statistics.needed(1.0, 10.0, control_share=found.control_share)
    assert found.control == pytest.approx(found.people * 0.2612, abs=1)


def test_the_cap_is_what_one_in_a_thousand_spent_more_than() -> None:
    assert statistics.cap_of(np.arange(1001.0)) == pytest.approx(999.0)
