"""The numbers of a campaign, worked by hand, and what their intervals promise, by simulation with known truth."""

import math

import numpy as np
import pytest
from scipy import special, stats

from campaigns import statistics
from campaigns.statistics import MINIMUM_ORDERS, Z95, Estimate

pytestmark = pytest.mark.once


def values(*numbers: float) -> statistics.Values:
    return np.array(numbers, dtype=np.float64)


def baskets(
    rng: np.random.Generator, people: int, *, buys: float = 0.1, spread: float = 1.0
) -> statistics.Values:
    """Money by person: most spend nothing, the others a log-normal basket."""
    return np.exp(rng.normal(3.0, spread, people)) * (rng.random(people) < buys)


# --- Welch ------------------------------------------------------------------------------------------------


def test_welch_by_hand() -> None:
    # Means 8 and 3. Variances 20/3 and 4, over 4 and 3 people: 5/3 and 4/3, together 3.
    # Degrees of freedom 3² / ((5/3)²/3 + (4/3)²/2) = 9 / (25/27 + 24/27) = 243/49 = 4.959; t = 2.57696.
    found = statistics.welch(values(5, 7, 9, 11), values(1, 3, 5))
    half = 2.576958 * math.sqrt(3)
    assert special.stdtrit(243 / 49, 0.975) == pytest.approx(2.576958, abs=1e-6)
    assert found.effect == 5
    assert (found.low, found.high) == pytest.approx((5 - half, 5 + half), abs=1e-4)
    assert found.verdict == "earned"


def test_welch_is_what_scipy_says() -> None:
    rng = np.random.default_rng(1)
    treated, control = baskets(rng, 300), baskets(rng, 80)
    told = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(0.95)
    found = statistics.welch(treated, control)
    assert (found.low, found.high) == pytest.approx((told.low, told.high), rel=1e-12)


def test_the_spread_of_one_person_is_pooled_over_the_arms() -> None:
    # Squares about the arms' own means: 20 and 8, over 4 + 3 − 2 people.
    assert statistics.pooled_sd(values(5, 7, 9, 11), values(1, 3, 5)) == pytest.approx(math.sqrt(28 / 5))
    assert statistics.pooled_sd(values(5), values(1)) == 0.0


def test_two_people_an_arm_are_the_fewest() -> None:
    # Means 1 and 0, variances 2 and 0: ½·2 = 1 and 0; one degree of freedom, whose t is 12.7062.
    found = statistics.welch(values(0, 2), values(0, 0))
    assert (found.low, found.high) == pytest.approx((1 - 12.7062, 1 + 12.7062), abs=1e-4)
    assert found.verdict == "cannot_tell"
    for treated, control in ((values(1), values(1, 2)), (values(1, 2), values(1)), (values(), values(1, 2))):
        with pytest.raises(ValueError, match="two people in each arm"):
            statistics.welch(treated, control)


def test_values_that_never_vary_leave_no_room_for_doubt() -> None:
    assert statistics.welch(values(0, 0), values(0, 0, 0)) == Estimate(0, 0, 0, 0)
    assert statistics.welch(values(0, 0), values(0, 0, 0)).verdict == "cannot_tell"
    assert statistics.welch(values(1, 1), values(3, 3)) == Estimate(-2, -2, -2, 0)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 2, "earned"),
        (-2, -0.1, "cost"),
        (-1, 1, "cannot_tell"),
        (0, 1, "cannot_tell"),
        (-1, 0, "cannot_tell"),
    ],
)
def test_the_verdict_is_where_nought_stands(low: float, high: float, verdict: str) -> None:
    assert Estimate((low + high) / 2, low, high, 1).verdict == verdict


def test_the_welch_interval_holds_the_truth_about_95_times_in_a_hundred() -> None:
    rng = np.random.default_rng(2026)
    runs, held, truth = 1500, 0, 2.0
    for _ in range(runs):
        control = baskets(rng, 300, buys=0.3, spread=0.5)
        found = statistics.welch(baskets(rng, 900, buys=0.3, spread=0.5) + truth, control)
        held += found.low <= truth <= found.high
    # Three standard deviations of a share of 1,500 runs are 1.7 points.
    assert 0.933 <= held / runs <= 0.967


# --- Hall ---------------------------------------------------------------------------------------------------


