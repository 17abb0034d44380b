"""The demo's shop, walked in a real Chromium: see, allow, click, see the list change, refuse, redeem."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from campaigns.models import Campaign, Code, Placement, Redemption
from customers import identities
from customers.models import ConsentState, Customer, Event
from recommender.algorithms.item_knn import ItemKNN
from tests.browser.axe import violations
from tests.browser.test_consent_widget import SIGNAL
from tests.browser.test_people import browser as browser
from tests.browser.test_script import until
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import offer
from tests.recommender.live import go_live, strangers
from tests.recommender.test_training_and_serving import shop as shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
LISTED = "#recommended li h3"


@dataclass
class Walk:
    """One person's way through the shop, and what their browser asked of whom."""

    context: BrowserContext
    own: str
    asked: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def opened(self, path: str = "/shop/?language=en", *, script: str = "") -> Page:
        page = self.context.new_page()
        page.on("request", lambda request: self.asked.append(request))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text))
        if script:
            page.add_init_script(script)
        page.goto(self.own + path)
        return page

    @property
    def posts(self) -> list[str]:
        """The API's addresses that something was sent to, in order."""
        mine = [request for request in self.asked if request.method == "POST" and "/api/v1/" in request.url]
        return [request.url.partition("/api/v1")[2] for request in mine]


@pytest.fixture
def walk(browser: Browser, live_server, settings, tmp_path: Path, shop: list[str]) -> Iterator[Walk]:
    """In a shop of gardeners and cooks with models that serve; nothing is asked of anybody else."""
    settings.ROOT_URLCONF = "tests.browser.shop_urls"
    settings.VAR_DIR = tmp_path
    settings.PUBLIC_URL = live_server.url
    go_live(ItemKNN())
    strangers()
    context = browser.new_context(viewport={"width": 390, "height": 844})
    walking = Walk(context, live_server.url)
    yield walking
    own = urlsplit(live_server.url).netloc
    strange = [request.url for request in walking.asked if urlsplit(request.url).netloc not in (own, "")]
    context.close()
    assert strange == []
    # What a code does not give is told by 422, which a browser writes down like a failure.
    assert [said for said in walking.complaints if "status of 422" not in said] == []


def listed(page: Page) -> list[str]:
    expect(page.locator(LISTED).first).to_be_visible()
    return page.locator(LISTED).all_inner_texts()


def answer(page: Page, purpose: str, word: str) -> None:
    button = page.locator(f"[data-purpose={purpose}]").get_by_role("button", name=word)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#choices [role=status]")).to_have_text("Saved.")


def why(page: Page, item: Locator) -> str:
    item.locator("summary").click()
    reason = item.locator("details p")
    expect(reason).not_to_be_empty()
    return reason.inner_text()


def test_the_list_follows_the_clicks_of_who_allowed_it_and_stops_with_them(walk: Walk) -> None:
    page = walk.opened()
    popular = listed(page)
    expect(page.get_by_role("heading", name="Popular in the shop")).to_be_visible()
    assert "Popular" in why(page, page.locator("#recommended li").first)
    assert walk.posts == []
    assert walk.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0

    for purpose in ("analytics", "personalization"):
        answer(page, purpose, "Allow")
    visitor = Customer.objects.get(external_id__startswith="guest-")
    assert listed(page) == popular, "nothing is known yet"
    for n in range(3):
        page.goto(f"{walk.own}/shop/garden{n}?language=en")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"garden thing {n}")
        until(page, lambda n=n: Event.objects.filter(customer=visitor).count() == n + 1)
    page.goto(f"{walk.own}/shop/?language=en")
    expect(page.get_by_role("heading", name="For you")).to_be_visible()
    own = listed(page)
    assert own != popular
    assert {title.split()[0] for title in own} == {"garden"}
    reasons = [why(page, item) for item in page.locator("#recommended li").all()]
    clicked = {f"garden thing {n}" for n in range(3)}
    assert any(title in reason for reason in reasons for title in clicked), reasons
    assert all(reason.startswith(("Because you were interested in", "Partly because", "You were interested")) for reason in reasons), reasons  # fmt: skip

    for purpose in ("personalization", "analytics"):
        answer(page, purpose, "Refuse")
    expect(page.get_by_role("heading", name="Popular in the shop")).to_be_visible()
    assert listed(page) == popular
    assert set(ConsentState.objects.filter(customer=visitor).values_list("granted", flat=True)) == {False}
    kept, sent = Event.objects.filter(customer=visitor).count(), len(walk.posts)
    for n in range(3, 5):
        page.goto(f"{walk.own}/shop/kitchen{n}?language=en")
        listed(page)
    page.get_by_role("button", name="Into the basket").click()
    page.wait_for_timeout(2000)
    assert walk.posts[sent:] == []
    assert Event.objects.filter(customer=visitor).count() == kept
    named = [request.url for request in walk.asked[-20:] if "customer=" in request.url]
    assert named == []


