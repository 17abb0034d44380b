"""Why a list was as it was: exactly, by the model that made it, or it is said that the model is gone."""

from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings

from catalog.models import Category, Product
from customers import consent, events, histories
from recommender import refusals, serving
from recommender.algorithms.item_knn import ItemKNN
from recommender.algorithms.user_knn import UserKNN
from recommender.serving import Filters, afterwards
from recommender.serving.live import loaded
from tests.conftest import NOW
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import buys, customer, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
NEW = Filters(mode="new")


def shown(who: int) -> list[str]:
    return [item.sku for item in serving.recommend(who, at=NOW, limit=5, filters=NEW).items if item.score > 0]


def test_the_shares_are_the_model_s_own_contributions_and_make_the_whole(shop: list[str]) -> None:
    version = go_live(ItemKNN())
    model, who = serving.load(version), customer("p1")
    acts = afterwards.acts_of(who)
    past = serving.history(acts, person=who)
    told = afterwards.accounts(who, acts, shown(who), version, at=NOW)
    assert len(told) >= 3
    titles = dict(Product.objects.values_list("title", "pk"))
    for account in told:
        product = Product.objects.get(sku=account.sku)
        amounts = model.contributions(past, product.pk, at=histories.day(NOW))
        by_item = {pk: amounts[past.items == pk].sum() for pk in np.unique(past.items).tolist()}
        whole = sum(amount for amount in by_item.values() if amount > 0)
        assert account.parts
        for part in account.parts:
            assert part.is_bought
            assert part.share == pytest.approx(by_item[titles[part.title]] / whole, rel=1e-4)
        assert [part.share for part in account.parts] == sorted(
            (part.share for part in account.parts), reverse=True
        )
        total = sum(part.share for part in account.parts) + account.more_share + account.rest
        assert total == pytest.approx(1.0)


def test_what_was_done_later_explains_nothing_of_then(shop: list[str]) -> None:
    version = go_live(ItemKNN())
    who = customer("p1")
    skus = shown(who)
    before = afterwards.accounts(who, afterwards.acts_of(who), skus, version, at=NOW)
    events.take_in([buys("p1", "garden5", -1.0)], source="t", at=NOW + timedelta(days=1))
    assert afterwards.accounts(who, afterwards.acts_of(who), skus, version, at=NOW) == before
    later = afterwards.accounts(who, afterwards.acts_of(who), skus, version, at=NOW + timedelta(days=2))
    assert later != before


def test_who_looked_is_not_told_that_they_bought(shop: list[str]) -> None:
    version = go_live(ItemKNN())
    who = customer("p1")
    consent.give(who, "analytics", evidence=_evidence(), at=NOW)
    events.take_in([buys("p1", "kitchen1", 0.01, kind="viewed")], source="t", at=NOW)
    acts = [act for act in afterwards.acts_of(who) if act.type == "viewed"]
    skus = list(Product.objects.filter(category__slug="kitchen").values_list("sku", flat=True))
    told = afterwards.accounts(who, acts, skus, version, at=NOW)
    parts = [part for account in told for part in account.parts]
    assert parts
    assert not any(part.is_bought for part in parts)


def test_a_model_whose_file_is_gone_is_said_to_be_gone(shop: list[str]) -> None:
    version = go_live(ItemKNN())
    who = customer("p1")
    (settings.MODEL_DIR / version.file).unlink()
    loaded.cache_clear()
    for gone in (version, None):
        with pytest.raises(afterwards.ModelGone):
            afterwards.accounts(who, afterwards.acts_of(who), ["garden1"], gone, at=NOW)


def test_a_model_that_cannot_be_taken_apart_claims_nothing(shop: list[str]) -> None:
    version = go_live(UserKNN())
    who = customer("p1")
    told = afterwards.accounts(who, afterwards.acts_of(who), ["garden1", "kitchen1"], version, at=NOW)
    assert [(account.parts, account.rest) for account in told] == [((), 1.0)] * 2


def test_what_was_refused_before_had_no_part_in_it_and_what_was_refused_later_had(shop: list[str]) -> None:
    version = go_live(ItemKNN())
    who = customer("p1")
    acts, skus = afterwards.acts_of(who), shown(who)
    before = afterwards.accounts(who, acts, skus, version, at=NOW)
    refusals.refuse(who, Category.objects.get(slug="garden").pk, at=NOW + timedelta(days=1))
    assert afterwards.accounts(who, acts, skus, version, at=NOW) == before
    after = afterwards.accounts(who, acts, skus, version, at=NOW + timedelta(days=1))
    assert not any(account.parts for account in after)


def test_who_forbade_it_is_not_looked_at(shop: list[str]) -> None:
    who = customer("p1")
    assert afterwards.acts_of(who)
    consent.withdraw(who, "personalization", method="m", source="s", actor="a", at=NOW)
    assert afterwards.acts_of(who) == []


def _evidence() -> consent.Evidence:
    return consent.Evidence("analytics@1", "en", "checkbox", "tests", "customer")
