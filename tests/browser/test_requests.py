"""What people ask for, in a real Chromium: a phone, no JavaScript, both languages."""

import re
import time

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Browser, Page, expect

from config.models import Change
from customers import letters, links, request_work, requests
from customers.models import Customer, PrivacyRequest
from tests import desk
from tests.browser.test_admin import complaints
from tests.browser.test_people import browser as browser
from tests.browser.test_people import fits
from tests.browser.test_people import phone as phone
from tests.conftest import person

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _files_of_one_test(tmp_path, settings) -> None:
    settings.VAR_DIR = tmp_path


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_person_asks_for_everything_on_a_phone_without_a_script(phone: Page, language: str) -> None:
    anna = person("anna", allows=["analytics", "marketing_email"])
    home = links.preferences_url(anna).replace("/preferences/", "/privacy/") + f"?language={language}"
    for kind, after in (
        ("rectification", "open"),
        ("portability", "open"),
        ("objection", "done"),
        ("restriction", "done"),
    ):
        phone.goto(home)
        assert fits(phone)
        phone.locator(f"a[href*='/ask/{kind}']").click()
        assert fits(phone)
        if kind == "rectification":
            phone.locator("input[name=name]").fill("Anne")
        phone.locator("main form button").click()
        assert fits(phone)
        expect(phone.locator("[role=status] h1")).to_be_visible()
        assert PrivacyRequest.objects.get(type=kind).state == after
    phone.goto(home)
    expect(phone.locator(".asked li")).to_have_count(4)
    assert fits(phone)
    phone.locator("a[href*='/ask/restriction']").click()
    phone.locator("button[value=lift]").click()
    anna.refresh_from_db()
    assert anna.restricted_at is None


def test_the_mailed_link_proves_and_the_copy_is_fetched_by_a_button(phone: Page) -> None:
    anna = person("anna")
    row = requests.ask(anna, "portability", source="tests", at=timezone.now()).request
    letter = letters.Letter(row.pk, "identity", at=timezone.now())
    phone.goto(letter.contents.link)
    assert fits(phone)
    phone.locator("main form button").click()
    expect(phone.locator("[role=status]")).to_be_visible()
    request_work.work_due(at=timezone.now())
    phone.goto(letters.Letter(row.pk, "done", at=timezone.now()).contents.link)
    assert fits(phone)
    with phone.expect_download() as fetched:
        phone.locator("main form button").click()
    assert re.fullmatch(r"my-data\.zip", fetched.value.suggested_filename)
    phone.goto(letter.contents.link)
    expect(phone.locator("h1")).to_have_text("This link does not work any more")


def code_of_the_phone(user: User) -> str:
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time()
    return f"{totp.token():06d}"


def test_an_erasure_is_proven_by_mail_and_answered_by_the_officer_with_a_second_factor(
    browser: Browser, live_server, phone: Page, settings
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    anna = person("canary", allows=["analytics", "marketing_email"])
    row = requests.ask(anna, "erasure", source="tests", at=timezone.now()).request
    phone.goto(letters.Letter(row.pk, "identity", at=timezone.now()).contents.link)
    phone.locator("main form button").click()
    expect(phone.locator("[role=status]")).to_be_visible()
    officer = User.objects.create_user("olga", password=desk.PASSWORD, is_staff=True)
    officer.groups.add(Group.objects.get(name="Privacy officer"))

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    found = complaints(page)
    page.goto(live_server.url + reverse("admin:customers_privacyrequest_changelist"))
    page.fill("#id_username", "olga")
    page.fill("#id_password", desk.PASSWORD)
    page.click("#login-form button[type=submit]")
    # Nothing is open to this role before the second factor.
    expect(page.locator(".order-qr svg")).to_be_visible()
    page.fill("#code", code_of_the_phone(officer))
    page.click("button:text('Set it up')")
    expect(page.locator(".order-codes li")).to_have_count(10)
    recovery = page.locator(".order-codes li").first.inner_text()
    page.click("a:text('I have kept them')")
    page.locator("#result_list tbody a").first.click()
    page.click("a:has-text('Do it now')")
    expect(page.locator(".desk-lead")).to_contain_text("This cannot be undone")
    assert not Customer.objects.get(pk=anna.pk).erased_at
    page.click("button:text('Do it now')")
    expect(page.locator(".desk-table").first).to_contain_text("Identities")
    row.refresh_from_db()
    assert row.state == "done"
    assert Customer.objects.get(pk=anna.pk).erased_at
    assert found == []
    told = [*Change.objects.filter(who="olga").values_list("deed", flat=True)]
    assert "did" in told
    assert "canary" not in str([*Change.objects.values()])

    # The next day the phone is lost: one of the ten opens the desk, once.
    page.keyboard.press("Escape")
    context.clear_cookies()
    page.goto(live_server.url + reverse("admin:index"))
    page.fill("#id_username", "olga")
    page.fill("#id_password", desk.PASSWORD)
    page.click("#login-form button[type=submit]")
    page.fill("#code", recovery)
    page.click("button:text('Go on')")
    expect(page.locator("#nav-sidebar")).to_be_visible()
    context.close()
