"""C14: what people said is not true of them is not worked out, shown or used until they take it back."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import segments
from catalog.models import Category, Product
from customers import events, histories, identities
from recommender import refusals, serving
from recommender.algorithms.item_knn import ItemKNN
from recommender.models import Interest, ModelVersion, RefusedInterest, Task
from recommender.serving import affinity
from tests.conftest import NOW, Caller
from tests.recommender.live import go_live, strangers
from tests.recommender.test_training_and_serving import buys, customer, shop, trained

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


def garden() -> Category:
    return Category.objects.get(slug="garden")


def interest(who: int, category: Category, probability: float = 0.9) -> None:
    model, _new = ModelVersion.objects.get_or_create(
        task=Task.INTERESTS, defaults={"algorithm": "interest", "state": "live", "file": "f", "sha256": "0",
                                       "people": 1, "interactions": 1, "trained_until": NOW},
    )  # fmt: skip
    Interest.objects.create(customer_id=who, category=category, probability=probability, model=model)


@pytest.mark.slow
def test_c14_training_writes_everything_but_what_was_refused_until_it_is_taken_back(shop: list[str]) -> None:
    who, other = customer("p1"), customer("p3")
    trained("interests")
    written = set(Interest.objects.values_list("customer_id", "category_id"))
    pair = (who, garden().pk)
    assert pair in written, "the shop is large enough for something to be learnt"
    assert refusals.refuse(*pair, at=NOW)
    assert not Interest.objects.filter(customer=who, category=garden()).exists(), "at once"
    trained("interests")
    assert set(Interest.objects.values_list("customer_id", "category_id")) == written - {pair}
    assert (other, garden().pk) in written
    refusals.take_back(*pair)
    trained("interests")
    assert set(Interest.objects.values_list("customer_id", "category_id")) == written


def test_c14_a_refusal_hides_what_a_training_wrote_at_the_same_moment(
    shop: list[str], server: Caller
) -> None:
    who, other = customer("p1"), customer("p3")
    refusals.refuse(who, garden().pk, at=NOW)
    for pk in (who, other):
        interest(pk, garden())
    rule = {"interest": "garden", "gte": 0.5}
    assert set(segments.matching(rule, at=NOW).values_list("pk", flat=True)) == {other}
    assert server("GET", "customers/p1/profile").body["interests"] == []
    assert [one["category"] for one in server("GET", "customers/p3/profile").body["interests"]] == ["garden"]


def test_c14_their_ranking_reads_nothing_into_what_they_refused(shop: list[str]) -> None:
    go_live(ItemKNN())
    strangers()
    who, other = customer("p1"), customer("p3")
    assert serving.recommend(who, at=NOW).personalized
    before = serving.recommend(other, at=NOW, explain=False)
    refusals.refuse(who, garden().pk, at=NOW)
    answer = serving.recommend(who, at=NOW)
    # A gardener who did nothing else gets what strangers get.
    assert (answer.personalized, answer.permission) == (False, None)
    assert [item.sku for item in answer.items] == [item.sku for item in serving.recommend(None, at=NOW).items]
    after = serving.recommend(other, at=NOW, explain=False)
    assert [item.sku for item in after.items] == [item.sku for item in before.items]


def test_c14_the_rest_of_what_they_did_still_counts(shop: list[str]) -> None:
    model = serving.load(go_live(ItemKNN()))
    who = customer("p1")
    # One thing of the other camp, bought now.
    events.take_in([buys("p1", "kitchen3", 0.1)], source="t", at=NOW)
    refusals.refuse(who, garden().pk, at=NOW)
    answer = serving.recommend(who, at=NOW, limit=5, filters=serving.Filters(mode="new"))
    assert answer.personalized
    chosen = [item for item in answer.items if item.reason.type.startswith("because")]
    assert chosen
    assert {sku for item in chosen for sku in item.reason.skus} == {"kitchen3"}
    alone = serving.history(
        [act for act in histories.newest([who], "personalization")[who] if act.type == "ordered"][:1]
    )
    best = model.recommend([alone], 1, at=histories.day(NOW), mode="new")[0].items
    assert chosen[0].product_id == int(best[0])


def test_c14_nobody_is_found_for_what_they_refused(shop: list[str]) -> None:
    go_live(ItemKNN())
    products = list(Product.objects.filter(category=garden()).values_list("pk", flat=True))
    rule = {"affinity": {"category": "garden"}, "top": 5000}
    who = customer("p1")
    assert who in {one.customer_id for one in affinity.customers_for(products, top=500, at=NOW)}
    assert segments.matches(rule, who, at=NOW)
    refusals.refuse(who, garden().pk, at=NOW)
    assert who not in {one.customer_id for one in affinity.customers_for(products, top=500, at=NOW)}
    # Also while the list that was worked out before is still kept.
    assert not segments.matches(rule, who, at=NOW)
    refusals.take_back(who, garden().pk)
    assert segments.matches(rule, who, at=NOW)


def test_c10_of_two_who_are_one_both_s_refusals_hold(shop: list[str], server: Caller) -> None:
    keep, gone, other = customer("p1"), customer("p2"), customer("p3")
    kitchen = Category.objects.create(name="Kitchenware", slug="kitchenware")
    for who, category in ((keep, kitchen), (gone, kitchen), (gone, garden()), (other, garden())):
        refusals.refuse(who, category.pk, at=NOW)
    interest(keep, garden())
    identities.merge(keep, gone, actor="tests", at=NOW)
    assert set(RefusedInterest.objects.values_list("customer", "category")) == {
        (keep, kitchen.pk), (keep, garden().pk), (other, garden().pk)
    }  # fmt: skip
    assert server("GET", "customers/p1/profile").body["interests"] == []
    assert not segments.matches({"interest": "garden", "gte": 0.5}, keep, at=NOW)


def test_many_people_cost_no_more_queries_than_one(shop: list[str]) -> None:
    go_live(ItemKNN())
    strangers()
    ids = [customer(name) for name in shop[1:9]]
    RefusedInterest.objects.bulk_create(
        RefusedInterest(customer_id=pk, category=garden(), at=NOW) for pk in ids
    )
    serving.recommend_many(ids, at=NOW)  # the catalogue is read once
    counts = []
    for asked in (ids[:1], ids):
        with CaptureQueriesContext(connection) as queries:
            serving.recommend_many(asked, at=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_refusing_twice_is_once_and_of_nothing_is_nothing(shop: list[str]) -> None:
    who = customer("p1")
    assert refusals.refuse(who, garden().pk, at=NOW)
    assert refusals.refuse(who, garden().pk, at=NOW)
    assert not refusals.refuse(who, 10**9, at=NOW)
    assert RefusedInterest.objects.count() == 1
