"""How varied what was shown is (N4): figures worked by hand, and what re-ranks a list says so."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Product
from customers import histories
from customers.models import Event
from recommender import diversity, serving
from recommender.models import Shown
from recommender.serving.arrangement import Arrangement
from tests import desk
from tests.conftest import NOW
from tests.recommender.test_placements import ask as ask
from tests.recommender.test_placements import learnt as learnt
from tests.recommender.test_placements import shelf
from tests.recommender.test_training_and_serving import customer, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


def shown(*skus: str, who: int | None = None, at=NOW - timedelta(hours=1), **fields: object) -> None:
    items = [{"sku": sku, "propensity": None, "promotion": "", **fields} for sku in skus]
    basis = "default" if who is not None else ""
    Shown.objects.create(
        recommendation_id=uuid4(), customer_id=who, placement="shelf", items=items, at=at, basis=basis
    )


def test_n4_coverage_and_gini_of_what_was_shown_worked_by_hand(shop: list[str]) -> None:
    skus = list(Product.objects.order_by("pk").values_list("sku", flat=True))
    n = len(skus)
    for _turn in range(20):
        shown(skus[0], skus[1], reranked_by="mmr")
    (week,) = diversity.weekly(at=NOW, weeks=1)
    assert (week.lists, week.coverage, week.reranked) == (20, 2 / n, 1.0)
    # Two of n shown alike: Σ(2i − n − 1)·x over n·Σx, with i the last two places, is (n − 2)/n.
    assert week.gini == pytest.approx((n - 2) / n)
    for sku in skus:
        for _turn in range(10):
            shown(sku, at=NOW - timedelta(days=8))
    last = diversity.weekly(at=NOW, weeks=2)[1]
    assert (last.coverage, last.reranked) == (1.0, 0.0) and last.gini == pytest.approx(0.0)


def test_n4_fewer_than_twenty_lists_tell_nothing(shop: list[str]) -> None:
    sku = Product.objects.order_by("pk").first().sku
    for _turn in range(19):
        shown(sku)
    (week,) = diversity.weekly(at=NOW, weeks=1)
    assert week == diversity.Week(NOW - timedelta(days=7), 19)


def test_n4_novelty_is_higher_for_what_fewer_bought(shop: list[str]) -> None:
    buyers, people = diversity._buyers(at=NOW)
    skus = sorted(Product.objects.values_list("sku", flat=True), key=lambda sku: buyers.get(sku, 0))
    assert people >= 20 and buyers[skus[-1]] > buyers.get(skus[0], 0)
    found = []
    for weeks, sku in ((0, skus[-1]), (1, skus[0])):
        for _turn in range(20):
            shown(sku, at=NOW - timedelta(hours=1, weeks=weeks))
        found.append(diversity.weekly(at=NOW, weeks=2)[weeks].novelty or 0.0)
    assert found[1] > found[0] >= 0


def test_n4_calibration_is_nought_where_the_list_has_the_shares_of_the_past(learnt: list[str]) -> None:
    """Everyone's past is of their own categories: a list of what they bought agrees, one of the others does not."""
    acts = histories.behaviour("personalization", types=["ordered"])
    people = sorted(set(acts.values_list("customer_id", flat=True)))
    assert len(people) >= 20
    by_category: dict[int, list[str]] = {}
    for sku, category in Product.objects.values_list("sku", "category_id"):
        by_category.setdefault(category, []).append(sku)
    for pk in people:
        mine = list(acts.filter(customer=pk).values_list("product__sku", flat=True))
        shown(*mine, who=pk)
        own = set(Product.objects.filter(sku__in=mine).values_list("category_id", flat=True))
        others = [sku for category, skus in by_category.items() if category not in own for sku in skus]
        shown(*(others[:3] or mine), who=pk, at=NOW - timedelta(days=8))
    now, before = diversity.weekly(at=NOW, weeks=2)
    assert now.calibration is not None and before.calibration is not None
    assert now.calibration < 0.1 < before.calibration


def test_n4_what_people_do_after_a_list_is_not_the_past_it_is_held_against(learnt: list[str]) -> None:
    acts = histories.behaviour("personalization", types=["ordered"])
    for pk in sorted(set(acts.values_list("customer_id", flat=True))):
        shown(*acts.filter(customer=pk).values_list("product__sku", flat=True), who=pk)
    before = diversity.weekly(at=NOW, weeks=1)[0].calibration
    other = Product.objects.exclude(category__in=acts.values("product__category")[:1]).order_by("pk").first()
    Event.objects.filter(pk__in=[row.pk for row in acts]).update(product=other)
    assert diversity.weekly(at=NOW, weeks=1)[0].calibration != before, "what came before does count"
    Event.objects.update(occurred_at=NOW - timedelta(minutes=1))
    assert diversity.weekly(at=NOW, weeks=1)[0].calibration is None, "then nobody has a past"


def test_n4_what_varied_a_list_is_logged_with_each_item_s_place_by_relevance(ask: Callable) -> None:
    plain = [item["sku"] for item in ask(limit=24)]
    assert all("reranked_by" not in item for item in ask())
    row = shelf(diversity="mmr", strength=0.9, is_measured=True)
    items = ask("&explain=true")
    assert {item["reranked_by"] for item in items} == {"mmr"}
    assert [item["relevance_place"] for item in items] == [plain.index(item["sku"]) + 1 for item in items]
    assert [item["relevance_place"] for item in items] != list(range(1, 11)), "else it varied nothing"
    kept = Shown.objects.latest("pk").items
    assert [(one["reranked_by"], one["relevance_place"]) for one in kept] == [
        ("mmr", item["relevance_place"]) for item in items
    ]
    row.diversity = "calibrated"
    row.save()
    assert {item["reranked_by"] for item in ask()} == {"calibrated"}
    assert all("reranked_by" not in item for item in ask(who="nobody")), (
        "who has no past gets the plain order"
    )


def test_n4_without_strength_nothing_is_said_to_be_varied(learnt: list[str]) -> None:
    how = Arrangement("mmr", strength=0.0)
    answer = serving.recommend(customer("p1"), at=NOW, how=how)
    assert {item.reranked_by for item in answer.items} == {""}


def test_n4_the_desk_s_page_works_it_out_when_asked(shop: list[str]) -> None:
    client = Client()
    client.force_login(desk.staff())
    sku = Product.objects.order_by("pk").first().sku
    for _turn in range(20):
        shown(sku, at=timezone.now() - timedelta(hours=1))
    page = reverse("admin:recommender_shown_variety")
    assert "The last twelve weeks" not in client.get(page).content.decode()
    told = client.get(page + "?now=1").content.decode()
    assert "The last twelve weeks" in told and told.count("<tr>") == 13


def test_n4_queries_do_not_grow_with_lists(shop: list[str]) -> None:
    sku = Product.objects.order_by("pk").first().sku
    counts = []
    for _turn in range(2):
        for _list in range(30):
            shown(sku)
        with CaptureQueriesContext(connection) as queries:
            diversity.weekly(at=NOW, weeks=2)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 9
