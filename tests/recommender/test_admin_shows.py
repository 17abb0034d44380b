"""What it shows: rules are tried beside those that hold, and only saved ones change what the shop gets."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Category
from config import roles
from recommender.algorithms.frequency import Frequency
from recommender.algorithms.hybrid import Hybrid
from recommender.algorithms.item_knn import ItemKNN
from recommender.models import Placement, Promotion, Shown
from tests import desk
from tests.recommender.live import go_live, strangers
from tests.recommender.test_training_and_serving import shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
SHOWS = "admin:recommender_placement_shows"


@pytest.fixture
def learnt(shop: list[str]) -> list[str]:
    go_live(Hybrid([(0.7, Frequency(60.0)), (0.3, ItemKNN())]))
    strangers()
    return shop


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture
def shelf(learnt: list[str]) -> Placement:
    row = Placement.objects.create(name="Shelf", slug="shelf")
    promotion = Promotion.objects.create(placement=row, name="Winter", percent=20)
    promotion.categories.set(Category.objects.filter(slug="kitchen"))
    return row


def rules(row: Placement, **changed: Any) -> dict[str, Any]:
    values = {
        "mode": row.mode, "bought": row.bought, "bought_within_days": "", "in_stock": "on", "relevance": row.relevance,
        "diversity": row.diversity, "strength": row.strength, "exploration": row.exploration,
        f"percent-{row.promotions.get().pk}": 20,
    }  # fmt: skip
    return {**values, **changed}


def where(row: Placement, **asked: Any) -> str:
    return reverse(SHOWS, query={"placement": row.pk, **asked})


def lists(answer) -> dict[str, list[str]]:
    return {str(title): [item.sku for item in items] for title, items in answer.context["lists"]}


def test_unchanged_rules_make_the_same_list(client, shelf) -> None:
    told = client.post(where(shelf, customer="p1"), rules(shelf))
    both = lists(told)
    assert both["Now"] == both["Changed"]
    assert len(both["Now"]) == 10
    assert "Both lists are the same." in told.content.decode()


def test_changed_rules_stand_beside_those_that_hold_and_are_saved_only_when_asked(client, shelf) -> None:
    changed = rules(shelf, bought="exclude", **{f"percent-{shelf.promotions.get().pk}": 50})
    told = client.post(where(shelf, customer="p1"), changed)
    both = lists(told)
    assert both["Now"] != both["Changed"]
    promoted = [
        [item.why == "Promotion: Winter" for item in items].count(True) for _t, items in told.context["lists"]
    ]
    assert promoted == [2, 5]
    shelf.refresh_from_db()
    assert (shelf.bought, shelf.promotions.get().percent) == ("allow", 20), "looking changes nothing"
    assert client.post(where(shelf, customer="p1"), {**changed, "save": "1"}).status_code == 302
    shelf.refresh_from_db()
    assert (shelf.bought, shelf.promotions.get().percent) == ("exclude", 50)
    assert not Shown.objects.exists()


def test_rules_that_leave_every_list_empty_are_refused_at_their_field(client, shelf) -> None:
    told = client.post(where(shelf), {**rules(shelf, mode="new", bought="only"), "save": "1"})
    assert told.status_code == 200
    assert "A list of what is new to them cannot hold only what they bought." in told.content.decode()
    shelf.refresh_from_db()
    assert shelf.bought == "allow"


def test_a_basket_is_asked_about_without_anybody(client, shelf) -> None:
    told = client.get(where(shelf, basket="garden1, garden2"))
    assert told.context["now"].personalized
    assert {sku for sku in lists(told)["Now"] if sku.startswith("garden")}
    assert "Chosen for somebody who just bought this." in told.content.decode()
    wrong = client.get(where(shelf, basket="nothing"))
    assert "There is no product nothing." in wrong.content.decode()
    assert not wrong.context.get("lists")


def test_who_allows_nothing_gets_what_strangers_see_and_the_page_says_so(client, shelf) -> None:
    told = client.get(where(shelf, customer="p0"))
    assert not told.context["now"].personalized
    assert "this person gets what everybody sees" in told.content.decode()
    assert lists(told)["Now"] == lists(client.get(where(shelf)))["Now"]


def test_a_look_asks_a_bounded_number_of_questions(client, shelf) -> None:
    address = where(shelf, customer="p1")
    client.post(address, rules(shelf))
    with CaptureQueriesContext(connection) as asked:
        client.post(address, rules(shelf, diversity="mmr"))
    assert len(asked) <= 30


def test_s5_a_viewer_tries_rules_for_nobody_in_particular_and_saves_none(shelf) -> None:
    roles.put()
    User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True).groups.add(
        Group.objects.get(name="Viewer")
    )
    client = Client()
    client.force_login(User.objects.get(username="vera"))
    told = client.get(where(shelf, customer="p1"))
    assert not told.context["now"].personalized, "a person is not looked up for whoever may not see people"
    assert "Save these rules" not in told.content.decode()
    refused = client.post(where(shelf), {**rules(shelf, bought="exclude"), "save": "1"})
    assert refused.status_code == 403
    shelf.refresh_from_db()
    assert shelf.bought == "allow"


def test_whom_a_product_suits_is_told_in_tens_and_named_to_whoever_sees_people(client, learnt) -> None:
    audience = reverse("admin:recommender_placement_audience", query={"sku": "garden3"})
    with CaptureQueriesContext(connection) as asked:
        told = client.get(audience)
    assert len(asked) <= 30
    assert "Of the newest 110 people who allow personalisation it suits about" in told.content.decode()
    names = {one.name for one in told.context["people"]}
    assert len(names) == 20
    assert all(int(name[1:]) % 2 for name in names), "the garden's people, who are the odd ones"
    User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    roles.put()
    User.objects.get(username="vera").groups.add(Group.objects.get(name="Viewer"))
    viewer = Client()
    viewer.force_login(User.objects.get(username="vera"))
    seen = viewer.get(audience)
    assert "it suits about" in seen.content.decode()
    assert not seen.context["people"]
