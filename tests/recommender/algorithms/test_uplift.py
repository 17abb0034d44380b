"""Whom a message changes: the curve and its area worked by hand, and advice that is given only where it holds."""

import numpy as np
import pytest

from recommender.algorithms import uplift
from recommender.algorithms.uplift import NotEnoughPeople, Trial

pytestmark = pytest.mark.once


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """For numbers worked by hand."""
    monkeypatch.setattr(uplift, "FEWEST_AN_ARM", 1)


def trial(treated: list[int], values: list[float], *, share: float = 0.5) -> Trial:
    arm = np.array(treated, dtype=np.bool_)
    # A hundred of each arm and more: each row stands fifty times.
    return Trial(
        np.zeros((50 * len(arm), 1)), np.tile(arm, 50), np.tile(np.array(values, dtype=float), 50), share
    )


def mixed(
    seed: int, people: int = 3000, *, helped: float = 4.0, harmed: float = -4.0
) -> tuple[Trial, np.ndarray]:
    """Who has 1 in the first column gains `helped`, who has 0 gains `harmed`; the second column tells nothing."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, people), rng.normal(size=people)]).astype(float)
    effect = np.where(x[:, 0] == 1, helped, harmed)
    treated = rng.random(people) < 0.5
    return Trial(x, treated, rng.normal(10, 5, people) + effect * treated, 0.5), effect


# --- the trial -----------------------------------------------------------------------------------------------


def test_a_small_arm_is_refused_with_its_size() -> None:
    arm = np.arange(300) >= 99
    with pytest.raises(NotEnoughPeople, match="each arm needs 100 people; the smaller has fewer"):
        Trial(np.zeros((300, 1)), ~arm, np.zeros(300), 0.33)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2])
def test_a_campaign_without_two_arms_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above nought and under one"):
        trial([0, 1, 0, 1], [0, 0, 0, 0], share=share)


def test_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="gaps"):
        Trial(np.full((400, 1), np.nan), np.arange(400) % 2 == 0, np.zeros(400), 0.5)


# --- learners ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", ["t", "x"])
@pytest.mark.parametrize("base", ["linear", "boosting"])
def test_a_learner_finds_whom_a_message_helps(learner: str, base: str) -> None:
    made, effect = mixed(1, people=1500)
    found = uplift.predicted(made, rng=np.random.default_rng(2), learner=learner, base=base)
    assert np.corrcoef(found, effect)[0, 1] > 0.85
    assert found[effect > 0].mean() == pytest.approx(4, abs=1.2)
    assert found[effect < 0].mean() == pytest.approx(-4, abs=1.2)


@pytest.mark.parametrize("base", ["linear", "boosting"])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_class_transformation_finds_it_for_a_yes_or_no_whatever_the_share(base: str, share: float) -> None:
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 2, 6000)
    treated = rng.random(6000) < share
    did = rng.random(6000) < np.where(treated & (kind == 1), 0.5, 0.2)
    made = Trial(kind[:, np.newaxis].astype(float), treated, did.astype(float), share)
    found = uplift.predicted(made, rng=rng, learner="class", base=base)
    assert found[kind == 1].mean() == pytest.approx(0.3, abs=0.06)
    assert found[kind == 0].mean() == pytest.approx(0.0, abs=0.06)


def test_class_transformation_refuses_money() -> None:
    with pytest.raises(ValueError, match="0 and 1 only"):
        uplift.predicted(mixed(1)[0], rng=np.random.default_rng(1), learner="class")


@pytest.mark.parametrize(
    ("learner", "base", "words"), [("s", "linear", "no learner 's'"), ("t", "magic", "no base")]
)
def test_what_is_no_learner_is_refused_by_name(learner: str, base: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        uplift.predicted(mixed(1)[0], rng=np.random.default_rng(1), learner=learner, base=base)


def test_nobody_s_own_answer_is_in_their_prediction() -> None:
    """Values that tell nothing of the features: a model that had seen the person would follow their own value."""
    rng = np.random.default_rng(4)
    x, treated = rng.normal(size=(400, 60)), np.arange(400) % 2 == 0
    y = rng.normal(size=400)
    found = uplift.predicted(Trial(x, treated, y, 0.5), rng=rng, learner="t")
    signed = np.where(treated, y, -y)
    assert abs(np.corrcoef(found, signed)[0, 1]) < 0.15


def test_the_same_chance_gives_the_same_predictions() -> None:
    made, _effect = mixed(5, people=600)
    one, same = (uplift.predicted(made, rng=np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, same)


# --- Qini ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_are_enough")
def test_the_qini_curve_by_hand() -> None:
    # By falling score: treated 6, control 2, treated 4, control 4, treated 0, control 2.
    made = Trial(
        np.zeros((6, 1)),
        np.array([True, False, True, False, True, False]),
        np.array([6.0, 2.0, 4.0, 4.0, 0.0, 2.0]),
        0.5,
    )
    found = uplift.qini(
        made, np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), rng=np.random.default_rng(1), resamples=50
    )
    # Q: 6; 6 − 2·1/1 = 4; 10 − 2·2/1 = 6; 10 − 6·2/2 = 4; 10 − 6·3/2 = 1; 10 − 8·3/3 = 2.
    assert found.gained * 6 == pytest.approx([0, 6, 4, 6, 4, 1, 2])
    assert found.reached * 6 == pytest.approx([0, 1, 2, 3, 4, 5, 6])
    # Trapezes 3 + 5 + 5 + 5 + 2.5 + 1.5 = 22; the triangle under the line 6·2/2 = 6; (22 − 6) / 36.
    assert found.coefficient == pytest.approx(16 / 36)
    assert found.low < found.coefficient


@pytest.mark.usefixtures("few_are_enough")
def test_the_order_of_equal_scores_is_the_one_given_and_the_worst_order_lies_below_the_line() -> None:
    made = Trial(np.zeros((4, 1)), np.array([False, True, False, True]), np.array([8.0, 0.0, 0.0, 8.0]), 0.5)
    found = uplift.qini(made, np.zeros(4), rng=np.random.default_rng(1), resamples=0)
    # 0 − 8·0/1 = 0; 0 − 8·1/1 = −8; 0 − 8·1/2 = −4; 8 − 8·2/2 = 0.
    assert found.gained * 4 == pytest.approx([0, 0, -8, -4, 0])
    # Trapezes 0 − 4 − 6 − 2 = −12, over 16.
    assert found.coefficient == pytest.approx(-12 / 16)


def test_a_good_order_has_an_area_surely_above_nought_and_none_at_all_has_not() -> None:
    made, effect = mixed(6)
    rng = np.random.default_rng(8)
    good = uplift.qini(made, effect, rng=rng, resamples=200)
    assert 0 < good.low < good.coefficient < good.high
    # The first half holds a quarter of all as treated, who gain 4 each: the curve rises to 1 and falls to 0, area ½.
    assert good.coefficient == pytest.approx(0.5, abs=0.15)
    none = uplift.qini(made, rng.random(len(made)), rng=rng, resamples=200)
    assert none.low < 0 < none.high


# --- policy value ----------------------------------------------------------------------------------------------


def test_the_value_of_a_policy_by_hand() -> None:
    # Mean 5. Chosen: the first two rows. Dealt with so: the first (treated) and the fourth (control).
    # (5 + (10 − 5)/0.5 + 5 + 5 + 5 + (2 − 5)/0.5)/4 = (15 + 5 + 5 − 1)/4 = 6; treating half at 1 each costs 0.5.
    made = trial([1, 0, 1, 0], [10, 4, 4, 2])
    chosen = np.tile([True, True, False, False], 50)
    assert uplift.policy_value(made, chosen).value == pytest.approx(6.0)
    found = uplift.policy_value(made, chosen, cost=1.0)
    assert found.value == pytest.approx(5.5)
    # Squares about 5.5 of (14, 4, 5, −1): 72.25 + 2.25 + 0.25 + 42.25 = 117, fifty times, over 199 and 200.
    half = uplift.Z95 * np.sqrt(117 * 50 / 199 / 200)
    assert (found.low, found.high) == pytest.approx((5.5 - half, 5.5 + half))


def test_aiming_is_advised_where_it_surely_beats_both() -> None:
    made, effect = mixed(9)
    found = uplift.recommend(made, uplift.predicted(made, rng=np.random.default_rng(1)))
    assert (found.what, found.is_sure) == ("target", True)
    assert found.reached == pytest.approx((effect > 0).mean(), abs=0.05)
    # Half gain 4: 2 more than to none; and 2 more than to all, half of whom lose 4.
    assert found.over_none.low < 2 < found.over_none.high
    assert found.over_all.low < 2 < found.over_all.high


@pytest.mark.parametrize(
    ("helped", "harmed", "cost", "what"),
    [(4.0, 4.0, 0.0, "all"), (-4.0, -4.0, 0.0, "none"), (1.0, 1.0, 5.0, "none")],
)
def test_where_all_are_alike_aiming_is_refused_and_the_better_of_both_said(
    helped: float, harmed: float, cost: float, what: str
) -> None:
    made, _effect = mixed(10, helped=helped, harmed=harmed)
    found = uplift.recommend(made, uplift.predicted(made, rng=np.random.default_rng(1)), cost=cost)
    assert (found.what, found.is_sure) == (what, True)


def test_where_a_message_changes_nobody_nothing_is_sure() -> None:
    made, _effect = mixed(11, helped=0.0, harmed=0.0)
    found = uplift.recommend(made, uplift.predicted(made, rng=np.random.default_rng(1)))
    assert found.what != "target"
    assert not found.is_sure


# --- leave in peace --------------------------------------------------------------------------------------------


def test_whom_a_message_surely_harms_is_left_in_peace_and_nobody_else() -> None:
    made, effect = mixed(12)
    found = uplift.leave_in_peace(made, rng=np.random.default_rng(1), refits=20)
    assert found[effect < 0].mean() > 0.95
    assert found[effect > 0].mean() == 0
    calm, _effect = mixed(12, helped=4.0, harmed=0.0)
    assert uplift.leave_in_peace(calm, rng=np.random.default_rng(1), refits=20).mean() < 0.1