def test_hall_by_hand() -> None:
    # Deviations ±1 six times, and −2 −2 4: cubes 48 over 9 − 3, squares 30 over 9 − 2: γ = 8/(30/7)^1.5 = 0.901677.
    # Times (1/36 − 1/9)/(1/6 + 1/3)^1.5 = −0.235702: a = −0.212527. The error is √(1.2/6 + 12/3) = √4.2.
    treated, control = values(2, 4, 2, 4, 2, 4), values(0, 0, 6)
    plain, found = statistics.welch(treated, control), statistics.hall(treated, control)
    assert (found.effect, found.sd) == (plain.effect, plain.sd)
    assert (found.effect, found.sd) == pytest.approx((1.0, math.sqrt(30 / 7)))
    a, error = -0.212527, math.sqrt(4.2)
    # What Hall's g makes of the limits is Student's t again, on either side.
    for limit, t in ((found.low, (plain.high - 1) / error), (found.high, -(plain.high - 1) / error)):
        skewed = (1 - limit) / error
        assert skewed + a * skewed**2 / 3 + a**2 * skewed**3 / 27 + a / 6 == pytest.approx(t, abs=1e-4)
    assert found.low < plain.low


def test_arms_of_one_size_or_without_skewness_have_welch_s_interval() -> None:
    same = values(1, 1, 9), values(0, 0, 6)
    assert statistics.hall(*same) == statistics.welch(*same)
    even = values(1, 3, 1, 3), values(0, 2)
    assert statistics.hall(*even) == statistics.welch(*even)
    assert statistics.hall(values(1, 1), values(3, 3)) == Estimate(-2, -2, -2, 0)
    with pytest.raises(ValueError, match="two people"):
        statistics.hall(values(1), values(1, 2))


def test_a_small_control_group_makes_no_winners_of_messages_that_change_nobody() -> None:
    rng = np.random.default_rng(12)
    runs, named, named_by_welch, held = 1500, 0, 0, 0
    for _ in range(runs):
        treated, control = baskets(rng, 900), baskets(rng, 100)
        found = statistics.hall(treated, control)
        named += found.verdict == "earned"
        held += found.verdict == "cannot_tell"
        named_by_welch += statistics.welch(treated, control).verdict == "earned"
    # Three standard deviations of 2.5 % of 1,500 runs are 1.2 points.
    assert named / runs <= 0.037
    assert held / runs >= 0.933
    assert named_by_welch / runs > 0.06


# --- bootstrap and winsorised ----------------------------------------------------------------------------------


def test_the_bootstrap_of_values_that_never_vary_is_their_difference() -> None:
    rng = np.random.default_rng(1)
    assert statistics.bootstrap(values(5, 5, 5), values(3, 3), rng=rng, samples=100) == (2.0, 2.0)


def test_the_bootstrap_by_hand() -> None:
    # Of {0, 4} the mean is 0 in a quarter of the samples, 2 in a half, 4 in a quarter; the control gives always 1.
    found = statistics.bootstrap(values(0, 4), values(1, 1), rng=np.random.default_rng(1), samples=2000)
    assert found == (-1.0, 3.0)


def test_the_bootstrap_is_the_same_for_the_same_chance_and_agrees_with_welch_where_there_are_many() -> None:
    rng = np.random.default_rng(3)
    treated, control = rng.normal(11, 3, 500), rng.normal(10, 3, 400)  # more than one slice of samples
    one = statistics.bootstrap(treated, control, rng=np.random.default_rng(5))
    assert one == statistics.bootstrap(treated, control, rng=np.random.default_rng(5))
    welch = statistics.welch(treated, control)
    assert one == pytest.approx((welch.low, welch.high), abs=0.03)


def test_a_winsorised_figure_cuts_what_is_above_the_cap_and_nothing_below() -> None:
    # (1 + 2 + 10)/3 less (1 + 2 + 3)/3.
    found = statistics.winsorised(values(1, 2, 100), values(1, 2, 3), cap=10)
    assert found.effect == pytest.approx(13 / 3 - 2)
    assert found == statistics.welch(values(1, 2, 10), values(1, 2, 3))
    assert statistics.winsorised(values(1, 2, -50), values(1, 2), cap=10).effect == pytest.approx(
        -47 / 3 - 1.5
    )


# --- CUPED ----------------------------------------------------------------------------------------------------


