"""Which arm gets how many people next: shares worked by hand, and what adaptive data may be read by."""

import numpy as np
import pytest

from recommender.algorithms import bandit
from recommender.algorithms.bandit import Conversions, Mean, Values

pytestmark = pytest.mark.once

EVEN = np.array([0.25, 0.25, 0.25, 0.25])


def conversions(*pairs: tuple[int, int]) -> Conversions:
    return Conversions(np.array([n for n, _ in pairs]), np.array([s for _, s in pairs]))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- shares -----------------------------------------------------------------------------------------------


def test_a_clear_leader_gets_all_but_the_challenger_s_part_and_the_floors() -> None:
    # The first is always drawn best, the second always second: w = (0.8, 0.2, 0, 0), p = 0.01 + 0.96 w.
    arms = conversions((1000, 900), (1000, 500), (1000, 10), (1000, 10))
    found = bandit.shares(arms, in_force=EVEN, days=2, rng=rng())
    assert found == pytest.approx([0.778, 0.202, 0.01, 0.01])


def test_arms_alike_get_shares_alike() -> None:
    found = bandit.shares(conversions(*[(500, 50)] * 4), in_force=EVEN, days=2, rng=rng())
    assert found == pytest.approx(EVEN, abs=0.02)
    assert found.sum() == pytest.approx(1)


def test_of_two_arms_the_draws_are_those_of_the_beta() -> None:
    arms = conversions((100, 50), (100, 60))
    found = bandit.shares(arms, in_force=np.array([0.5, 0.5]), days=2, rng=rng(), draws=200_000)
    # P(Beta(61, 41) > Beta(51, 51)) = 0.9213 (by quadrature): 0.01 + 0.98 · (0.8 · 0.9213 + 0.2 · 0.0787) = 0.7477.
    assert found[1] == pytest.approx(0.7477, abs=0.003)


@pytest.mark.parametrize(("people", "days"), [((99, 500), 9.0), ((500, 500), 0.9)])
def test_nothing_moves_while_an_arm_is_small_or_the_first_day_runs(
    people: tuple[int, int], days: float
) -> None:
    in_force = np.array([0.3, 0.7])
    found = bandit.shares(
        conversions((people[0], 0), (people[1], 400)), in_force=in_force, days=days, rng=rng()
    )
    assert found.tolist() == [0.3, 0.7]
    assert found is not in_force


@pytest.mark.parametrize("successes", [(0, 300, 200), (400, 10, 20)])
def test_the_control_arm_keeps_its_share_whatever_it_does(successes: tuple[int, int, int]) -> None:
    in_force = np.array([0.2, 0.4, 0.4])
    arms = conversions(*[(500, s) for s in successes])
    found = bandit.shares(arms, in_force=in_force, days=2, rng=rng(), control=0)
    assert found[0] == 0.2
    # 0.8 · (0.01 + 0.98 · 0.8) for the better of the two, 0.8 · (0.01 + 0.98 · 0.2) for the other.
    assert sorted(found[1:]) == pytest.approx([0.1648, 0.6352], abs=0.02)
    assert found.sum() == pytest.approx(1)


def test_the_same_chance_gives_the_same_shares() -> None:
    arms = conversions((300, 30), (300, 35), (300, 40))
    third = np.full(3, 1 / 3)
    one, same, other = (
        bandit.shares(arms, in_force=third, days=2, rng=rng(seed)).tolist() for seed in (1, 1, 2)
    )
    assert one == same != other


def test_money_is_drawn_about_the_arm_s_mean_with_all_people_as_one_person_s_prior() -> None:
    # Arms of 3 people: (2, 4, 6) and (0, 0, 0). All six: mean 2, variance 56/6 − 4 = 16/3.
    arms = Values(np.array([3, 3]), np.array([12.0, 0.0]), np.array([56.0, 0.0]))
    found = arms.drawn(200_000, rng=rng())
    # (3·4 + 2)/4 and (0 + 2)/4; spread of the first √(8/2 / 4) = 1, of the second 0.
    assert found.mean(axis=0) == pytest.approx([3.5, 0.5], abs=0.01)
    assert found.std(axis=0) == pytest.approx([1.0, 0.0], abs=0.01)


def test_an_arm_nobody_got_is_as_all_the_others_are() -> None:
    arms = Values(np.array([4, 0]), np.array([8.0, 0.0]), np.array([32.0, 0.0]))
    found = arms.drawn(200_000, rng=rng())
    # Mean 2, variance 32/4 − 4 = 4, weighing as one person.
    assert (found[:, 1].mean(), found[:, 1].std()) == pytest.approx((2.0, 2.0), abs=0.02)


