"""People's pages in a real Chromium: a phone, no JavaScript, both languages."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from customers import links, optin, preferences
from customers.models import Customer
from customers.purposes import PURPOSES
from tests.conftest import person

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
WORDS = {"en": "Send me offers by e-mail", "zh-hans": "通过电子邮件向我发送优惠"}


@pytest.fixture
def browser(running: Browser) -> Browser:
    return running


@pytest.fixture
def phone(browser: Browser, live_server, settings) -> Iterator[Page]:
    """390 pixels wide, JavaScript off; whatever is asked of another server fails the test."""
    settings.PUBLIC_URL = live_server.url
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    own = urlsplit(live_server.url).netloc
    strangers = [url for url in asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc != own]
    assert strangers == []
    assert context.cookies() == []
    context.close()


def fits(page: Page) -> bool:
    """Nothing sticks out at the side, measured without the page's own JavaScript."""
    box = page.locator("body").bounding_box()
    boxes = [item.bounding_box() for item in page.locator("main *:visible").all()]
    assert box is not None
    return all(inner is None or inner["x"] + inner["width"] <= 390.5 for inner in boxes)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_c6_u2_the_switches_work_on_a_phone_without_javascript(phone: Page, language: str) -> None:
    anna = person("anna", allows=list(PURPOSES))
    phone.goto(f"{links.preferences_url(anna)}?language={language}")
    expect(phone.locator("html")).to_have_attribute("lang", language)
    switch = phone.get_by_role("switch", name=WORDS[language])
    expect(switch).to_be_checked()
    assert fits(phone)
    switch.uncheck()
    phone.locator("button[value=save]").click()
    expect(phone.get_by_role("status")).to_be_visible()
    expect(phone.locator("html")).to_have_attribute("lang", language)
    expect(phone.get_by_role("switch", name=WORDS[language])).not_to_be_checked()
    assert not preferences.is_allowed(anna.pk, "marketing_email")
    assert preferences.is_allowed(anna.pk, "analytics")
    phone.locator("button[value=stop]").click()
    expect(phone.locator("[role=switch]:checked")).to_have_count(0)
    assert not any(preferences.is_allowed(anna.pk, purpose) for purpose in PURPOSES)


def test_the_keyboard_reaches_every_switch_and_shows_where_it_is(phone: Page) -> None:
    boris = person("boris")
    phone.goto(links.preferences_url(boris))
    reached = 0
    for _press in range(30):
        phone.keyboard.press("Tab")
        here = phone.locator(":focus")
        if here.count() and here.get_attribute("role") == "switch":
            phone.keyboard.press("Space")
            reached += 1
        if here.count() and here.get_attribute("value") == "save":
            phone.keyboard.press("Enter")
            break
    expect(phone.get_by_role("status")).to_be_visible()
    assert reached == len(PURPOSES)
    assert all(preferences.is_allowed(boris.pk, purpose) for purpose in PURPOSES)


def test_the_language_is_one_click_and_stays(phone: Page) -> None:
    anna = person("anna", allows=["analytics"])
    phone.goto(links.preferences_url(anna))
    phone.get_by_role("link", name="简体中文").click()
    expect(phone.locator("html")).to_have_attribute("lang", "zh-hans")
    phone.locator("a[href*='/privacy/']").first.click()
    expect(phone.locator("html")).to_have_attribute("lang", "zh-hans")
    assert fits(phone)


def test_u3_unsubscribing_is_one_click(phone: Page) -> None:
    anna = person("anna", allows=list(PURPOSES))
    phone.goto(links.unsubscribe_url(anna, "marketing_email"))
    assert fits(phone)
    phone.get_by_role("button", name="Unsubscribe").click()
    expect(phone.get_by_role("status")).to_contain_text("Done")
    assert not preferences.is_allowed(anna.pk, "marketing_email")
    phone.locator("main a").click()
    expect(phone.get_by_role("switch", name=WORDS["en"])).not_to_be_checked()


def test_c8_confirming_is_one_click(phone: Page, live_server) -> None:
    boris = person("boris")
    pending = optin.ask(boris, "marketing_email", source="form", at=timezone.now())
    question = optin.Question(pending.pk, at=timezone.now())
    phone.goto(f"{live_server.url}/confirm/{question.token}/")
    assert not preferences.is_allowed(boris.pk, "marketing_email")
    phone.get_by_role("button").click()
    expect(phone.get_by_role("status")).to_contain_text("It is on")
    assert preferences.is_allowed(boris.pk, "marketing_email")


def test_d2_erasing_says_what_it_does_and_then_does_it(phone: Page) -> None:
    anna = person("anna", allows=list(PURPOSES))
    phone.goto(links.preferences_url(anna))
    phone.get_by_role("link", name="Erase all of it").click()
    expect(phone.get_by_text("This cannot be undone.")).to_be_visible()
    assert fits(phone)
    phone.get_by_role("button", name=re.compile("Erase")).click()
    expect(phone.get_by_text("This is the last question.")).to_be_visible()
    assert Customer.objects.get(pk=anna.pk).erased_at is None
    assert fits(phone)
    phone.get_by_role("button", name=re.compile("erase")).click()
    expect(phone.get_by_role("status")).to_contain_text("gone")
    assert Customer.objects.get(pk=anna.pk).erased_at is not None
    answer = phone.goto(links.preferences_url(person("anna")).rsplit("/", 2)[0] + "/x/")
    assert answer is not None
    assert answer.status == 404
