"""Which customers for this product: only who allows it, from their newest history, without a query a person."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import segments
from catalog.models import Product
from customers import consent, events, histories
from customers.models import Customer
from recommender import serving
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.item_knn import ItemKNN
from recommender.serving import affinity
from tests.conftest import NOW
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import buys, customer, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


def product(sku: str) -> int:
    return Product.objects.get(sku=sku).pk


def category(name: str) -> list[int]:
    return list(Product.objects.filter(category__slug=name).values_list("pk", flat=True))


def test_the_best_are_those_the_model_scores_highest(shop: list[str], monkeypatch) -> None:
    model = serving.load(go_live(ItemKNN(half_life=60.0)))
    monkeypatch.setattr(affinity, "PAGE", 7)
    found = affinity.customers_for([product("garden3")], top=20, at=NOW)
    people = [customer(name) for n, name in enumerate(shop) if n % 10]
    pasts = [
        serving.history(acts, person=pk) for pk, acts in histories.newest(people, "personalization").items()
    ]
    scores = model.scores(pasts, at=histories.day(NOW))[:, np.searchsorted(model.items_, product("garden3"))]
    expected = sorted(zip(-scores.astype(float), people, strict=True))[:20]
    assert [one.customer_id for one in found] == [pk for _score, pk in expected]
    assert [one.score for one in found] == pytest.approx([-score for score, _pk in expected], rel=1e-5)


def test_a_category_finds_its_camp_and_nobody_without_leave(shop: list[str]) -> None:
    go_live(Hybrid([(0.7, Frequency()), (0.3, ItemKNN())]))
    found = {one.customer_id for one in affinity.customers_for(category("garden"), top=500, at=NOW)}
    gardeners = {customer(name) for n, name in enumerate(shop) if n % 2 and n % 10}
    assert found == gardeners


def test_the_next_order_counts(shop: list[str]) -> None:
    go_live(Frequency())
    for n in range(30):
        events.take_in([buys("p2", "garden3", 0.1 + n / 100)], source="t", at=NOW)
    assert affinity.customers_for([product("garden3")], top=1, at=NOW)[0].customer_id == customer("p2")


def test_queries_grow_with_pages_and_not_with_people(shop: list[str], monkeypatch) -> None:
    go_live(ItemKNN())
    counts = []
    for page in (1000, 54):
        monkeypatch.setattr(affinity, "PAGE", page)
        with CaptureQueriesContext(connection) as queries:
            affinity.customers_for(category("garden"), top=10, at=NOW)
        counts.append(len(queries))
    assert counts[1] - counts[0] == 3  # one page more: its people, their acts and what they refused


def test_nothing_learnt_is_said_in_words(shop: list[str]) -> None:
    with pytest.raises(affinity.NothingLearnt, match="train the recommender first"):
        affinity.customers_for([1], top=10, at=NOW)
    go_live(ItemKNN())
    with pytest.raises(affinity.NothingLearnt, match="has bought this yet"):
        affinity.customers_for([10**9], top=10, at=NOW)
    with pytest.raises(ValueError, match="top"):
        affinity.customers_for([product("garden1")], top=0, at=NOW)


def test_a_segment_by_affinity_holds_whom_the_product_suits_while_they_allow_it(shop: list[str]) -> None:
    go_live(ItemKNN())
    rule = {"affinity": {"category": "garden"}, "top": 10}
    best = [one.customer_id for one in affinity.customers_for(category("garden"), top=10, at=NOW)]
    assert set(segments.matching(rule, at=NOW).values_list("pk", flat=True)) == set(best)
    assert segments.matches(rule, best[0], at=NOW)
    consent.withdraw(best[0], "personalization", method="m", source="s", actor="a", at=NOW)
    with CaptureQueriesContext(connection) as queries:
        left = set(segments.matching(rule, at=NOW).values_list("pk", flat=True))
    assert left == set(best[1:])
    assert len(queries) <= 3  # the live model, the category's products, the rule: the list is kept
    spanned = segments.matching(rule, at=NOW, span=(best[1] - 1, best[1]))
    assert list(spanned.values_list("pk", flat=True)) == [best[1]]


def test_a_segment_by_affinity_says_when_nothing_is_learnt(shop: list[str]) -> None:
    rule = {"affinity": {"sku": "garden1"}}
    segments.check(rule)
    with pytest.raises(segments.InvalidRule, match="train the recommender first"):
        segments.matching(rule, at=NOW)


def test_offers_fit_the_people_they_are_for(shop: list[str]) -> None:
    go_live(Frequency())
    groups = {"garden": category("garden"), "kitchen": category("kitchen"), "unseen": [10**9]}
    everyone = affinity.fits(Customer.objects.all(), groups, at=NOW)
    assert {fit.people for fit in everyone.values()} == {108}
    assert everyone["garden"].share == pytest.approx(60 / 108)
    one = affinity.fits(Customer.objects.filter(external_id="p1"), groups, at=NOW)
    assert {name: fit.share for name, fit in one.items()} == {"garden": 1.0, "kitchen": 0.0, "unseen": 0.0}
