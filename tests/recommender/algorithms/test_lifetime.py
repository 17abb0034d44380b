"""BG/NBD and Gamma-Gamma against people whose truth is known, and against numbers worked by hand."""

import numpy as np
import pytest

from recommender.algorithms.base import NotFitted
from recommender.algorithms.lifetime import (
    NotEnoughData,
    Returns,
    Rhythms,
    Spending,
    dependence,
    usual_gap,
)

pytestmark = pytest.mark.once


def rhythms(again, last, age, money=None) -> Rhythms:
    n = len(again)
    given = np.full(n, np.nan) if money is None else np.array(money, dtype=float)
    again, last, age = (np.array(part, dtype=float) for part in (again, last, age))
    return Rhythms(np.arange(n), again, last, age, given)


def with_parameters(r: float, alpha: float, a: float, b: float) -> Returns:
    return Returns().restore({"parameters": np.array([r, alpha, a, b])})


def customers(n: int, *, r, alpha, a, b, age, later=0.0, seed=0):
    """People as BG/NBD has them: (rhythms at `age` days after their first order, orders in the `later` days after)."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    again, newest, after, clock = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    present = np.ones(n, dtype=bool)
    while present.any():
        clock = clock + rng.exponential(1 / np.maximum(rate, 1e-300))
        came = present & (clock <= age + later)
        now = came & (clock <= age)
        again += now
        newest = np.where(now, clock, newest)
        after += came & ~now
        present = came & (rng.random(n) >= leaves)
    return rhythms(again, newest, np.full(n, float(age))), after


TRUTH = {"r": 0.8, "alpha": 40.0, "a": 0.8, "b": 2.5}


def test_lines_of_orders_become_rhythms() -> None:
    # 7 ordered on day 10 (two lines, 3 + 4), day 20 (5) and, after the moment asked, day 99; 3 once, for nothing.
    got = Rhythms.of(
        np.array([7, 3, 7, 7, 7]),
        np.array([20.5, 12.0, 10.2, 10.9, 99.0]),
        np.array([5.0, 0.0, 3.0, 4.0, 1000.0]),
        at=30.0,
    )
    assert got.people.tolist() == [3, 7]
    assert got.again.tolist() == [0, 1]
    assert got.last.tolist() == [0, 10]
    assert got.age.tolist() == [18, 20]
    assert np.isnan(got.money[0])
    assert got.money[1] == 6.0  # (3 + 4) and 5, over two orders


def test_nobody_has_no_rhythm() -> None:
    nothing = np.zeros(0)
    assert len(Rhythms.of(nothing.astype(np.int64), nothing, nothing, at=1.0)) == 0


def test_the_parameters_that_made_people_are_found_again() -> None:
    made, _later = customers(6000, age=365, **TRUTH, seed=1)
    r, alpha, a, b = Returns().fit(made).parameters_
    assert r == pytest.approx(TRUTH["r"], rel=0.15)
    assert alpha == pytest.approx(TRUTH["alpha"], rel=0.2)
    assert a / (a + b) == pytest.approx(
        0.8 / 3.3, rel=0.1
    )  # the mean chance of leaving; a and b alone hang together


def test_what_is_told_happens() -> None:
    made, after = customers(40_000, age=200, later=60, **TRUTH, seed=2)
    model = with_parameters(*TRUTH.values())
    for group in (made.again == 0, made.again == 2, made.again >= 5):
        told = Rhythms(*(getattr(made, name)[group] for name in ("people", "again", "last", "age", "money")))
        standard_error = after[group].std() / np.sqrt(group.sum())
        assert model.expected(told, 60).mean() == pytest.approx(after[group].mean(), abs=4 * standard_error)
        share = (after[group] > 0).mean()
        error = np.sqrt(share * (1 - share) / group.sum())
        assert model.returning(told, 60).mean() == pytest.approx(share, abs=4 * error)


def test_the_chance_of_being_a_customer_still_by_hand() -> None:
    # r = α = a = b = 1, x = 1, t = 1, T = 3: odds of having left 1/1 · (4/2)² = 4, so 1/5; within 4 days 1/5 · (1 − (4/8)²).
    model = with_parameters(1, 1, 1, 1)
    once, twice = rhythms([0], [0], [3]), rhythms([1], [1], [3])
    assert model.alive(twice)[0] == pytest.approx(0.2)
    assert model.alive(once)[0] == 1.0
    assert model.returning(twice, 4)[0] == pytest.approx(0.2 * 0.75)
    assert model.returning(once, 4)[0] == pytest.approx(0.5)
    assert model.expected(once, 0)[0] == pytest.approx(0.0)


def test_by_the_day_of_the_next_order_half_have_ordered() -> None:
    made, _later = customers(500, age=200, **TRUTH, seed=3)
    model = with_parameters(*TRUTH.values())
    days = model.next_order(made)
    told = np.isfinite(days) & (days < 1e6)
    assert told.sum() > 100
    for place in np.flatnonzero(told)[:50]:
        one = rhythms([made.again[place]], [made.last[place]], [made.age[place]])
        assert model.returning(one, days[place])[0] == pytest.approx(0.5, abs=1e-6)
    assert (
        model.alive(made)[np.isnan(days)] <= 0.5 + 1e-6
    ).all()  # more likely than not, they never come again


def test_what_people_spend_is_found_again_and_a_few_orders_are_drawn_to_everybody_s() -> None:
    rng = np.random.default_rng(4)
    p, q, gamma = 6.0, 4.0, 15.0
    n = rng.integers(1, 12, 4000)
    means = np.array(
        [rng.gamma(p * k, 1 / (scale * k)) for k, scale in zip(n, rng.gamma(q, 1 / gamma, 4000), strict=True)]
    )
    model = Spending().fit(rhythms(n - 1, n, n, means))
    learnt_p, learnt_q, learnt_gamma = model.parameters_
    assert learnt_q == pytest.approx(q, rel=0.1)
    assert learnt_p * learnt_gamma == pytest.approx(p * gamma, rel=0.1)  # each alone hangs on the other
    told = (
        Spending()
        .restore({"parameters": np.array([p, q, gamma])})
        .mean(rhythms([0, 99, 0], [0, 9, 0], [9, 9, 9], [100, 100, np.nan]))
    )
    # p(γ + m·x)/(p·x + q − 1): 6 · 115/9, 6 · 10,015/603, and everybody's 6 · 15/3
    np.testing.assert_allclose(told, [76.667, 99.652, 30.0], atol=1e-3)


def test_too_little_is_said_in_words() -> None:
    few = rhythms([1] * 20, [5] * 20, [90] * 20, [3.0] * 20)
    with pytest.raises(
        NotEnoughData,
        match="100 people who ordered, 30 of them twice, over 60 days; there are fewer, or less",
    ):
        Returns().fit(few)
    with pytest.raises(NotEnoughData, match="of them twice; there are fewer"):
        Spending().fit(few)
    with pytest.raises(NotEnoughData, match="The shop's rhythm needs 30 people"):
        usual_gap(few)
    with pytest.raises(NotFitted):
        Returns().alive(few)


def test_the_shop_s_rhythm_and_whether_money_hangs_on_it() -> None:
    made = rhythms([1, 2] * 20, [10, 40] * 20, [90] * 40, [1.0, 2.0] * 20)
    assert usual_gap(made, 0.25) == 10.0
    assert usual_gap(made, 0.9) == 20.0
    assert dependence(made) == pytest.approx(1.0)
    assert dependence(rhythms([0, 0], [0, 0], [1, 1], [1, 2])) == 0.0
