"""An event posted, an answer asked: the answer reflects that event, in every trial.

TRIALS says how many; the suite makes one hundred, the project's promise is a thousand.
"""

import os
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from catalog.models import Product
from customers import consent, events, histories
from customers.events import Incoming
from customers.histories import Act
from customers.models import Event
from recommender import serving
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.item_knn import ItemKNN
from recommender.serving import Filters
from tests.conftest import NOW, evidence
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import customer, shop

__all__ = ["shop"]
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TRIALS = int(os.environ.get("TRIALS", "100"))
LIMIT = 24  # everything, so that no change is out of sight
NEW = Filters(mode="new")


class Diary:
    """What each person did, written down by the test itself: newest first, as serving should read it."""

    def __init__(self, people: Sequence[int]) -> None:
        self.acts: dict[int, list[Act]] = {pk: [] for pk in people}
        told = Event.objects.filter(customer_id__in=people).order_by("-occurred_at", "-pk")
        for pk, product, kind, when in told.values_list("customer_id", "product_id", "type", "occurred_at"):
            self.acts[pk].append(Act(product, kind, histories.day(when)))

    def add(self, pk: int, act: Act) -> None:
        self.acts[pk].insert(0, act)

    def newest(self, pk: int, *, without: int = 0) -> list[Act]:
        return self.acts[pk][without : without + serving.HISTORY_LENGTH]


def test_the_next_answer_reflects_the_last_event_in_every_trial(shop: list[str]) -> None:
    model = serving.load(go_live(Hybrid([(0.7, Frequency(60.0)), (0.3, ItemKNN(half_life=60.0))])))
    names = [name for n, name in enumerate(shop) if n % 10]
    ids = {name: customer(name) for name in names}
    diary, rng = Diary(list(ids.values())), np.random.default_rng(7)
    products = dict(Product.objects.values_list("sku", "pk"))
    skus, day = sorted(products), histories.day(NOW)
    changed = 0
    for trial in range(TRIALS):
        name, sku = str(rng.choice(names)), str(rng.choice(skus))
        kind = str(rng.choice(["ordered", "viewed", "added", "wished"]))
        when = NOW - timedelta(hours=1) + timedelta(seconds=trial)
        said = Incoming(message_id=f"trial-{trial}", type=kind, customer=name, sku=sku, occurred_at=when)
        assert events.take_in([said], source="trials", at=NOW).accepted == 1
        diary.add(ids[name], Act(products[sku], kind, histories.day(when)))

        answer = serving.recommend(ids[name], at=NOW, limit=LIMIT, explain=False)

        past = serving.history(diary.newest(ids[name]), person=ids[name])
        before = serving.history(diary.newest(ids[name], without=1), person=ids[name])
        with_it, without_it = model.scores([past, before], at=day)
        columns = np.searchsorted(model.items_, [item.product_id for item in answer.items])
        scores = [item.score for item in answer.items]
        np.testing.assert_allclose(scores, with_it[columns], rtol=1e-4)
        np.testing.assert_allclose(scores, np.sort(with_it)[::-1][:LIMIT], rtol=1e-4)
        changed += not np.allclose(scores, without_it[columns], rtol=1e-4)
        if kind == "ordered":
            new = serving.recommend(ids[name], at=NOW, limit=len(skus), filters=NEW, explain=False)
            assert products[sku] not in {item.product_id for item in new.items}
    assert changed > 0.9 * TRIALS  # and an answer from the history without it would not have passed


def test_a_withdrawal_is_reflected_as_soon_as_an_event(shop: list[str]) -> None:
    go_live(Frequency())
    p1 = customer("p1")
    for allows in (False, True, False):
        if allows:
            consent.give(p1, "personalization", evidence=evidence("personalization"), at=NOW)
        else:
            consent.withdraw(p1, "personalization", method="m", source="s", actor="a", at=NOW)
        assert serving.recommend(p1, at=NOW).personalized is allows
