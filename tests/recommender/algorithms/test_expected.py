"""How many will buy: features and sums by hand, weights that are found again, and a world whose truth is known."""

import json

import numpy as np
import pytest

from recommender.algorithms import expected, expected_training
from recommender.algorithms.expected import Asked, Expectation
from recommender.algorithms.expected_training import Group
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.interactions import History, Interactions
from recommender.algorithms.lifetime import NotEnoughData

pytestmark = pytest.mark.once

ACTS = Interactions.of(
    np.array([1, 1, 2, 2, 3]), np.array([10, 20, 10, 10, 30]), np.array([0.0, 5.0, 1.0, 2.0, 3.0])
)


def test_who_bought_of_a_group_counts_once_and_strangers_and_unknown_items_are_no_error() -> None:
    groups = [Group("set", np.array([10, 99])), Group("single", np.array([30]))]
    found = expected_training.bought(ACTS, np.array([1, 2, 3, 4]), groups)
    assert found.tolist() == [[True, False], [True, False], [False, True], [False, False]]
    assert not expected_training.bought(ACTS.chosen(ACTS.days > 99), np.array([1]), groups).any()


def test_the_features_of_one_person() -> None:
    model = Frequency(half_life=None).fit(ACTS, at=10.0)
    past = History(np.array([10, 20]), np.ones(2, np.float32), np.array([0.0, 5.0]), person=1)
    asked = Asked.of(model, [past], [np.array([0])], np.array([0.25]), at=10.0)
    # Two people acted on item 10, one each on 20 and 30: half of all. So it is half of what this person had.
    assert asked.habit.tolist() == [0.5]
    assert asked.had.tolist() == [[1.0]]
    share = float(asked.shares[0, 0])
    lift = np.log((share + 0.05) / 0.55)
    rate, had = np.log(0.25 / 0.75), np.log(2)
    row = asked.features()[0, 0]
    np.testing.assert_allclose(row, [1, lift, rate, np.log1p(5), np.log1p(2), had, had * rate])
    assert len(row) == len(expected.COLUMNS)


def world(rng: np.random.Generator, people: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(features, answers, true weights) of one group."""
    weights = np.array([-1.0, 0.8, 0.5, -0.3, 0.2, 0.4, 0.0])
    x = np.concatenate([np.ones((people, 1, 1)), rng.normal(size=(people, 1, 6))], axis=2)
    return x, rng.random((people, 1)) < 1 / (1 + np.exp(-(x @ weights))), weights


def test_weights_are_found_again_and_the_draws_spread_as_far_as_they_are_off() -> None:
    x, did, weights = world(np.random.default_rng(3))
    found = Expectation(draws=40).fit([x], [did], [np.arange(len(x))])
    error = found.draws_.std(axis=0, ddof=1)
    assert (np.abs(found.weights_ - weights) < 4 * error).all()
    assert (error < 0.08).all()
    # A constant in the model: the sum of what is told is the sum of what happened.
    assert found.probabilities(x).sum() == pytest.approx(did.sum(), rel=1e-4)
    again = Expectation.from_dict(json.loads(json.dumps(found.as_dict())))
    np.testing.assert_allclose(again.probabilities(x), found.probabilities(x), atol=1e-5)
    assert again.drawn(x).shape == (len(x), 1, 40)
    with pytest.raises(ValueError, match="train again"):
        Expectation.from_dict({"weights": [0.0, 1.0], "draws": [[0.0, 1.0]], "off": 0.0})


def test_the_ratio_and_its_interval_by_hand() -> None:
    found, low, high = expected_training.ratio(np.array([[0.5], [0.5]]), np.array([[True], [False]]))
    spread = np.sqrt(0.25 + 0.25)  # each off by a half, of an expected one
    assert (found, low, high) == pytest.approx((1.0, np.exp(-1.96 * spread), np.exp(1.96 * spread)))
    assert np.isnan(expected_training.ratio(np.ones((2, 1)), np.zeros((2, 1), np.bool_))).all()
    parts = expected_training.deciles(
        np.linspace(0.01, 0.99, 100)[:, np.newaxis], np.ones((100, 1), np.bool_)
    )
    assert [part["happened"] for part in parts] == [10] * 10
    assert sum(part["told"] for part in parts) == pytest.approx(50, abs=0.5)


def shop(rng: np.random.Generator, people: int = 400) -> Interactions:
    """Two camps that buy of their own dozen; each person has a rate of orders of their own, the same all the year."""
    rate = rng.gamma(2.0, 0.02, people)
    who, what, when = [], [], []
    for person in range(people):
        for day in np.flatnonzero(rng.random(240) < rate[person]):
            who.append(person)
            what.append(12 * (person % 2) + int(rng.integers(12)))
            when.append(float(day))
    return Interactions.of(np.array(who), np.array(what), np.array(when))


def test_in_a_world_that_stays_the_same_the_sum_is_right_and_people_are_told_apart() -> None:
    acts = shop(np.random.default_rng(5))
    camps = {item: item // 12 for item in range(24)}
    found = expected_training.learn(lambda: Frequency(half_life=None), acts, camps)
    quality = found.quality
    assert (
        found.as_dict() == expected_training.learn(lambda: Frequency(half_life=None), acts, camps).as_dict()
    )
    ratio, low, high = quality["ratio"]
    assert low < ratio < high
    assert 0.8 < ratio < 1.25
    assert quality["auc_difference"][1] > 0.05
    assert quality["brier_difference"][2] < 0
    assert set(quality["ratio_of_kinds"]) == {"everything", "category", "set", "single"}
    json.dumps(found.as_dict(), allow_nan=False)


def test_with_too_few_people_nothing_is_learnt_and_it_says_how_many_there_are() -> None:
    acts = shop(np.random.default_rng(5), people=15)
    with pytest.raises(NotEnoughData, match="not enough data yet: fewer than 20 people"):
        expected_training.learn(Frequency, acts, {})
