"""A journey's pages in a real Chromium: drawn, changed by hand and by keyboard, saved, compared, and one person taken out."""

from collections.abc import Iterator

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from campaigns import journeys, lifecycle, recipes
from campaigns.models import Campaign, JourneyEntry
from customers.models import Customer
from tests import desk
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, complaints, log_in, picture
from tests.browser.test_admin import _patience as _patience
from tests.browser.test_admin import browser as browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def journey(settings) -> Campaign:
    """A running journey with a split by chance, and thirty people who wait in it."""
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    desk.people(45)
    row = recipes.make("win-back", by="marta")
    message = {"kind": "message", "if_not_sent": "go_on"}
    steps = {
        "ab": {"kind": "split", "percent": {"one": 50, "two": 50}},
        "one": {**message, "message": "win-back-miss", "next": "pause"},
        "two": {**message, "message": "win-back-last", "next": "pause"},
        "pause": {"kind": "wait", "days": 3, "next": None},
    }
    entry = {"entry": {"event": "added"}, "reentry": "never", "goal": {"did": "ordered"}}
    journeys.publish(row, {**entry, "start": "ab", "steps": steps}, by="marta")
    Campaign.objects.filter(pk=row.pk).update(control_percent=0)
    row.refresh_from_db()
    now = timezone.now()
    for step in ("approve", "launch"):
        lifecycle.take(row, step, by="marta", at=now)
    version = journeys.newest(row)
    assert version is not None
    calls = [journeys.Call(pk, "k") for pk in Customer.objects.values_list("pk", flat=True)]
    assert len(journeys.enter(version, calls, at=now).arms) == 30
    journeys.advance_all(at=now)
    return row


def address(name: str, row: Campaign) -> str:
    return reverse(f"admin:campaigns_journeyversion_{name}", args=[row.pk])


@pytest.fixture
def page(browser, live_server, journey) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    log_in(page, live_server.url)
    yield page
    context.close()


@pytest.mark.parametrize(("size", "language"), [("desk", "en"), ("phone", "zh-hans")])
def test_the_pages_are_quiet_fit_and_can_be_read_by_everybody(
    browser, live_server, journey, size, language
) -> None:
    context = browser.new_context(viewport=SIZES[size], color_scheme="dark" if size == "phone" else "light")
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    steps = address("steps", journey)
    entry = JourneyEntry.objects.earliest("pk")
    addresses = {
        "of": address("of", journey) + "?step=pause",
        "steps": f"{steps}?step=ab",
        "called": f"{steps}?step=.",
        "compare": address("compare", journey),
        "recipes": reverse("admin:campaigns_journeyversion_recipes"),
        "take-out": reverse("admin:campaigns_journeyentry_take_out", args=[entry.pk]),
    }
    wrong = set()
    for name, path in addresses.items():
        answer = page.goto(live_server.url + path)
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        picture(page, f"journey-{name}-{size}-{language}")
        # What is ours; the theme's frame is the theme's.
        rules = violations(page, context=".desk-page")
        wrong |= {f"{name}: {what}" for what in found}
        wrong |= {f"{name}: {rule['id']} {rule['nodes'][0]['html'][:120]}" for rule in rules}
        wrong |= {f"{name}: {wide} px too wide"} if wide > 0 else set()
        found.clear()
    assert wrong == set()
    context.close()


def test_a_wait_is_put_in_a_split_is_changed_and_people_move(page, live_server, journey) -> None:
    found = complaints(page)
    page.goto(live_server.url + address("of", journey))
    expect(page.locator('.way-card[data-step="pause"]')).to_contain_text("about 30 here now")
    page.click("a:text-is('Change the journey')")
    page.click('.way-card[data-step="ab"]')
    page.fill('[name="f-share_0"]', "70")
    page.fill('[name="f-share_1"]', "20")
    page.click("button:text-is('Take over')")
    expect(page.locator("#panel")).to_contain_text("The shares add up to 90, not to 100.")
    assert page.input_value('[name="f-share_0"]') == "70"
    page.fill('[name="f-share_1"]', "30")
    # Whatever is pressed, what was typed is taken in.
    page.click('button[value="add:ab:1"]')
    expect(page.locator("#panel h2").first).to_contain_text(
        "What comes after “Split by chance: 70 % / 30 %”: 30 %?"
    )
    page.click('.journey-kinds button[value="kind:ab:1:wait"]')
    page.fill('[name="f-days"]', "")
    page.click("button:text-is('Put it in')")
    expect(page.locator("#panel .journey-error")).to_contain_text("Say how long")
    page.fill('[name="f-days"]', "2")
    page.click("button:text-is('Put it in')")
    expect(page.locator('.way-card[data-step="wait"]')).to_contain_text("Wait 2 days")
    expect(page.locator(".journey-changes")).to_contain_text(
        "Split by chance: 50 % / 50 % → Split by chance: 70 % / 30 %"
    )
    version = journeys.newest(journey)
    assert version is not None
    assert version.number == 2  # nothing has been saved yet
    page.check('[name="move"][value="yes"]')
    expect(page.locator(".journey-save")).to_contain_text("where their step still is: about 30.")
    page.click("button:text-is('Save version 3')")
    expect(page.locator(".desk-title")).to_have_text("Journey: Win back")
    expect(page.locator('.way-card[data-step="pause"]')).to_contain_text("about 30 here now")
    version = journeys.newest(journey)
    assert version is not None
    steps = version.definition["steps"]
    assert (version.number, version.created_by) == (3, "marta")
    assert steps["ab"]["percent"] == {"one": 70, "wait": 30}
    assert steps["wait"] == {"kind": "wait", "days": 2, "next": "two"}
    assert JourneyEntry.objects.filter(version=version, step="pause").count() == 30
    assert found == []


def test_the_keyboard_alone_goes_opens_asks_removes_and_undoes(page, live_server, journey) -> None:
    found = complaints(page)
    page.goto(live_server.url + address("steps", journey))
    page.focus('.way-card[data-step="."]')
    page.keyboard.press("ArrowDown")
    expect(page.locator('.way-card[data-step="ab"]')).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator('.way-card[data-step="two"]')).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator('.way-card[data-step="pause"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2").first).to_have_text("Wait 3 days")
    page.keyboard.press("Delete")
    expect(page.locator("#panel")).to_contain_text("Remove this step?")
    expect(page.locator("#panel")).to_contain_text("Here now: about 30.")
    expect(page.locator("button:text-is('Remove it')")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator('.way-card[data-step="pause"]')).to_have_count(0)
    expect(page.locator(".journey-save")).to_contain_text(
        "Their step is gone, so they finish their own: about 30."
    )
    page.click("button:text-is('Undo the last change')")
    expect(page.locator('.way-card[data-step="pause"]')).to_have_count(1)
    expect(page.locator(".journey-save h2")).to_have_text("Nothing is changed yet")
    assert found == []


def test_one_person_is_taken_out_after_one_question(page, live_server, journey) -> None:
    entry = JourneyEntry.objects.earliest("pk")
    page.goto(live_server.url + reverse("admin:campaigns_journeyentry_change", args=[entry.pk]))
    page.click("a:has-text('Take out of the journey')")
    expect(page.locator(".desk-page")).to_contain_text("This cannot be undone.")
    entry.refresh_from_db()
    assert entry.state == "waiting"
    page.click("button:text-is('Take them out')")
    expect(page.locator("body")).to_contain_text("taken out by hand")
    entry.refresh_from_db()
    assert (entry.state, entry.left_by) == ("left", "taken_out")
