"""A placement's rules hold whatever a request asks; chance and promotions are told; what is kept needs leave."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Category, Product
from customers import consent, events, retention
from recommender import serving
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.item_knn import ItemKNN
from recommender.models import Placement, Promotion, Shown
from recommender.serving import placements
from tests.conftest import NOW, Caller
from tests.recommender.live import go_live, strangers
from tests.recommender.test_training_and_serving import buys, customer, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def learnt(shop: list[str]) -> list[str]:
    go_live(Hybrid([(0.7, Frequency(60.0)), (0.3, ItemKNN())]))
    strangers()
    return shop


@pytest.fixture
def ask(server: Caller, learnt: list[str]) -> Callable[..., list[dict]]:
    def asked(query: str = "", who: str = "p1", limit: int = 10) -> list[dict]:
        answer = server("GET", f"recommendations?customer={who}&placement=shelf&limit={limit}{query}")
        assert answer.status == 200, answer.body
        items: list[dict] = answer.body["items"]
        return items

    return asked


def shelf(**fields) -> Placement:
    row = Placement(name="Shelf", slug="shelf", **fields)
    row.full_clean()
    row.save()
    return row


def skus(items: list[dict]) -> list[str]:
    return [item["sku"] for item in items]


def bought(who: str) -> set[str]:
    return set(
        Product.objects.filter(events__customer_id=customer(who), events__type="ordered").values_list(
            "sku", flat=True
        )
    )


def promote(row: Placement, name: str, percent: int, *skus: str, **fields) -> Promotion:
    promotion = Promotion.objects.create(placement=row, name=name, percent=percent, **fields)
    promotion.products.set(Product.objects.filter(sku__in=skus))
    return promotion


def test_an_unknown_placement_is_no_rule(ask) -> None:
    plain = serving.recommend(customer("p1"), at=NOW, explain=False)
    assert skus(ask()) == [item.sku for item in plain.items]
    assert set(ask()[0]) == {"sku", "score", "reason"}


def test_what_was_bought_may_be_the_only_thing_or_left_out(ask) -> None:
    row = shelf(bought="only")
    assert set(skus(ask(limit=24))) == bought("p1")
    Placement.objects.filter(pk=row.pk).update(bought="exclude")
    assert set(skus(ask(limit=24))) == set(Product.objects.values_list("sku", flat=True)) - bought("p1")


def test_only_what_was_bought_lately_is_left_out(learnt) -> None:
    events.take_in([buys("p1", "garden1", 5.0), buys("p1", "garden2", 50.0)], source="t", at=NOW)
    lately = set(
        Product.objects.filter(
            events__customer_id=customer("p1"), events__occurred_at__gt=NOW - timedelta(days=30)
        ).values_list("sku", flat=True)
    )
    assert "garden1" in lately
    shelf(mode="again", bought="exclude", bought_within_days=30)
    placed = placements.named("shelf", at=NOW)
    told = serving.recommend(customer("p1"), at=NOW, limit=24, filters=placed.filters, how=placed.how)
    assert {item.sku for item in told.items} == bought("p1") - lately


def test_again_and_new_are_served_apart(ask) -> None:
    row = shelf(mode="again")
    again = set(skus(ask(limit=24)))
    Placement.objects.filter(pk=row.pk).update(mode="new")
    new = set(skus(ask(limit=24)))
    assert again == bought("p1")
    assert new == set(Product.objects.values_list("sku", flat=True)) - again


def test_a_request_narrows_and_never_widens(ask, server: Caller) -> None:
    row = shelf(mode="new")
    row.categories.set(Category.objects.filter(name="kitchen"))
    Product.objects.filter(sku="kitchen1").update(in_stock=False, updated_at=NOW)
    assert {sku[:7] for sku in skus(ask(limit=24))} == {"kitchen"}
    assert ask("&category=garden") == []
    assert "kitchen1" not in skus(ask("&in_stock=false", limit=24))
    first = skus(ask())[0]
    assert first not in skus(ask(f"&exclude={first}", limit=24))
    refused = server("GET", "recommendations?customer=p1&placement=shelf&mode=again")
    assert refused.status == 400
    assert "new to the customer" in str(refused.body)


def test_variety_mixes_what_relevance_would_not(ask) -> None:
    plain = skus(ask(limit=6))
    assert {sku[:6] for sku in plain} == {"garden"}
    shelf(diversity="mmr", strength=0.9)
    assert {sku[:6] for sku in skus(ask(limit=6))} == {"garden", "kitche"}


def test_a_calibrated_list_keeps_the_shares_of_the_past(ask) -> None:
    """Sixteen garden things were bought; sixteen kitchen things more make it half and half."""
    more = [buys("p1", f"kitchen{n % 4}", 100.0 + n) for n in range(16)]
    events.take_in(more, source="t", at=NOW)
    shelf(diversity="calibrated", strength=0.99)
    counts = [sum(sku.startswith(camp) for sku in skus(ask())) for camp in ("garden", "kitchen")]
    assert counts == [5, 5]


def test_a_promotion_has_its_share_is_named_and_stands_in_its_own_order(ask) -> None:
    row = shelf()
    promote(row, "Winter", 25, "kitchen1", "kitchen2", "kitchen3")
    promote(row, "Over", 50, "kitchen4", "kitchen5", "kitchen6", ends_at=NOW - timedelta(days=400))
    plain = [item.sku for item in serving.recommend(customer("p1"), at=NOW, explain=False).items]
    places = set()
    for _n in range(12):
        items = ask()
        marked = [place for place, item in enumerate(items) if item.get("promotion") == "Winter"]
        assert len(marked) == 2  # a quarter of ten, rounded down
        assert len(items) == len(set(skus(items))) == 10
        assert [sku for n, sku in enumerate(skus(items)) if n not in marked] == plain[:8]
        promoted = [items[place] for place in marked]
        assert promoted[0]["score"] >= promoted[1]["score"]
        places.add(tuple(marked))
    assert len(places) > 1


def test_a_promotion_of_a_category_that_nobody_has_bought_from_yet_is_shown(ask) -> None:
    promotion = promote(shelf(), "New", 30)
    fresh = Category.objects.create(name="Fresh", slug="fresh")
    promotion.categories.set([fresh])
    Product.objects.filter(sku__in=("kitchen7", "kitchen8")).update(category=fresh, updated_at=NOW)
    Product.objects.create(sku="cold", title="Cold", category=fresh, price=1, currency="EUR", is_listed=True)
    assert {item["sku"] for item in ask() if item.get("promotion")} == {"kitchen7", "kitchen8", "cold"}
    assert {item["sku"] for item in ask(who="nobody") if item.get("promotion")} >= {"cold"}
    Product.objects.filter(sku="cold").update(in_stock=False, updated_at=NOW + timedelta(seconds=1))
    assert {item["sku"] for item in ask() if item.get("promotion")} == {"kitchen7", "kitchen8"}


def test_a_high_relevance_never_fills_the_list_with_bestsellers(ask) -> None:
    everything = ask(limit=24)
    assert "popular" in {item["reason"]["type"] for item in everything}
    shelf(relevance="high")
    own = ask("&explain=true", limit=24)
    assert own
    assert {sku[:6] for sku in skus(own)} == {"garden"}
    assert len(own) < len(everything)
    assert len(ask(who="nobody")) == 10  # a stranger still gets a good list


def test_chance_is_told_exactly_and_kept(ask) -> None:
    shelf(exploration=0.3)
    items = ask(limit=5)
    kept = Shown.objects.get()
    assert [entry["sku"] for entry in kept.items] == skus(items)
    assert [entry["propensity"] for entry in kept.items] == [item["propensity"] for item in items]
    assert (kept.customer_id, kept.basis, kept.placement) == (customer("p1"), "consent", "shelf")
    assert kept.consent_record_id is not None
    # 24 products: the pool holds them all. The best has 0.7 and its share of chance, another only that share.
    assert items[0]["propensity"] in (pytest.approx(0.7 + 0.3 / 24), pytest.approx(0.3 / 24))


def test_nothing_is_kept_of_a_person_who_does_not_allow_both(ask) -> None:
    shelf(is_measured=True)
    ask(who="p0")  # allows nothing
    consent.withdraw(customer("p1"), "analytics", method="m", source="s", actor="a", at=NOW)
    ask(who="p1")
    assert not Shown.objects.exists()
    ask(who="p3")
    ask(who="nobody")
    assert list(Shown.objects.order_by("pk").values_list("customer_id", "basis")) == [
        (customer("p3"), "consent"),
        (None, ""),
    ]


def test_without_chance_or_measuring_nothing_is_kept(ask) -> None:
    shelf(diversity="mmr")
    ask()
    assert not Shown.objects.exists()


def test_lists_are_kept_for_ninety_days(ask) -> None:
    shelf(is_measured=True)
    ask()
    Shown.objects.update(at=NOW)
    assert retention.drop_old(at=NOW + timedelta(days=89)) == {}
    assert retention.drop_old(at=NOW + timedelta(days=91)) == {"lists shown": 1}


def test_a_placement_costs_a_bounded_number_of_queries(ask, server: Caller) -> None:
    row = shelf(diversity="mmr", exploration=0.1)
    promote(row, "a", 10, "kitchen1")
    promote(row, "b", 10, "kitchen2")
    ask()
    counts = []
    for limit in (2, 20):
        with CaptureQueriesContext(connection) as queries:
            ask("&explain=true", limit=limit)
        counts.append(len(queries))
    assert counts[0] <= counts[1] <= counts[0] + 1  # a short list may have no reason that names a product
    assert counts[0] <= 19


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "new", "bought": "only"},
        {"mode": "again", "bought": "exclude"},
        {"bought_within_days": 9},
        {"exploration": 0.31},
        {"strength": -0.1},
    ],
)
def test_rules_that_make_no_sense_are_refused_in_words(fields) -> None:
    with pytest.raises(ValidationError):
        Placement(name="x", slug="x", **fields).full_clean()


def test_a_placement_and_its_request_meet_in_what_both_allow() -> None:
    asked = serving.Filters(mode="again", exclude_ids={1})
    found = placements.Placed(serving.Filters(exclude_ids={2}, bought="only")).narrowed(asked)
    assert (found.mode, found.bought, set(found.exclude_ids)) == ("again", "only", {1, 2})
