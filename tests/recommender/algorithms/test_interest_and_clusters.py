"""Interests and clusters on people whose truth is known."""

import numpy as np
import pytest

from recommender.algorithms.base import NotFitted
from recommender.algorithms.clusters import Clusters
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.interest import Interests

pytestmark = pytest.mark.once


def two_camps(seed: int = 1, people: int = 400) -> tuple[Interactions, dict[int, int]]:
    """Gardeners and cooks: each takes nine of ten things from their own category; half of them act in any month."""
    rng = np.random.default_rng(seed)
    who, what, when = [], [], []
    for person in range(people):
        favourite = person % 2
        for month in range(6):
            if rng.random() < 0.5:
                for _ in range(rng.integers(1, 4)):
                    category = favourite if rng.random() < 0.9 else 1 - favourite
                    who.append(person)
                    what.append(category * 10 + rng.integers(0, 10))
                    when.append(month * 30 + rng.uniform(0, 30))
    category_of = {item: 100 + item // 10 for item in range(20)}
    return Interactions.of(np.array(who), np.array(what), np.array(when)), category_of


def test_interests_are_learnt_and_calibrated() -> None:
    everything, category_of = two_camps(people=1200)
    past = everything.chosen(everything.days <= 150)
    texts = {item: "rose tulip" if item < 10 else "pan pot" for item in range(20)}
    model = Interests().fit(past, category_of, at=150, texts=texts)
    got = model.probabilities(past, at=150)
    truth = model.truth(everything, past.users, at=150)
    assert model.categories_.tolist() == [100, 101]
    gardeners = past.users % 2 == 0
    assert got[gardeners, 0].mean() > 0.35 > 0.2 > got[~gardeners, 0].mean()
    # Calibrated: among those told about p, about p acted.
    for low, high in ((0.0, 0.2), (0.3, 0.6)):
        told = (got >= low) & (got < high)
        assert told.sum() > 100
        assert truth[told].mean() == pytest.approx(got[told].mean(), abs=0.07)


def test_interests_survive_a_restore_and_refuse_before_fit() -> None:
    everything, category_of = two_camps()
    with pytest.raises(NotFitted):
        Interests().probabilities(everything, at=180)
    model = Interests().fit(everything, category_of, at=180, texts={})
    again = Interests().restore(model.state())
    np.testing.assert_array_equal(
        again.probabilities(everything, at=180), model.probabilities(everything, at=180)
    )


def test_too_little_to_learn_interests_from_is_said() -> None:
    everything, category_of = two_camps(people=10)
    with pytest.raises(ValueError, match="No category has 20 people"):
        Interests().fit(everything, category_of, at=180, texts={})


def test_clusters_find_the_two_camps() -> None:
    everything, category_of = two_camps()
    model = Clusters().fit(everything, category_of, at=180)
    groups = model.assign(everything, category_of, at=180)
    camp = everything.users % 2
    purity = sum(np.bincount(camp[groups == group]).max() for group in np.unique(groups)) / len(camp)
    assert purity > 0.9
    names = {100: "Garden", 101: "Kitchen"}
    assert any("Garden" in mark or "Kitchen" in mark for mark in model.marks(int(groups[0]), names))


def test_clusters_need_people() -> None:
    everything, category_of = two_camps(people=5)
    with pytest.raises(ValueError, match="30 people"):
        Clusters().fit(everything, category_of, at=180)
