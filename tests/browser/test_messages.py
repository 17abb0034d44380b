"""The message's pages in a real Chromium: blocks and source, what may be used, a look in every way, a test to oneself."""

import pytest
from django.urls import reverse
from playwright.sync_api import FrameLocator, Page, expect

from campaigns.messages import mjml_example
from campaigns.models import Message
from tests import desk
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, complaints, log_in, picture
from tests.browser.test_admin import _patience as _patience
from tests.browser.test_admin import browser as browser
from tests.campaigns.conftest import Sink
from tests.campaigns.conftest import sink as sink

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
        "begin": reverse("admin:campaigns_message_add"),
        "blocks": reverse("admin:campaigns_message_add") + "?layout=offer",
        "list": reverse("admin:campaigns_message_changelist"),
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
    page.check("input[name=written][value=other]", force=True)
    page.fill("#id_zh_body", "")
    page.check("input[name=look_in][value=en]", force=True)
    expect(page.frame_locator("#message-check iframe").locator("body")).to_contain_text("Look around")
    expect(page.locator("#message-check")).to_contain_text("Nothing would fail for anybody.")
    page.locator("#message-check iframe").scroll_into_view_if_needed()
    picture(page, "message-written")
    page.click("button[name=_save]")
    expect(page.locator("body")).to_contain_text("was changed successfully")
    message.refresh_from_db()
    assert message.format == "mjml"
    assert message.body.strip().startswith("<mjml>")
    assert found == []
    context.close()


def shown(page: Page) -> FrameLocator:
    return page.frame_locator("#message-check iframe")


def order(page: Page) -> list[str]:
    return page.locator(".msg-block h2").all_inner_texts()


def test_a_message_is_written_in_blocks_by_keyboard_translated_looked_at_and_tried(
    browser, live_server, message, sink: Sink
) -> None:
    context = browser.new_context(viewport=SIZES["desk"])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:campaigns_message_add"))
    page.click("a:text-is('Announcement')")
    expect(shown(page).locator("h1")).to_have_text("Hello Anna,")

    # What may be used, by keyboard alone.
    heading = page.locator("#id_b1-text")
    heading.fill("Dear {{ na")
    heading.press("m")
    expect(page.locator("#message-complete [role=option]")).to_have_count(1)
    expect(page.locator("#message-complete [aria-selected=true]")).to_contain_text(
        "for example: Anna · else: there"
    )
    assert heading.get_attribute("aria-activedescendant") == "message-complete-0"
    heading.press("Enter")
    expect(heading).to_have_value("Dear {{ customer.name | default: 'there' }}")
    expect(page.locator("#message-complete")).to_be_hidden()
    expect(shown(page).locator("h1")).to_have_text("Dear Anna")

    # Moved, doubled, taken out and put back; the focus stays where it is of use.
    page.focus("#block-b3-up")
    page.keyboard.press("Enter")
    expect(page.locator("#message-said")).to_have_text("Button is at place 2 of 3.")
    expect(page.locator("#block-b3-up")).to_be_focused()
    assert order(page) == ["Heading", "Button", "Text", "Footer"]
    page.focus("#block-b3-twice")
    page.keyboard.press("Space")
    expect(page.locator("#id_b4-text")).to_be_focused()
    page.focus("#block-b4-remove")
    page.keyboard.press("Enter")
    expect(page.locator("#block-undo")).to_be_focused()
    assert order(page) == ["Heading", "Button", "Text", "Footer"]
    page.keyboard.press("Enter")
    expect(page.locator("#message-said")).to_have_text("Button is back.")
    assert order(page) == ["Heading", "Button", "Button", "Text", "Footer"]
    page.click("#block-b4-remove")
    expect(page.locator("#block-undo")).to_be_visible()
    assert page.locator("#block-footer-remove").count() == 0

    # A fault stands at its field and its line, and a press leads there.
    page.fill("#id_b2-text", "one\ntwo {{ customer.name }}\nthree")
    expect(page.locator("#id_b2-text-wrong")).to_contain_text("Line 2: Not everybody has “customer.name”")
    fault = page.locator("#message-check .desk-goto").first
    fault.focus()
    page.keyboard.press("Enter")
    chosen = "(() => { const f = document.activeElement; return f.value.slice(f.selectionStart, f.selectionEnd) })()"
    assert page.evaluate(chosen) == "two {{ customer.name }}"
    page.keyboard.press("Delete")
    expect(page.locator("#message-check")).to_contain_text("Nothing would fail for anybody.")
    expect(page.locator("#id_b2-text-wrong")).to_be_empty()
    page.fill("#id_b2-text", "one <script>parent.document.title = 'taken'</script>")
    expect(shown(page).locator("body")).to_contain_text("one <script>")

    found_by_axe = violations(page, context=".msg-two")
    assert [(one["id"], node["target"]) for one in found_by_axe for node in one["nodes"]] == []

    # In Chinese: what is outdated is said, and the look follows what is written.
    expect(page.locator("#id_zh_b2-text-state")).to_have_text("the original has changed since")
    page.check("input[name=written][value=other]", force=True)
    page.click("[data-copy=id_b1-text]")
    expect(page.locator("#id_zh_b1-text")).to_have_value("Dear {{ customer.name | default: 'there' }}")
    page.fill("#id_zh_b1-text", "亲爱的{{ customer.name | default: '您' }}")
    expect(shown(page).locator("h1")).to_have_text("亲爱的小安")

    # Looked at in every way.
    page.check("input[name=look][value=phone]", force=True)
    expect(page.locator(".msg-frame.is-phone")).to_be_visible()
    page.check("input[name=look][value=dark]", force=True)
    expect(page.locator(".msg-frame.is-dark")).to_be_visible()
    expect(shown(page).locator(".sheet").first).to_have_css("background-color", "rgb(31, 34, 38)")
    page.check("input[name=look][value=text]", force=True)
    expect(page.locator(".msg-text")).to_contain_text("亲爱的小安")
    page.fill("#id_look_as", "p001")
    expect(page.locator(".msg-text")).to_contain_text("亲爱的P001")

    # Tried before it is saved, and saved.
    page.click("button:text-is('Send a test')")
    expect(page.locator("#message-tried")).to_contain_text("Sent to marta@shop.example at")
    assert sink.recipients() == ["marta@shop.example"]
    assert Message.objects.count() == 1
    assert page.title() != "taken"
    page.wait_for_load_state("networkidle")
    picture(page, "message-blocks-written")
    page.click("button[name=_save]")
    expect(page.locator("body")).to_contain_text("was added successfully")
    row = Message.objects.get(slug="announcement-mail")
    assert "&lt;script&gt;" in row.body
    assert "亲爱的" in row.translations["zh-hans"]["body"]
    assert found == []
    context.close()
