"""EASE on each item's nearest only: with all of them near it is EASE itself."""

import tracemalloc

import numpy as np
import pytest

from recommender.algorithms import ease_sparse
from recommender.algorithms.ease import EASE
from recommender.algorithms.ease_sparse import EASESparse
from recommender.algorithms.interactions import Interactions, SingleArray
from tests.recommender.algorithms.contract import AT, Contract, past, shop

pytestmark = pytest.mark.once


def dense(model: EASESparse) -> SingleArray:
    return np.stack([model._column(column) for column in range(len(model.items_))], axis=1)


def many(seed: int = 2, items: int = 60) -> Interactions:
    rng = np.random.default_rng(seed)
    days = AT - rng.integers(0, 200, 900).astype(float)
    return Interactions.of(rng.zipf(1.6, 900) % 150, rng.zipf(1.4, 900) % items, days)


class TestEASESparse(Contract):
    def make(self) -> EASESparse:
        return EASESparse(neighbours=3, reg=1.0, half_life=60.0)


class TestEASESparseFaded(Contract):
    def make(self) -> EASESparse:
        return EASESparse(neighbours=2, reg=1.0, half_life_acts=2.0, fade=30.0)


@pytest.mark.parametrize("fade", [None, 60.0])
def test_with_all_the_others_near_it_is_ease(fade: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease_sparse, "BLOCK", 7)  # several blocks
    monkeypatch.setattr(ease_sparse, "STACK", 3 * 60**2)  # of several stacks
    acts = many()
    n = len(acts.items)
    model = EASESparse(neighbours=n - 1, reg=5.0, fade=fade).fit(acts, at=AT)
    whole = EASE(reg=5.0, fade=fade).fit(acts, at=AT)
    np.testing.assert_allclose(dense(model), whole.weights_, atol=1e-6)
    assert (model.scores([past(1, 2, 3)], at=AT) != 0).sum() > n / 2


def test_each_column_is_ridge_regression_on_its_nearest() -> None:
    acts = many()
    model = EASESparse(neighbours=8, reg=5.0).fit(acts, at=AT)
    x = acts.binary().toarray().astype(np.float64)
    for column, got in enumerate(dense(model).T):
        size = np.sqrt((x * x).sum(axis=0) * (x[:, column] ** 2).sum())
        cosines = x.T @ x[:, column] / size
        cosines[column] = -1
        near = np.lexsort((np.arange(len(size)), -cosines))[:8]
        a, wanted = x[:, near], np.zeros(len(size))
        wanted[near] = np.linalg.solve(a.T @ a + 5.0 * np.eye(8), a.T @ x[:, column])
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_the_nearest_worked_by_hand() -> None:
    # Item 1 was taken by six, 2 by four of them, 3 by one of these and by two others: cosines with 1 are 4/√24 and 1/√18,
    # with 3 1/√18 and 1/√12. Each keeps one: G_ij / (G_ii + 1) of the nearest.
    people = np.array([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 1, 7, 8])
    items = np.array([1] * 6 + [2] * 4 + [3] * 3)
    model = EASESparse(neighbours=1, reg=1.0).fit(Interactions.of(people, items, np.full(13, AT)), at=AT)
    np.testing.assert_allclose(dense(model), [[0, 4 / 7, 0], [4 / 5, 0, 1 / 5], [0, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize("gone", [1, 10])
def test_forgetting_people_is_learning_without_them(gone: int) -> None:
    before = many()
    after = before.chosen(before.rows >= gone)
    model = EASESparse(neighbours=8, reg=5.0).fit(before, at=AT).refit(before, after, at=AT)
    anew = EASESparse(neighbours=8, reg=5.0).fit(after, at=AT)
    assert model.items_.tolist() == after.items.tolist()
    np.testing.assert_allclose(dense(model), dense(anew), atol=1e-4)


def test_many_items_of_few_people_need_no_room_for_every_pair() -> None:
    rng = np.random.default_rng(0)
    acts = Interactions.of(np.arange(9_000) // 3, rng.integers(0, 30_000, 9_000), np.full(9_000, AT))
    n = len(acts.items)
    tracemalloc.start()
    model = EASESparse(neighbours=2).fit(acts, at=AT)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * n  # a quarter of what the weights alone would take, all pairs of them
    assert len(model.values_) <= 2 * n
    assert model.most_items is None


def test_one_item_alone_has_nobody_near() -> None:
    model = EASESparse().fit(shop().chosen(shop().columns == 0), at=AT)
    assert model.scores([past(10)], at=AT).tolist() == [[0.0]]