def test_cuped_by_hand() -> None:
    # X: mean 2, deviations −1 1 −2 2, variance 10/4. Y: mean 5, deviations −1 3 −3 1.
    # Cov = (1 + 3 + 6 + 2)/4 = 3, θ = 3 / 2.5 = 1.2, and Y′ = Y − 1.2·(X − 2).
    treated, control, theta = statistics.cuped(values(4, 8), values(2, 6), values(1, 3), values(0, 4))
    assert theta == pytest.approx(1.2)
    assert treated == pytest.approx(values(5.2, 6.8))
    assert control == pytest.approx(values(4.4, 3.6))
    # Both arms had the same past, so the difference stays 2; what one person varies by shrinks.
    assert treated.mean() - control.mean() == pytest.approx(2)
    assert statistics.pooled_sd(treated, control) < statistics.pooled_sd(values(4, 8), values(2, 6))


def test_cuped_takes_off_what_the_arms_differed_by_before() -> None:
    # Everyone does again exactly what they did, and the treated had one more each: nothing was caused.
    treated, control, theta = statistics.cuped(values(2, 4), values(1, 3), values(2, 4), values(1, 3))
    assert theta == pytest.approx(1)
    assert treated == pytest.approx(control)


@pytest.mark.parametrize("past", [0.0, 7.0])
def test_cuped_without_any_variation_in_the_past_changes_nothing(past: float) -> None:
    treated, control, theta = statistics.cuped(values(4, 8), values(2), values(past, past), values(past))
    assert (treated.tolist(), control.tolist(), theta) == ([4, 8], [2], 0.0)


def test_cuped_of_nobody_is_nobody() -> None:
    treated, control, theta = statistics.cuped(values(), values(), values(), values())
    assert (len(treated), len(control), theta) == (0, 0, 0.0)


def test_cuped_narrows_the_interval_by_what_the_past_explains_and_still_holds_the_truth() -> None:
    rng = np.random.default_rng(11)
    widths, held, runs, truth = [], 0, 500, 1.5
    for _ in range(runs):
        past = rng.normal(20, 4, 400)
        # Correlation 0.8: the variance left is 1 − 0.64, so the interval is 0.6 of its width.
        now = 0.8 * past + rng.normal(0, 2.4, 400)
        treated, control, _theta = statistics.cuped(now[:200] + truth, now[200:], past[:200], past[200:])
        adjusted = statistics.welch(treated, control)
        plain = statistics.welch(now[:200] + truth, now[200:])
        widths.append((adjusted.high - adjusted.low) / (plain.high - plain.low))
        held += adjusted.low <= truth <= adjusted.high
    assert np.mean(widths) == pytest.approx(0.6, abs=0.01)
    assert 0.92 <= held / runs <= 0.98


# --- Newcombe ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("treated", "n_treated", "control", "n_control", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0000),
    ],
)
def test_newcombe_s_interval_is_the_one_he_published(
    treated: int, n_treated: int, control: int, n_control: int, low: float, high: float
) -> None:
    found = statistics.newcombe(treated, n_treated, control, n_control)
    assert found.effect == pytest.approx(treated / n_treated - control / n_control)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_spread_of_a_share_is_that_of_all_together() -> None:
    # 30 of 100 in all: √(0.3 · 0.7).
    assert statistics.newcombe(20, 50, 10, 50).sd == pytest.approx(math.sqrt(0.21))


def test_newcombe_s_interval_holds_the_truth_about_95_times_in_a_hundred() -> None:
    rng = np.random.default_rng(8)
    hits = rng.binomial(400, 0.12, 2000), rng.binomial(100, 0.08, 2000)
    found = [statistics.newcombe(int(a), 400, int(b), 100) for a, b in zip(*hits, strict=True)]
    held = np.mean([one.low <= 0.04 <= one.high for one in found])
    assert 0.935 <= held <= 0.975


# --- looking early ----------------------------------------------------------------------------------------------


def test_a_confidence_sequence_by_hand() -> None:
    # Influence −1/½, 1/½, 0, 0: σ̂ = √(8/4) = 1.414214. −2·log 0.05 = 5.991465, log 6.991465 = 1.944690,
    # so ρ² = 7.936155/4 and nρ² + 1 = 8.936155; √(2·8.936155/(16·1.984039) · log(2.989340/0.05)) = 1.517605.
    found = statistics.confidence_sequence(values(2, 4), values(1, 1), planned=4)
    half = math.sqrt(2) * 1.517605
    assert found.effect == 2
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)
    assert found.verdict == "cannot_tell"


