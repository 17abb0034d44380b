"""What a model may learn from: orders where there are any, else the other acts, in the order of intake."""

from datetime import timedelta
from decimal import Decimal

import pytest

from catalog.models import Product
from customers import events
from customers.events import Incoming
from customers.models import Customer
from recommender.algorithms.split import leave_last
from recommender.evaluation import learnable
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


def act(
    number: int, sku: str, kind: str, *, who: str = "anna", order: str = "", days_ago: int = 1
) -> Incoming:
    return Incoming(
        message_id=str(number),
        type=kind,
        customer=who,
        sku=sku,
        value=Decimal(10),
        currency="EUR",
        order_id=order,
        occurred_at=NOW - timedelta(days=days_ago),
    )


def test_a_site_of_ratings_and_clicks_is_learnt_from(anna: Customer, products: dict[str, Product]) -> None:
    kinds = ["viewed", "added", "wished", "rated"]
    events.take_in([act(n, "rose", kind) for n, kind in enumerate(kinds)], source="api", at=NOW)
    assert len(learnable(at=NOW)) == 4


def test_where_anything_was_bought_only_orders_teach(anna: Customer, products: dict[str, Product]) -> None:
    events.take_in([act(1, "rose", "viewed"), act(2, "mug", "ordered")], source="api", at=NOW)
    assert learnable(at=NOW).items.tolist() == [products["mug"].pk]


def test_nobody_s_ratings_teach_without_their_leave(boris: Customer, products: dict[str, Product]) -> None:
    person("dora", allows=["analytics"])
    batch = [act(1, "rose", "rated", who="boris"), act(2, "rose", "rated", who="dora")]
    assert events.take_in(batch, source="api", at=NOW).accepted == 1  # Dora's is kept, to measure by
    assert len(learnable(at=NOW)) == 0


def test_the_last_rating_of_one_moment_is_the_last_taken_in(
    anna: Customer, products: dict[str, Product]
) -> None:
    skus = ["soil", "mug", "rose"]
    events.take_in([act(n, sku, "rated") for n, sku in enumerate(skus)], source="api", at=NOW)
    split = leave_last(learnable(at=NOW))
    assert [items.tolist() for items in split.future] == [[products["rose"].pk]]
    assert split.histories[0].items.tolist() == [products["soil"].pk, products["mug"].pk]


def test_the_last_order_is_held_out_whole(anna: Customer, products: dict[str, Product]) -> None:
    batch = [
        act(1, "soil", "ordered", order="o1", days_ago=5),
        act(2, "mug", "ordered", order="o2"),
        act(3, "rose", "ordered", order="o2"),
    ]
    events.take_in(batch, source="api", at=NOW)
    split = leave_last(learnable(at=NOW))
    assert [set(items.tolist()) for items in split.future] == [{products["mug"].pk, products["rose"].pk}]
