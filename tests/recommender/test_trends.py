"""Products rise and fall by people who allow it to be measured, counted in tens, and never by chance alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Product
from customers import consent
from customers.models import Event
from recommender import trends
from tests import desk
from tests.conftest import NOW, evidence

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: None) -> list[int]:
    """A hundred, of whom every third allows nothing: 66 can be counted."""
    return [row.pk for row in desk.people(100)]


def buy(people: list[int], product: Product, *, days_ago: float, at=NOW) -> None:
    n = Event.objects.count()
    Event.objects.bulk_create(
        Event(
            customer_id=pk, type="ordered", product=product, occurred_at=at - timedelta(days=days_ago),
            received_at=at, source="tests", message_id=f"{n + i}", basis="contract",
        )
        for i, pk in enumerate(people)
    )  # fmt: skip


def test_what_surely_rose_and_fell_is_named_and_what_may_be_chance_is_not(people, products) -> None:
    rose, mug = products["rose"], products["mug"]
    buy(people, rose, days_ago=2)
    buy(people[:12], rose, days_ago=9)
    buy(people, mug, days_ago=9)
    found = trends.weekly(at=NOW)
    assert [one.product_id for one in found.rising] == [rose.pk]
    assert [one.product_id for one in found.falling] == [mug.pk]
    assert (found.rising[0].now, found.rising[0].before) == (70, 10), "66 and 8 people, in tens"
    assert found.rising[0].low > 1


def test_the_interval_is_worked_by_hand() -> None:
    one = trends.change(1, 60, 20, of=1)
    # Wilson's interval of 60 of 80 is 0.6452 to 0.8319; as a ratio p / (1 − p).
    assert (one.ratio, round(one.low, 2), round(one.high, 2)) == (3.0, 1.82, 4.95)
    wider = trends.change(1, 60, 20, of=1000)
    assert wider.low < one.low < one.high < wider.high, "of many products one rises by chance"


def test_n1_one_person_more_or_less_is_not_told_nor_a_product_of_few(people, products) -> None:
    allowing = [pk for n, pk in enumerate(people) if n % 3]
    buy(allowing[:19], products["mug"], days_ago=2)
    assert trends.weekly(at=NOW).products == 0
    buy(allowing[:60], products["rose"], days_ago=2)
    one = trends.weekly(at=NOW).rising
    buy(allowing[60:63], products["rose"], days_ago=2)
    assert trends.weekly(at=NOW).rising == one


def test_who_does_not_allow_to_be_measured_is_not_counted(people, products) -> None:
    buy(people, products["rose"], days_ago=2)
    before = trends.weekly(at=NOW).rising[0].now
    answers = [consent.Answer(pk, "analytics", False, evidence("analytics")) for pk in people[:50]]
    consent.record(answers, at=NOW)
    assert (before, trends.weekly(at=NOW).rising[0].now) == (70, 30)


def test_the_page_computes_nothing_until_it_is_asked(people, products) -> None:
    at = timezone.now()
    buy(people, products["rose"], days_ago=2, at=at)
    client = Client()
    client.force_login(desk.staff())
    page = reverse("admin:recommender_modelversion_rising")
    quiet = client.get(page).content.decode()
    assert "Red rose bush" not in quiet
    with CaptureQueriesContext(connection) as asked:
        told = client.get(page, {"now": "1"}).content.decode()
    assert len(asked) <= 20
    assert "surely rising 1, surely falling 0; products with enough buyers: 1." in told
    assert "≈ 10 or fewer" in told
