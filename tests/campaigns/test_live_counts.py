"""N1 where nothing is kept of what was shown: two rules that differ by one person, and a rule about one."""

import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import forecasts, lifecycle
from campaigns.admin import words
from campaigns.reports import small
from customers.models import Customer
from recommender.serving.expected import Forecast
from tests import desk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


@pytest.fixture
def marketer(db: None) -> Client:
    """May do everything but see people."""
    user = User.objects.create_user("marta", password=desk.PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.exclude(codename="view_customer"))
    client = Client()
    client.force_login(user)
    return client


def counted(client: Client, rule: object) -> str:
    answer = client.post(reverse("admin:campaigns_segment_count"), {"slug": "new", "rule": json.dumps(rule)})
    assert answer.status_code == 200
    return answer.content.decode()


GERMANS = {"attribute": "country", "is": "DE"}


def test_n1_a_rule_about_one_person_reads_the_same_whether_they_match_or_not(marketer: Client) -> None:
    desk.people(1)
    french = {"attribute": "country", "is": "FR"}
    assert "fewer than 20 people match now; fewer than 20 of them" in counted(marketer, GERMANS)
    assert counted(marketer, GERMANS) == counted(marketer, french)
    answer = Client()
    answer.force_login(desk.User.objects.create_superuser("ada"))
    assert "0 people match now" in counted(answer, french)


def test_n1_two_rules_that_differ_by_one_person_read_the_same(marketer: Client) -> None:
    desk.people(63)
    born = {"attribute": "born", "is": "1980"}
    Customer.objects.filter(external_id="p001").update(attributes={"born": "1980"})
    both = counted(marketer, GERMANS), counted(marketer, {"all": [GERMANS, {"not": born}]})
    assert both[0] == both[1]
    assert "about 60 people match now; about 40 of them" in both[0]
    ada = Client()
    ada.force_login(desk.User.objects.create_superuser("ada"))
    assert "63 people match now; 42 of them" in counted(ada, GERMANS)
    assert "62 people match now; 41 of them" in counted(ada, {"all": [GERMANS, {"not": born}]})


def test_n1_only_the_launch_of_what_was_approved_names_its_people_exactly(marketer: Client) -> None:
    desk.people(63)
    row = desk.campaign(offers=[], control=0)
    launch = reverse("admin:campaigns_campaign_step", args=[row.pk, "launch"]) + "?count=1"
    draft = marketer.get(launch).content.decode()
    assert ("about 40 people can be reached now" in draft.lower(), "Launch to" in draft) == (True, False)
    lifecycle.take(row, "approve", by="anton", at=timezone.now())
    told = marketer.get(launch)
    assert "Launch to 42 people" in told.content.decode()
    (audience,) = told.context["audiences"]
    assert [bar.told for bar in audience["bars"] if bar.kind == "whole"] == ["≈ 60"]


@pytest.mark.once
def test_n1_in_tens_no_row_tells_a_few_and_why_people_are_suppressed_is_one_row() -> None:
    exact = {
        "matched": 131,
        "no_consent": {"marketing_email": 0},
        "suppressed": {"complaint": 12, "manual": 14},
        "no_address": 3,
        "sendable": 102,
    }
    told = small.in_tens(exact, hides_nobody=True)
    assert told["matched"] == 130
    assert told["no_consent"] == {"marketing_email": None}
    # The 3 without an address would be what the others leave: the next smallest goes along.
    assert (told["no_address"], told["suppressed"], told["sendable"]) == (None, {"": None}, 100)
    assert [bar.told for bar in words.bars(exact, in_tens=True, hides_nobody=True)] == [
        "≈ 130", "− too few to show", "− too few to show", "− too few to show", "≈ 100",
    ]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("people", [0, 1, 19, 20])
def test_n1_nothing_is_expected_of_a_few(people: int) -> None:
    """What is expected of one person is what they will do."""
    forecast = Forecast(people + 5, people, people, 3.5, 1.0, 6.0, {"revenue": 70.0, "discount": 7.0})
    line = forecasts._line(desk.Offer(benefit="percent", value=Decimal(10)), None, forecast)
    assert (line.forecast is None, line.revenue) == ((True, 0.0) if people < 20 else (False, 70.0))
    assert line.trouble == ("fewer than 20 people" if people < 20 else "")
