"""Why an item is there: what the person did says it, or nothing is claimed."""

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command

from customers import consent, events, histories
from customers.models import Event
from recommender import explanations, serving
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.item_knn import ItemKNN
from recommender.algorithms.popularity import Popularity
from recommender.algorithms.user_knn import UserKNN
from recommender.serving import Filters
from tests.conftest import NOW, Caller, evidence
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import buys, customer, shop

__all__ = ["shop"]
NEW = Filters(mode="new")


@pytest.mark.parametrize(
    ("titles", "told"),
    [
        (["tea"], "tea"),
        (["tea", "mug"], "tea and mug"),
        (["tea", "mug", "pan"], "tea, mug and pan"),
        (["tea", "mug", "pan", "a", "b"], "tea, mug, pan and 2 more"),
    ],
)
def test_a_sentence_names_three_and_counts_the_others(titles: list[str], told: str) -> None:
    assert explanations.words("because_bought", titles, 0.5) == f"Because you bought {told}"


def test_a_part_of_the_score_is_told_as_a_part() -> None:
    assert explanations.words("because_bought", ["tea"], 0.49) == "Partly because you bought tea"
    assert (
        explanations.words("because_interested", ["tea"], 0.3) == "Partly because you were interested in tea"
    )
    assert explanations.words("for_you", (), 0.0) == "Chosen for you"


def test_every_kind_has_words_of_its_own() -> None:
    assert len({explanations.words(kind, ["tea"]) for kind in explanations.KINDS}) == len(explanations.KINDS)


@pytest.mark.django_db
def test_the_reasons_are_the_fewest_past_products_that_carry_half_of_what_the_model_adds_up(
    shop: list[str],
) -> None:
    model = serving.load(go_live(ItemKNN()))
    explained = 0
    for name in ("p1", "p2", "p3", "p5", "p7"):
        who = customer(name)
        past = serving.history(histories.newest([who], "personalization")[who], person=who)
        for item in serving.recommend(who, at=NOW, limit=5, filters=NEW).items:
            if not item.score:  # the other camp's
                assert item.reason.type == "popular"
                continue
            parts = model.contributions(past, item.product_id, at=histories.day(NOW))
            assert parts.sum() == pytest.approx(item.score, rel=1e-4)
            ranked = sorted((parts[past.items == pk].sum() for pk in np.unique(past.items)), reverse=True)
            needed = int(np.searchsorted(np.cumsum(ranked), item.score / 2)) + 1
            assert (item.reason.type, len(item.reason.skus)) == ("because_bought", needed)
            assert item.reason.share == pytest.approx(sum(ranked[:needed]) / item.score, rel=1e-4)
            explained += 1
    assert explained >= 5


@pytest.mark.django_db
def test_who_only_looked_is_not_told_that_they_bought(shop: list[str]) -> None:
    go_live(ItemKNN())
    who = customer("p1")
    consent.give(who, "analytics", evidence=evidence("analytics"), at=NOW)
    Event.objects.filter(customer_id=who).delete()
    events.take_in([buys("p1", "garden1", 0.01, kind="viewed")], source="t", at=NOW)
    shown = serving.recommend(who, at=NOW, limit=24)
    kinds = {item.sku: item.reason for item in shown.items}
    assert kinds["garden1"].type == "seen_before"
    reasons = [reason for sku, reason in kinds.items() if sku != "garden1" and reason.skus]
    assert reasons
    assert {reason.type for reason in reasons} == {"because_interested"}
    assert serving.recommend(who, at=NOW, filters=Filters(mode="again")).items == []


@pytest.mark.django_db
def test_a_model_that_cannot_be_taken_apart_gives_no_reason_and_says_so(shop: list[str]) -> None:
    go_live(UserKNN())
    answer = serving.recommend(customer("p1"), at=NOW, limit=24, filters=NEW)
    assert answer.model.algorithm == "user_knn"
    told = {(item.reason.type, item.reason.share) for item in answer.items}
    assert told <= {("for_you", 0.0), ("popular", None)}
    assert not any(item.reason.skus for item in answer.items)


@pytest.mark.django_db
def test_what_is_only_popular_is_not_called_chosen(shop: list[str]) -> None:
    """The other camp's things have a score in the hybrid, all of it from what everybody takes."""
    go_live(Hybrid([(0.7, Frequency()), (0.3, ItemKNN()), (0.1, Popularity())]))
    answer = serving.recommend(customer("p1"), at=NOW, limit=24)
    kinds = {item.reason.type for item in answer.items if item.sku.startswith("kitchen")}
    assert answer.items[-1].score > 0
    assert kinds == {"popular"}


@pytest.mark.django_db
def test_the_command_and_the_api_tell_the_share(shop: list[str], server: Caller) -> None:
    go_live(ItemKNN())
    said = StringIO()
    call_command("recommend", "p1", "--explain", stdout=said)
    assert "Because you bought" in said.getvalue()
    assert "% of the score)" in said.getvalue()
    told = StringIO()
    call_command("recommend", "p1", "--explain", "--json", stdout=told)
    shares = [item["share"] for item in json.loads(told.getvalue())["items"] if item["skus"]]
    assert shares
    assert all(0 < share <= 1.0001 for share in shares)
    answer = server("GET", "recommendations?customer=p1&mode=new&explain=true&limit=3").body
    assert [0 < item["reason"]["share"] <= 1.0001 for item in answer["items"]] == [True] * 3
