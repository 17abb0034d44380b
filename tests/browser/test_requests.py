"""What people ask for, in a real Chromium: a phone, no JavaScript, both languages."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from customers import letters, links, request_work, requests
from customers.models import PrivacyRequest
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
