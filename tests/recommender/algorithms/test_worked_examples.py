"""The nine worked examples of the project's source texts, corrected; each to the digits shown."""

import numpy as np
import pytest

from recommender.algorithms.features import IdentifierAsNumber, refuse_identifiers
from recommender.algorithms.interactions import History, Interactions, Queries
from recommender.algorithms.item_knn import ItemKNN, cosine
from recommender.algorithms.metrics import cross_entropy, squared_error
from recommender.algorithms.sequence import lstm_cell, sigmoid
from recommender.algorithms.svd import SVD
from recommender.algorithms.user_knn import UserKNN, pearson

pytestmark = pytest.mark.once

A, B = np.array([4, 5, 2, 3, 4]), np.array([3, 4, 5, 2, 3])
# (user, item, rating) with nought for "not taken": the matrix [[1,0,1],[1,0,1],[1,1,0]].
TRIPLES = np.array(
    [(0, 0, 1), (0, 1, 0), (0, 2, 1), (1, 0, 1), (1, 1, 0), (1, 2, 1), (2, 0, 1), (2, 1, 1), (2, 2, 0)]
)


def three_by_three() -> Interactions:
    taken = TRIPLES[TRIPLES[:, 2] > 0]
    return Interactions.of(taken[:, 0], taken[:, 1], np.zeros(len(taken)))


def test_1_cosine() -> None:
    assert (A @ B, A @ A, B @ B) == (60, 70, 63)
    assert cosine(A, B) == pytest.approx(60 / np.sqrt(4410))
    assert round(cosine(A, B), 4) == 0.9035


def test_2_pearson_shows_why_centring_matters() -> None:
    assert (A.mean(), B.mean()) == (3.6, 3.4)
    assert pytest.approx(-1.2) == ((A - 3.6) @ (B - 3.4))
    assert round(pearson(A, B), 4) == -0.2308


def test_3_and_4_user_based_prediction() -> None:
    model = UserKNN().fit(three_by_three(), at=0)
    histories = three_by_three().histories(np.array([0, 1, 2]))
    similar = model.similarities(Queries.of(histories, model.items_, at=0)).toarray()
    np.testing.assert_allclose(similar, [[0, 1, 0.5], [1, 0, 0.5], [0.5, 0.5, 0]])
    scores = model.scores(histories, at=0)
    assert round(float(scores[0, 1]), 4) == 0.3333
    assert scores[2, 2] == pytest.approx(1.0)
    left = [ranking.items.tolist() for ranking in model.recommend(histories, 3, at=0, mode="new")]
    assert left == [[1], [1], [2]]


def test_4_cosine_between_items() -> None:
    model = ItemKNN(neighbours=2).fit(three_by_three(), at=0)
    one = [model.scores([History(np.array([i]), np.ones(1, "f4"), np.zeros(1))], at=0)[0] for i in range(3)]
    np.testing.assert_allclose(
        np.round(one, 4), [[0, 0.5774, 0.8165], [0.5774, 0, 0], [0.8165, 0, 0]], atol=1e-6
    )


def test_5_two_factors_give_a_matrix_of_rank_two_back() -> None:
    R = np.array([[4, 3, 2, 1, 4], [2, 5, 4, 3, 2]], dtype=float)
    u, s, vt = np.linalg.svd(R, full_matrices=False)
    np.testing.assert_allclose((u * s) @ vt, R)
    model = SVD(factors=3).fit(three_by_three(), at=0)
    np.testing.assert_allclose(
        np.round(np.linalg.svd(three_by_three().binary().toarray())[1], 4), [2.1753, 1.126, 0]
    )
    assert np.round(model.values_, 4).tolist() == pytest.approx([2.1753, 1.1260], abs=1e-6)
    folded = model.scores(three_by_three().histories(np.array([0, 1, 2])), at=0)
    np.testing.assert_allclose(folded, [[1, 0, 1], [1, 0, 1], [1, 1, 0]], atol=1e-5)


def test_6_squared_error() -> None:
    assert squared_error(np.array([4, 3, 2, 1, 4.0]), np.array([3.8, 3.2, 2.1, 0.9, 3.9])) == pytest.approx(
        0.022
    )


def test_7_cross_entropy_refuses_ratings() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        cross_entropy(np.array([4, 3, 2, 1, 4.0]), np.array([3.8, 3.2, 2.1, 0.9, 3.9]))
    assert cross_entropy(np.array([1.0, 0.0]), np.array([0.8, 0.4])) == pytest.approx(
        -(np.log(0.8) + np.log(0.6)) / 2
    )


def test_8_the_lstm_cell_uses_tanh_for_what_it_stores() -> None:
    # One unit, all weights nought: gates are σ(bias), the candidate is tanh(bias).
    bias = np.array([0.5, -0.25, 2.0, 1.0])
    h, c = lstm_cell(
        np.ones(1),
        np.zeros(1),
        np.array([0.7]),
        weights=np.zeros((4, 1)),
        recurrent=np.zeros((4, 1)),
        bias=bias,
    )
    expected = sigmoid(np.array([0.5])) * 0.7 + sigmoid(np.array([-0.25])) * np.tanh(2.0)
    assert c == pytest.approx(expected)
    assert h == pytest.approx(sigmoid(np.array([1.0])) * np.tanh(expected))


def test_9_an_id_is_a_name_not_a_quantity() -> None:
    refuse_identifiers(["age", "recency", "width", "paid", "idle_days"])
    for name in ("product_id", "sku", "CustomerID", "stock_code", "Clothing ID"):
        with pytest.raises(IdentifierAsNumber):
            refuse_identifiers(["age", name])
