"""What the live model expects of each segment for each of its offers."""

from decimal import Decimal

import pytest

from campaigns import reports
from campaigns.models import Campaign, CampaignSegment, Segment
from catalog.models import Category
from recommender.serving.affinity import NothingLearnt
from tests import desk
from tests.conftest import NOW
from tests.recommender.test_training_and_serving import customer, shop, trained

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


def test_each_segment_is_asked_about_its_own_offers(shop: list[str]) -> None:
    trained(algorithms=["item_knn"])
    assert customer("p1")
    campaign = Campaign.objects.create(slug="spring", name="Spring")
    garden, other = desk.offer(0, title="Garden"), desk.offer(1, title="All of it", value=Decimal(5))
    garden.categories.set([Category.objects.get(slug="garden")])
    everyone = Segment.objects.create(slug="all", name="Everyone", rule={"attribute": "id", "exists": True})
    nobody = Segment.objects.create(slug="none", name="Nobody", rule={"attribute": "country", "is": "XX"})
    CampaignSegment.objects.create(campaign=campaign, segment=everyone).offers.set([garden, other])
    CampaignSegment.objects.create(campaign=campaign, segment=nobody).offers.set([garden])
    found = reports.expected(campaign, at=NOW)
    # N1: of nobody, as of any fewer than 20, nothing is expected.
    assert set(found) == {("Everyone", "Garden"), ("Everyone", "All of it")}
    one = found["Everyone", "Garden"]
    assert 0 < one.low < one.buyers < one.high


def test_without_offers_or_a_model_nothing_is_expected(db: None) -> None:
    campaign = Campaign.objects.create(slug="spring", name="Spring")
    with pytest.raises(NothingLearnt, match="no offers"):
        reports.expected(campaign, at=NOW)