def test_the_arm_with_more_money_gets_more_people() -> None:
    n = np.array([400, 400])
    arms = Values(n, n * np.array([5.0, 3.0]), n * np.array([125.0, 109.0]))  # spreads of 10
    found = bandit.shares(arms, in_force=np.array([0.5, 0.5]), days=2, rng=rng())
    assert found[0] > 0.75


@pytest.mark.parametrize(
    ("in_force", "floor", "words"),
    [
        ([0.5, 0.4], 0.01, "sum to one"),
        ([1.5, -0.5], 0.01, "sum to one"),
        ([1.0], 0.01, "one for each arm"),
        ([0.5, 0.5], 0.5, "nothing to learn"),
    ],
)
def test_shares_that_are_none_are_refused(in_force: list[float], floor: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bandit.shares(
            conversions((200, 1), (200, 2)), in_force=np.array(in_force), days=2, rng=rng(), floor=floor
        )


def test_more_successes_than_people_are_refused() -> None:
    with pytest.raises(ValueError, match="more successes"):
        conversions((10, 11))


# --- decisions -----------------------------------------------------------------------------------------------


def test_a_decision_tells_the_chance_it_had() -> None:
    given, chance = np.array([0.2, 0.0, 0.8]), rng()
    drawn = [bandit.draw(given, rng=chance) for _ in range(4000)]
    assert dict(drawn) == {0: 0.2, 2: 0.8}
    assert np.mean([arm == 0 for arm, _p in drawn]) == pytest.approx(0.2, abs=0.02)


def test_regret_is_what_the_best_arm_would_have_brought_more() -> None:
    # 100 · 0.03 + 50 · 0.01 + 850 · 0.
    assert bandit.regret(np.array([100, 50, 850]), np.array([0.05, 0.07, 0.08])) == pytest.approx(3.5)


# --- reading adaptive data -------------------------------------------------------------------------------------


def test_means_weigh_everyone_by_their_chance() -> None:
    # Arm 0 at ½, ½ and ¼: weights 2, 2, 4; (2·10 + 2·0 + 4·5)/8 = 5.
    arms = np.array([0, 0, 0, 1, 1])
    propensities = np.array([0.5, 0.5, 0.25, 0.5, 0.75])
    found = bandit.means(arms, propensities, np.array([10.0, 0.0, 5.0, 7.0, 7.0]), k=3)
    assert found[0].mean == pytest.approx(5.0)
    # Variance (2·5/8)² + (2·5/8)² = 3.125; effective people 64/24 = 8/3, so times (8/3)/(5/3) = 1.6: √5.
    assert found[0].high - found[0].mean == pytest.approx(found[0].mean - found[0].low)
    assert found[0].high - 5 == pytest.approx(np.sqrt(5) * 5.2423, rel=1e-4)  # t at 5/3 degrees of freedom
    assert found[1] == Mean(7.0, 7.0, 7.0, 2)
    assert np.isnan(found[2].mean)
    assert found[2].people == 0


def test_of_shares_at_one_chance_the_interval_is_wilson_s() -> None:
    values = np.array([1.0] * 56 + [0.0] * 14)
    (found,) = bandit.means(np.zeros(70, int), np.full(70, 0.5), values, k=1)
    # Wilson's limits of 56/70.
    assert (found.mean, found.low, found.high) == pytest.approx((0.8, 0.6918, 0.8769), abs=1e-4)
    other = Mean(48 / 80, 0.4903, 0.7003, 80)
    # Newcombe 1998, table II: 56/70 against 48/80 is 0.2 (0.0524 to 0.3339).
    told = bandit.difference(found, other)
    assert (told.mean, told.low, told.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.1])
def test_a_chance_that_is_none_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="chance"):
        bandit.means(np.array([0]), np.array([chance]), np.array([1.0]), k=1)


def test_where_the_plain_mean_of_an_arm_that_began_badly_is_too_low_the_weighted_one_is_right() -> None:
    chance, plain, weighted = rng(5), [], []
    for _ in range(60):
        people, successes, given = np.zeros(3, int), np.zeros(3, int), np.full(3, 1 / 3)
        log: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for day in range(10):
            arms = chance.choice(3, 600, p=given)
            done = chance.random(600) < np.array([0.05, 0.05, 0.08])[arms]
            log.append((arms, given[arms], done.astype(float)))
            people += np.bincount(arms, minlength=3)
            successes += np.bincount(arms, weights=done, minlength=3).astype(int)
            given = bandit.shares(
                Conversions(people, successes), in_force=given, days=day + 1, rng=chance, draws=1000
            )
        arms, chances, values = (np.concatenate(part) for part in zip(*log, strict=True))
        plain.append((values[arms == 0].mean() + values[arms == 1].mean()) / 2)
        found = bandit.means(arms, chances, values, k=3)
        weighted.append((found[0].mean + found[1].mean) / 2)
    assert np.mean(plain) < 0.049
    assert np.mean(weighted) == pytest.approx(0.05, abs=0.0012)
