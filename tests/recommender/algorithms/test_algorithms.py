"""Every algorithm keeps the contract, and its own numbers worked by hand."""

from typing import ClassVar, Literal

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from recommender.algorithms.base import Recommender
from recommender.algorithms.content import Content
from recommender.algorithms.ease import EASE
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.interactions import History, Interactions, Queries
from recommender.algorithms.item_knn import ItemKNN, cosine
from recommender.algorithms.popularity import Popularity
from recommender.algorithms.registry import UnknownAlgorithm, make
from recommender.algorithms.svd import SVD
from recommender.algorithms.user_knn import UserKNN
from tests.recommender.algorithms.contract import AT, TEXTS, Contract, past, shop

pytestmark = pytest.mark.once


class TestPopularity(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> Recommender:
        return Popularity(half_life=30.0)

    def test_an_act_one_half_life_ago_counts_half(self) -> None:
        acts = Interactions.of(np.array([1, 2, 3]), np.array([7, 7, 8]), np.array([AT, AT - 30, AT - 60]))
        assert Popularity(30.0).fit(acts, at=AT).counts_.tolist() == [1.5, 0.25]
        assert Popularity().fit(acts, at=AT).counts_.tolist() == [2.0, 1.0]


class TestFrequency(Contract):
    def make(self) -> Recommender:
        return Frequency(half_life=60.0)

    def test_what_was_taken_twice_stands_before_what_was_taken_once(self) -> None:
        (ranking,) = Frequency().fit(shop(), at=AT).recommend([past(30, 50, 50)], 2, at=AT)
        assert ranking.items.tolist() == [50, 30]
        assert ranking.scores.tolist() == [2.0, 1.0]

    def test_a_long_silence_does_not_fade_a_history(self) -> None:
        history = past(30, 50, 50)
        model = Frequency(half_life=1.0).fit(shop(), at=AT)
        soon, late = (model.scores([history], at=at)[0] for at in (AT, AT + 5000))
        np.testing.assert_allclose(soon, late)


class TestItemKNNCosine(Contract):
    def make(self) -> Recommender:
        return ItemKNN(neighbours=3, half_life=45.0)

    def test_similarities_equal_scikit_learn_s(self) -> None:
        model = ItemKNN(neighbours=6).fit(shop(), at=AT)
        dense = np.zeros((7, 7))
        np.add.at(dense, (np.arange(7)[:, np.newaxis], model.ids_), model.values_)  # padding adds nought
        expected = cosine_similarity(shop().binary().T)
        np.fill_diagonal(expected, 0.0)
        np.testing.assert_allclose(dense, expected, atol=1e-6)

    def test_the_live_path_is_exactly_the_batch_path(self) -> None:
        rng = np.random.default_rng(3)
        acts = Interactions.of(
            rng.integers(0, 200, 4000), rng.integers(0, 150, 4000), rng.uniform(0, AT, 4000)
        )
        model = ItemKNN(neighbours=20, half_life=100.0).fit(acts, at=AT)
        histories = acts.histories(acts.users[:50])
        together = model.scores(histories, at=AT)
        for row, history in zip(together, histories, strict=True):
            np.testing.assert_allclose(model.scores([history], at=AT)[0], row, rtol=1e-4, atol=1e-6)


class TestItemKNNAsymmetric(Contract):
    def make(self) -> Recommender:
        return ItemKNN(neighbours=3, similarity="asymmetric", alpha=0.8, half_life=45.0)

    def test_alpha_one_is_the_share_of_those_who_took_i_that_took_j(self) -> None:
        model = ItemKNN(neighbours=6, similarity="asymmetric", alpha=1.0).fit(shop(), at=AT)
        # 10 was taken by people 1, 2, 4, 6; of them 1, 2 and 6 took 20.
        scores = model.scores([past(10)], at=AT)[0]
        assert scores[model.items_.tolist().index(20)] == pytest.approx(3 / 4)
        # 20 was taken by 1, 2, 3, 6; of them 1, 2 and 6 took 10.
        assert model.scores([past(50)], at=AT)[0][model.items_.tolist().index(30)] == pytest.approx(1 / 2)


class TestItemKNNTfidf(Contract):
    def make(self) -> Recommender:
        return ItemKNN(neighbours=3, similarity="tfidf", half_life=45.0)

    def test_it_is_the_cosine_of_root_count_times_idf(self) -> None:
        # Person 1 took a twice and b once, person 2 all three: of 3 items, so of 2 and of 3.
        acts = Interactions.of(np.array([1, 1, 1, 2, 2, 2]), np.array([1, 1, 2, 1, 2, 3]), np.zeros(6))
        model = ItemKNN(neighbours=2, similarity="tfidf").fit(acts, at=0)
        one, two = np.log(1 + 1.5 / 2.5), np.log(1 + 0.5 / 3.5)
        a, b, c = np.array([2**0.5 * one, two]), np.array([one, two]), np.array([0, two])
        scores = model.scores([past(1)], at=0)[0]
        assert scores == pytest.approx([0.0, cosine(a, b), cosine(a, c)], rel=1e-5)


class TestItemKNNBM25(Contract):
    def make(self) -> Recommender:
        return ItemKNN(neighbours=3, similarity="bm25", half_life=45.0)

    def test_it_is_the_inner_product_of_bm25_weights(self) -> None:
        acts = Interactions.of(np.array([1, 1, 1, 2, 2, 2]), np.array([1, 1, 2, 1, 2, 3]), np.zeros(6))
        model = ItemKNN(neighbours=2, similarity="bm25", k1=1.2, b=0.75).fit(acts, at=0)
        idf = {1: np.log(1 + 1.5 / 2.5), 2: np.log(1 + 0.5 / 3.5)}
        lengths = {1: 3, 2: 2, 3: 1}  # two on average

        def weight(count: int, item: int, person: int) -> float:
            return float(count * 2.2 / (1.2 * (0.25 + 0.75 * lengths[item] / 2) + count) * idf[person])

        both = weight(2, 1, 1) * weight(1, 2, 1) + weight(1, 1, 2) * weight(1, 2, 2)
        scores = model.scores([past(1)], at=0)[0]
        assert scores == pytest.approx([0.0, both, weight(1, 1, 2) * weight(1, 3, 2)], rel=1e-5)

    @pytest.mark.parametrize("similarity", ["tfidf", "bm25"])
    def test_who_takes_everything_says_less_of_two_items_than_who_takes_only_them(
        self, similarity: Literal["tfidf", "bm25"]
    ) -> None:
        # Items 1 and 2 go together for person 1 alone, 3 and 4 for person 2, who took all there is.
        acts = Interactions.of(np.array([1, 1, 2, 2, 2, 2]), np.array([1, 2, 1, 2, 3, 4]), np.zeros(6))
        model = ItemKNN(similarity=similarity).fit(acts, at=0)
        assert np.isfinite(model.values_).all()
        one, three = model.scores([past(1), past(3)], at=0)
        assert one[1] > 2 * one[2] > 0
        assert three[3] == pytest.approx(three.max())


class TestUserKNNCosine(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> Recommender:
        return UserKNN(neighbours=3, half_life=60.0)


class TestUserKNNPearson(Contract):
    linear: ClassVar[bool] = False

    def make(self) -> Recommender:
        return UserKNN(neighbours=3, similarity="pearson")

    def test_similarities_equal_numpy_s_correlation(self) -> None:
        model = UserKNN(similarity="pearson").fit(shop(), at=AT)
        query = past(10, 20, 50)
        got = model.similarities(Queries.of([query], model.items_, at=AT)).toarray()[0]
        asked = np.isin(model.items_, query.items).astype(float)
        for row, known in enumerate(shop().binary().toarray()):
            if (asked * known).any():
                assert got[row] == pytest.approx(np.corrcoef(asked, known)[0, 1])

    def test_nobody_is_their_own_neighbour(self) -> None:
        model = UserKNN().fit(shop(), at=AT)
        alone = Queries.of([past(60, person=7)], model.items_, at=AT)
        similar = model.similarities(alone).toarray()[0]
        assert similar[model.users_.tolist().index(7)] == 0
        assert similar[model.users_.tolist().index(6)] > 0


class TestSVDTruncated(Contract):
    def make(self) -> Recommender:
        return SVD(factors=3, half_life=60.0)

    def test_it_equals_the_dense_decomposition(self) -> None:
        dense = shop().binary().toarray()
        model = SVD(factors=3).fit(shop(), at=AT)
        _u, values, right = np.linalg.svd(dense)
        np.testing.assert_allclose(model.values_, values[:3], rtol=1e-5)
        np.testing.assert_allclose(model.vectors_ @ model.vectors_.T, right[:3].T @ right[:3], atol=1e-5)


class TestSVDRandomized(Contract):
    def make(self) -> Recommender:
        return SVD(factors=3, solver="randomized")


class TestEASE(Contract):
    def make(self) -> Recommender:
        return EASE(reg=1.0, half_life=60.0)

    def test_it_equals_the_closed_form_for_two_items(self) -> None:
        # Three people took both, one took only the first: G + λI = [[5, 3], [3, 4]], so B = [[0, 3/5], [3/4, 0]]:
        # each column is the ridge regression of that item on the other.
        people, items = np.array([1, 1, 2, 2, 3, 3, 4]), np.array([1, 2, 1, 2, 1, 2, 1])
        model = EASE(reg=1.0).fit(Interactions.of(people, items, np.full(7, AT)), at=AT)
        np.testing.assert_allclose(model.weights_, [[0, 3 / 5], [3 / 4, 0]], rtol=1e-6)

    def test_it_equals_ridge_regression_on_each_column(self) -> None:
        x = shop().binary().toarray().astype(np.float64)
        model = EASE(reg=2.0).fit(shop(), at=AT)
        for column in range(x.shape[1]):
            others = np.delete(np.arange(x.shape[1]), column)
            a = x[:, others]
            expected = np.linalg.solve(a.T @ a + 2.0 * np.eye(len(others)), a.T @ x[:, column])
            np.testing.assert_allclose(model.weights_[others, column], expected, rtol=1e-4, atol=1e-6)

    def test_it_refuses_more_items_than_memory_holds_and_says_what_does_not(self) -> None:
        with pytest.raises(ValueError, match=r"the limit is 3 items\. ease_sparse"):
            EASE(max_items=3).fit(shop(), at=AT)


class TestEASEFaded(Contract):
    def make(self) -> Recommender:
        return EASE(reg=1.0, half_life=60.0, fade=30.0)

    def test_what_went_together_long_ago_counts_less(self) -> None:
        # x = [[1/2, 1], [1, 0]] after one half-life of the first act: G + λI = [[9/4, 1/2], [1/2, 2]].
        acts = Interactions.of(
            np.array([1, 1, 1, 2]), np.array([1, 1, 2, 1]), AT - np.array([30.0, 90, 0, 0])
        )
        model = EASE(reg=1.0, fade=30.0).fit(acts, at=AT)
        np.testing.assert_allclose(model.weights_, [[0, 2 / 9], [1 / 4, 0]], rtol=1e-6)

    def test_as_time_goes_on_it_is_learnt_anew(self) -> None:
        later = self.fitted().refit(shop(), shop(), at=AT + 10, texts={})
        np.testing.assert_allclose(later.weights_, self.make().fit(shop(), at=AT + 10).weights_, rtol=1e-6)
        assert not np.allclose(later.weights_, self.fitted().weights_)


class TestEASEOfManyPeople:
    """Enough people that the few who change are worked in, and not learnt anew."""

    acts = Interactions.of(
        np.random.default_rng(5).integers(0, 300, 3000),
        np.random.default_rng(6).zipf(1.3, 3000) % 60,
        np.full(3000, AT),
    )

    @pytest.mark.parametrize("k", [1, 5, 15])
    def test_forgetting_equals_never_having_known(self, k: int) -> None:
        gone = np.random.default_rng(k).choice(self.acts.users, k, replace=False)
        after = self.acts.chosen(~np.isin(self.acts.users[self.acts.rows], gone))
        model = EASE(reg=10.0).fit(self.acts, at=AT)
        before = model.weights_.copy()
        model.refit(self.acts, after, at=AT)
        np.testing.assert_allclose(model.weights_, EASE(reg=10.0).fit(after, at=AT).weights_, atol=1e-6)
        assert np.abs(model.weights_ - before[: len(model.weights_), : len(model.weights_)]).max() > 1e-5

    def test_a_hundred_refits_in_a_row_do_not_drift(self) -> None:
        model, now = EASE(reg=10.0).fit(self.acts, at=AT), self.acts
        for gone in self.acts.users[:100]:
            after = now.chosen(now.users[now.rows] != gone)
            model.refit(now, after, at=AT)
            now = after
        np.testing.assert_allclose(model.weights_, EASE(reg=10.0).fit(now, at=AT).weights_, atol=1e-5)


class TestContent(Contract):
    def make(self) -> Recommender:
        return Content(half_life=60.0)

    def test_items_described_alike_are_near_in_both_languages(self) -> None:
        model = Content().fit(shop(), at=AT, texts=TEXTS)
        for seen, expected in ((10, 20), (50, 40), (60, 70)):
            (ranking,) = model.recommend([past(seen)], 1, at=AT, mode="new")
            assert ranking.items.tolist() == [expected]

    def test_scores_equal_scikit_learn_s(self) -> None:
        model = Content().fit(shop(), at=AT, texts=TEXTS)
        maker = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        vectors = maker.fit_transform([TEXTS[int(item)] for item in model.items_])
        np.testing.assert_allclose(
            model.scores([past(10)], at=AT)[0], cosine_similarity(vectors)[0], atol=1e-6
        )


class TestBlend(Contract):
    def make(self) -> Recommender:
        return Hybrid([(0.7, Frequency(60.0)), (0.3, ItemKNN(neighbours=3, half_life=60.0))])

    def test_each_part_counts_by_its_weight_after_scaling(self) -> None:
        model = Hybrid([(0.7, Frequency()), (0.3, ItemKNN(neighbours=6))]).fit(shop(), at=AT)
        frequency = np.array([0, 1, 0, 0, 2, 0, 0]) / 2
        knn = ItemKNN(neighbours=6).fit(shop(), at=AT).scores([past(20, 50, 50)], at=AT)[0]
        expected = 0.7 * frequency + 0.3 * knn / knn.max()
        np.testing.assert_allclose(model.scores([past(20, 50, 50)], at=AT)[0], expected, rtol=1e-5)


class TestHybridOfAll(Contract):
    def make(self) -> Recommender:
        parts: list[tuple[float, Recommender]] = [
            (0.5, SVD(3)),
            (0.2, EASE(1.0)),
            (0.1, Content()),
            (0.5, Frequency()),
        ]
        return Hybrid(parts)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownAlgorithm, match="item_knn"):
        make("magic", {})


def test_interactions_add_up_and_sort_their_ids() -> None:
    acts = Interactions.of(
        np.array([9, 4, 9]), np.array([2, 1, 2]), np.array([0.0, 1, 2]), np.array([1, 1, 3], "f4")
    )
    assert (acts.users.tolist(), acts.items.tolist()) == ([4, 9], [1, 2])
    assert acts.matrix().toarray().tolist() == [[1, 0], [0, 4]]
    assert acts.matrix(at=2, half_life=2).toarray().tolist() == [[pytest.approx(2**-0.5), 0], [0, 3.5]]
    assert isinstance(acts.matrix(), sparse.csr_matrix)


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_a_weight_that_is_not_positive_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Interactions.of(np.array([1]), np.array([1]), np.array([1.0]), np.array([weight], "f4"))


def test_histories_come_in_the_order_asked_and_empty_for_strangers() -> None:
    got = shop().histories(np.array([3, 99, 1]))
    assert [history.items.tolist() for history in got] == [[20, 30, 50], [], [10, 20, 30]]
    assert isinstance(got[0], History)
