"""The desk in a real Chromium: at a desk and on a phone, without a console error, a policy violation or a sideways scroll."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect, sync_playwright

from campaigns.models import Campaign, Offer
from customers.models import Customer, Jurisdiction
from recommender.models import ModelVersion
from tests import chromium, desk

pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
# Where pictures go, when somebody wants to look at them.
PICTURES = os.environ.get("DESK_PICTURES", "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
        except Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield found
        found.close()


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


def log_in(page: Page, base: str) -> None:
    page.goto(base + reverse("admin:login"))
    page.fill("#id_username", "marta")
    page.fill("#id_password", desk.PASSWORD)
    page.click("button[type=submit]")
    expect(page.locator(".desk-page")).to_be_visible()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def pages(row: Campaign) -> dict[str, str]:
    person = Customer.objects.order_by("pk")[1]
    audience = row.audiences.get()
    draft = Campaign.objects.get(name="Autumn tools")
    assert row.message is not None
    return {
        "home": reverse("admin:index"),
        "segments": reverse("admin:campaigns_segment_changelist"),
        "segment": reverse("admin:campaigns_segment_change", args=[audience.segment_id]),
        "campaigns": reverse("admin:campaigns_campaign_changelist"),
        "campaign": reverse("admin:campaigns_campaign_change", args=[row.pk]),
        "draft": reverse("admin:campaigns_campaign_change", args=[draft.pk]),
        "cancel": reverse("admin:campaigns_campaign_step", args=[row.pk, "cancel"]),
        "report": reverse("admin:campaigns_campaign_report", args=[row.pk]),
        "message": reverse("admin:campaigns_message_change", args=[row.message.pk]),
        "preview": reverse("admin:campaigns_message_preview", args=[row.message.pk]) + "?customer=p001",
        "offer": reverse("admin:campaigns_offer_add"),
        "customers": reverse("admin:customers_customer_changelist"),
        "customer": reverse("admin:customers_customer_change", args=[person.pk]),
        "ledger": reverse("admin:customers_checkpoint_verify"),
        "law": reverse(
            "admin:customers_jurisdiction_change", args=[Jurisdiction.objects.get(code="US-CA").pk]
        ),
        "forecast": reverse("admin:campaigns_offer_forecast", args=[Offer.objects.earliest("pk").pk])
        + "?now=1",
        "placement": reverse("admin:recommender_placement_add"),
        "model": reverse(
            "admin:recommender_modelversion_change", args=[ModelVersion.objects.latest("pk").pk]
        ),
        "trainings": reverse("admin:recommender_trainingrun_changelist"),
        "train": reverse("admin:recommender_trainingrun_train"),
    }


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [
        ("desk", "en", "light"),
        ("desk", "zh-hans", "dark"),
        ("phone", "en", "dark"),
        ("phone", "zh-hans", "light"),
    ],
)
def test_every_page_is_quiet_and_fits(browser, live_server, shop, size, language, scheme):
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    wrong: set[str] = set()
    for name, path in pages(shop).items():
        answer = page.goto(live_server.url + path)
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        picture(page, f"{name}-{size}-{language}")
        if wide > 0:
            found.append(f"scrolls sideways by {wide} px")
        wrong |= {f"{name}: {what}" for what in found}
        found.clear()
    assert wrong == set()
    context.close()


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
