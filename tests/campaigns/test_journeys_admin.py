"""The desk's pages of journeys: the drawn way, the steps as text, the recipes."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import journeys, recipes
from campaigns.journeys import picture
from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, JourneyEntry, JourneyVersion
from tests import desk
from tests.campaigns.conftest import people
from tests.campaigns.test_journeys import definition, enter, message
from tests.campaigns.test_journeys import journey as journey
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def page(campaign: Campaign, name: str = "of") -> str:
    return reverse(f"admin:campaigns_journeyversion_{name}", args=[campaign.pk])


def drawn(**steps: object) -> picture.Drawing:
    return picture.drawn(Definition.of(definition(next(iter(steps)), **steps)))


@pytest.mark.once
def test_a_step_stands_below_all_that_lead_to_it_and_the_end_at_the_bottom() -> None:
    drawing = drawn(
        a={"kind": "split", "percent": {"b": 50, "c": 50}},
        b={"kind": "wait", "days": 1, "next": "c"},
        c=message(next=None),
    )
    down = {box.name: box.y for box in drawing.boxes}
    assert down == {"a": 14, "b": 146, "c": 278, "": 410}
    assert sorted(arrow.outcome for arrow in drawing.arrows) == ["", "", "to b", "to c"]
    assert drawing.height == 410 + 74 + 14


@pytest.mark.once
def test_a_circle_leads_back_up_and_is_drawn_all_the_same() -> None:
    drawing = drawn(a=message(next="b"), b={"kind": "wait", "days": 1, "next": "a"})
    assert [box.name for box in sorted(drawing.boxes, key=lambda box: box.y)] == ["a", "b"]


def test_the_numbers_at_each_step(journey) -> None:
    ids = people(4)
    row = journey()
    enter(row, *ids)
    journeys.advance_all(at=NOW)
    JourneyEntry.objects.filter(customer=ids[0]).update(state="left", left_by="goal", wake_at=None)
    counted = picture.counted(journeys.newest(row))
    assert (counted.arms, counted.waiting, counted.done) == ({"treated": 4}, 3, 0)
    assert (counted.steps["hello"].passed, counted.steps["hello"].waiting) == (4, 0)
    assert (counted.steps["pause"].waiting, counted.steps["pause"].left) == (3, {"goal": 1})


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_every_recipe_s_journey_is_drawn(client, recipe, language) -> None:
    client.cookies["django_language"] = language
    campaign = recipes.make(recipe)
    told = client.get(page(campaign)).content.decode()
    for name in journeys.newest(campaign).definition["steps"]:
        assert f">{name}<" in told
    assert client.get(page(campaign, "steps")).status_code == 200


def test_the_steps_are_read_and_published_as_text(client, journey) -> None:
    row = journey()
    stored = picture.as_stored(journeys.newest(row).definition)
    assert list(stored["steps"]) == ["hello", "pause", "again"]
    stored["steps"]["pause"]["days"] = 3
    answer = client.post(page(row, "steps"), {"definition": json.dumps(stored)})
    assert answer["Location"] == page(row)
    newest = journeys.newest(row)
    assert (newest.number, newest.created_by, newest.definition["steps"]["pause"]["days"]) == (2, "marta", 3)


def test_what_is_wrong_is_named_at_its_step_and_what_was_written_stays(client, journey) -> None:
    row = journey()
    broken = definition(hello=message(message="gone", next="lost"))
    told = client.post(page(row, "steps"), {"definition": json.dumps(broken)}).content.decode()
    assert "There is no message “gone”." in told
    assert "It leads to “lost”, and there is no such step." in told
    assert "<b>hello</b>" in told
    assert "&quot;lost&quot;" in told
    assert (
        "This is no JSON: line 1, column 2."
        in client.post(page(row, "steps"), {"definition": "{"}).content.decode()
    )
    assert JourneyVersion.objects.count() == 1


def test_a_recipe_is_begun_from_the_list(client) -> None:
    address = reverse("admin:campaigns_journeyversion_recipes")
    assert (
        "Start from a recipe"
        in client.get(reverse("admin:campaigns_journeyversion_changelist")).content.decode()
    )
    assert "Abandoned basket" in client.get(address).content.decode()
    answer = client.post(address, {"recipe": "win-back", "slug": "come-back"})
    assert answer["Location"] == page(Campaign.objects.get(slug="come-back"))
    again = client.post(address, {"recipe": "win-back", "slug": "come-back"})
    assert "is there already" in again.content.decode()
    assert Campaign.objects.count() == 1


def test_who_may_only_look_changes_nothing(client, journey) -> None:
    row = journey()
    from django.contrib.auth.models import Permission, User  # noqa: PLC0415

    vera = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    vera.user_permissions.add(Permission.objects.get(codename="view_journeyversion"))
    client.force_login(vera)
    assert client.get(page(row)).status_code == 200
    assert "Change the steps" not in client.get(page(row)).content.decode()
    assert client.post(page(row, "steps"), {"definition": "{}"}).status_code == 403
    assert (
        client.post(reverse("admin:campaigns_journeyversion_recipes"), {"recipe": "welcome"}).status_code
        == 403
    )
    assert JourneyVersion.objects.count() == 1


def test_the_page_asks_no_more_of_many_people_than_of_few(client, journey) -> None:
    from tests.config.test_admin import queries  # noqa: PLC0415

    row = journey()
    enter(row, *people(2))
    journeys.advance_all(at=NOW)
    few = queries(client, page(row))
    enter(row, *people(20, prefix="m"))
    journeys.advance_all(at=NOW)
    assert queries(client, page(row)) == few < 25
