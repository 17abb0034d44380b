"""Measuring on a sample of people says so, and draws the same people for every candidate."""

import numpy as np
import pytest

from recommender.algorithms.compare import Candidate, measure, sampled
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.split import global_split

pytestmark = pytest.mark.once


def divided():
    rng = np.random.default_rng(5)
    people, days = np.repeat(np.arange(60), 10), np.tile(np.arange(10) * 10.0, 60)
    return global_split(Interactions.of(people, rng.integers(0, 15, 600), days))


def test_fewer_people_than_asked_for_are_all_measured():
    split = divided()
    assert sampled(split, len(split.people)) is split
    row = measure(Candidate("popularity", "popularity", {}), split)
    assert (row.people, row.people_in_all) == (60, 60)


def test_a_sample_is_of_the_same_people_every_time_with_their_own_past_and_future():
    split = divided()
    few, again = sampled(split, 20, seed=1), sampled(split, 20, seed=1)
    assert few.people.tolist() == again.people.tolist() == sorted(few.people)
    assert few.people.tolist() != sampled(split, 20, seed=2).people.tolist()
    assert few.past is split.past
    for person, history, future in zip(few.people, few.histories, few.future, strict=True):
        place = split.people.tolist().index(person)
        assert history.person == person
        assert np.array_equal(future, split.future[place])


def test_the_sampled_peoples_figures_are_their_figures_among_all():
    split = divided()
    candidate = Candidate("item_knn", "item_knn", {})
    every, few = measure(candidate, split), measure(candidate, split, most_people=20)
    assert (few.people, few.people_in_all) == (20, 60)
    drawn = np.isin(split.people, sampled(split, 20).people)
    assert np.array_equal(few.per_person, every.per_person[drawn])
    assert few.as_dict()["people_in_all"] == 60


def test_measuring_stops_when_told():
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        measure(Candidate("popularity", "popularity", {}), divided(), check=stop)