def test_the_influence_of_the_smaller_arm_weighs_more() -> None:
    # Three quarters treated: (±1)/¾ twice and 0 for the third, and nothing varies in the control.
    found = statistics.confidence_sequence(values(1, 3, 2), values(0), planned=4)
    sigma = math.sqrt(2 * (4 / 3) ** 2 / 4)
    assert (found.high - found.low) / 2 == pytest.approx(sigma * 1.517605, abs=1e-5)


def test_at_the_planned_end_the_price_of_looking_early_is_about_1_55() -> None:
    rng = np.random.default_rng(4)
    treated, control = baskets(rng, 8000), baskets(rng, 2000)
    sequence = statistics.confidence_sequence(treated, control, planned=10_000)
    fixed = statistics.welch(treated, control)
    assert (sequence.high - sequence.low) / (fixed.high - fixed.low) == pytest.approx(1.549, abs=0.005)
    assert sequence.effect == fixed.effect


def test_values_that_never_vary_have_a_sequence_without_width() -> None:
    assert statistics.confidence_sequence(values(1, 1), values(1, 1), planned=4) == Estimate(0, 0, 0, 0)


def test_n5_a_campaign_that_does_nothing_looked_at_all_the_time_is_rarely_called_a_winner() -> None:
    """With the fixed interval looked at as often it would be, in every third run."""
    rng = np.random.default_rng(50)
    runs, wrong, wrong_fixed = 120, 0, 0
    for _ in range(runs):
        money, treated = baskets(rng, 5000), rng.random(5000) >= 0.2
        seen: list[tuple[bool, bool]] = []
        for n in range(1000, 5001, 500):
            a, b = money[:n][treated[:n]], money[:n][~treated[:n]]
            if min((a > 0).sum(), (b > 0).sum()) >= MINIMUM_ORDERS:
                sequence = statistics.confidence_sequence(a, b, planned=5000)
                seen.append(
                    (sequence.verdict != "cannot_tell", statistics.welch(a, b).verdict != "cannot_tell")
                )
        assert seen
        wrong += any(sequence for sequence, _fixed in seen)
        wrong_fixed += any(fixed for _sequence, fixed in seen)
    assert wrong / runs <= 0.05
    assert wrong_fixed / runs >= 0.10


# --- planning -----------------------------------------------------------------------------------------------------


def test_how_many_more_people_are_needed_by_hand() -> None:
    # (1.959964·10/1)² · (1/½ + 1/½) = 384.1459 · 4 = 1,536.6 people; 200 are there.
    assert statistics.people_needed(1.0, 10.0, 100, 100) == 1337
    assert statistics.people_needed(-1.0, 10.0, 100, 100) == 1337
    # Four to one: 384.1459 · (1/0.8 + 1/0.2) = 2,400.9; 100 are there.
    assert statistics.people_needed(1.0, 10.0, 80, 20) == 2301


def test_nobody_more_is_needed_for_what_is_clear_and_nobody_knows_for_what_looks_like_nothing() -> None:
    assert statistics.people_needed(10.0, 10.0, 100, 100) == 0
    assert statistics.people_needed(0.0, 10.0, 100, 100) is None
    assert statistics.people_needed(1.0, 0.0, 100, 100) == 0


def test_with_the_people_that_were_missing_the_interval_just_leaves_nought() -> None:
    missing = statistics.people_needed(1.0, 10.0, 100, 100)
    assert missing is not None
    n = (200 + missing) / 2
    assert 0 <= 1 - Z95 * 10 * math.sqrt(2 / n) < 0.001


def test_the_detectable_effect_by_hand() -> None:
    # (1.959964 + 0.841621) · 10 · √(1/100 + 1/100).
    assert statistics.detectable(10.0, 100, 100) == pytest.approx(3.962040, abs=1e-6)
    # At a power of one half it is only what the interval itself spans.
    assert statistics.detectable(10.0, 100, 100, power=0.5) == pytest.approx(Z95 * math.sqrt(2))


def test_a_detectable_effect_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(6)
    effect = statistics.detectable(1.0, 300, 100)
    found = [
        statistics.welch(rng.normal(effect, 1, 300), rng.normal(0, 1, 100)).verdict == "earned"
        for _ in range(1500)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)
