"""The storefront's door to recommendations."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import consent, events, identities
from recommender import training
from recommender.models import ModelVersion, TrainingRun
from tests.conftest import NOW, Caller
from tests.recommender.test_training_and_serving import buys, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def trained(shop: list[str]) -> list[str]:
    training.ask("recommend", algorithms=["blend", "popularity", "frequency"])
    run = training.claim(at=NOW)
    assert run is not None
    training.work(run, at=NOW)
    return shop


def skus(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["sku"] for item in answer["items"]]


def test_before_anything_is_learnt_there_is_still_a_list(server: Caller, products) -> None:
    answer = server("GET", "recommendations?customer=nobody&limit=3").body
    assert (answer["personalized"], answer["model"], len(answer["items"])) == (False, None, 3)
    assert {item["reason"]["type"] for item in answer["items"]} == {"new"}


def test_a_person_gets_their_own_list_and_the_next_event_changes_it(
    server: Caller, trained: list[str]
) -> None:
    before = server("GET", "recommendations?customer=p1&limit=5&mode=new&explain=true").body
    assert before["personalized"] is True
    assert len(before["items"]) == 5
    assert {item["reason"]["type"] for item in before["items"]} <= {"because_bought", "for_you", "popular"}
    taken = before["items"][0]["sku"]
    events.take_in([buys("p1", taken, 0.01)], source="t", at=NOW)
    after = server("GET", "recommendations?customer=p1&limit=5&mode=new").body
    assert taken not in skus(after)


def test_who_does_not_allow_it_gets_what_strangers_get(server: Caller, trained: list[str]) -> None:
    stranger = server("GET", "recommendations?customer=nobody").body
    refused = server("GET", "recommendations?customer=p0").body
    assert refused["personalized"] is False
    assert skus(refused) == skus(stranger)
    p1 = identities.find(["p1"])["p1"]
    consent.withdraw(p1, "personalization", method="m", source="s", actor="a", at=NOW)
    assert skus(server("GET", "recommendations?customer=p1").body) == skus(stranger)


def test_a_browser_without_a_token_gets_the_strangers_list(browser, trained: list[str]) -> None:
    assert browser("")("GET", "recommendations?customer=p1").body["personalized"] is False
    assert browser("p1")("GET", "recommendations").body["personalized"] is True


def test_filters_hold(server: Caller, trained: list[str]) -> None:
    all_of = server("GET", "recommendations?customer=p1&category=garden&limit=50").body
    assert {sku[:6] for sku in skus(all_of)} == {"garden"}
    first = skus(all_of)[0]
    assert first not in skus(server("GET", f"recommendations?customer=p1&exclude={first}").body)
    for query in ("limit=0", "limit=101", "mode=x", "limit=a"):
        assert server("GET", f"recommendations?{query}").status == 400


def test_similar_products_and_what_goes_with_an_item(server: Caller, trained: list[str]) -> None:
    similar = server("GET", "products/garden1/similar?limit=4").body
    assert len(similar["items"]) == 4
    assert "garden1" not in skus(similar)
    assert similar["items"][0]["reason"]["skus"] == ["garden1"]
    assert skus(server("GET", "recommendations?item=garden1&limit=4").body) == skus(similar)
    assert server("GET", "products/none/similar").status == 404


def test_rank_gives_the_same_skus_back(server: Caller, trained: list[str]) -> None:
    asked = ["kitchen3", "unknown", "garden2", "garden5", "kitchen3"]
    answer = server("POST", "rank", {"customer": "p1", "skus": asked}).body
    assert sorted(answer["skus"]) == sorted(set(asked))
    assert answer["skus"][-1] == "unknown"


def test_an_answer_costs_a_bounded_number_of_queries(server: Caller, trained: list[str]) -> None:
    server("GET", "recommendations?customer=p1")
    counts = []
    for limit in (2, 24):
        with CaptureQueriesContext(connection) as queries:
            server("GET", f"recommendations?customer=p1&limit={limit}&explain=true")
        counts.append(len(queries))
    assert counts[0] <= counts[1] <= counts[0] + 1  # a short list may have no reason that names a product
    assert counts[0] <= 11


def test_models_are_told_and_a_training_can_be_asked_for(server: Caller, trained: list[str]) -> None:
    live = server("GET", "models").body
    assert {row["task"] for row in live} == {"recommend", "popular"}
    assert ModelVersion.objects.filter(state="live").count() == 2
    run = server("POST", "models/train", {"task": "recommend"})
    assert run.status == 202
    assert server("GET", f"training-runs/{run.body['id']}").body["state"] == "waiting"
    assert server("POST", "models/train", {"algorithms": ["magic"]}).status == 400
    assert server("GET", "training-runs/0").status == 404
    assert TrainingRun.objects.count() == 2
