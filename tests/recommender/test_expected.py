"""What products would bring among people: only who allows it, a sample scaled up, and no query a person."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import forecasts
from campaigns.admin.offer import quality_words
from campaigns.models import Offer, Segment
from catalog.models import Category, Product
from customers import consent
from customers.models import Customer
from recommender.algorithms.item_knn import ItemKNN
from recommender.models import ModelVersion
from recommender.serving import affinity, expected
from recommender.serving.expected import Forecast, Prospect
from tests import desk
from tests.conftest import NOW
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import customer, shop, trained

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def learnt(shop: list[str]) -> ModelVersion:
    trained(algorithms=["item_knn"])
    return ModelVersion.objects.get(task="recommend", state="live")


def garden() -> Prospect:
    products = Product.objects.filter(category__slug="garden")
    return Prospect(products, {"price": dict.fromkeys(products.values_list("pk", flat=True), 10.0)}, at=NOW)


def offer(**fields: object) -> Offer:
    row = desk.offer(**fields)
    row.categories.set([Category.objects.get(slug="garden")])
    return row


def test_a_training_leaves_the_calibration_beside_the_model(learnt: ModelVersion) -> None:
    kept = learnt.metrics["expected"]
    assert len(kept["weights"]) == 7
    assert expected.quality() == kept["quality"]
    assert {row["algorithm"] for row in kept["quality"]["test"]} == {"expected", "the group's rate"}


def test_gardeners_buy_of_the_garden_and_cooks_do_not(learnt: ModelVersion) -> None:
    everyone = garden().among(None)
    assert (everyone.allowed, everyone.people, everyone.asked, everyone.is_sampled) == (108, 108, 108, False)
    camps = [
        garden().among(
            Customer.objects.filter(pk__in=[customer(f"p{n}") for n in range(120) if n % 2 == rest])
        )
        for rest in (0, 1)
    ]
    cooks, gardeners = camps
    assert (cooks.people, gardeners.people) == (48, 60)
    assert gardeners.buyers > 30 > 8 > cooks.buyers
    assert cooks.buyers + gardeners.buyers == pytest.approx(everyone.buyers)
    for forecast in (everyone, *camps):
        assert 0 <= forecast.low < forecast.buyers < forecast.high <= forecast.people
        assert forecast.amounts["price"] == pytest.approx(10 * forecast.buyers)


def test_who_withdraws_is_counted_no_more(learnt: ModelVersion) -> None:
    consent.withdraw(customer("p1"), "personalization", method="m", source="s", actor="a", at=NOW)
    forecast = garden().among(Customer.objects.filter(external_id="p1"))
    assert forecast == Forecast(0, 0, 0, 0.0, 0.0, 0.0, {"price": 0.0})
    assert garden().among(None).people == 107


def test_of_many_a_sample_is_asked_and_scaled_and_its_interval_holds_the_whole(
    learnt: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = garden().among(None)
    monkeypatch.setattr(expected, "MOST", 30)
    drawn = garden().among(None)
    assert drawn == garden().among(None)
    assert drawn.is_sampled
    assert 12 <= drawn.asked <= 45
    assert drawn.people == 108
    assert drawn.low < whole.buyers < drawn.high
    assert drawn.high - drawn.low > whole.high - whole.low


def test_queries_grow_with_pages_and_not_with_people(
    learnt: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    prospect, counts = garden(), []
    for page in (1000, 54):
        monkeypatch.setattr(affinity, "PAGE", page)
        with CaptureQueriesContext(connection) as queries:
            prospect.among(None)
        counts.append(len(queries))
    # One page more: its people, their orders and what they refused.
    assert counts[1] - counts[0] == 3


def test_nothing_learnt_is_said_in_words(shop: list[str]) -> None:
    with pytest.raises(affinity.NothingLearnt, match="train the recommender first"):
        garden()
    live = go_live(ItemKNN())
    with pytest.raises(affinity.NothingLearnt, match="train again"):
        garden()
    live.metrics = {"expected": {"refused": "not enough data yet: 3 of 20 people"}}
    live.save()
    with pytest.raises(affinity.NothingLearnt, match="3 of 20 people"):
        garden()


@pytest.mark.parametrize(
    ("fields", "taken_off"),
    [
        ({"value": Decimal(25)}, 2.5),
        ({"benefit": "amount", "value": Decimal(4)}, 4.0),
        ({"benefit": "amount", "value": Decimal(40)}, 10.0),
        ({"benefit": "free_shipping"}, 0.0),
    ],
)
def test_the_discount_is_what_every_buyer_would_take_off(
    learnt: ModelVersion, fields: dict[str, object], taken_off: float
) -> None:
    Product.objects.update(price=Decimal(10))
    line = forecasts.bring(offer(**fields), [], at=NOW).lines[0]
    assert line.forecast is not None
    assert line.revenue == pytest.approx(10 * line.forecast.buyers)
    assert line.discount == pytest.approx(taken_off * line.forecast.buyers)
    assert line.left == pytest.approx(line.revenue - line.discount)


def test_caps_and_budget_bound_the_discount_and_other_money_brings_none(learnt: ModelVersion) -> None:
    capped = forecasts.bring(offer(value=Decimal(50), max_total=12, given=2), [], at=NOW).lines[0]
    assert capped.discount == pytest.approx(10 * 5.0)
    spent = desk.offer(1, value=Decimal(50), budget=Decimal(30), discount_given=Decimal(13))
    assert forecasts.bring(spent, [], at=NOW).lines[0].discount == pytest.approx(17.0)
    dollars = forecasts.bring(desk.offer(2, currency="USD"), [], at=NOW)
    assert (dollars.unpriced, dollars.products, dollars.lines[0].revenue) == (24, 24, 0.0)


def test_a_segment_that_cannot_be_read_keeps_no_other_from_being_worked_out(learnt: ModelVersion) -> None:
    rows = [
        Segment.objects.create(slug="torn", name="Torn", rule={"nonsense": 1}),
        Segment.objects.create(slug="all", name="All", rule={"did": "ordered", "times": {"gte": 1}}),
    ]
    everyone, torn, buyers = forecasts.bring(offer(), rows, at=NOW).lines
    assert torn.trouble
    assert torn.forecast is None
    assert buyers.forecast is not None
    assert everyone.forecast == buyers.forecast


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def test_the_page_says_why_there_is_nothing_yet(client: Client, products) -> None:
    row = desk.offer()
    told = client.get(reverse("admin:campaigns_offer_forecast", args=[row.pk]), {"now": 1}).content.decode()
    assert "Nothing has been learnt yet; train the recommender first." in told
    assert "Work it out" not in told


def test_the_page_works_it_out_when_asked_and_says_what_it_is_not(
    learnt: ModelVersion, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(minutes=1))
    Segment.objects.create(slug="buyers", name="Buyers", rule={"did": "ordered", "times": {"gte": 1}})
    row = offer()
    page = reverse("admin:campaigns_offer_forecast", args=[row.pk])
    assert page in client.get(reverse("admin:campaigns_offer_change", args=[row.pk])).content.decode()
    with CaptureQueriesContext(connection) as queries:
        told = client.get(page).content.decode()
    assert not [query for query in queries if "customers_event" in query["sql"]]
    assert "This is not the effect of the offer" in told
    assert "Only people who allow personalization are counted" in told
    assert "Checked on the last month" in told
    assert ">Buyers</th>" not in told
    told = client.get(page, {"now": 1}).content.decode()
    assert ">Buyers</th>" in told
    table = client.get(page, {"now": 1, "format": "csv"})
    head, everyone, buyers = table.content.decode().splitlines()
    assert head.startswith("segment,allow_personalization,ordered_before,asked,expected_buyers,from,to")
    assert everyone.startswith(",108,108,108,")
    assert buyers.startswith("buyers,108,108,108,")
    assert 'filename="ten-0-forecast.csv"' in table["Content-Disposition"]


def test_an_offer_for_everything_is_told_how_everything_was_off(learnt: ModelVersion) -> None:
    quality = {**expected.quality(), "ratio_of_kinds": {"everything": [0.8, 0.7, 0.9]}}
    of_some, of_all = quality_words(quality, is_for_all=False), quality_words(quality, is_for_all=True)
    assert of_all[:-1] == of_some
    assert "0.80 times (0.70 to 0.90)" in of_all[-1]


def test_who_may_not_see_offers_may_not_see_this(learnt: ModelVersion, client: Client) -> None:
    row = offer()
    client.force_login(User.objects.create_user("viewer", password=desk.PASSWORD, is_staff=True))
    page = reverse("admin:campaigns_offer_forecast", args=[row.pk])
    assert client.get(page, {"now": 1}).status_code in (302, 403)
    assert client.get(page, {"now": 1, "format": "csv"})["Content-Type"] != "text/csv; charset=utf-8"
