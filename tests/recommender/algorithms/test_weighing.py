"""Weights of a hybrid, learnt from what people did next."""

import numpy as np
import pytest

from recommender.algorithms.base import Recommender
from recommender.algorithms.compare import Candidate, measure_apart
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.item_knn import ItemKNN
from recommender.algorithms.popularity import Popularity
from recommender.algorithms.presets import BY_LABEL, learnt
from recommender.algorithms.split import Split, global_split
from recommender.algorithms.weighing import MODES, by_mode, hear, learn_weights, weighed
from tests.recommender.algorithms.contract import AT, Contract

pytestmark = pytest.mark.once
RNG = np.random.default_rng(0)


class TestHybridWithWeightsAMode(Contract):
    def make(self) -> Recommender:
        by_mode = {"all": 0.6, "again": 1.0, "new": 0.0}
        return Hybrid([(by_mode, Frequency(60.0)), ({"all": 0.4, "new": 1.0}, ItemKNN(neighbours=3))])


def creatures_of_habit(*, new_every_time: bool) -> Split:
    """40 people: each buys three things of their own, and next month the same again, or what everybody buys."""
    rng = np.random.default_rng(1)
    people, items, days = [], [], []
    for person in range(40):
        mine = rng.choice(np.arange(5, 30), 3, replace=False)
        for item in mine:
            people += [person] * 3
            items += [item] * 3
            days += [100.0, 110.0, 120.0]
        if person % 4:  # everybody's favourites, but not everybody has them yet
            people.append(person)
            items.append(person % 3)
            days.append(115.0)
        people.append(person)
        items.append(3 if new_every_time else mine[0])
        days.append(AT)
    people += [90, 91, 92]
    items += [3, 3, 3]
    days += [120.0] * 3
    return global_split(Interactions.of(np.array(people), np.array(items), np.array(days, float)))


def parts(split: Split) -> list[Recommender]:
    return [model.fit(split.past, at=split.at) for model in (Frequency(), Popularity())]


def test_who_buys_the_same_again_is_known_by_frequency_and_who_does_not_by_what_sells() -> None:
    habit, novelty = (creatures_of_habit(new_every_time=new) for new in (False, True))
    by_habit = learn_weights(parts(habit), habit, rng=RNG)
    by_novelty = learn_weights(parts(novelty), novelty, rng=RNG)
    assert by_habit[0]["all"] > 0.4
    assert (
        by_novelty[1]["new"] == 1.0
    )  # frequency says nothing of what is new to a person, and weighs nothing
    for found in (by_habit, by_novelty):
        for mode in MODES:
            assert sum(weight[mode] for weight in found) == pytest.approx(1, abs=1e-3)


def test_the_learnt_are_never_worse_than_equal_weights_where_they_learnt() -> None:
    split = creatures_of_habit(new_every_time=True)
    fitted = parts(split)
    candidate = learnt("any", ("frequency", {}), ("popularity", {}))
    equal = measure_apart(candidate, split)
    better = measure_apart(weighed(candidate, split), split)
    for target in MODES:
        assert better[target].ndcg10 >= equal[target].ndcg10
    heard = hear(fitted, split, rng=RNG)["all"]
    # What the ascent measures is what the table measures.
    assert heard.ndcg(heard.total(np.array([0.5, 0.5]))) == pytest.approx(equal["all"].ndcg10)


def test_the_same_split_gives_the_same_weights() -> None:
    split = creatures_of_habit(new_every_time=False)
    candidate = learnt("any", ("frequency", {}), ("popularity", {}))
    assert weighed(candidate, split).parameters == weighed(candidate, split).parameters


def test_weights_that_were_given_stay() -> None:
    split = creatures_of_habit(new_every_time=False)
    assert weighed(BY_LABEL["blend"], split) is BY_LABEL["blend"]
    assert weighed(BY_LABEL["frequency"], split) is BY_LABEL["frequency"]


def test_where_nobody_has_a_future_all_weigh_alike() -> None:
    split = creatures_of_habit(new_every_time=False)
    nobody = Split(split.past, split.at, np.empty(0, np.int64), [], [])
    assert learn_weights(parts(split), nobody, rng=RNG) == [dict.fromkeys(MODES, 0.5)] * 2


def test_each_mode_is_ranked_by_the_best_in_it() -> None:
    split = creatures_of_habit(new_every_time=False)
    frequent, popular = Candidate("f", "frequency", {}), Candidate("p", "popularity", {})
    both = by_mode({"all": frequent, "again": frequent, "new": popular})
    assert both.label == "f/f/p"
    model = both.make().fit(split.past, at=split.at)
    for mode, one in (("all", frequent), ("again", frequent), ("new", popular)):
        alone = one.make().fit(split.past, at=split.at)
        for mine, theirs in zip(
            model.recommend(split.histories, 5, at=split.at, mode=mode),
            alone.recommend(split.histories, 5, at=split.at, mode=mode),
            strict=True,
        ):
            assert mine.items.tolist() == theirs.items.tolist()
    assert by_mode(dict.fromkeys(MODES, frequent)) is frequent
