"""The consent widget in a real Chromium: C4, C6, C13, under the strict policy of a shop's own page."""

import gzip
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from customers import consent
from customers.access import create_key, customer_token
from customers.models import ConsentRecord, ConsentState, Identity
from customers.purposes import PURPOSES
from tests.browser.test_people import browser as browser
from tests.conftest import person

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
LEGENDS = {
    "en": "Remember what I look at in the shop",
    "zh-hans": "记住我在商店浏览的内容",
}
SIGNAL = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
Opener = Callable[..., Page]


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def opened(
    browser: Browser, live_server, settings, tmp_path: Path, complaints: list[str]
) -> Iterator[Opener]:
    """Opens a page; whatever its policy or its scripts complain about fails the test."""
    settings.ROOT_URLCONF = "tests.browser.shop_urls"
    settings.VAR_DIR = tmp_path
    settings.PUBLIC_URL = live_server.url
    context = browser.new_context(viewport={"width": 390, "height": 844})

    def open_page(url: str, *, script: str = "") -> Page:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(url)
        return page

    yield open_page
    context.close()
    assert complaints == []


@pytest.fixture
def shop_with(live_server) -> Iterator[Callable[[str], str]]:
    """A page of a shop on another site, with a strict policy of its own; answers its address."""
    own = live_server.url
    policy = f"default-src 'none'; script-src {own}; connect-src {own}; img-src data:"
    bodies = [""]

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(bodies[0].encode())

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()

    def put(attributes: str) -> str:
        bodies[0] = (
            '<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">'
            f'<script src="{own}/static/consent.js" defer {attributes}></script>'
            '<h1>Buy</h1><div id="tact-consent"></div>'
        )
        return f"http://127.0.0.1:{server.server_port}/"

    yield put
    server.shutdown()
    server.server_close()


def demo(live_server, language: str = "en") -> str:
    return f"{live_server.url}/shop/consent/?language={language}"


def group(page: Page, words: str):
    return page.get_by_role("group", name=words)


def test_the_widget_is_small() -> None:
    file = Path(django_settings.STATICFILES_DIRS[0]) / "consent.js"
    assert len(gzip.compress(file.read_bytes())) < 4096


@pytest.mark.parametrize("language", LEGENDS)
def test_c4_c6_yes_and_no_are_one_click_and_alike_and_nothing_is_chosen_before(
    opened: Opener, live_server, language: str
) -> None:
    page = opened(demo(live_server, language))
    expect(page.locator("fieldset")).to_have_count(3)
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    assert not ConsentRecord.objects.exists(), "showing asks, and writes nothing"
    asked = group(page, LEGENDS[language])
    yes, no = asked.get_by_role("button").all()
    looks = (
        "e => { const s = getComputedStyle(e); return [e.offsetWidth, e.offsetHeight, s.color, s.backgroundColor,\
      s.fontSize, s.fontWeight, s.borderTopWidth, s.borderTopColor, s.opacity, s.visibility] }"
    )
    assert yes.evaluate(looks) == no.evaluate(looks)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    yes.click()
    expect(page.get_by_role("status")).not_to_be_empty()
    expect(yes).to_have_attribute("aria-pressed", "true")
    row = ConsentRecord.objects.get()
    assert (row.purpose, row.granted, row.notice, row.language, row.method, row.actor) == (
        "analytics", True, "analytics@1", language, "consent widget", "visitor",
    )  # fmt: skip
    no.click()
    expect(no).to_have_attribute("aria-pressed", "true")
    expect(yes).to_have_attribute("aria-pressed", "false")
    assert not ConsentState.objects.get().granted
    visitor = Identity.objects.get()
    assert (visitor.kind, visitor.customer.external_id) == ("anonymous", None)


def test_the_answers_are_remembered_and_nothing_else_and_stay_changeable(opened: Opener, live_server) -> None:
    page = opened(demo(live_server))
    expect(page.locator("fieldset")).to_have_count(3)
    for each in page.locator("fieldset").all():
        button = each.get_by_role("button", name="No")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("details")).not_to_have_attribute("open", "")
    assert page.evaluate("Object.keys(localStorage).length") == 1
    assert page.evaluate("JSON.parse(Object.values(localStorage)[0])") == {
        purpose: [f"{purpose}@1", False] for purpose in ("analytics", "personalization", "partner_sharing")
    }
    page.get_by_text("Your choices").click()
    yes = group(page, LEGENDS["en"]).get_by_role("button", name="Yes")
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    assert ConsentState.objects.get(purpose="analytics").granted


def test_the_keyboard_is_enough(opened: Opener, live_server) -> None:
    page = opened(demo(live_server))
    expect(page.locator("fieldset")).to_have_count(3)
    for _press in range(20):
        page.keyboard.press("Tab")
        if page.locator("fieldset button:focus").count():
            break
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert not ConsentState.objects.get().granted


def test_c13_with_gpc_on_it_says_so_and_does_not_ask_what_the_signal_refuses(
    opened: Opener, live_server
) -> None:
    page = opened(demo(live_server), script=SIGNAL)
    expect(page.locator(".tact-gpc")).to_be_visible()
    expect(page.locator("fieldset")).to_have_count(1)
    expect(page.locator("ul li", has_text="Pass my data to partners")).to_be_visible()
    expect(page.get_by_text("switch the signal off for this site")).to_be_visible()
    for _try in range(100):
        if page.evaluate("Object.values(localStorage).some(v => Object.keys(JSON.parse(v)).length === 2)"):
            break
        page.wait_for_timeout(50)
    states = dict(ConsentState.objects.values_list("purpose", "granted"))
    assert states == {"personalization": False, "partner_sharing": False}
    assert set(ConsentRecord.objects.values_list("method", flat=True)) == {"Global Privacy Control"}


def test_it_works_on_a_shop_s_own_site_under_a_strict_policy(
    opened: Opener, shop_with: Callable[[str], str]
) -> None:
    anna = person("anna", allows=list(PURPOSES)).pk
    consent.withdraw(anna, "analytics", method="page", source="t", actor="customer", at=timezone.now())
    key, token = create_key("publishable")[1], customer_token("anna", at=timezone.now())[0]
    url = shop_with(
        f'data-key="{key}" data-customer="anna" data-token="{token}" data-purposes="analytics, marketing_email"'
    )
    page = opened(url)
    page.locator("summary").click()
    asked = group(page, LEGENDS["en"])
    expect(asked.get_by_role("button", name="No")).to_have_attribute("aria-pressed", "true")
    yes = asked.get_by_role("button", name="Yes")
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    record = ConsentRecord.objects.filter(customer_id=anna).latest("sequence")
    assert (record.purpose, record.granted, record.actor) == ("analytics", True, "customer")
    assert f"http://{record.source}" == url


def test_a_shop_s_page_works_where_the_key_is_wrong(
    opened: Opener, shop_with: Callable[[str], str], complaints: list[str]
) -> None:
    page = opened(shop_with('data-key="pk_wrong" data-anonymous-id="v"'))
    expect(page.get_by_role("heading", name="Buy")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator("details")).to_have_count(0)
    assert len(complaints) == 1
    assert "401" in complaints.pop()
