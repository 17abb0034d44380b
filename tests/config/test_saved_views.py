"""Lists under a name: of whoever made them, or of a role; nothing of a person is kept in one."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Offer
from config.models import SavedView
from tests import desk

pytestmark = pytest.mark.django_db
OFFERS = "/admin/campaigns/offer/"


@pytest.fixture(autouse=True)
def _quickly(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.UNFOLD = desk.short_menu()


def member(name: str, role: str) -> Client:
    user = User.objects.create_user(name, password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def keep(client: Client, query: str, name: str = "Running", model: str = "campaigns.offer", **more: str):
    return client.post(reverse("admin:saved_view_new"), {"model": model, "query": query, "name": name} | more)


def chips(client: Client, path: str = OFFERS) -> list[tuple[str, bool, bool]]:
    found = client.get(path).context["saved_views"]
    return [(chip.view.name, chip.is_open, chip.is_mine) for chip in found]


def test_a_view_is_offered_where_something_is_filtered_and_kept_under_its_name():
    max_ = member("max", "Marketer")
    assert "Keep this view" not in max_.get(OFFERS).content.decode()
    assert "Keep this view" in max_.get(f"{OFFERS}?status__exact=active&q=roses").content.decode()
    answer = keep(max_, "status__exact=active&q=roses&p=3&o=2")
    assert answer["Location"] == f"{OFFERS}?o=2&q=roses&status__exact=active"  # the page is no part of it
    assert chips(max_, answer["Location"]) == [("Running", True, True)]
    assert chips(max_) == [("Running", False, True)]
    assert max_.get(f"{OFFERS}?o=2&q=roses&status__exact=active&view=1").status_code == 200


def test_a_view_is_its_owners_alone_until_it_is_shared_with_a_role():
    max_, mia, viewer = member("max", "Marketer"), member("mia", "Marketer"), member("vera", "Viewer")
    keep(max_, "q=a")
    row = SavedView.objects.get()
    assert chips(mia) == []
    group = Group.objects.get(name="Marketer")
    max_.post(reverse("admin:saved_view", args=[row.pk]), {"name": "Running", "role": str(group.pk)})
    assert chips(mia) == [("Running", False, False)]
    assert chips(viewer) == []
    address = reverse("admin:saved_view", args=[row.pk])
    for said in ({"name": "Mine now"}, {"delete": "1"}):
        assert mia.post(address, said).status_code == 404
    assert SavedView.objects.get().name == "Running"


def test_nobody_shares_with_a_role_that_is_not_theirs():
    max_ = member("max", "Marketer")
    keep(max_, "q=a", role=str(Group.objects.get(name="Approver").pk))
    assert SavedView.objects.get().role is None


def test_a_list_opens_with_the_view_that_was_chosen_and_all_of_it_is_one_click_away():
    max_ = member("max", "Marketer")
    keep(max_, "status__exact=active", is_default="on")
    keep(max_, "status__exact=ended", "Over", is_default="on")  # one comes first, the newest chosen
    assert [*SavedView.objects.filter(is_default=True).values_list("name", flat=True)] == ["Over"]
    answer = max_.get(OFFERS)
    assert answer["Location"].startswith("?status__exact=ended")
    assert max_.get(f"{OFFERS}?view=all").status_code == 200
    assert max_.get(f"{OFFERS}?_popup=1").status_code == 200


def test_a_view_is_renamed_and_deleted_and_two_have_not_one_name():
    max_ = member("max", "Marketer")
    keep(max_, "q=a")
    assert "You have a view of this name" in keep(max_, "q=b", "running").content.decode()
    assert SavedView.objects.count() == 1
    address = reverse("admin:saved_view", args=[SavedView.objects.get().pk])
    max_.get(address)
    assert "Give it a name" in max_.post(address, {"name": "  "}).content.decode()
    max_.post(address, {"name": "Roses"})
    assert chips(max_) == [("Roses", False, True)]
    max_.post(address, {"delete": "1"})
    assert SavedView.objects.count() == 0


def test_d2_the_search_of_a_list_of_people_is_not_kept():
    max_ = member("max", "Marketer")
    keep(max_, "q=anna%40mail.example&country=DE", model="customers.customer")
    assert SavedView.objects.get().query == "country=DE"
    told = keep(max_, "q=anna%40mail.example", "Anna", model="customers.customer").content.decode()
    assert "nothing to keep" in told
    assert SavedView.objects.count() == 1


@pytest.mark.parametrize("model", ["auth.user", "config.change", "customers.apikey", "nothing", "a.b", ""])
def test_no_view_is_kept_of_a_list_one_may_not_see(model):
    max_ = member("max", "Marketer")
    assert keep(max_, "q=a", model=model).status_code == 404
    assert SavedView.objects.count() == 0


def test_a_list_asks_no_more_for_many_views():
    max_ = member("max", "Marketer")
    Offer.objects.all().delete()

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            max_.get(f"{OFFERS}?view=all")
        return len(captured)

    asked()
    keep(max_, "q=0", "0")
    one = asked()
    for n in range(1, 9):
        keep(max_, f"q={n}", str(n))
    assert asked() == one
