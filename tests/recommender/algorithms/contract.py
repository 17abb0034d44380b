"""What every algorithm promises. A test class per algorithm inherits these claims."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from recommender.algorithms import storage
from recommender.algorithms.base import NotFitted, Recommender
from recommender.algorithms.interactions import History, Interactions

AT = 1000.0
# A small shop: 8 people, 7 items with ids that are not their places, times before AT.
PEOPLE = np.array([1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 6, 7, 8, 8])
ITEMS = np.array([10, 20, 30, 10, 20, 20, 30, 50, 10, 40, 40, 50, 10, 20, 60, 60, 30, 70])
DAYS = AT - np.array([90, 60, 1, 80, 3, 70, 20, 5, 50, 40, 9, 2, 33, 11, 4, 8, 15, 6.0])
TEXTS = {
    10: "red rose",
    20: "red tulip",
    30: "potting mix",
    40: "iron pan",
    50: "iron pot",
    60: "玫瑰花",
    70: "红玫瑰",
}


def shop() -> Interactions:
    return Interactions.of(PEOPLE, ITEMS, DAYS)


def past(*items: int, person: int | None = None) -> History:
    days = AT - np.arange(len(items), 0, -1, dtype=np.float64)
    return History(np.array(items, dtype=np.int64), np.ones(len(items), np.float32), days, person=person)


class Contract:
    """`make` gives a fresh, unfitted algorithm."""

    linear: ClassVar[bool] = True

    def make(self) -> Recommender:
        raise AssertionError("each algorithm says how it is made")

    def fitted(self) -> Recommender:
        return self.make().fit(shop(), at=AT, texts=TEXTS)

    def test_it_refuses_to_rank_before_it_has_learnt(self) -> None:
        with pytest.raises(NotFitted):
            self.make().recommend([past(10)], 3, at=AT)

    @pytest.mark.parametrize("k", [1, 3, 7])
    @pytest.mark.parametrize("history", [(), (10,), (10, 20, 20, 30), (999,)])
    def test_exactly_k_different_items_of_those_asked(self, k: int, history: tuple[int, ...]) -> None:
        (ranking,) = self.fitted().recommend([past(*history)], k, at=AT)
        assert len(set(ranking.items.tolist())) == len(ranking.items) == k
        assert set(ranking.items.tolist()) <= set(TEXTS)
        assert np.all(np.diff(ranking.scores) <= 0)

    def test_only_what_is_allowed(self) -> None:
        model = self.fitted()
        allowed = np.isin(model.items_, [20, 40])
        (ranking,) = model.recommend([past(10, 20)], 5, at=AT, allowed=allowed)
        assert sorted(ranking.items.tolist()) == [20, 40]

    def test_again_is_what_was_had_and_new_what_was_not(self) -> None:
        model = self.fitted()
        (again,) = model.recommend([past(10, 20)], 7, at=AT, mode="again")
        (new,) = model.recommend([past(10, 20)], 7, at=AT, mode="new")
        assert set(again.items.tolist()) == {10, 20}
        assert set(new.items.tolist()) == {30, 40, 50, 60, 70}

    def test_a_stranger_is_no_error_and_gets_what_is_popular(self) -> None:
        (ranking,) = self.fitted().recommend([History.empty()], 3, at=AT)
        assert len(ranking.items) == 3

    def test_one_person_gets_alone_what_they_get_among_others(self) -> None:
        model = self.fitted()
        people = [past(10), past(), past(30, 50), past(20, 20, 60)]
        together = model.recommend(people, 7, at=AT)
        for history, among in zip(people, together, strict=True):
            (alone,) = model.recommend([history], 7, at=AT)
            assert alone.items.tolist() == among.items.tolist()
            np.testing.assert_allclose(alone.scores, among.scores, rtol=1e-5, atol=1e-7)

    def test_the_same_answer_twice_and_after_a_restore(self, tmp_path: Path) -> None:
        model = self.fitted()
        sha256 = storage.save(tmp_path / "model.npz", model)
        restored = storage.load(tmp_path / "model.npz", sha256=sha256)
        again = self.fitted()
        for other in (model, again, restored):
            for one, two in zip(
                model.recommend([past(10, 30), past()], 7, at=AT),
                other.recommend([past(10, 30), past()], 7, at=AT),
                strict=True,
            ):
                assert one.items.tolist() == two.items.tolist()
                assert one.scores.tolist() == two.scores.tolist()
        assert restored.parameters == model.parameters

    @pytest.mark.parametrize("gone", [(3,), (8,), (1, 2, 5), tuple(range(1, 8))])
    def test_without_people_it_is_what_it_would_be_had_it_never_known_them(
        self, gone: tuple[int, ...]
    ) -> None:
        # Person 8 alone took item 70: it goes with them.
        before = shop()
        after = before.chosen(~np.isin(before.users[before.rows], gone))
        self.assert_the_same(self.fitted().refit(before, after, at=AT, texts=TEXTS), after)

    def test_with_new_people_and_new_acts_it_is_what_it_would_be_learnt_anew(self) -> None:
        after = Interactions.of(
            np.append(PEOPLE, [1, 2, 9, 9, 9]),
            np.append(ITEMS, [50, 80, 80, 10, 20]),
            np.append(DAYS, [AT] * 5),
        )
        self.assert_the_same(self.fitted().refit(shop(), after, at=AT, texts=TEXTS), after)

    def assert_the_same(self, model: Recommender, acts: Interactions) -> None:
        anew = self.make().fit(acts, at=AT, texts=TEXTS)
        assert model.state().keys() == anew.state().keys()
        for name, array in anew.state().items():
            np.testing.assert_allclose(model.state()[name], array, atol=1e-4, err_msg=name)

    def test_nothing_to_learn_from_is_no_error(self) -> None:
        none = np.empty(0, np.int64)
        model = self.make().fit(Interactions.of(none, none, np.empty(0)), at=AT)
        (ranking,) = model.recommend([past(10)], 3, at=AT)
        assert len(ranking.items) == 0

    def test_ties_go_to_the_more_popular_and_then_to_the_smaller_id(self) -> None:
        # Items 1, 2 and 3 speak alike for a stranger to all of them; 3 is taken by two people, 1 and 2 by one each.
        people, items = np.array([1, 2, 3, 4]), np.array([2, 1, 3, 3])
        model = self.make().fit(Interactions.of(people, items, np.full(4, AT - 1)), at=AT, texts={})
        (ranking,) = model.recommend([past(99)], 3, at=AT)
        assert ranking.items.tolist() == [3, 1, 2]

    def test_contributions_add_up_to_the_score(self) -> None:
        model, history = self.fitted(), past(10, 30, 20, 10)
        if not self.linear:
            with pytest.raises(TypeError):
                model.contributions(history, 20, at=AT)
            return
        scores = model.scores([history], at=AT)[0]
        for column, item in enumerate(model.items_.tolist()):
            parts = model.contributions(history, item, at=AT)
            assert len(parts) == 4
            np.testing.assert_allclose(parts.sum(), scores[column], rtol=1e-4, atol=1e-6)
        with pytest.raises(KeyError):
            model.contributions(history, 12345, at=AT)
