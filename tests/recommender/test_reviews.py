"""Sentiment is learnt from those who allow it, measured before it serves, and told of every review's words."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Product, Review
from customers import consent
from customers.models import Customer
from recommender import reviews, training
from recommender.algorithms.words import HashedGrams
from recommender.models import ModelVersion, Task, TrainingRun
from recommender.training.sentiment import learnable
from tests.conftest import NOW, Caller

pytestmark = pytest.mark.django_db
GOOD = ("lovely and sturdy", "I love it, fits well", "很满意，质量很好")
BAD = ("broke at once, dull", "I regret it, fits badly", "不满意，质量很差")


@pytest.fixture(autouse=True)
def _models(settings, tmp_path) -> None:
    settings.MODEL_DIR = tmp_path


def write(
    product: Product, texts, rating: int | None, *, of: str, author: int | None = None, dated=True
) -> None:
    Review.objects.bulk_create(
        Review(
            product=product,
            source="shop",
            message_id=f"{of}-{n}",
            rating=rating,
            text=text,
            author_id=author,
            written_at=NOW - timedelta(days=n % 97) if dated else None,
        )
        for n, text in enumerate(texts)
    )


@pytest.fixture
def shop(products: dict[str, Product]) -> Product:
    """Sixty favourable and sixty unfavourable reviews by nobody known, each different, over 97 days."""
    rose = products["rose"]
    for of, said, rating in (("good", GOOD, 5), ("bad", BAD, 1)):
        write(rose, [f"{said[n % 3]} {n}" for n in range(60)], rating, of=of)
    return rose


def trained() -> TrainingRun:
    training.ask(Task.SENTIMENT)
    run = training.claim(at=NOW)
    assert run is not None
    return training.work(run, at=NOW)


def live() -> reviews.Judge:
    judge = reviews.live()
    assert judge is not None
    return judge


def test_it_goes_live_with_accuracy_interval_and_baseline_and_judges_every_review(shop: Product) -> None:
    write(shop, ["lovely", "dull", ""], None, of="unrated")
    run = trained()
    version = ModelVersion.objects.get(task=Task.SENTIMENT)
    assert (version.state, version.people, version.interactions) == ("live", 0, 120)
    told = version.metrics
    assert (told["good"], told["bad"], told["measured_how"]) == (60, 60, "the newest fifth")
    assert told["baseline"] < told["accuracy_low"] < told["accuracy"] <= told["accuracy_high"]
    assert run.result["judged"] == 123
    assert set(Review.objects.values_list("sentiment_model", flat=True)) == {version.pk}
    by_text: dict[str, Any] = dict(
        Review.objects.filter(message_id__startswith="unrated").values_list("text", "sentiment")
    )
    assert by_text["lovely"] > 0.5 > by_text["dull"]
    assert by_text[""] is None


def test_only_those_who_allow_personalization_and_nobody_known_teach_it(
    shop: Product, anna: Customer, boris: Customer, clara: Customer
) -> None:
    for who, word in ((anna, "Annatto"), (boris, "Borscht"), (clara, "Clarinet")):
        write(shop, [f"{word} {n}" for n in range(4)], 5, of=word, author=who.pk)
    write(shop, ["so so", "middling"], 3, of="three")
    rated = learnable()
    assert (len(rated), rated.users.tolist()) == (124, [anna.pk])
    assert {text.split()[0] for text in rated.texts} & {"Annatto", "Borscht", "Clarinet", "so"} == {"Annatto"}
    trained()
    grams = HashedGrams(characters=(0, 0), words=(1, 1))

    def knows(word: str) -> bool:
        return bool(np.isin(grams.counts([word]).indices, live().model.columns_).all())

    assert [knows(word) for word in ("annatto", "borscht", "clarinet")] == [True, False, False]
    assert not Review.objects.filter(sentiment=None).exists()  # of the words of all, for the product


def test_d4_the_next_training_is_without_those_who_left_and_too_few_retire_the_model(
    shop: Product, anna: Customer
) -> None:
    Review.objects.filter(message_id__startswith="good").update(author_id=anna.pk)
    trained()
    assert live().version
    consent.withdraw_all(anna.pk, method="preference_page", source="tests", actor="customer", at=NOW)
    assert trained().result["refused"] == (
        "There are 0 favourable and 60 unfavourable rated reviews that may be learnt from; it needs 50 of each."
    )
    assert reviews.live() is None


def test_undated_reviews_are_measured_in_folds(shop: Product) -> None:
    Review.objects.update(written_at=None)
    told = trained().result
    assert (told["measured_how"], told["measured_on"]) == ("5 folds", 120)


def test_the_newest_fifth_holds_nothing_that_the_past_says_too(shop: Product) -> None:
    Review.objects.filter(message_id__in=["good-0", "good-59"]).update(text="the same words")
    write(shop, ["The  same WORDS"] * 3, 5, of="again")
    told = trained().result
    # Of 123 the newest fifth are the 25 of the last eleven days; four of them say what the oldest said.
    assert (told["measured_how"], told["measured_on"]) == ("the newest fifth", 21)


def test_ratings_that_have_nothing_to_do_with_the_words_go_not_live(shop: Product) -> None:
    for place, review in enumerate(Review.objects.order_by("text")):
        Review.objects.filter(pk=review.pk).update(rating=5 if place % 2 else 1)
    run = trained()
    assert not run.result["promoted"]
    assert (ModelVersion.objects.get().state, reviews.live()) == ("refused", None)
    assert not Review.objects.exclude(sentiment=None).exists()


def test_judging_goes_on_where_it_was_stopped_and_asks_little_of_the_database(
    shop: Product, monkeypatch
) -> None:
    trained()
    Review.objects.update(sentiment=None, sentiment_model=None)
    monkeypatch.setattr(reviews, "PAGE", 50)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reviews.judge_all(live(), tell=stop)
    assert Review.objects.exclude(sentiment=None).count() == 50
    judge = live()
    with CaptureQueriesContext(connection) as queries:
        assert reviews.judge_all(judge) == 70
    assert len(queries) <= 3 * 5  # two pages and the empty one: savepoints, a read and a write each
    assert not Review.objects.filter(sentiment=None).exists()


def test_a_posted_review_is_kept_once_a_customer_and_product(
    server: Caller, anna: Customer, products
) -> None:
    body = {"customer": "anna", "sku": "rose", "rating": 4, "text": "Lovely", "locale": "en"}
    assert server("POST", "reviews", body).status == 201
    assert server("POST", "reviews", {**body, "rating": 5}).status == 200
    assert Review.objects.get().rating == 5
    assert server("POST", "reviews", {**body, "rating": 6}).status == 400
    assert server("POST", "reviews", {**body, "sku": "none"}).status == 404
    assert server("POST", "reviews", {**body, "customer": "none"}).status == 404


def test_a_posted_review_has_its_sentiment_at_once_and_says_why_where_it_has_none(
    server: Caller, anna: Customer, shop: Product
) -> None:
    body = {"customer": "anna", "sku": "rose", "rating": 5, "title": "Lovely", "text": "I love it"}
    answer = server("POST", "reviews", body).body
    assert (answer["sentiment"], answer["note"]) == (None, "No sentiment model is live yet.")
    trained()
    answer = server("POST", "reviews", body).body
    assert answer["sentiment"] > 0.8
    assert answer["note"] == ""
    kept = Review.objects.get(pk=answer["id"])
    assert (kept.sentiment, kept.sentiment_model) == (answer["sentiment"], live().version)
    changed = server("POST", "reviews", {**body, "title": "", "text": "I regret it, it broke"}).body
    assert (changed["id"], changed["sentiment"] < 0.2) == (answer["id"], True)
    silent = server("POST", "reviews", {**body, "title": "", "text": " "}).body
    assert (silent["sentiment"], silent["note"]) == (None, "The review has no words.")


def test_a_torn_model_file_keeps_reviews_coming_without_sentiment(
    server: Caller, anna: Customer, shop: Product
) -> None:
    trained()
    (settings.MODEL_DIR / ModelVersion.objects.get().file).write_bytes(b"torn")
    body = {"customer": "anna", "sku": "rose", "rating": 5, "text": "I love it"}
    answer = server("POST", "reviews", body)
    assert (answer.status, answer.body["sentiment"]) == (201, None)
