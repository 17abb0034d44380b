"""The public page of proof in a real Chromium: a phone, no JavaScript, both languages (L3)."""

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from customers.models import ConsentRecord
from customers.proof import checkpoints, receipts
from customers.purposes import PURPOSES
from tests.browser.test_people import browser as browser
from tests.browser.test_people import fits
from tests.browser.test_people import phone as phone
from tests.conftest import person

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_l3_a_receipt_is_checked_on_a_phone_without_javascript(
    phone: Page, live_server, language: str, settings, tmp_path: Path
) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"
    anna = person("anna", allows=list(PURPOSES))
    phone.goto(f"{live_server.url}/proof/?language={language}")
    expect(phone.locator("html")).to_have_attribute("lang", language)
    assert fits(phone)
    checkpoints.make(at=timezone.now())
    receipt = receipts.issue(ConsentRecord.objects.filter(customer_id=anna.pk).earliest("pk"))
    file = tmp_path / "receipt.json"
    file.write_bytes(receipt)

    phone.locator("input[type=file]").set_input_files(file)
    phone.locator("form button").click()
    expect(phone.get_by_role("status").locator("blockquote")).to_be_visible()
    expect(phone.locator(".caution")).to_have_count(0)
    phone.locator("summary").click()
    assert fits(phone)

    phone.locator("textarea").fill(receipt.decode().replace('"granted":true', '"granted":false'))
    phone.locator("form button").click()
    expect(phone.locator(".caution")).to_be_visible()
    assert fits(phone)
