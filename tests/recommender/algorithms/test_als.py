"""Weighted matrix factorisation: the objective it minimises, and what it answers the newest history."""

from itertools import pairwise

import numpy as np
import pytest

from recommender.algorithms.als import ALS, AnyFloat
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import Interactions
from tests.recommender.algorithms.contract import AT, Contract, past, shop

pytestmark = pytest.mark.once
ALPHA, REG = 2.0, 0.1


def loss(acts: Interactions, model: ALS) -> float:
    """The objective at the model's items and each person's best factors for them."""
    counts = acts.matrix().toarray().astype(np.float64)
    confidence, taken = 1 + model.alpha * counts, (counts > 0).astype(np.float64)
    items = model.factors_.astype(np.float64)
    people = np.stack(
        [
            np.linalg.solve(
                (items.T * c) @ items + model.regularization * np.eye(items.shape[1]), (items.T * c) @ p
            )
            for c, p in zip(confidence, taken, strict=True)
        ]
    )
    squares = confidence * (taken - people @ items.T) ** 2
    return float(squares.sum() + model.regularization * ((people**2).sum() + (items**2).sum()))


def exactly(acts: Interactions, model: ALS) -> ALS:
    """As `model.fit(acts)`, every half step solved exactly, row by row."""
    confidence = acts.matrix()
    confidence.data = 1 + model.alpha * confidence.data
    by_item = confidence.T.tocsr()
    items: AnyFloat = np.random.default_rng(model.seed).normal(0, 0.01, (by_item.shape[0], model.factors))
    for _ in range(model.iterations):
        people = model._solved(confidence, items, items.T @ items)
        items = model._solved(by_item, people, people.T @ people)
    model.factors_ = items.astype(np.float32)
    return model


def many(seed: int = 4) -> Interactions:
    rng = np.random.default_rng(seed)
    return Interactions.of(rng.zipf(1.5, 4000) % 200, rng.zipf(1.3, 4000) % 100, np.full(4000, AT))


class TestALS(Contract):
    def make(self) -> Recommender:
        return ALS(factors=3, half_life=60.0, alpha=ALPHA, regularization=REG)


def test_no_iteration_makes_the_objective_worse() -> None:
    rng = np.random.default_rng(3)
    acts = Interactions.of(rng.integers(0, 30, 300), rng.integers(0, 20, 300), np.full(300, AT))
    losses = [
        loss(acts, ALS(factors=4, alpha=1.0, regularization=0.01, iterations=n).fit(acts, at=AT))
        for n in (1, 2, 4, 8, 16)
    ]
    assert all(later <= earlier * (1 + 1e-4) for earlier, later in pairwise(losses))
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(("regularization", "iterations"), [(5.0, 30), (20.0, 10)])
def test_three_conjugate_gradients_a_half_step_end_where_exact_solves_do(
    regularization: float, iterations: int
) -> None:
    acts = many()
    ours, exact = (ALS(factors=8, regularization=regularization, iterations=iterations) for _ in range(2))
    assert loss(acts, ours.fit(acts, at=AT)) == pytest.approx(loss(acts, exactly(acts, exact)), rel=0.01)


def test_a_half_step_goes_on_until_it_is_the_normal_equations_row_by_row() -> None:
    """Rows of unlike lengths, in one block and in many, and one without an act."""
    acts = many()
    confidence = acts.matrix()
    confidence.data = 1 + ALPHA * confidence.data
    confidence.data[confidence.indptr[7] : confidence.indptr[8]] = 0
    confidence.eliminate_zeros()
    model = ALS(factors=6, alpha=ALPHA, regularization=REG)
    factors = np.random.default_rng(0).normal(0, 0.3, (confidence.shape[1], 6)).astype(np.float32)
    found = np.zeros((confidence.shape[0], 6), dtype=np.float32)
    for _ in range(20):
        found = model._nearer(confidence, factors, found)
    wanted = model._solved(confidence, factors, factors.astype(np.float64).T @ factors)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert not found[7].any()


def test_one_exact_solve_is_the_normal_equations_row_by_row() -> None:
    acts = Interactions.of(np.array([1, 1, 1, 2, 3, 3]), np.array([1, 1, 2, 2, 1, 3]), np.full(6, AT))
    items = np.array([[0.3, -0.1], [0.2, 0.5], [-0.4, 0.1]])
    model = ALS(factors=2, alpha=ALPHA, regularization=REG)
    confidence = acts.matrix()
    confidence.data = 1 + ALPHA * confidence.data
    got = model._solved(confidence, items, items.T @ items)
    counts = np.array([[2, 1, 0], [0, 1, 0], [1, 0, 1.0]])
    for row, taken in zip(got, counts, strict=True):
        c = np.diag(1 + ALPHA * taken)
        wanted = np.linalg.solve(items.T @ c @ items + REG * np.eye(2), items.T @ c @ (taken > 0))
        np.testing.assert_allclose(row, wanted, rtol=1e-10)


def test_a_history_folded_in_is_the_person_s_own_row() -> None:
    acts = shop()
    model = ALS(factors=3, alpha=ALPHA, regularization=REG).fit(acts, at=AT)
    counts, items = acts.matrix().toarray(), model.factors_.astype(np.float64)
    scores = model.scores(acts.histories(acts.users), at=AT)
    for row, taken in zip(scores, counts, strict=True):
        weighed = items.T * (1 + ALPHA * taken)
        person = np.linalg.solve(weighed @ items + REG * np.eye(3), weighed @ (taken > 0))
        np.testing.assert_allclose(row, items @ person, rtol=1e-4, atol=1e-5)


def test_the_next_act_changes_the_next_answer() -> None:
    model = ALS(factors=3, regularization=REG).fit(shop(), at=AT)
    before, after = model.scores([past(10), past(10, 50)], at=AT)
    assert not np.allclose(before, after)
