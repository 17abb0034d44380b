"""What reviews say is told with its bounds, by the words that decided it, and corrected by whoever read them."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Product, Review
from recommender import moods, reviews
from recommender.training.sentiment import learnable
from tests import desk
from tests.conftest import NOW
from tests.recommender.test_reviews import shop, trained, write

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
PAGE = "admin:recommender_modelversion_moods"


@pytest.fixture(autouse=True)
def _models(settings, tmp_path) -> None:
    settings.MODEL_DIR = tmp_path


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def judged(product: Product, sentiments: list[float | None], *, days: int = 0, of: str = "r") -> None:
    Review.objects.bulk_create(
        Review(
            product=product, source="shop", message_id=f"{of}-{days}-{n}", text="words", sentiment=told,
            written_at=NOW - timedelta(days=days),
        )
        for n, told in enumerate(sentiments)
    )  # fmt: skip


def test_shares_carry_their_interval_and_add_up(products) -> None:
    judged(products["rose"], [0.9] * 30 + [0.5] * 6 + [0.1] * 4 + [None] * 50)
    (month,) = moods.monthly(Review.objects.all())
    assert (month.begins, month.reviews) == (date(2026, 11, 1), 40)
    assert [(one.mood, one.share) for one in month.shares] == [
        ("positive", 0.75), ("neutral", 0.15), ("negative", 0.1),
    ]  # fmt: skip
    positive = month.shares[0]
    assert (round(positive.low, 3), round(positive.high, 3)) == (0.598, 0.858)  # Wilson, 30 of 40


def test_n1_of_fewer_than_twenty_reviews_of_a_month_no_share_is_told(products, client) -> None:
    judged(products["rose"], [0.9] * 19)
    judged(products["rose"], [0.9] * 20, days=40)
    newest, older = moods.monthly(Review.objects.all())
    assert (newest.shares, len(older.shares)) == ((), 3)
    assert "&lt; 20" in client.get(reverse(PAGE)).content.decode()


@pytest.mark.parametrize(
    ("told", "said"), [(0.6, "positive"), (0.59, "neutral"), (0.41, "neutral"), (0.4, "negative")]
)
def test_between_the_two_bounds_nothing_is_claimed(told: float, said: str) -> None:
    assert moods.mood(told) == said


def test_the_words_that_decided_are_those_without_which_it_would_say_less(shop) -> None:
    trained()
    judge = reviews.live()
    assert judge is not None
    good, bad, mixed, chinese, silent = moods.decided_by(
        judge, ["lovely and sturdy 7", "broke at once, dull 7", "the lovely broke", "很满意，质量很好", ""]
    )
    assert {"lovely", "sturdy"} <= set(good)
    assert {"broke", "dull"} & set(bad)
    assert len(mixed) <= 1
    assert set(chinese) <= {"很满", "满意", "质量", "量很", "很好"}
    assert chinese
    assert silent == []


def test_a_correction_holds_against_the_model_until_the_words_change(client, shop, server) -> None:
    trained()
    row = Review.objects.filter(rating=5).first()
    assert row is not None
    client.get(reverse(PAGE))
    client.post(reverse(PAGE), {"review": row.pk, "says": "unfavourable"})
    row.refresh_from_db()
    assert (row.sentiment, row.corrected_by) == (0.0, "marta")
    judge = reviews.live()
    assert judge is not None
    reviews.judge_all(reviews.Judge(judge.version + 1, judge.model))
    row.refresh_from_db()
    assert row.sentiment == 0.0
    rated = learnable()
    labels = dict(zip(rated.texts, rated.labels.tolist(), strict=True))
    assert labels[reviews.said(row.title, row.text)] == 0, (
        "the next training learns from it, five stars or not"
    )


def test_nothing_is_corrected_by_a_look_an_unknown_word_or_whoever_may_not(client, products) -> None:
    judged(products["rose"], [0.9])
    row = Review.objects.get()
    for sent in (
        {"review": row.pk},
        {"review": row.pk, "says": "great"},
        {"review": "x", "says": "favourable"},
    ):
        client.post(reverse(PAGE), sent)
    row.refresh_from_db()
    assert (row.sentiment, row.corrected_by) == (0.9, "")


def test_a_product_and_a_category_are_asked_about_and_a_wrong_one_is_told(client, products) -> None:
    judged(products["rose"], [0.9] * 20)
    judged(products["mug"], [0.1] * 20, of="m")
    told = client.get(reverse(PAGE), {"sku": products["mug"].sku})
    assert {one.mood for one in told.context["newest"]} == {"negative"}
    slug = products["rose"].category.slug
    assert {one.mood for one in client.get(reverse(PAGE), {"category": slug}).context["newest"]} == {
        "positive"
    }
    wrong = client.get(reverse(PAGE), {"sku": "nothing"})
    assert "There is no product nothing." in wrong.content.decode()


def test_the_page_asks_no_more_of_many_reviews_than_of_few(client, shop) -> None:
    trained()
    client.get(reverse(PAGE))
    counts = []
    for n in (1, 100):
        write(shop, [f"lovely thing {n} {k}" for k in range(n)], 5, of=f"more{n}")
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse(PAGE))
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 20
