"""The time-ordered classifier: what it refuses, what it learns, and figures worked by hand."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from recommender.algorithms.base import NotFitted
from recommender.algorithms.features import IdentifierAsNumber
from recommender.algorithms.lifetime import NotEnoughData
from recommender.algorithms.probabilities import advantage, auc, measure
from recommender.algorithms.propensity import CANDIDATES, Classifier, choose
from recommender.algorithms.tables import Leak, Table

pytestmark = pytest.mark.once


def table(n: int, **numbers) -> Table:
    return Table(np.arange(n), np.ones(n), np.zeros(n), numbers, {})


@pytest.fixture(scope="module")
def people() -> tuple[Table, np.ndarray]:
    """1,800 people in three windows; they do it by σ(x − 2 + 1 for the eager); a fifth of x is missing."""
    rng = np.random.default_rng(0)
    n = 1800
    x, kind = rng.normal(size=n), np.where(rng.random(n) < 0.5, "eager", "slow")
    did = rng.random(n) < 1 / (1 + np.exp(-(x - 2 + (kind == "eager"))))
    known = np.where(rng.random(n) < 0.2, np.nan, x)
    numbers = {"x": known, "noise": rng.normal(size=n), "empty": np.full(n, np.nan)}
    return Table(np.arange(n), np.repeat([1.0, 2.0, 3.0], 600), np.zeros(n), numbers, {"kind": kind}), did


def window(people: tuple[Table, np.ndarray], moment: float) -> tuple[Table, np.ndarray]:
    rows = people[0].moments == moment
    return people[0].chosen(rows), people[1][rows]


def test_auc_by_hand() -> None:
    # Of the 2 × 2 pairs: 3 > 1, 3 > 2, 2 > 1 and one tie: (3 + ½)/4.
    assert auc(np.array([3.0, 2, 2, 1]), np.array([True, True, False, False])) == 0.875
    assert np.isnan(auc(np.array([1.0]), np.array([True])))
    # A weight of 2 is the row twice: pairs 3 > 1 (twice), 3 > 2, 2 > 1 (twice) and one tie: 5½ of 6.
    weights = np.array([1.0, 1, 1, 2])
    assert auc(np.array([3.0, 2, 2, 1]), np.array([True, True, False, False]), weights) == pytest.approx(
        5.5 / 6
    )


def test_figures_by_hand_and_by_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    told = rng.random(400)
    did = rng.random(400) < told
    found = measure("m", told, table(400), did)
    assert found.auc == pytest.approx(roc_auc_score(did, told))
    assert found.brier == pytest.approx(brier_score_loss(did, told))
    assert found.log_loss == pytest.approx(log_loss(did, told))
    assert found.told == pytest.approx(told.mean())
    assert found.happened == pytest.approx(did.mean())
    assert found.auc_low < found.auc < found.auc_high
    assert found.brier_low < found.brier < found.brier_high
    assert advantage(told, told, table(400), did) == (0.0, 0.0, 0.0)


def test_a_person_s_rows_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    told = rng.random(300)
    did = rng.random(300) < told
    thrice = Table(np.repeat(np.arange(300), 3), np.ones(900), np.zeros(900), {}, {})
    once, again = measure("m", told, table(300), did), measure("m", told.repeat(3), thrice, did.repeat(3))
    assert again.auc == pytest.approx(once.auc)
    assert [again.auc_low, again.auc_high] == pytest.approx([once.auc_low, once.auc_high])


def test_an_id_is_no_feature() -> None:
    with pytest.raises(IdentifierAsNumber, match="customer_id"):
        table(3, customer_id=np.zeros(3))


def test_what_happened_afterwards_is_refused() -> None:
    with pytest.raises(Leak, match="1 of 3 rows rest on what happened after their moment"):
        Table(np.arange(3), np.ones(3), np.array([0.0, 1.0, 1.5]), {}, {})
    did = np.arange(100) < 40
    with pytest.raises(Leak, match="'paid' alone tells who did"):
        Classifier("linear_svm").fit(table(100, paid=did * 9.5), did)
    with pytest.raises(Leak, match="must lie before"):
        choose((table(100), did), (table(100), did))


def test_the_winner_ranks_and_its_probabilities_hold(people) -> None:
    found = choose(window(people, 1), window(people, 2))
    assert sorted(name for name, _auc in found.compared) == sorted(CANDIDATES)
    assert found.compared == sorted(found.compared, key=lambda pair: -pair[1])
    assert found.winner.name == found.compared[0][0]
    test, did = window(people, 3)
    told = found.winner.probabilities(test)
    figures = measure(found.winner.name, told, test, did)
    assert figures.auc > 0.72  # 0.79 would be told by the truth itself, were x never missing
    assert figures.told == pytest.approx(figures.happened, abs=0.04)  # weighed alike, and yet not one half
    assert figures.brier_high < did.mean() * (1 - did.mean())
    for low, high in ((0.0, 0.15), (0.3, 1.0)):
        some = (told >= low) & (told < high)
        assert did[some].mean() == pytest.approx(told[some].mean(), abs=0.1)


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_takes_gaps_and_categories_never_seen(people, name: str) -> None:
    past, did = window(people, 1)
    model = Classifier(name).fit(past, did)
    with pytest.raises(NotFitted):
        model.probabilities(past)
    strange = Table(np.arange(2), np.ones(2), np.zeros(2), {"x": np.full(2, np.nan), "noise": np.zeros(2), "empty": np.ones(2)}, {"kind": np.array(["", "new"])})  # fmt: skip
    assert np.isfinite(model.raw(strange)).all()
    assert model.raw(strange)[0] == model.raw(strange)[1]
    np.testing.assert_array_equal(Classifier(name).fit(past, did).raw(past), model.raw(past))


def test_the_state_is_arrays_and_names_a_linear_winner_s_weights(people) -> None:
    past, check = window(people, 1), window(people, 2)
    state = Classifier("logistic_regression").fit(*past).calibrate(*check).state()
    weights = dict(zip(state["columns"].tolist(), state["weights"].tolist(), strict=True))
    assert weights["x"] > 0.5 > abs(weights["noise"])
    assert weights["kind_eager"] > 0 > weights["kind_slow"]
    assert state["platt"].shape == (2,)
    assert all(array.dtype != object for array in state.values())
    assert not len(Classifier("boosting").fit(*past).calibrate(*check).state()["weights"])


def test_too_little_is_said_in_words(people) -> None:
    few = np.arange(600) < 29
    with pytest.raises(NotEnoughData, match="30 who did and 30 who did not are needed; there are fewer"):
        Classifier("linear_svm").fit(window(people, 1)[0], few)
    with pytest.raises(NotEnoughData, match="To choose by"):
        choose(window(people, 1), (window(people, 2)[0], few))
    with pytest.raises(NotEnoughData, match="To measure on"):
        measure("m", np.zeros(600), window(people, 1)[0], few)
    with pytest.raises(ValueError, match="no classifier 'oracle'"):
        Classifier("oracle")
