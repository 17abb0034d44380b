"""A campaign's path in a real Chromium: from the first login to the first mail, by a second person's yes, and stopped."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from campaigns import delivery, lifecycle, planning
from campaigns.models import Campaign, Decision, Delivery
from tests import desk
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, complaints, log_in, picture
from tests.browser.test_admin import _patience as _patience
from tests.browser.test_admin import browser as browser
from tests.campaigns.conftest import sink as sink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]


def path(row: Campaign, step: str = "") -> str:
    return reverse("admin:campaigns_campaign_path", args=[row.pk]) + (f"?step={step}" if step else "")


def go_on(page: Page, then: str) -> None:
    page.click("button:text('Save and go on')")
    expect(page.locator(".path-step.is-open h2")).to_contain_text(then)


def later(seconds: int = 61) -> None:
    """As the workers do, a minute on: plan, send, and close what is done."""
    now = timezone.now() + timedelta(seconds=seconds)
    planning.plan_due(at=now)
    delivery.deliver_all(clock=lambda: now)
    lifecycle.finish_done(at=now)


def test_from_the_first_login_to_the_first_campaign_sent(browser, live_server, sink) -> None:
    desk.staff()
    desk.people(90)
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    page.goto(live_server.url + reverse("admin:campaigns_campaign_changelist"))
    page.fill("#id_username", "marta")
    page.fill("#id_password", desk.PASSWORD)
    page.click("button[type=submit]")
    page.locator("a[href*='/campaign/add/']").first.click()
    page.check("text=Tell people something once")
    page.fill("#id_name", "Spring in the garden")
    page.click("button:text('Begin')")
    page.check("text=Everyone the shop knows")
    go_on(page, "Offers")
    # An offer is made on the way, leads back chosen, and is approved where one stands.
    page.click("button:text('Make a new offer')")
    expect(page.locator("#id_title")).to_have_value("Spring in the garden")
    page.select_option("#id_benefit", "percent")
    page.fill("#id_value", "10")
    page.click("button[name=_save]")
    expect(page.get_by_role("checkbox", name="Spring in the garden")).to_be_checked()
    page.click("button:text('Save and go on')")
    page.click("button:text('Approve “Spring in the garden”')")
    # Two messages are written on the way; what was chosen for the first is not lost.
    page.click("button:text('Write a new message')")
    page.click("a:text-is('Announcement')")
    page.click("button[name=_save]")
    expect(page.locator("#id_message_a option:checked")).to_have_text("Spring in the garden")
    page.check("text=Two messages to compare")
    page.click("button:text('Write a new message')")
    page.click("a:text-is('Announcement')")
    expect(page.locator("#id_name")).to_have_value("Spring in the garden 2")
    page.fill("#id_name", "Spring, shorter")
    page.fill("#id_subject", "Spring is here")
    page.click("button[name=_save]")
    expect(page.locator("#id_message_b option:checked")).to_have_text("Spring, shorter")
    expect(page.locator(".path-looks section")).to_have_count(2)
    picture(page, "path-message")
    go_on(page, "Experiment")
    expect(page.locator("#id_control_percent")).to_have_value("10")
    go_on(page, "Schedule")
    go_on(page, "Check")
    expect(page.locator("#check")).to_contain_text("Nothing keeps it from being approved.")
    expect(page.locator("#check")).to_contain_text("60 people can be reached now.")
    expect(page.locator("#check .path-person")).to_have_count(3)
    picture(page, "path-check")
    page.click("a:text('Go on to the launch')")
    page.click("button:text-is('Approve')")
    page.click("a:text('Launch…')")
    page.click("button:text('Launch to 60 people')")
    expect(page.locator("#progress")).to_contain_text("It can be called back until")
    expect(page.locator(".path-count")).to_contain_text("0:")
    picture(page, "path-launched")
    later()
    row = Campaign.objects.get()
    treated = Decision.objects.filter(campaign=row, arm="treated")
    held_out = Decision.objects.filter(campaign=row, arm="control").count()
    assert treated.count() + held_out == 60
    assert held_out > 0
    assert len(sink.recipients()) == treated.count() == Delivery.objects.filter(status="sent").count()
    assert {decision.variant.key for decision in treated.select_related("variant")} == {"a", "b"}
    page.goto(live_server.url + path(row))
    expect(page.locator(".desk-lead")).to_contain_text("Finished")
    assert row.created_by == row.approved_by == "marta"
    assert found == []
    context.close()


def test_a_launch_is_called_back_with_one_click(browser, live_server) -> None:
    desk.staff()
    desk.people(30)
    row = desk.campaign(offers=[])
    now = timezone.now()
    lifecycle.take(row, "approve", by="marta", at=now)
    lifecycle.take(row, "launch", by="marta", at=now, undo=lifecycle.UNDO)
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + path(row))
    page.click("button:text('Call back')")
    expect(page.locator(".desk-lead")).to_contain_text("Approved by marta")
    later()
    assert not Decision.objects.exists(), "nothing was planned for anybody"
    context.close()


def test_s5_a_second_person_approves_what_the_first_has_made(browser, live_server, settings) -> None:
    settings.APPROVAL_ABOVE = 20
    desk.staff()
    User.objects.create_superuser("anton", "anton@shop.example", desk.PASSWORD)
    desk.people(60)
    row = desk.campaign(offers=[])
    Campaign.objects.update(created_by="marta")
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + path(row, "check"))
    expect(page.locator("#check")).to_contain_text("somebody else approves it")
    page.goto(live_server.url + path(row, "launch"))
    page.click("button:text-is('Approve')")
    expect(page.locator("body")).to_contain_text("somebody approves it who neither made nor changed it")
    row.refresh_from_db()
    assert row.status == "draft"
    context.close()
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    log_in(page, live_server.url, "anton")
    page.goto(live_server.url + path(row, "launch"))
    page.click("button:text-is('Approve')")
    expect(page.locator(".desk-lead")).to_contain_text("Approved by anton")
    row.refresh_from_db()
    assert (row.status, row.approved_by) == ("approved", "anton")
    context.close()


def test_sending_is_stopped_and_resumed(browser, live_server, sink) -> None:
    desk.staff()
    desk.people(60)
    row = desk.campaign(offers=[], control=0)
    now = timezone.now()
    lifecycle.take(row, "approve", by="marta", at=now)
    lifecycle.take(row, "launch", by="marta", at=now)
    planning.plan_due(at=timezone.now())
    delivery.deliver_due(clock=timezone.now, limit=25)
    context = browser.new_context(viewport=SIZES["phone"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + path(row))
    expect(page.locator("#progress")).to_contain_text("about 30 of about 40 sent")
    page.click("button:text('Stop sending')")
    expect(page.locator(".desk-lead")).to_contain_text("Paused")
    assert delivery.deliver_all(clock=timezone.now).total() == 0
    page.click("#launch button:text-is('Resume')")
    expect(page.locator(".desk-lead")).to_contain_text("Running")
    delivery.deliver_all(clock=timezone.now)
    # The page asks by itself how far it is.
    expect(page.locator("#progress")).to_contain_text("about 40 of about 40 sent", timeout=20_000)
    assert len(sink.recipients()) == 40
    assert found == []
    context.close()


@pytest.mark.parametrize(
    ("size", "language", "scheme"), [("desk", "en", "light"), ("phone", "zh-hans", "dark")]
)
def test_every_step_is_quiet_fits_and_can_be_used_by_everybody(
    browser, live_server, size, language, scheme
) -> None:
    desk.staff()
    desk.shop(40)
    row = desk.campaign(offers=[], name="Autumn tools")
    other = desk.campaign(offers=[], name="Beside it")
    Campaign.objects.filter(pk=other.pk).update(
        kind="recurring", recurrence="FREQ=DAILY;BYHOUR=9;BYMINUTE=0", status="running"
    )
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    steps = ("goal", "audience", "offers", "message", "experiment", "schedule", "check", "launch")
    addresses = {
        "begin": reverse("admin:campaigns_campaign_add"),
        "calendar": reverse("admin:campaigns_campaign_calendar"),
        **{step: path(row, step) for step in steps},
        "recurring": path(other),
    }
    wrong: set[str] = set()
    for name, address in addresses.items():
        answer = page.goto(live_server.url + address)
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        picture(page, f"path-{name}-{size}-{language}")
        told = violations(page, context=".desk-page")
        wrong |= {f"{name}: {one['id']} {one['nodes'][0]['target']}" for one in told}
        wrong |= {f"{name}: {what}" for what in found}
        wrong |= {f"{name}: {wide} px too wide"} if wide > 0 else set()
        found.clear()
    assert wrong == set()
    context.close()
