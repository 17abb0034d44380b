"""A person's acts keep their order on the way to the algorithms."""

from datetime import timedelta

import pytest

from customers import consent, events, histories, identities
from recommender.algorithms.interactions import places_back
from recommender.serving import history
from tests.conftest import NOW, evidence
from tests.recommender.test_training_and_serving import buys

pytestmark = pytest.mark.django_db


def test_of_one_moment_the_act_taken_in_last_is_the_newest(products) -> None:
    who = identities.find_or_create(["anna"])["anna"]
    consent.record(
        [consent.Answer(who, "personalization", True, evidence("personalization"))],
        at=NOW - timedelta(days=9),
    )
    skus = sorted(products)[:3]
    events.take_in([buys("anna", sku, 1.0) for sku in skus], source="tests", at=NOW)
    past = history(histories.newest([who], "personalization")[who])
    assert len(set(past.days.tolist())) == 1
    assert past.items.tolist() == [products[sku].pk for sku in skus]
    assert places_back(past.items * 0, past.days).tolist() == [2, 1, 0]
