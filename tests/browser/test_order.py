"""The desk by keyboard in a real Chromium: past the menu, to a room, among views; log in on a phone in both languages."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from config.models import SavedView
from tests import desk
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, _patience, complaints, log_in  # noqa: F401 - a fixture
from tests.browser.test_admin import browser as browser
from tests.browser.test_admin import shop as shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


def test_the_desk_is_gone_through_by_keyboard(browser, live_server, shop):
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:index"))
    page.keyboard.press("Tab")
    expect(page.locator(".order-skip")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url(re.compile(re.escape(reverse("admin:campaigns_segment_changelist"))))
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("germans")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Keep this view…").press("Enter")
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type("Ours")
    page.keyboard.press("Enter")
    expect(page.locator(".order-chip[aria-current]")).to_contain_text("Ours")
    assert SavedView.objects.get().query == "q=germans"
    page.keyboard.press("t")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type("Audit")
    expect(page.locator("#command-results-list a").first).to_contain_text("Audit log")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(re.escape(reverse("admin:config_change_changelist"))))
    expect(page.locator("#nav-sidebar [aria-current=page]")).to_contain_text("Audit log")
    page.keyboard.press("?")
    page.wait_for_url(re.compile(re.escape(reverse("admin:shortcuts"))))
    page.locator("[data-order-switch]").uncheck()
    page.locator("h1.desk-title").click()
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_timeout(400)
    assert page.url.endswith(reverse("admin:shortcuts"))  # turned off, keys do nothing
    assert found == []
    context.close()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_door_is_accessible_on_a_phone(browser, live_server, settings, language):
    settings.REQUIRE_SECOND_FACTOR = True
    User.objects.create_superuser("marta", "marta@shop.example", desk.PASSWORD)
    context = browser.new_context(viewport=SIZES["phone"])
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)

    def is_right() -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wrong = violations(page)
        # The theme's own switch of light and dark stands in the corner.
        ours = [
            (one["id"], node["target"])
            for one in wrong
            for node in one["nodes"]
            if "#page .absolute" not in str(node["target"])
        ]
        assert [one for one in ours if "order" in str(one) or one[0] in ("label", "color-contrast")] == []

    page.goto(live_server.url + reverse("admin:index"))
    is_right()
    page.fill("#id_username", "marta")
    page.fill("#id_password", "wrong")
    page.click("#login-form button[type=submit]")
    expect(page.locator("[role=alert]")).to_be_visible()
    is_right()
    page.fill("#id_password", desk.PASSWORD)
    page.click("#login-form button[type=submit]")
    expect(page.locator(".order-qr svg")).to_be_visible()
    is_right()
    assert found == []
    context.close()
