"""Text as numbers equals scikit-learn's; the classifier learns, tells how sure it is, and keeps no word."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.svm import LinearSVC

from recommender.algorithms import storage
from recommender.algorithms.base import NotFitted
from recommender.algorithms.sentiment import TextClassifier, TooFewTexts, auc, folds, wilson
from recommender.algorithms.words import HashedGrams, cleaned, inverse_frequency, tf_idf

pytestmark = pytest.mark.once
TEXTS = [
    "The soup is hot, the soup is good!",
    "Good soup. Don't miss it",
    "很好，很满意",
    "不好 不满意",
    "Größe passt – très bien",
    "the spoon",
    "",
]
GOOD = ["sturdy and lovely", "I love it", "物流很快，很满意", "质量很好", "fits well, lovely colour"]
BAD = ["broke at once", "I regret it", "物流太慢，不满意", "质量很差", "fits badly, dull colour"]


def reviews(times: int = 12) -> tuple[list[str], np.ndarray]:
    """Sixty of each side, each different, in two languages."""
    said = [
        (f"{text} {n}", side) for n in range(times) for side, texts in ((1, GOOD), (0, BAD)) for text in texts
    ]
    return [text for text, _side in said], np.array([side for _text, side in said])


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    return TextClassifier(bits=16).fit(*reviews())


def test_a_text_is_written_one_way() -> None:
    assert cleaned("\ufeffＦｕｌｌ  Width\n！ ") == "full width !"


@pytest.mark.parametrize("n", [(1, 1), (2, 2), (1, 3)])
def test_n_grams_of_characters_weigh_as_scikit_learn_s(n: tuple[int, int]) -> None:
    counts = HashedGrams(characters=n, words=(0, 0), bits=22).counts(TEXTS)
    ours = tf_idf(counts, inverse_frequency(counts))
    padded = [f" {cleaned(text)} " if text else "" for text in TEXTS]
    plain = TfidfVectorizer(analyzer="char", ngram_range=n).build_analyzer()
    # A space alone is no n-gram of ours.
    maker = TfidfVectorizer(
        analyzer=lambda text: [gram for gram in plain(text) if gram != " "], sublinear_tf=True
    )
    theirs = maker.fit_transform(padded)
    assert np.diff(ours.indptr).tolist() == np.diff(theirs.indptr).tolist()
    assert (ours @ ours.T).toarray() == pytest.approx((theirs @ theirs.T).toarray(), abs=1e-8)


def test_n_grams_of_words_weigh_as_scikit_learn_s() -> None:
    counts = HashedGrams(characters=(0, 0), words=(1, 2), bits=22).counts(TEXTS)
    ours = tf_idf(counts, inverse_frequency(counts))
    maker = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"[^\W\u2e80-\uffff]+")
    theirs = maker.fit_transform([cleaned(text) for text in TEXTS])
    assert (ours @ ours.T).toarray() == pytest.approx((theirs @ theirs.T).toarray(), abs=1e-8)
    # Five words and five pairs, six and five; Chinese has no words here, only characters.
    assert np.diff(ours.indptr).tolist() == [10, 11, 0, 0, 7, 3, 0]


def test_no_n_gram_reaches_from_one_text_into_the_next() -> None:
    grams = HashedGrams(bits=20)
    together, alone = grams.counts(TEXTS), [grams.counts([text]) for text in TEXTS]
    assert [(together[row] != one).nnz for row, one in enumerate(alone)] == [0] * len(TEXTS)


def test_what_too_few_texts_hold_weighs_nothing() -> None:
    counts = HashedGrams(characters=(1, 1), words=(0, 0), bits=22).counts(["ab", "ac"])
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = inverse_frequency(counts, least=2)
    assert idf[held == 2].tolist() == [1.0]  # log(3/3) + 1
    assert not idf[held != 2].any()


def test_the_decision_is_scikit_learn_s_on_its_own_vectors(fitted: TextClassifier) -> None:
    texts, labels = reviews()
    padded = [f" {cleaned(text)} " for text in texts]
    model = TextClassifier(characters=(2, 3), words=(0, 0), bits=22).fit(texts, labels)
    maker = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True, min_df=2)
    machine = LinearSVC(C=0.5, random_state=0, tol=1e-8, max_iter=100_000).fit(
        maker.fit_transform(padded), labels
    )
    new = ["lovely, I love it", "太差了", "dull", "nothing in common: zzz"]
    theirs = machine.decision_function(maker.transform([f" {cleaned(text)} " for text in new]))
    assert model.decision(new)[:, 0] == pytest.approx(theirs, abs=2e-3)


def test_it_tells_the_sides_apart_in_both_languages(fitted: TextClassifier) -> None:
    good, bad = ["lovely colour, I love it", "很满意，质量很好"], ["dull, broke, I regret it", "太慢，很差"]
    assert fitted.predict(good + bad).tolist() == [1, 1, 0, 0]
    told = fitted.probabilities(good + bad)
    assert told.sum(axis=1) == pytest.approx(np.ones(4))
    assert told[:2, 1].min() > 0.9
    assert told[2:, 1].max() < 0.1


def test_a_restored_one_answers_the_same_and_one_text_as_among_others(
    fitted: TextClassifier, tmp_path: Path
) -> None:
    path = tmp_path / "model.npz"
    sha256 = storage.write_arrays(path, {"parameters": fitted.parameters}, fitted.state())
    manifest, arrays = storage.read_arrays(path, sha256=sha256)
    again = TextClassifier(**manifest["parameters"]).restore(arrays)
    texts, _labels = reviews(2)
    assert again.probabilities(texts).tolist() == fitted.probabilities(texts).tolist()
    assert again.probabilities([texts[3]])[0] == pytest.approx(fitted.probabilities(texts)[3], abs=1e-12)


def test_its_state_holds_numbers_only_and_nothing_of_what_one_text_alone_holds(
    fitted: TextClassifier,
) -> None:
    texts, labels = reviews()
    told = TextClassifier(bits=16).fit([*texts, "Xaver Zyx 0170"], np.append(labels, 1))
    assert {array.dtype.kind for array in told.state().values()} <= {"i", "f"}
    alone = HashedGrams(bits=16).counts(["xaver"]).indices
    held_elsewhere = HashedGrams(bits=16).counts(texts).indices
    assert not np.isin(np.setdiff1d(alone, held_elsewhere), told.columns_).any()


def test_a_text_that_says_nothing_known_lies_where_nothing_speaks(fitted: TextClassifier) -> None:
    assert fitted.decision(["", "ЖЩ"])[:, 0].tolist() == [fitted.bias_[0]] * 2
    assert fitted.probabilities([]).shape == (0, 2)


def test_more_than_two_classes_are_one_against_the_rest() -> None:
    words = {3: "tea leaf brew", 5: "iron pan stove", 9: "red rose bush"}
    texts = [f"{word} {n}" for n in range(60) for word in words.values()]
    model = TextClassifier(bits=16).fit(texts, np.array([*words] * 60))
    assert model.predict(["a rose", "some tea", "the pan"]).tolist() == [9, 3, 5]
    told = model.probabilities(["a rose", "nothing"])
    assert told.sum(axis=1) == pytest.approx([1, 1])
    assert model.classes_[told[0].argmax()] == 9


@pytest.mark.parametrize(("good", "bad"), [(0, 0), (60, 0), (49, 60)])
def test_too_few_of_a_side_are_refused_in_words(good: int, bad: int) -> None:
    texts, labels = reviews()
    kept = [*np.flatnonzero(labels == 1)[:good], *np.flatnonzero(labels == 0)[:bad]]
    with pytest.raises(TooFewTexts, match="Learning needs 50 texts of each"):
        TextClassifier().fit([texts[place] for place in kept], labels[kept])


def test_one_text_said_sixty_times_is_no_sixty_texts() -> None:
    with pytest.raises(TooFewTexts, match="the same"):
        TextClassifier().fit(["good"] * 60 + ["bad"] * 60, np.array([1] * 60 + [0] * 60))


def test_it_refuses_before_it_has_learnt_and_lists_of_two_lengths() -> None:
    with pytest.raises(NotFitted):
        TextClassifier().probabilities(["fine"])
    with pytest.raises(ValueError, match="one length"):
        TextClassifier().fit(["fine"], np.array([1, 0]))


def test_the_same_words_are_never_in_two_parts_whatever_their_label() -> None:
    texts = [f"text {n % 40}" for n in range(200)] + [f"\ufeffTEXT  {n}" for n in range(40)]
    parts = folds(texts, 5)
    of_text: dict[str, set[int]] = {}
    for text, part in zip(texts, parts.tolist(), strict=True):
        of_text.setdefault(cleaned(text), set()).add(part)
    assert [len(found) for found in of_text.values()] == [1] * 40
    assert np.bincount(parts).tolist() == [48] * 5  # eight texts a part, six times each


def test_wilson_s_interval_by_hand() -> None:
    # p = 0.8, n = 10, z² = 3.84146: (0.8 + 0.19207 ∓ 1.95996 · √(0.016 + 0.0096036)) / 1.384146
    assert list(wilson(8, 10)) == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_auc_counts_ties_half_as_scikit_learn_does() -> None:
    truth, told = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8])
    assert auc(truth, told) == 0.875 == roc_auc_score(truth, told)
    with pytest.raises(ValueError, match="both"):
        auc(np.array([1, 1]), np.array([0.2, 0.3]))
