"""The desk's pages of journeys: the drawn way, the steps as text, the recipes."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from campaigns import journeys, recipes
from campaigns.journeys import counting, picture
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
    # Three columns would be too many: the empty branch is 0.62 of a box and its gap wide, the other one of 266.
    assert [(box.name, box.x, box.y, box.depth) for box in drawing.boxes] == [
        (".", 106, 24, 0),
        ("a", 106, 208, 0),
        ("b", 24, 392, 1),
        ("c", 106, 576, 0),
        ("", 106, 760, 0),
        ("*", 106, 862, 0),
    ]
    assert [(arrow.step, arrow.outcome, arrow.to, arrow.x, arrow.y) for arrow in drawing.arrows] == [
        (".", "", "a", 224, 175),
        ("a", "to b", "b", 142, 359),
        ("b", "", "c", 142, 543),
        ("a", "to c", "c", 357, 359),
        ("c", "", "", 224, 727),
    ]
    assert drawing.arrows[0].path == "M224 142 L224 208"
    assert (drawing.width, drawing.height) == (449, 862 + 72 + 24)


@pytest.mark.once
def test_a_circle_leads_back_up_and_is_drawn_all_the_same() -> None:
    drawing = drawn(a=message(next="b"), b={"kind": "wait", "days": 1, "next": "a"})
    assert [(box.name, box.y) for box in drawing.boxes] == [
        (".", 24),
        ("a", 208),
        ("b", 392),
        ("", 576),
        ("*", 678),
    ]
    back = drawing.arrows[-1]
    assert (back.step, back.to, back.is_plain) == ("b", "a", False)
    # Down out of “b”, right past all boxes, up past “a”, and from above into it.
    assert back.path == (
        "M142 510 L142 560 Q142 568 150 568 L276 568 Q284 568 284 560 L284 204 Q284 196 276 196 "
        "L150 196 Q142 196 142 202 L142 208"
    )


def test_the_numbers_at_each_step(journey) -> None:
    ids = people(4)
    row = journey()
    enter(row, *ids)
    journeys.advance_all(at=NOW)
    JourneyEntry.objects.filter(customer=ids[0]).update(state="left", left_by="goal", wake_at=None)
    counted = counting.counted(journeys.newest(row))
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


def test_a_recipe_s_card_offers_a_free_name_and_says_what_is_missing(client) -> None:
    address = reverse("admin:campaigns_journeyversion_recipes")
    recipes.make("welcome")
    told = client.get(address).content.decode()
    assert 'name="slug" value="welcome-2"' in told
    assert 'name="slug" value="win-back"' in told
    assert "✗ a model that tells who will stay away or order" in told
    answer = client.post(address, {"recipe": "welcome", "slug": "Not Good"}).content.decode()
    assert "A name has letters a to z" in answer
    assert 'name="slug" value="Not Good"' in answer
    assert Campaign.objects.count() == 1


def test_an_empty_journey_is_begun_and_its_first_steps_put_in(client, journey) -> None:
    journey()  # and with it a message
    address = reverse("admin:campaigns_journeyversion_recipes")
    assert "Give it a name." in client.post(address, {"name": " "}).content.decode()
    assert Campaign.objects.count() == 1
    answer = client.post(address, {"name": "Our Spring"})
    row = Campaign.objects.get(slug="our-spring")
    assert (answer["Location"], row.status, row.kind) == (page(row, "steps"), "draft", "journey")
    assert "has no steps yet" in client.get(page(row)).content.decode()
    shown = client.get(page(row, "steps")).content.decode()
    assert "It has no steps." in shown
    shown = press(client, row, shown, "add:.:0")
    shown = press(client, row, shown, "kind:.:0:message")
    shown = press(client, row, shown, "put")
    assert "This field is required." in shown
    shown = press(client, row, shown, "put", **{"f-message": "hello"})
    shown = press(client, row, shown, "save")
    assert "Version 1 is saved" in shown
    assert list(journeys.newest(row).definition["steps"]) == ["message"]


# --- changing it a press at a time ---------------------------------------------------------------------------------


class Form(HTMLParser):
    """What a browser would send of the page's form: the fields as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self._select = self._text = ""
        self.feed(page.split('id="journey-editor"')[1].split("</form>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "input" and found.get("type") == "checkbox":
            self.fields.setdefault(name, [])
            self.fields[name] += [found["value"]] if "checked" in found else []
        elif tag == "input" and (found.get("type") != "radio" or "checked" in found):
            self.fields[name] = found.get("value", "")
        elif tag == "select":
            self._select = name
            self.fields.pop(name, None)
        elif tag == "option" and ("selected" in found or self._select not in self.fields):
            self.fields[self._select] = found["value"]
        elif tag == "textarea":
            self._text, self.fields[name] = name, ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.fields[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # A browser drops the line break that a text begins with.
            self._text = ""


def press(client: Client, row: Campaign, shown: str, do: str, **typed: str) -> str:
    """The page that answers a press, with the fields as the page before showed them and what was typed."""
    fields = {**Form(shown).fields, **typed, "do": do}
    answer = client.post(page(row, "steps"), fields, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def now(shown: str) -> dict[str, Any]:
    """The journey as the page carries it."""
    found: dict[str, Any] = json.loads(Form(shown).fields["definition"])
    return found


def test_presses_change_what_the_page_carries_and_saving_makes_a_version(client, journey) -> None:
    row = journey()
    shown = client.get(page(row, "steps"), {"step": "pause"}).content.decode()
    assert Form(shown).fields["f-days"] == "1"
    # Another step is opened; what was typed into this one is taken in.
    shown = press(client, row, shown, "select:hello", **{"f-days": "4"})
    assert now(shown)["steps"]["pause"]["days"] == 4
    assert Form(shown).fields["f-message"] == now(shown)["steps"]["hello"]["message"]
    shown = press(client, row, shown, "add:pause:0")
    shown = press(client, row, shown, "kind:pause:0:answer")
    shown = press(client, row, shown, "put", **{"f-did": "clicked", "f-amount": "2", "f-unit": "days"})
    assert now(shown)["steps"]["answer"] == {
        "kind": "wait_for", "event": {"did": "clicked"}, "within_hours": 48, "next": "again", "otherwise": "again",
    }  # fmt: skip
    shown = press(client, row, shown, "twin:pause")
    assert now(shown)["steps"]["pause"]["next"] == "pause-2"
    shown = press(client, row, shown, "undo")
    assert "pause-2" not in now(shown)["steps"]
    shown = press(client, row, shown, "ask:answer")
    assert "Which branch stays?" in shown
    shown = press(client, row, shown, "remove:answer", keep="1")
    assert JourneyVersion.objects.count() == 1
    shown = press(client, row, shown, "save")
    assert "Version 2 is saved" in shown
    newest = journeys.newest(row)
    assert newest.definition["steps"] == {
        **definition()["steps"],
        "pause": {"kind": "wait", "days": 4, "next": "again"},
    }


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "7",
        '{"steps": 3}',
        '{"start": "x", "steps": {}}',
        '{"steps": {"a": []}}',
        '{"undo": NaN}',
        '{"steps"',
    ],
)
def test_a_text_that_cannot_be_read_is_kept_and_nothing_is_made_of_it(client, journey, text) -> None:
    row = journey()
    sent = {"definition": text, "undo": text, "was": text, "panel": "step:a", "base": "x", "do": "save"}
    told = client.post(page(row, "steps"), sent).content.decode()
    assert Form(told).fields["definition"] == text
    assert "Not saved. To be mended first:" in told
    assert JourneyVersion.objects.count() == 1


@pytest.mark.parametrize(
    "do",
    ["up:gone", "move:hello", "add:gone:0", "add:hello:7", "kind:hello:0:dance", "remove:gone", "ask:", "branch:hello",
     "twin:gone", "select:gone", "put", "undo", "dance"],
)  # fmt: skip
def test_a_press_on_what_is_not_there_changes_nothing(client, journey, do) -> None:
    row = journey()
    shown = client.get(page(row, "steps")).content.decode()
    assert now(press(client, row, shown, do)) == picture.as_stored(definition())
    assert JourneyVersion.objects.count() == 1


def test_what_calls_is_changed_by_its_form(client, journey) -> None:
    row = journey()
    shown = client.get(page(row, "steps"), {"step": "."}).content.decode()
    typed = {"f-unless_0": "ordered", "f-within_0": "", "f-again": "after_days", "f-again_days": "7"}
    shown = press(client, row, shown, "apply", **typed)
    assert "Say within which time." in shown
    assert now(shown)["entry"] == {"event": "added"}
    shown = press(client, row, shown, "apply", **{**typed, "f-within_0": "4", "f-goal": ""})
    assert {name: now(shown)[name] for name in ("entry", "reentry", "goal")} == {
        "entry": {"event": "added", "unless": [{"did": "ordered", "within_hours": 4}]},
        "reentry": "after_days:7",
        "goal": None,
    }


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_every_form_gives_back_what_it_was_given(client, recipe) -> None:
    row = recipes.make(recipe)
    stored = picture.as_stored(journeys.newest(row).definition)
    for name in (".", *stored["steps"]):
        shown = client.get(page(row, "steps"), {"step": name}).content.decode()
        shown = press(client, row, shown, "apply")
        assert "journey-error" not in shown
        assert now(shown) == stored


def test_a_step_that_others_need_is_not_lost_by_leading_elsewhere(client, journey) -> None:
    row = journey()
    shown = client.get(page(row, "steps"), {"step": "hello"}).content.decode()
    shown = press(client, row, shown, "apply", **{"f-to_0": "again"})
    assert "Nothing would lead to “pause” any more." in shown
    assert now(shown) == picture.as_stored(definition())


def test_of_two_who_save_the_second_is_told_and_keeps_what_they_did(client, journey) -> None:
    row = journey()
    shown = client.get(page(row, "steps"), {"step": "pause"}).content.decode()
    shown = press(client, row, shown, "apply", **{"f-days": "9"})
    journeys.publish(row, definition(), by="boris")
    shown = press(client, row, shown, "save")
    assert "Not saved: boris has saved version 2 meanwhile." in shown
    assert journeys.newest(row).number == 2
    assert now(shown)["steps"]["pause"]["days"] == 9
    assert "Version 3 is saved" in press(client, row, shown, "save")


def test_s5_a_running_journey_of_many_people_is_paused_before_it_is_changed(
    client, journey, settings
) -> None:
    settings.APPROVAL_ABOVE = 100
    row = journey()
    Campaign.objects.filter(pk=row.pk).update(approved_people=101)
    shown = client.get(page(row, "steps"), {"step": "pause"}).content.decode()
    shown = press(client, row, shown, "apply", **{"f-days": "9"})
    assert "It runs for more than 100 people" in shown
    shown = press(client, row, shown, "save")
    assert "Not saved. It runs for more than 100 people" in shown
    assert journeys.newest(row).number == 1
    Campaign.objects.filter(pk=row.pk).update(status="paused")
    press(client, row, shown, "save")
    assert journeys.newest(row).number == 2


def test_an_old_version_is_gone_back_to_and_what_changed_is_told(client, journey) -> None:
    row = journey()
    other = definition()
    other["steps"]["pause"]["days"] = 5
    journeys.publish(row, other, by="boris")
    told = client.get(page(row, "compare")).content.decode()
    assert "From version 1 to version 2" in told
    assert "Wait 1 day → Wait 5 days" in told
    shown = client.get(page(row, "steps"), {"from": "1"}).content.decode()
    assert journeys.newest(row).number == 2
    press(client, row, shown, "save")
    newest = journeys.newest(row)
    assert (newest.number, newest.definition["steps"]["pause"]["days"]) == (3, 1)


def test_whoever_moves_goes_on_in_the_new_version_and_whose_step_is_gone_stays(client, journey) -> None:
    row = journey()
    enter(row, *people(25))
    journeys.advance_all(at=NOW)
    shown = client.get(page(row, "steps"), {"step": "pause"}).content.decode()
    shown = press(client, row, shown, "apply", **{"f-days": "3"})
    assert "where their step still is: about 30." in shown
    # What was chosen stays chosen, whatever is pressed before saving.
    shown = press(client, row, shown, "select:hello", move="yes")
    press(client, row, shown, "save")
    assert JourneyEntry.objects.filter(version__number=2, step="pause").count() == 25
    shown = client.get(page(row, "steps"), {"step": "pause"}).content.decode()
    shown = press(client, row, shown, "remove:pause")
    press(client, row, shown, "save", move="yes")
    assert journeys.newest(row).number == 3
    assert JourneyEntry.objects.filter(version__number=2, step="pause", state="waiting").count() == 25


def test_products_and_categories_are_suggested(client, products) -> None:
    def suggested(what: str, q: str) -> list[str]:
        answer = client.get(reverse("admin:campaigns_journeyversion_suggest", args=[what]), {"q": q})
        return [one["value"] for one in answer.json()["found"]]

    assert suggested("sku", "ro") == ["rose"]
    assert suggested("sku", "") == []
    assert suggested("nothing", "ro") == []


# --- one person ----------------------------------------------------------------------------------------------------


def test_one_person_is_taken_out_and_gets_nothing_more(client, journey) -> None:
    row = journey()
    ids = people(2)
    enter(row, *ids)
    journeys.advance_all(at=NOW)
    entry, other = JourneyEntry.objects.order_by("pk")
    address = reverse("admin:campaigns_journeyentry_take_out", args=[entry.pk])
    told = client.get(address).content.decode()
    assert "On the way, at “Wait 1 day”" in told
    assert "1 of theirs wait to be sent" in told
    entry.refresh_from_db()
    assert entry.state == "waiting"
    answer = client.post(address, follow=True).content.decode()
    assert "taken out by hand" in answer
    entry.refresh_from_db()
    assert (entry.state, entry.left_by, entry.wake_at) == ("left", "taken_out", None)
    assert [(visit.step, visit.outcome) for visit in entry.visits.order_by("pk")] == [
        ("hello", "planned"),
        ("pause", "taken_out"),
    ]
    assert [delivery.status for delivery in entry.deliveries.all()] == ["suppressed"]
    assert [delivery.status for delivery in other.deliveries.all()] == ["planned"]
    assert journeys.is_over(entry.pk, at=NOW)
    # Once more changes nothing.
    left_at = entry.left_at
    assert "were not on the way any more" in client.post(address, follow=True).content.decode()
    entry.refresh_from_db()
    assert entry.left_at == left_at


# --- who may, and what it costs ------------------------------------------------------------------------------------


def test_who_may_only_look_changes_nothing(client, journey) -> None:
    row = journey()
    vera = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    vera.user_permissions.add(Permission.objects.get(codename="view_journeyversion"))
    client.force_login(vera)
    assert client.get(page(row)).status_code == 200
    assert "Change the journey" not in client.get(page(row)).content.decode()
    assert "Go back to version" not in client.get(page(row, "compare")).content.decode()
    assert client.get(page(row, "steps")).status_code == 403
    assert client.get(reverse("admin:campaigns_journeyversion_suggest", args=["sku"])).status_code == 403
    assert client.post(page(row, "steps"), {"definition": "{}"}).status_code == 403
    assert (
        client.post(reverse("admin:campaigns_journeyversion_recipes"), {"recipe": "welcome"}).status_code
        == 403
    )
    enter(row, *people(1))
    entry = JourneyEntry.objects.get()
    take_out = reverse("admin:campaigns_journeyentry_take_out", args=[entry.pk])
    vera.user_permissions.add(Permission.objects.get(codename="view_journeyentry"))
    assert client.get(take_out).status_code == 403
    assert client.post(take_out).status_code == 403
    assert JourneyEntry.objects.get().state == "waiting"
    assert JourneyVersion.objects.count() == 1
    client.logout()
    for name in ("of", "steps", "compare"):
        assert client.get(page(row, name)).status_code == 302


def test_the_page_asks_no_more_of_many_people_than_of_few(client, journey) -> None:
    from tests.config.test_admin import queries  # noqa: PLC0415

    row = journey()
    enter(row, *people(2))
    journeys.advance_all(at=NOW)
    pages = (page(row), page(row, "steps") + "?step=hello", page(row, "compare"))
    few = [queries(client, address) for address in pages]
    enter(row, *people(20, prefix="m"))
    journeys.advance_all(at=NOW)
    assert [queries(client, address) for address in pages] == few
    assert max(few) < 30


def test_whoever_opens_a_version_sees_it_drawn(client, journey) -> None:
    row = journey()
    version = journeys.newest(row)
    assert version is not None
    form = reverse("admin:campaigns_journeyversion_change", args=[version.pk])
    assert client.get(form)["Location"] == f"{page(row)}?version={version.number}"
    client.force_login(User.objects.create_user("otto", is_staff=True))
    assert client.get(form).status_code == 403
