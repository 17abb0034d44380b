"""One line of the proof: its own interval, and when it is said not to hold."""

import pytest

from campaigns.proof import lines
from campaigns.proof.lines import FAILS, HOLDS, TOO_FEW, Line

pytestmark = pytest.mark.once


def line(
    figure: float,
    low: float,
    high: float,
    *,
    is_full: bool,
    least: float | None = 0.92,
    most: float | None = 0.98,
) -> Line:
    return Line("key", "what", figure, low, high, least, most, 100, is_full)


@pytest.mark.parametrize(
    ("figure", "low", "high", "is_full", "verdict"),
    [
        (0.95, 0.91, 0.97, True, HOLDS),
        (0.92, 0.80, 0.97, False, HOLDS),
        (0.91, 0.87, 0.95, True, FAILS),  # all the runs were made: chance is no excuse
        (0.91, 0.87, 0.95, False, TOO_FEW),
        (0.80, 0.70, 0.88, False, FAILS),  # so far off that few runs are no excuse either
        (0.99, 0.985, 1.00, False, FAILS),
        (0.99, 0.97, 1.00, False, TOO_FEW),
    ],
)
def test_a_figure_outside_its_bound_fails_unless_the_runs_are_too_few(
    figure: float, low: float, high: float, is_full: bool, verdict: str
) -> None:
    assert line(figure, low, high, is_full=is_full).verdict == verdict
    assert line(figure, low, high, is_full=is_full).as_dict()["verdict"] == verdict


def test_a_side_without_a_bound_does_not_bind() -> None:
    assert line(1.0, 0.99, 1.0, is_full=True, most=None).verdict == HOLDS
    assert line(0.0, 0.0, 0.01, is_full=True, least=None, most=0.05).verdict == HOLDS
    assert line(0.06, 0.055, 0.065, is_full=True, least=None, most=0.05).verdict == FAILS


def test_a_share_has_wilson_s_interval() -> None:
    found = lines.share("key", "what", [True] * 56 + [False] * 14, least=0.5, full=70)
    assert (found.figure, found.low, found.high) == pytest.approx((0.8, 0.6918, 0.8769), abs=1e-4)
    assert (found.runs, found.is_full) == (70, True)
    assert not lines.share("key", "what", [True], full=2).is_full


def test_of_no_runs_at_all_nothing_is_said() -> None:
    assert lines.share("key", "what", [], least=0.9, full=10).verdict == TOO_FEW


def test_a_ratio_by_hand() -> None:
    # Means 2 and 4; what is left of (1, 3) − ½·(4, 4) is (−1, 1), spread √2: 1.959964·√2/√2/4.
    found = lines.ratio("key", "what", [1.0, 3.0], [4.0, 4.0], most=0.5, full=2)
    assert found.figure == 0.5
    assert (found.low, found.high) == pytest.approx((0.5 - 0.489991, 0.5 + 0.489991), abs=1e-6)
