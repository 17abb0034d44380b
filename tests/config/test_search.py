"""The search at the top: everything by its name, people only by the whole of what they are known by."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Campaign
from config import search
from customers.models import Customer
from tests import desk
from tests.conftest import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def links(client: Client, term: str) -> list[str]:
    answer = client.get(reverse("admin:search"), {"s": term, "extended": "1"})
    assert answer.status_code == 200
    return [str(result.link) for result in answer.context["results"]]


def page(name: str, row: Any) -> str:
    return reverse(f"admin:{name}_change", args=[row.pk])


def test_things_are_found_by_a_part_of_their_name(client: Client) -> None:
    row = desk.shop()
    audience = row.audiences.get()
    assert page("campaigns_campaign", row) in links(client, "the GARDEN")
    assert page("campaigns_segment", audience.segment) in links(client, "german")
    assert page("campaigns_offer", audience.offers.get()) in links(client, "Ten percent")
    assert page("campaigns_message", row.message) in links(client, "hello")


@pytest.mark.parametrize("term", ["Anna-1", "anna-1@mail.example", " Anna-1@MAIL.example "])
def test_a_customer_is_found_by_the_whole_id_or_address(client: Client, term: str) -> None:
    anna = person("Anna-1")
    person("Anna-10")
    assert page("customers_customer", anna) in links(client, term)


@pytest.mark.parametrize("term", ["Anna", "anna-1@mail", "mail.example", "Ann%"])
def test_nobody_is_found_by_a_part(client: Client, term: str) -> None:
    person("Anna-1")
    assert not any("/customers/customer/" in link for link in links(client, term) if link[-8:] == "/change/")


def test_s7_what_was_typed_to_find_a_person_is_not_kept_with_the_results(client: Client) -> None:
    anna = person("Anna-1")
    answer = client.get(reverse("admin:search"), {"s": "anna-1@mail.example", "extended": "1"})
    (found,) = [result for result in answer.context["results"] if result.icon == "person"]
    assert (found.title, found.description) == (f"#{anna.pk}", "customer, by what you typed")


def test_products_by_sku_and_title_and_orders_by_their_number(client: Client) -> None:
    desk.shop()
    order = f"o-{Customer.objects.earliest('pk').pk}"
    assert any("/catalog/product/" in link for link in links(client, "p-3"))
    assert any("/catalog/product/" in link for link in links(client, "thing 3"))
    (listed,) = [link for link in links(client, order) if "/customers/event/" in link]
    assert listed.endswith(f"?q={order}")
    assert client.get(listed).status_code == 200
    assert links(client, "o-none") == []


@pytest.mark.parametrize(
    ("role", "sees_people", "sees_health"),
    [("Viewer", False, False), ("Marketer", True, False), ("Administrator", True, True)],
)
def test_s5_nobody_finds_what_they_may_not_open(role: str, sees_people: bool, sees_health: bool) -> None:
    desk.shop()
    user = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    order = f"o-{Customer.objects.earliest('pk').pk}"
    assert any("/customers/customer/" in link for link in links(client, "p001@mail.example")) is sees_people
    assert any("/customers/event/" in link for link in links(client, order)) is sees_people
    assert (reverse("admin:health") in links(client, "health")) is sees_health
    assert page("campaigns_campaign", Campaign.objects.get()) in links(client, "spring")


def test_every_question_has_a_limit(client: Client, rf) -> None:
    for n in range(8):
        desk.campaign(offers=[], name=f"Spring {n}")
    request = rf.get("/")
    request.user = User.objects.get(username="marta")
    with CaptureQueriesContext(connection) as captured:
        found = search.found(request, "Spring")
    assert len(captured) <= 8
    assert sum(result.icon == "campaign" for result in found) == search.MOST
    assert search.found(request, "S") == []  # one letter finds everything, so it asks nothing
