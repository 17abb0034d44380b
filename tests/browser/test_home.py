"""The desk's home, Health and the search in a real Chromium: they fit, say nothing wrong, and work by keyboard."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from campaigns.figures.noting import note
from campaigns.figures.rows import day_of, days_shown
from campaigns.models import Campaign, DailyFigure
from customers.models import Customer
from tests import desk
from tests.browser.test_admin import SIZES, _patience, browser, complaints, log_in, picture

__all__ = ["_patience", "browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def shop(settings) -> Campaign:
    """A shop of some months, whose campaigns earn."""
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    row = desk.measured(desk.shop(180, control=40))
    now = timezone.now()
    Customer.objects.update(created_at=now - timedelta(days=100))
    for n, day in enumerate(days_shown(day_of(now))):
        note(day, at=timezone.now())
        DailyFigure.objects.update_or_create(
            day=day, name="profit", about="",
            defaults={"value": 300 - 9 * n, "low": 10 - 9 * n, "high": 610 - 9 * n, "counted_at": now, "people": 120},
        )  # fmt: skip
    return row


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [
        ("desk", "en", "light"),
        ("desk", "zh-hans", "dark"),
        ("phone", "en", "dark"),
        ("phone", "zh-hans", "light"),
    ],
)
def test_home_and_health_are_quiet_and_fit(browser, live_server, shop, size, language, scheme):
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    for name in ("index", "health"):
        answer = page.goto(live_server.url + reverse(f"admin:{name}"))
        assert answer is not None and answer.status == 200
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, name
        picture(page, f"{name}-{size}-{language}")
    page.goto(live_server.url + reverse("admin:index"))
    expect(page.locator(".desk-chart")).to_have_count(3)
    expect(page.locator(".desk-figure")).to_have_count(4)
    for details in page.locator(".desk-page details").all():
        details.locator("summary").press("Enter")
        expect(details).to_have_attribute("open", "")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert found == []
    context.close()


def test_a_campaign_is_found_and_opened_by_keyboard_alone(browser, live_server, shop):
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:index"))
    page.keyboard.press("Control+k")
    field = page.locator("#search-input-command")
    expect(field).to_be_focused()
    field.press_sequentially("the garden")
    expect(page.locator("#command-results-list li")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(live_server.url + reverse("admin:campaigns_campaign_change", args=[shop.pk]))
    assert found == []
    context.close()
