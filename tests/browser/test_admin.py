"""The desk in a real Chromium: at a desk and on a phone, without a console error, a policy violation or a sideways scroll."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from campaigns import recipes
from campaigns.models import Campaign
from recommender.models import ModelVersion
from tests import desk

pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
# Where pictures go, when somebody wants to look at them.
PICTURES = os.environ.get("DESK_PICTURES", "")


@pytest.fixture
def browser(running: Browser) -> Browser:
    return running


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured here is what a page shows, not how busy the machine is."""
    new_context = Browser.new_context

    def patient(self: Browser, **options: Any) -> BrowserContext:
        context = new_context(self, **options)
        context.set_default_timeout(120_000)
        return context

    monkeypatch.setattr(Browser, "new_context", patient)


@pytest.fixture
def shop(settings) -> Campaign:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    row = desk.measured(desk.shop(180, control=40))
    recipes.make("win-back", by="marta")
    draft = desk.campaign(offers=[], name="Autumn tools")
    draft.audiences.all().delete()
    for state, reached in (("retired", 0.31), ("live", 0.34)):
        interval = {"ndcg10": reached, "ndcg10_low": reached - 0.02, "ndcg10_high": reached + 0.02}
        ModelVersion.objects.create(
            task="recommend", algorithm="frequency", state=state, file="f", sha256="0" * 64, people=900,
            interactions=9_000, trained_until=timezone.now(),
            metrics={"label": "frequency", "test": [{"algorithm": "frequency", "people": 300, **interval}]},
        )  # fmt: skip
    return row


def complaints(page: Page) -> list[str]:
    """What the browser complains about from now on: errors on the console, thrown errors, refused content."""
    found: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            found.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def log_in(page: Page, base: str, who: str = "marta") -> None:
    """With a session as the door gives one, where the door is not what is looked at."""
    client = Client()
    client.force_login(User.objects.get(username=who))
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": base}])


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_a_campaign_is_launched_by_hand(browser, live_server, shop):
    row = desk.campaign(offers=[], name="By hand")
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:campaigns_campaign_change", args=[row.pk]))
    page.click("button:text-is('Approve')")
    expect(page.locator(".desk-lead")).to_contain_text("Approved by marta")
    page.click("a:text('Launch…')")
    expect(page.locator(".desk-lead")).to_contain_text("120 people can be reached now.")
    page.click("button:text('Launch to 120 people')")
    expect(page.locator(".desk-lead")).to_contain_text("Running")
    row.refresh_from_db()
    assert row.status == "running"
    assert found == []
    context.close()


def test_a_rule_is_counted_while_it_is_typed(browser, live_server, shop):
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:campaigns_segment_add"))
    page.locator("#segment-text > summary").click()
    page.locator("#id_rule").fill('{"attribute": "country", "is": "DE"}')
    expect(page.locator("#segment-counts")).to_contain_text("180 people match now; 120 of them")
    page.locator("#id_rule").fill('{"country": "DE"}')
    expect(page.locator("#segment-counts")).to_contain_text("no known condition")
    assert found == []
    context.close()


def test_the_language_is_switched_from_the_menu(browser, live_server, shop):
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:index"))
    page.click("text=marta")
    page.click("button:has-text('简体中文')")
    expect(page.locator(".desk-page")).to_contain_text("需要您处理")
    assert page.url == live_server.url + reverse("admin:index")
    context.close()


def test_the_preview_runs_no_script_of_the_message(browser, live_server, shop):
    message = shop.message
    assert message is not None
    message.body = "<h1>Hello</h1><script>parent.document.title = 'taken'</script>"
    message.save()
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(
        live_server.url + reverse("admin:campaigns_message_preview", args=[message.pk]) + "?customer=p001"
    )
    expect(page.frame_locator("iframe.desk-mail").locator("h1")).to_have_text("Hello")
    assert page.title() != "taken"
    context.close()
