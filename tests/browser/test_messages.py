"""The message's pages in a real Chromium: an editor with its lines, a preview in five ways, a test to oneself."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns.messages import mjml_example
from campaigns.models import Message
from tests import desk
from tests.browser.test_admin import SIZES, complaints, log_in, picture
from tests.browser.test_admin import _patience as _patience
from tests.browser.test_admin import browser as browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def message(settings) -> Message:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    desk.people(6)
    row = desk.campaign(offers=[desk.offer()]).message
    assert row is not None
    return row


@pytest.mark.parametrize(("size", "language"), [("desk", "en"), ("phone", "zh-hans")])
def test_the_pages_are_quiet_and_fit(browser, live_server, message, size, language) -> None:
    context = browser.new_context(viewport=SIZES[size], color_scheme="dark" if size == "phone" else "light")
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    preview = reverse("admin:campaigns_message_preview", args=[message.pk])
    addresses = {
        "add": reverse("admin:campaigns_message_add"),
        "change": reverse("admin:campaigns_message_change", args=[message.pk]),
        "test": reverse("admin:campaigns_message_test", args=[message.pk]),
        **{view: f"{preview}?customer=p001&view={view}" for view in ("desktop", "phone", "dark", "text", "source")},
    }  # fmt: skip
    wrong = set()
    for name, address in addresses.items():
        answer = page.goto(live_server.url + address)
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        picture(page, f"message-{name}-{size}-{language}")
        wrong |= {f"{name}: {what}" for what in found} | (
            {f"{name}: {wide} px too wide"} if wide > 0 else set()
        )
        found.clear()
    assert wrong == set()
    context.close()


def test_a_fault_is_shown_at_its_line_while_one_writes_and_a_press_leads_to_it(
    browser, live_server, message
) -> None:
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:campaigns_message_change", args=[message.pk]))
    expect(page.locator("#message-check")).to_contain_text("Nothing would fail for anybody.")
    page.fill("#id_body", "<p>one</p>\n<p>{{ customer.name }}</p>\n<p>three</p>")
    fault = page.locator("#message-check .desk-goto").first
    expect(fault).to_contain_text("body, line 2")
    expect(page.locator(".desk-editor:has(#id_body) .desk-gutter .is-wrong")).to_have_text("2")
    fault.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_body")).to_be_focused()
    chosen = "(() => { const f = document.activeElement; return f.value.slice(f.selectionStart, f.selectionEnd) })()"
    assert page.evaluate(chosen) == "<p>{{ customer.name }}</p>"
    page.keyboard.press("Delete")
    page.click("summary:text('What may be used')")
    page.click(".desk-insert >> nth=0")
    expect(page.locator("#message-check")).to_contain_text("Nothing would fail for anybody.")
    assert "{{ customer.name | default: 'there' }}" in page.input_value("#id_body")
    expect(page.frame_locator("#message-check iframe").locator(".sheet")).to_contain_text("Anna")
    page.select_option("#id_format", "mjml")
    page.fill("#id_body", mjml_example())
    page.fill("#id_zh_body", "")
    expect(page.frame_locator("#message-check iframe").locator("body")).to_contain_text("Look around")
    picture(page, "message-written")
    page.click("button[name=_save]")
    page.wait_for_load_state("networkidle")
    message.refresh_from_db()
    assert message.format == "mjml"
    assert message.body.strip().startswith("<mjml>")
    assert found == []
    context.close()
