"""The recommender's room in a real Chromium: two models for one person, and rules tried before they are saved."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from recommender.algorithms.frequency import Frequency
from recommender.algorithms.popularity import Popularity
from recommender.models import ModelVersion, Placement
from tests import desk
from tests.browser.test_admin import _patience, browser, complaints, log_in
from tests.recommender.live import go_live, strangers
from tests.recommender.test_training_and_serving import shop

__all__ = ["_patience", "browser", "shop"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def two(transactional_db, shop: list[str], settings) -> tuple[ModelVersion, ModelVersion]:
    """What was live before, still kept, and what is live."""
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    before = go_live(Popularity(30.0))
    after = go_live(Frequency(60.0))
    strangers()
    for row in (before, after):
        ModelVersion.objects.filter(pk=row.pk).update(acts_file=row.file, metrics={"label": row.algorithm})
    return before, after


def test_two_models_are_compared_for_a_person(browser, live_server, two) -> None:
    before, after = two
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:recommender_modelversion_changelist"))
    page.locator("a:text('Compare two')").click()
    page.select_option("#left", str(after.pk))
    page.select_option("#right", str(before.pk))
    page.fill("#customer", "p1")
    page.click("button:text-is('Show both lists')")
    expect(page.locator(".desk-two .desk-card")).to_have_count(2)
    expect(page.locator(".desk-lead")).to_contain_text("products stand in both lists")
    expect(page.locator(".desk-two .moved").first).to_be_visible()
    assert page.locator(".desk-two .desk-card").nth(0).locator("li").count() == 10
    assert found == []
    context.close()


def test_rules_are_tried_beside_those_that_hold_and_then_saved(browser, live_server, two) -> None:
    row = Placement.objects.create(name="Shelf", slug="shelf")
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:recommender_placement_shows"))
    page.select_option("#placement", str(row.pk))
    page.fill("#customer", "p1")
    page.click("button:text-is('Show')")
    expect(page.locator(".desk-lead")).to_contain_text("Chosen for this person")
    page.select_option("#id_bought", "exclude")
    page.select_option("#id_diversity", "mmr")
    page.fill("#id_strength", "0.6")
    page.click("button:text-is('Show both lists')")
    expect(page.locator(".desk-two .desk-card")).to_have_count(2)
    expect(page.locator("#id_bought")).to_have_value("exclude")
    row.refresh_from_db()
    assert row.bought == "allow", "trying saves nothing"
    page.click("button:text-is('Save these rules')")
    expect(page.locator("body")).to_contain_text("Saved: the shop gets the changed list")
    row.refresh_from_db()
    assert (row.bought, row.diversity, row.strength) == ("exclude", "mmr", 0.6)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == []
    context.close()