def test_c13_with_gpc_nothing_leaves_before_the_opt_out(walk: Walk) -> None:
    page = walk.opened(script=SIGNAL)
    expect(page.locator(".gpc")).to_be_visible()
    expect(page.locator("#choices fieldset")).to_have_count(1)
    page.goto(f"{walk.own}/shop/garden1?language=en")
    listed(page)
    assert walk.posts == []
    answer(page, "analytics", "Allow")
    guest = Customer.objects.get(external_id__startswith="guest-")
    mine = f"/customers/{guest.external_id}/consents"
    assert walk.posts[:3] == [mine, mine, mine], "two noes, then the yes"
    first = [request for request in walk.asked if mine in request.url][:2]
    said = [json.loads(request.post_data or "") for request in first]
    assert [one["granted"] for one in said] == [False, False]
    assert {one["purpose"] for one in said} == {"personalization", "partner_sharing"}
    page.goto(f"{walk.own}/shop/garden2?language=en")
    until(page, lambda: Event.objects.filter(customer=guest).exists())
    assert walk.posts.index("/events") > 2
    expect(page.get_by_role("heading", name="Popular in the shop")).to_be_visible()


@pytest.fixture
def tenth(walk: Walk, campaign: Callable[..., Campaign], settings) -> None:
    """Ten percent off for everybody who has a name, by a code of their own."""
    Placement.objects.create(slug="home", name="Home")
    campaign(offer("tenth", title="10 % off", code_kind="unique"), channel="onsite", placement="home")


def test_a_customer_redeems_a_code_once(walk: Walk, tenth: None) -> None:
    page = walk.opened()
    listed(page)
    expect(page.locator("#offers")).to_be_hidden()
    (who, *_more) = page.locator("[data-enter^=p]").all()
    name = who.get_attribute("data-enter")
    with page.expect_navigation():
        who.click()
    expect(page.locator("#offers")).to_contain_text("10 % off")
    page.goto(f"{walk.own}/shop/garden1?language=en")
    page.get_by_role("button", name="Into the basket").click()
    expect(page.locator("[data-count]")).to_have_text("1")
    page.get_by_role("link", name="Basket").click()
    page.get_by_role("button", name="One more of garden thing 1").click()
    expect(page.locator("#basket dd")).to_have_text("€20.00")
    page.get_by_role("button", name="Use at checkout").click()
    expect(page.locator("#code-status")).to_contain_text("Discount €2.00 · To pay €18.00")
    code = page.get_by_label("Promotion code").input_value()
    page.get_by_role("button", name="Place the order").click()
    expect(page.locator("#basket .notice")).to_contain_text("Your order is")
    expect(page.locator("#basket dd")).to_have_text(["€20.00", "€2.00", "€18.00"])

    customer = Customer.objects.get(external_id=name)
    number = page.locator("#basket .notice").inner_text().removesuffix(".").split()[-1]
    line = Event.objects.get(order_id=number)
    assert (line.customer, line.type, line.product.sku, line.quantity, line.value, line.source) == (
        customer, "ordered", "garden1", Decimal(2), Decimal(20), "api:secret",
    )  # fmt: skip
    used = Redemption.objects.get()
    assert (used.customer, used.order_id, used.discount) == (customer, number, Decimal(2))
    assert Code.objects.get(value=code).state == "redeemed"

    page.goto(f"{walk.own}/shop/kitchen1?language=en")
    page.get_by_role("button", name="Into the basket").click()
    page.goto(f"{walk.own}/shop/basket/?language=en&code={code}")
    expect(page.locator("#code-status")).to_have_text("This code has been used.")
    page.get_by_role("button", name="Place the order").click()
    expect(page.locator("#code-status")).to_have_text("This code has been used.")
    expect(page.locator("#basket")).to_contain_text("kitchen thing 1")
    assert Redemption.objects.count() == 1
    assert not Event.objects.filter(type="ordered", product__sku="kitchen1", source="api:secret").exists()


