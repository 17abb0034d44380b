"""Nothing that is learnt rests on what people are, so nothing can infer it: only on what they did (N3)."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.offers import effects
from campaigns.offers.traits import FEATURES
from customers.models import Customer
from recommender.models import Score
from tests.conftest import NOW
from tests.recommender.test_training_and_serving import shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
WHAT_PEOPLE_ARE = ("attributes", "country", "locale", "time_zone", "sealed")


def told(queries: CaptureQueriesContext) -> set[str]:
    """Which columns of a person the queries read or compare."""
    return {
        name
        for query in queries
        for name in WHAT_PEOPLE_ARE
        if f'"customers_customer"."{name}"' in query["sql"] or f'U0."{name}"' in query["sql"]
    }


@pytest.mark.slow
@pytest.mark.parametrize("task", ["interests", "clusters", "propensity", "recommend"])
def test_n3_no_training_reads_what_people_are(shop: list[str], task: str) -> None:
    Customer.objects.update(attributes={"religion": "x"}, country="DE", locale="de")
    with CaptureQueriesContext(connection) as queries:
        try:
            call_command(
                "train",
                "--task",
                task,
                *(["--algorithm", "ease"] if task == "recommend" else []),
                verbosity=0,
            )
        except CommandError:
            assert task != "interests", "the smallest shop has enough for this one"
    assert any("customers_event" in query["sql"] for query in queries), "it did read what they did"
    assert told(queries) == set()


def test_n3_the_guard_sees_a_read_of_attributes(shop: list[str]) -> None:
    with CaptureQueriesContext(connection) as queries:
        list(Customer.objects.filter(country="DE").values_list("attributes"))
    assert told(queries) == {"attributes", "country"}


def test_n3_effects_are_learnt_from_orders_and_the_same_whatever_people_are(shop: list[str]) -> None:
    ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    before = effects.now(ids, effects.now_rows(ids, at=NOW), at=NOW)
    Customer.objects.update(attributes={"age": 70, "sex": "x"}, country="FR", locale="fr")
    with CaptureQueriesContext(connection) as queries:
        after = effects.now(ids, effects.now_rows(ids, at=NOW), at=NOW)
    assert (before == after).all() and before.any()
    assert told(queries) == set()
    assert set(FEATURES) == {"recency", "orders", "spent", "spent_lately", "basket", "products", "known_for"}
    assert {field.name for field in Score._meta.get_fields() if field.concrete} == {
        "id", "customer", "purchase", "churn", "lifetime_value", "expected_at", "model",
    }  # fmt: skip
