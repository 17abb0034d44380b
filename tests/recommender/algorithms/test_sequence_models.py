"""SLIT, rules, sessions and baskets: the contract, and each one's numbers worked by hand."""

from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from recommender.algorithms import fixed_width, slit
from recommender.algorithms.interactions import History, Interactions, Queries
from recommender.algorithms.sequential_rules import SequentialRules
from recommender.algorithms.session_knn import SessionKNN
from recommender.algorithms.slit import SLIT, fading, reach
from recommender.algorithms.tifu_knn import TIFUKNN, moments_back
from tests.recommender.algorithms.contract import AT, Contract, past, shop

pytestmark = pytest.mark.once


def in_time(*walks: tuple[int, ...]) -> Interactions:
    """One person a walk, an act a day."""
    people = np.repeat(np.arange(len(walks)), [len(walk) for walk in walks])
    days = np.concatenate([np.arange(len(walk)) for walk in walks]).astype(np.float64)
    return Interactions.of(people, np.concatenate(walks), days)


def explicit(walks: list[tuple[int, ...]], n: int, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """P and F as the definition has them: a row for each moment between two acts."""
    past_rows, future_rows = [], []
    for walk in walks:
        for t in range(1, len(walk)):
            before, after = np.zeros(n), np.zeros(n)
            for s, item in enumerate(walk):
                if s < t:
                    before[item] += a ** (t - 1 - s)
                else:
                    after[item] += b ** (s - t)
            past_rows.append(before)
            future_rows.append(after)
    return np.array(past_rows), np.array(future_rows)


class TestSLIT(Contract):
    def make(self) -> SLIT:
        return SLIT(reg=1.0)

    def test_it_equals_ridge_regression_of_the_future_on_the_past(self) -> None:
        rng = np.random.default_rng(4)
        walks = [tuple(rng.integers(0, 6, size).tolist()) for size in (2, 5, 9, 14, 7)] + [tuple(range(6))]
        model = SLIT(reg=3.0, half_life_acts=2.0, future_half_life=0.5).fit(in_time(*walks), at=AT)
        before, after = explicit(walks, 6, 2**-0.5, 2**-2)
        expected = Ridge(alpha=3.0, fit_intercept=False).fit(before, after).coef_.T
        np.testing.assert_allclose(model.weights_, expected, rtol=1e-4, atol=1e-6)

    def test_two_items_by_hand(self) -> None:
        # 0 then 1, twice: P = [[1, 0]] and F = [[0, 1]] each time, so W = 2 / (2 + λ) from 0 to 1 and nought else.
        model = SLIT(reg=2.0).fit(in_time((0, 1), (0, 1)), at=AT)
        np.testing.assert_allclose(model.weights_, [[0, 1 / 2], [0, 0]], atol=1e-7)

    def test_equal_half_lives_are_no_division_by_nought(self) -> None:
        walks = [(0, 1, 2, 1), (2, 0, 1)]
        model = SLIT(reg=1.0, half_life_acts=1.0, future_half_life=1.0).fit(in_time(*walks), at=AT)
        before, after = explicit(walks, 3, 0.5, 0.5)
        gram = before.T @ before + np.eye(3)
        np.testing.assert_allclose(
            model.weights_, np.linalg.solve(gram, before.T @ after), rtol=1e-5, atol=1e-7
        )

    @pytest.mark.parametrize("half_life", [0.5, 2.0, 20.0])
    def test_what_is_cut_off_cannot_turn_an_eigenvalue_negative(self, half_life: float) -> None:
        a = fading(half_life)
        least = (1 - a) / (1 + a)  # of the endless matrix a^|i−j|
        cut = 2 * a ** (reach(a, 10**6) + 1) / (1 - a)
        assert cut <= least / 10
        assert reach(a, 3) == 2

    def test_it_refuses_more_items_than_memory_holds(self) -> None:
        with pytest.raises(ValueError, match="limit is 3"):
            SLIT(max_items=3).fit(shop(), at=AT)

    def test_solved_a_few_columns_at_once_it_is_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = self.make().fit(shop(), at=AT).weights_
        monkeypatch.setattr(slit, "WIDTH", 3)
        np.testing.assert_allclose(self.make().fit(shop(), at=AT).weights_, whole, rtol=1e-5, atol=1e-7)


class TestSLITPruned(Contract):
    def make(self) -> SLIT:
        return SLIT(reg=1.0, neighbours=3)

    def test_all_neighbours_are_the_dense_model(self) -> None:
        dense, whole = (SLIT(reg=1.0, neighbours=n).fit(shop(), at=AT) for n in (None, 7))
        for histories in ([past(10, 20)], [past(10, 20), past(50)]):
            np.testing.assert_allclose(
                whole.scores(histories, at=AT), dense.scores(histories, at=AT), rtol=1e-4, atol=1e-6
            )


class TestSequentialRules(Contract):
    def make(self) -> SequentialRules:
        return SequentialRules(steps=3)

    def test_rules_by_hand(self) -> None:
        # 0 → 1 → 2 and 0 → 2: one step counts 1, two count 1/2; 0 was taken twice.
        acts = in_time((0, 1, 2), (0, 2))
        forward = SequentialRules(steps=2, backward=0.0, alpha=1.0).fit(acts, at=AT)
        assert forward.scores([past(0)], at=AT).tolist() == [[0, 1 / 2, 3 / 4]]
        # Then 1 is the newest and counts 1, and 0 counts 1/2.
        assert forward.scores([past(0, 1)], at=AT).tolist() == [[0, 1 / 4, 3 / 8 + 1]]
        both = SequentialRules(steps=2, backward=0.5, alpha=1.0).fit(acts, at=AT)
        assert both.scores([past(2)], at=AT).tolist() == [[3 / 4 / 2, 1 / 2 / 2, 0]]

    def test_alpha_shares_the_division(self) -> None:
        model = SequentialRules(steps=1, backward=0.0, alpha=0.5).fit(in_time((0, 1), (0, 1), (2, 1)), at=AT)
        assert model.scores([past(0)], at=AT)[0, 1] == pytest.approx(2 / (2**0.5 * 3**0.5))

    def test_only_the_last_steps_count(self) -> None:
        model = SequentialRules(steps=2).fit(in_time((0, 1, 2, 3, 0)), at=AT)
        one, two = model.scores([past(3, 1, 2), past(0, 1, 2)], at=AT)
        assert one.tolist() == two.tolist()


class TestSessionKNN(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> SessionKNN:
        return SessionKNN(neighbours=3)

    def test_scores_by_hand(self) -> None:
        # Three sessions: {0, 1}, {0, 2}, {1, 3}. The history is 0, then 1: of two acts, 1 counts 1 and 0 counts 1/2.
        acts = Interactions.of(
            np.array([1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 2, 1, 3]), np.array([1.0, 1, 2, 2, 3, 3])
        )
        model = SessionKNN(length=2).fit(acts, at=AT)
        idf = np.log1p(3 / np.array([2, 2, 1, 1]))
        # {0, 1}: sim 3/2, near 1 (act 1). {0, 2}: sim 1/2, near 1/2. {1, 3}: sim 1, near 1.
        expected = np.array([3 / 2 + 1 / 4, 3 / 2 + 1, 1 / 4, 1]) * idf
        np.testing.assert_allclose(model.scores([past(0, 1)], at=AT)[0], expected, rtol=1e-6)

    def test_only_the_newest_sessions_are_looked_at(self) -> None:
        acts = Interactions.of(
            np.array([1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 2, 0, 3]), np.array([5.0, 5, 1, 1, 3, 3])
        )
        scores = SessionKNN(sample=2).fit(acts, at=AT).scores([past(0)], at=AT)[0]
        assert (scores > 0).tolist() == [True, True, False, True]  # the session of day 1 is left out

    def test_a_pause_begins_a_session(self) -> None:
        acts = Interactions.of(np.ones(3, np.int64), np.array([0, 1, 2]), np.array([1.0, 1.2, 1.8]))
        model = SessionKNN(pause=0.5).fit(acts, at=AT)
        assert (model.members_.tolist(), model.starts_.tolist()) == ([0, 1, 2], [0, 2, 3])

    def test_nobody_is_their_own_neighbour_and_a_visitor_is_nobody(self) -> None:
        model = SessionKNN().fit(shop(), at=AT)
        mine, anyone = model.scores([past(60, person=7), past(60)], at=AT)
        assert 0 < mine.sum() < anyone.sum()


class TestTIFUKNN(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> TIFUKNN:
        return TIFUKNN(neighbours=3)

    def test_a_moment_is_a_basket(self) -> None:
        rows, days = np.array([0, 0, 0, 1, 0]), np.array([5.0, 7, 5, 1, 9])
        back, moments = moments_back(rows, days)
        assert (back.tolist(), moments.tolist()) == ([2, 1, 2, 0, 0], [3, 3, 3, 1, 3])

    def test_a_vector_by_hand(self) -> None:
        # Baskets from the newest back: {a}, {b} in one group of 2, {a, c} alone in the next: two groups.
        history = History(np.array([3, 1, 2, 1]), np.ones(4, np.float32), np.array([1.0, 1, 2, 3]))
        queries = Queries.of([history], np.array([1, 2, 3]), at=5.0)
        model = TIFUKNN(group=2, basket_decay=0.9, group_decay=0.7)
        got = model.vectors(queries.rows, queries.columns, queries.weights, -queries.ages, (1, 3))
        np.testing.assert_allclose(got.toarray(), [[(1 / 2 + 0.7) / 2, 0.9 / 2 / 2, 0.7 / 2]], rtol=1e-6)

    def test_the_score_is_shared_with_the_nearest_other(self) -> None:
        acts = in_time((0,), (0, 1), (2,))  # vectors (1,0,0), (.35,.5·…)…: person 1 took 0 and then 1
        model = TIFUKNN(neighbours=1, group=1, group_decay=0.5, alpha=0.6).fit(acts, at=AT)
        # Person 0 is at (1, 0, 0); person 1 at (1/4, 1/2, 0) is nearer than person 2 at (0, 0, 1).
        history = History(np.array([0]), np.ones(1, np.float32), np.array([0.0]), person=0)
        np.testing.assert_allclose(model.scores([history], at=AT)[0], [0.6 + 0.4 / 4, 0.4 / 2, 0], rtol=1e-6)


def test_the_strongest_are_kept_by_size_with_ties_to_the_smaller_id() -> None:
    weights = np.array([[0.0, 1, -3, 1], [0, 0, 0, 0], [2, 0, 0, 0], [1, 1, 1, 1]], np.float32)
    for given in (weights, sparse.csr_matrix(weights)):
        ids, values = fixed_width.strongest(given, 2)
        assert ids.tolist() == [[2, 1], [0, 0], [0, 0], [0, 1]]
        assert values.tolist() == [[-3, 1], [0, 0], [2, 0], [1, 1]]
    assert fixed_width.column(ids, values, 1).tolist() == [1, 0, 0, 1]
