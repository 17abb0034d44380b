"""Weighted matrix factorisation: the objective it minimises, whoever solves it, and what it answers the newest history."""

from itertools import pairwise

import numpy as np
import pytest

from recommender.algorithms.als import ALS
from recommender.algorithms.base import Recommender
from recommender.algorithms.interactions import Interactions
from tests.recommender.algorithms.contract import AT, Contract, past, shop

pytestmark = pytest.mark.once
ALPHA, REG = 2.0, 0.1


class ByNumpy(ALS):
    """As where `implicit` is not installed."""

    def _by_implicit(self, confidence: object) -> None:
        return None


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


class TestALS(Contract):
    def make(self) -> Recommender:
        return ALS(factors=3, half_life=60.0, alpha=ALPHA, regularization=REG)


class TestALSByNumpy(Contract):
    def make(self) -> Recommender:
        return ByNumpy(factors=3, half_life=60.0, alpha=ALPHA, regularization=REG)

    def fitted(self) -> ALS:
        return ALS(factors=3, half_life=60.0, alpha=ALPHA, regularization=REG).restore(
            self.make().fit(shop(), at=AT).state()
        )


def test_no_iteration_makes_the_objective_worse() -> None:
    rng = np.random.default_rng(3)
    acts = Interactions.of(rng.integers(0, 30, 300), rng.integers(0, 20, 300), np.full(300, AT))
    losses = [loss(acts, ByNumpy(factors=4, iterations=n).fit(acts, at=AT)) for n in (1, 2, 4, 8, 16)]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(losses))
    assert losses[-1] < 0.9 * losses[0]


def test_one_half_step_is_the_normal_equations_row_by_row() -> None:
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
    model = ByNumpy(factors=3, alpha=ALPHA, regularization=REG).fit(acts, at=AT)
    counts, items = acts.matrix().toarray(), model.factors_.astype(np.float64)
    scores = model.scores(acts.histories(acts.users), at=AT)
    for row, taken in zip(scores, counts, strict=True):
        weighed = items.T * (1 + ALPHA * taken)
        person = np.linalg.solve(weighed @ items + REG * np.eye(3), weighed @ (taken > 0))
        np.testing.assert_allclose(row, items @ person, rtol=1e-4, atol=1e-5)


def test_the_next_act_changes_the_next_answer() -> None:
    model = ByNumpy(factors=3).fit(shop(), at=AT)
    before, after = model.scores([past(10), past(10, 50)], at=AT)
    assert not np.allclose(before, after)


def test_both_solvers_reach_about_the_same_objective() -> None:
    pytest.importorskip("implicit", reason="implicit is an extra, and is not installed")
    rng = np.random.default_rng(4)
    acts = Interactions.of(rng.zipf(1.5, 4000) % 200, rng.zipf(1.3, 4000) % 100, np.full(4000, AT))
    ours, theirs = (kind(factors=8, iterations=30).fit(acts, at=AT) for kind in (ByNumpy, ALS))
    # Conjugate gradients stop a little short of the exact solve.
    assert 0.9 * loss(acts, theirs) < loss(acts, ours) < 1.01 * loss(acts, theirs)