def test_a_visitor_searches_browses_and_buys_and_nothing_else_is_kept(walk: Walk) -> None:
    page = walk.opened()
    page.get_by_role("searchbox").fill("kitchen thing 1")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#products li h3")).to_have_text(
        ["kitchen thing 1", "kitchen thing 10", "kitchen thing 11"]
    )
    page.get_by_role("navigation", name="Categories").get_by_role("link", name="garden").click()
    expect(page.locator("#products li")).to_have_count(12)
    page.locator("#products").get_by_role("link", name="garden thing 4").click()
    page.get_by_role("button", name="Into the basket").click()
    page.get_by_role("link", name="Basket").click()
    page.get_by_role("button", name="Place the order").click()
    expect(page.locator("#basket .notice")).to_contain_text("Your order is")
    buyer = Customer.objects.get(external_id__startswith="guest-")
    event = Event.objects.get(customer=buyer)
    assert (event.type, event.basis) == ("ordered", "contract")
    assert walk.posts == []
    assert walk.context.cookies() == []
    assert identities.find([buyer.external_id])


def test_the_keyboard_is_enough_to_buy(walk: Walk) -> None:
    page = walk.opened("/shop/garden3?language=en")
    listed(page)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("To the content")
    page.keyboard.press("Enter")

    def tab_to(words: str) -> None:
        for _press in range(60):
            page.keyboard.press("Tab")
            if words in (page.locator(":focus").inner_text() if page.locator(":focus").count() else ""):
                return
        raise AssertionError(f"the keyboard does not reach {words}")

    tab_to("Into the basket")
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_have_text("It is in your basket.")
    page.goto(f"{walk.own}/shop/basket/?language=en")
    expect(page.locator("#basket li")).to_have_count(1)
    tab_to("Place the order")
    page.keyboard.press("Enter")
    expect(page.locator("#basket .notice")).to_be_focused()


STATES = ("", "?category=garden", "?search=kitchen", "?search=nothingatall", "garden1", "basket/")


@pytest.mark.parametrize(("language", "size"), [("en", (1440, 900)), ("zh-hans", (390, 844))])
def test_every_page_is_for_everybody_and_fits(
    walk: Walk, tenth: None, language: str, size: tuple[int, int]
) -> None:
    """axe finds nothing, nothing sticks out at the side; with something to decide, then decided, then logged in."""
    page = walk.opened(f"/shop/?language={language}")
    page.set_viewport_size({"width": size[0], "height": size[1]})

    def looked_at(path: str) -> None:
        page.goto(f"{walk.own}/shop/{path}{'&' if '?' in path else '?'}language={language}")
        expect(page.locator("#choices")).not_to_be_empty()
        page.wait_for_load_state("networkidle")
        if page.locator("#recommended summary").count():
            page.locator("#recommended summary").first.click()
            expect(page.locator("#recommended details p").first).not_to_be_empty()
        found = violations(page)
        assert [(path, each["id"], each["nodes"][0]["html"]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        expect(page.locator("html")).to_have_attribute("lang", language)

    for path in STATES:
        looked_at(path)
    yes, no = page.locator("#asking [data-purpose=analytics] button").all()
    looks = "e => { const s = getComputedStyle(e); return [e.offsetWidth, e.offsetHeight, s.color, s.backgroundColor, s.borderColor] }"
    assert yes.evaluate(looks) == no.evaluate(looks), "yes and no are alike"
    for purpose in ("analytics", "personalization"):
        page.locator(f"[data-purpose={purpose}] button").first.click()
        expect(page.locator(f"[data-purpose={purpose}] [aria-pressed=true]")).to_have_count(1)
    page.goto(f"{walk.own}/shop/garden1?language={language}")
    page.locator("[data-add]").click()
    for path in STATES:
        looked_at(path)
    expect(page.locator("#asking")).to_be_hidden()
    with page.expect_navigation():
        page.locator("[data-enter^=p]").first.click()
    for path in ("", "basket/"):
        looked_at(path)
        expect(page.locator("#offers")).to_be_visible()
