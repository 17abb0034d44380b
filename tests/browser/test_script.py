"""`tact.js` in a real Chromium, on a shop's own site under a strict policy: consent and GPC before anything else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from customers import consent
from customers.access import create_key, customer_token
from customers.models import ConsentRecord, Event, Identity
from customers.purposes import PURPOSES
from tests.browser.test_consent_widget import SIGNAL
from tests.browser.test_people import browser as browser
from tests.conftest import person

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
SEEN = "tact.track('viewed', {sku: 'rose'}).then(() => tact.flush())"
ALLOW = (
    "tact.consent.ask().then(({notices}) => tact.consent.grant(notices.find(one => one.purpose === '%s')))"
)


@dataclass
class Shop:
    """A page of another site with the script on it, and what it asked of the platform, in order."""

    context: BrowserContext
    url: str
    api: str
    asked: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def opened(self, *, script: str = "") -> Page:
        page = self.context.new_page()
        page.on("request", lambda request: self.asked.append(request))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(self.url)
        return page

    @property
    def said(self) -> list[tuple[str, str]]:
        """(method, path) of what was asked of the API."""
        mine = [request for request in self.asked if request.url.startswith(self.api)]
        return [(request.method, request.url.removeprefix(self.api).partition("?")[0]) for request in mine]

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [
            json.loads(request.post_data or "")
            for request in self.asked
            if request.url == self.api + path and request.method == "POST"
        ]


@pytest.fixture
def put(browser: Browser, live_server, settings) -> Iterator[Callable[..., Shop]]:
    """Puts the script on a page of another site; nothing that it does may reach the page as an error."""
    settings.PUBLIC_URL = own = live_server.url
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
    context = browser.new_context()
    shops: list[Shop] = []

    def make(key: str | None = None) -> Shop:
        key = key or create_key("publishable")[1]
        bodies[0] = (
            '<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">'
            f'<script src="{own}/tact.js" data-key="{key}" defer></script><h1>Buy</h1>'
        )
        shops.append(Shop(context, f"http://127.0.0.1:{server.server_port}/tea", f"{own}/api/v1"))
        return shops[-1]

    yield make
    context.close()
    server.shutdown()
    server.server_close()
    assert [shop.errors for shop in shops] == [[] for _shop in shops]


def stored(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.evaluate("localStorage.getItem('tact') || '{}'"))
    return found


def until(page: Page, holds: Callable[[], bool], *, seconds: float = 8) -> None:
    for _try in range(int(seconds * 20)):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came to hold")


def token(name: str, *, hours_ago: float = 0) -> str:
    return customer_token(name, at=timezone.now() - timedelta(hours=hours_ago))[0]


def test_before_a_yes_nothing_is_sent_and_nothing_stored(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    assert page.evaluate(SEEN + ".then(() => tact.page())") is False
    assert page.evaluate("tact.recommendations({limit: 3}).then(found => found.items.length)") == 3
    page.wait_for_timeout(2000)
    assert shop.said == [("GET", "/recommendations")]
    assert "x-customer-token" not in shop.asked[-1].headers
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert shop.context.cookies() == []
    assert not Event.objects.exists()
    assert not Identity.objects.exists()


def test_a_yes_stands_under_the_visitor_s_id_before_any_event(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    assert page.evaluate(ALLOW % "personalization") is True
    assert "id" not in stored(page), "an id is for analytics"
    assert not Identity.objects.exists()
    assert page.evaluate(ALLOW % "analytics") is True
    page.evaluate(SEEN)
    event, visitor = Event.objects.get(), Identity.objects.get()
    assert (event.type, event.product.sku, event.customer) == ("viewed", "rose", visitor.customer)
    assert visitor.value == stored(page)["id"]
    assert stored(page)["queue"] == []
    rows = ConsentRecord.objects.order_by("purpose").values_list(
        "purpose", "granted", "notice", "language", "method"
    )
    assert list(rows) == [
        ("analytics", True, "analytics@1", "en", "tact.js"),
        ("personalization", True, "personalization@1", "en", "tact.js"),
    ]  # fmt: skip
    assert [one for one in shop.said if one[0] == "POST"] == [("POST", "/consents"), ("POST", "/events")]
    assert shop.context.cookies() == []


def test_an_event_that_was_not_taken_comes_again_under_the_same_message_id(
    put: Callable[..., Shop], products
) -> None:
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    answers = [(429, {"Retry-After": "1"}), (500, {})]
    allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}

    def unkind(route: Route) -> None:
        if route.request.method != "POST" or not answers:
            route.continue_()
            return
        status, headers = answers.pop(0)
        route.fulfill(status=status, headers=allowed | headers, body='{"code": "c", "message": "m"}')

    page.route("**/api/v1/events", unkind)
    began = timezone.now()
    page.evaluate(SEEN)
    assert len(stored(page)["queue"]) == 1
    until(page, lambda: Event.objects.exists())
    assert timezone.now() - began > timedelta(seconds=2), "a second as told, then one as it sees fit"
    sent = [body["batch"][0]["message_id"] for body in shop.bodies("/events")]
    assert len(sent) == 3
    assert set(sent) == {Event.objects.get().message_id}
    until(page, lambda: stored(page)["queue"] == [])


def test_an_event_that_never_can_be_taken_is_given_up(put: Callable[..., Shop], products) -> None:
    shop = put(create_key("publishable", scopes=["consents:read", "consents:write"])[1])
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    page.evaluate(SEEN)
    assert stored(page)["queue"] == []
    page.wait_for_timeout(2500)
    assert shop.said.count(("POST", "/events")) == 1


def test_what_was_not_sent_waits_for_the_next_page(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    page.route("**/api/v1/events", lambda route: route.abort())
    page.evaluate(SEEN)
    (waiting,) = stored(page)["queue"]
    page.close()
    after = shop.opened()
    until(after, lambda: Event.objects.exists())
    assert Event.objects.get().message_id == waiting["message_id"]


def test_a_click_that_leaves_the_page_is_not_lost(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    page.evaluate("tact.track('viewed', {sku: 'rose'})")
    page.goto("about:blank")
    until(page, lambda: Event.objects.exists())
    assert Event.objects.count() == 1


def test_at_most_a_hundred_wait_and_the_oldest_go(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    page.route("**/api/v1/events", lambda route: route.abort())
    page.evaluate("Promise.all(Array.from({length: 130}, (_, n) => tact.track('viewed', {sku: `s${n}`})))")
    waiting = [event["sku"] for event in stored(page)["queue"]]
    assert waiting == [f"s{n}" for n in range(30, 130)]


def test_a_no_takes_the_id_and_what_waits_at_once(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    page.route("**/api/v1/events", lambda route: route.abort())
    page.evaluate(SEEN)
    visitor = stored(page)["id"]
    at_once = page.evaluate("(tact.consent.withdraw('analytics'), localStorage.getItem('tact'))")
    assert visitor not in at_once
    assert json.loads(at_once)["queue"] == []
    until(page, lambda: ConsentRecord.objects.filter(granted=False).exists())
    before = len(shop.said)
    assert page.evaluate(SEEN) is None
    page.reload()
    page.evaluate(SEEN)
    page.wait_for_timeout(2000)
    assert shop.said[before:] == []
    assert set(stored(page)) <= {"said", "queue"}
    assert not Event.objects.exists()


def test_a_no_in_one_tab_holds_in_the_other(put: Callable[..., Shop], products) -> None:
    shop = put()
    one, other = shop.opened(), shop.opened()
    one.evaluate(ALLOW % "analytics")
    until(
        other, lambda: other.evaluate("tact.consent.state().then(state => state.answers.analytics.granted)")
    )
    other.evaluate("tact.consent.withdraw('analytics')")
    until(
        one, lambda: not one.evaluate("tact.consent.state().then(state => state.answers.analytics.granted)")
    )
    assert one.evaluate("tact.track('viewed', {sku: 'rose'})") is False
    assert not Event.objects.exists()


def test_a_no_that_was_said_elsewhere_is_taken_from_the_answer(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    visitor = Identity.objects.get().customer_id
    consent.withdraw(visitor, "analytics", method="page", source="t", actor="customer", at=timezone.now())
    page.evaluate(SEEN)
    assert not Event.objects.exists()
    assert "id" not in stored(page)
    assert page.evaluate("tact.track('viewed', {sku: 'rose'})") is False


def test_c13_with_gpc_the_no_goes_first_for_a_visitor(put: Callable[..., Shop], products) -> None:
    shop = put()
    page = shop.opened(script=SIGNAL)
    page.evaluate(SEEN)
    assert shop.said == [], "an unknown visitor has nothing to opt out from"
    assert page.evaluate(ALLOW % "personalization") is False
    assert page.evaluate(ALLOW % "analytics") is True
    page.evaluate(SEEN)
    posts = [one for one in shop.said if one[0] == "POST"]
    assert posts == [("POST", "/consents"), ("POST", "/consents"), ("POST", "/events")]
    first = shop.bodies("/consents")[0]
    assert first["method"] == "Global Privacy Control"
    assert {(one["purpose"], one["granted"]) for one in first["answers"]} == {
        ("personalization", False), ("partner_sharing", False),
    }  # fmt: skip
    assert list(ConsentRecord.objects.order_by("sequence").values_list("granted", flat=True)) == [
        False,
        False,
        True,
    ]
    page.reload()
    page.evaluate(SEEN)
    assert shop.said.count(("POST", "/consents")) == 2, "said once"


def test_c13_with_gpc_the_no_goes_first_for_a_customer(put: Callable[..., Shop], products) -> None:
    anna = person("anna", allows=list(PURPOSES))
    shop = put()
    page = shop.opened(script=SIGNAL)
    page.evaluate(f"tact.identify({token('anna')!r})")
    mine = "/customers/anna/consents"
    assert shop.said == [("POST", mine), ("POST", mine), ("GET", mine)]
    assert page.evaluate("tact.recommendations().then(found => found.personalized)") is False
    assert consent.verdicts([anna.pk], "personalization")[anna.pk].allowed is False
    assert consent.verdicts([anna.pk], "analytics")[anna.pk].allowed is True
    page.reload()
    page.evaluate(f"tact.identify({token('anna')!r})")
    assert shop.said.count(("POST", mine)) == 2, "said once a tab"
    assert "anna" not in page.evaluate("JSON.stringify({...sessionStorage})")


def test_nothing_goes_where_the_no_could_not_be_said(put: Callable[..., Shop], products) -> None:
    person("anna", allows=list(PURPOSES))
    shop = put()
    page = shop.opened(script=SIGNAL)
    page.route("**/customers/anna/consents", lambda route: route.abort())
    assert page.evaluate(f"tact.identify({token('anna')!r})") is False
    page.evaluate(SEEN)
    page.evaluate("tact.recommendations()")
    assert ("POST", "/events") not in shop.said
    assert [request for request in shop.asked if "customer=anna" in request.url] == []


def test_a_customer_s_own_answers_count_and_their_token_is_renewed_once(
    put: Callable[..., Shop], products
) -> None:
    person("anna", allows=["analytics"])
    shop = put()
    page = shop.opened()
    page.evaluate(
        f"tokens = [{token('anna', hours_ago=3)!r}, {token('anna')!r}];"
        "tact.identify(() => Promise.resolve(tokens.shift()))"
    )
    page.evaluate(SEEN)
    event = Event.objects.get()
    assert event.customer.external_id == "anna"
    assert page.evaluate("tokens.length") == 0
    assert stored(page).get("id") is None, "a customer needs no other id"
    person("boris")
    page.evaluate(f"tact.identify({token('boris')!r})")
    assert page.evaluate("tact.track('viewed', {sku: 'rose'})") is False
    assert Event.objects.count() == 1


def test_what_a_visitor_did_becomes_the_customer_s_and_nobody_else_s(
    put: Callable[..., Shop], products
) -> None:
    anna, boris = person("anna", allows=["analytics"]), person("boris", allows=["analytics"])
    shop = put()
    page = shop.opened()
    page.evaluate(ALLOW % "analytics")
    page.evaluate(SEEN)
    page.evaluate(f"tact.identify({token('anna')!r})")
    page.evaluate("tact.track('added', {sku: 'spade'}).then(() => tact.flush())")
    assert set(Event.objects.values_list("type", "customer")) == {("viewed", anna.pk), ("added", anna.pk)}
    page.evaluate(f"tact.identify({token('boris')!r})")
    page.evaluate("tact.track('wished', {sku: 'mug'}).then(() => tact.flush())")
    assert Event.objects.get(type="wished").customer == boris
    page.evaluate("tact.identify(null)")
    page.evaluate("tact.track('removed', {sku: 'mug'}).then(() => tact.flush())")
    left = Event.objects.get(type="removed").customer
    assert left not in (anna, boris)
    assert left.external_id is None


def test_a_customer_s_unsent_events_leave_with_them(put: Callable[..., Shop], products) -> None:
    person("anna", allows=["analytics"])
    shop = put()
    page = shop.opened()
    page.evaluate(f"tact.identify({token('anna')!r})")
    page.route("**/api/v1/events", lambda route: route.abort())
    page.evaluate(SEEN)
    assert stored(page)["queue"][0]["customer"] == "anna"
    page.evaluate("tact.identify(null)")
    assert stored(page)["queue"] == []


@pytest.mark.parametrize("broken", ["the key is wrong", "the platform is away"])
def test_a_shop_s_page_works_where_tact_does_not(put: Callable[..., Shop], broken: str) -> None:
    shop = put("pk_wrong")
    page = shop.opened()
    if broken == "the platform is away":
        page.route("**/api/v1/**", lambda route: route.abort())
    told = page.evaluate(
        """async () => {
          const heard = [];
          document.addEventListener("tact:error", ({detail}) => heard.push(detail.message));
          const found = [
            await tact.recommendations(), await tact.offers({placement: "home"}), await tact.get("/products"),
            await tact.identify("no token at all"), await tact.consent.ask(), await tact.why({sku: "x"}),
            await tact.consent.grant(), await tact.consent.grant({purpose: "analytics", notice: "x"}),
            await tact.track("viewed"),
          ];
          return [found, heard.length];
        }"""
    )
    assert told == [
        [
            {"personalized": False, "items": []}, {"offers": [], "fallback": True}, None,
            False, None, None, False, False, False,
        ],
        7,
    ]  # fmt: skip
    expect(page.get_by_role("heading", name="Buy")).to_be_visible()
    assert stored(page) == {}
