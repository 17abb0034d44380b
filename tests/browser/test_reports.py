"""Results in a real Chromium: from an A/B test to its verdict, a report on a phone and by keyboard, and on paper."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns import renewals
from campaigns.models import Campaign, CampaignRun, Decision, Message
from customers import events
from customers.events import Incoming
from tests import desk
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, browser, complaints, log_in

__all__ = ["browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def tested(settings) -> Campaign:
    """A launched campaign with two messages: of the second's people far more order, as the shop tells us."""
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    desk.people(480)
    row = desk.campaign(offers=[desk.offer()], control=25)
    assert row.message is not None
    story = Message.objects.create(slug="story", name="Story", subject="A story", body=row.message.body)
    row.variants.create(key="a", name="Short", message=row.message)
    row.variants.create(key="b", name="Story", message=story)
    desk.launched(row)
    then = timezone.now() - timedelta(days=21)
    CampaignRun.objects.filter(campaign=row).update(planned_at=then)
    Decision.objects.filter(campaign=row).update(decided_at=then)
    decided = Decision.objects.filter(campaign=row, slot=0).select_related("customer", "variant")
    groups: dict[str, list[str]] = {}
    for decision in decided.order_by("customer__external_id"):
        kind = decision.variant.key if decision.variant else decision.arm
        groups.setdefault(kind, []).append(decision.customer.external_id or "")
    for kind, share in (("a", 0.3), ("b", 0.8), ("control", 0.3)):
        names = groups[kind][: round(share * len(groups[kind]))]
        told = [
            Incoming(
                message_id=f"order-{name}", type="ordered", customer=name, value=Decimal(30 + n % 7), currency="EUR",
                order_id=f"order-{name}", occurred_at=then + timedelta(days=1 + n % 9),
            )
            for n, name in enumerate(names)
        ]  # fmt: skip
        assert events.take_in(told, source="shop", at=timezone.now()).accepted == len(names)
    return row


def opened(browser: Browser, live_server, size: str, **options: object) -> tuple[Page, list[str]]:
    context = browser.new_context(viewport=SIZES[size], **options)
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    return page, found


def faults(page: Page) -> list[str]:
    """What axe finds on our page; the frame around it is the theme's."""
    found = violations(page, context=".desk-page")
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def test_from_an_a_b_test_to_its_verdict(browser, live_server, tested: Campaign) -> None:
    page, found = opened(browser, live_server, "desk")
    renewals.work_due(clock=timezone.now)
    page.goto(live_server.url + reverse("admin:campaigns_headline_experiments"))
    expect(page.locator(".desk-test")).to_contain_text("Short against Story, by their weights")
    expect(page.locator(".desk-test")).to_contain_text("Its window is over. It earned")
    page.goto(live_server.url + reverse("admin:campaigns_headline_changelist"))
    expect(page.locator("#result_list")).to_contain_text("earned")
    page.click("#result_list a:text('Spring in the garden')")
    expect(page.locator(".desk-lead")).to_contain_text("It earned +")
    variants = page.locator("section", has=page.locator("h2:text-is('Variants')"))
    expect(variants).to_contain_text("Story brought more money per person than every other variant.")
    expect(variants).to_contain_text("Short less Story")
    with page.expect_download() as download:
        variants.get_by_role("link", name="Variants (CSV)").click()
    assert re.fullmatch(rf"{tested.slug}-variants-\d{{4}}-\d\d-\d\d\.csv", download.value.suggested_filename)
    page.click("a:text('Compare with another campaign')")
    expect(page.locator("select[name=a]")).to_have_value(tested.slug)
    page.select_option("select[name=b]", tested.slug)
    page.click("button:text('Compare')")
    expect(page.get_by_role("alert")).to_have_text("This is the first campaign again. Choose another.")
    assert found == []
    page.context.close()


def test_asked_anew_the_list_follows_by_itself(browser, live_server, tested: Campaign) -> None:
    page, found = opened(browser, live_server, "desk")
    page.goto(live_server.url + reverse("admin:campaigns_headline_changelist"))
    page.click("button:text('Work them out anew')")
    expect(page.locator("#results-progress")).to_contain_text("0 of 1 reports are worked out.")
    renewals.work_due(clock=timezone.now)
    expect(page.locator("#result_list")).to_contain_text("earned", timeout=20_000)
    expect(page.locator("#results-progress")).not_to_contain_text("are worked out.")
    assert found == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_is_read_on_a_phone_and_by_keyboard(browser, live_server, tested, scheme: str) -> None:
    page, found = opened(browser, live_server, "phone", color_scheme=scheme)
    renewals.work_due(clock=timezone.now)
    page.goto(live_server.url + reverse("admin:campaigns_campaign_report", args=[tested.pk]))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(page) == []
    page.evaluate("document.querySelectorAll('.desk-page details').forEach(one => { one.open = true })")
    within = ".desk-page :is(a[href], button, summary, [tabindex='0'])"
    wanted = page.locator(within).count()
    page.locator(".desk-page button[data-print]").focus()
    reached = 1
    for _press in range(wanted + 5):
        page.keyboard.press("Tab")
        reached += page.evaluate("within => Number(document.activeElement.matches(within))", within)
        if not page.evaluate("document.activeElement.closest('.desk-page') !== null"):
            break
    assert reached == wanted
    assert found == []
    page.context.close()


def test_every_page_of_results_fits_and_is_sound(browser, live_server, tested) -> None:
    page, found = opened(browser, live_server, "phone")
    renewals.work_due(clock=timezone.now)
    for name in ("experiments", "compare"):
        page.goto(live_server.url + reverse(f"admin:campaigns_headline_{name}"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert faults(page) == [], name
    page.goto(live_server.url + reverse("admin:campaigns_headline_changelist"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == []
    page.context.close()


def test_printed_it_is_two_pages_dark_or_not(browser, live_server, tested) -> None:
    page, _found = opened(browser, live_server, "desk", color_scheme="dark")
    page.goto(live_server.url + reverse("admin:campaigns_campaign_report", args=[tested.pk]))
    page.wait_for_load_state("networkidle")
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 2
    page.emulate_media(media="print")
    expect(page.locator(".desk-onprint")).to_contain_text("by marta.")
    expect(page.locator("[data-print]")).not_to_be_visible()
    dark = page.evaluate("getComputedStyle(document.querySelector('.desk-lead')).color")
    assert dark == "rgb(17, 17, 17)"
    page.context.close()
