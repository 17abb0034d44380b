"""People's pages for everybody: axe in every state, size, colour scheme and language; the keyboard alone; big letters.

`SCREENSHOTS=folder` also keeps a picture of each.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from catalog.models import Category
from customers import contact, links, optin, preferences
from customers.models import Customer, Suppression, Topic
from customers.purposes import PURPOSES
from recommender.models import Interest, RefusedInterest, Shown
from recommender.serving import recommend
from tests.browser.axe import violations
from tests.browser.test_people import browser, phone
from tests.conftest import person
from tests.customers.test_preferences import learnt
from tests.recommender.test_afterwards import ItemKNN, go_live
from tests.recommender.test_refusals import interest
from tests.recommender.test_training_and_serving import customer, shop

__all__ = ["browser", "phone", "shop"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
LANGUAGES = ("en", "zh-hans")
PICTURES = os.environ.get("SCREENSHOTS", "")
# In the suite each size in one of them; with pictures, both.
SCHEMES = (
    {"desk": ("light", "dark"), "phone": ("light", "dark")}
    if PICTURES
    else {"desk": ("light",), "phone": ("dark",)}
)


@pytest.fixture
def reader(browser: Browser, live_server, settings) -> Iterator[Page]:
    """With JavaScript, for axe alone: the pages have none."""
    settings.PUBLIC_URL = live_server.url
    context = browser.new_context()
    yield context.new_page()
    context.close()


def full() -> Customer:
    """Somebody with everything that the page can show at once: the first gardener of the shop."""
    version = go_live(ItemKNN())
    who = Customer.objects.get(pk=customer("p1"))
    garden, kitchen = Category.objects.get(slug="garden"), Category.objects.get(slug="kitchen")
    for category, probability in ((garden, 0.8), (kitchen, 0.2)):
        interest(who.pk, category, probability)
    for n in range(9):
        interest(who.pk, Category.objects.create(name=f"Category {n}", slug=f"category-{n}"), 0.1)
    golf = Category.objects.create(name="Golf", slug="golf")
    RefusedInterest.objects.create(customer=who, category=golf, at=timezone.now())
    left = Topic.objects.create(slug="sale", title="Sales and clearance")
    Topic.objects.create(slug="news", title="New in the shop")
    contact.choose(who.pk, frequency="weekly", shown=[left.pk])
    Suppression.objects.create(address_index=who.email_index, reason="complaint")
    items = recommend(who.pk, at=timezone.now(), limit=3).items
    Shown.objects.create(
        recommendation_id=uuid4(), customer=who, placement="home", model=version, basis="default",
        items=[{"sku": item.sku, "propensity": None, "promotion": ""} for item in items], at=timezone.now(),
    )  # fmt: skip
    return who


State = tuple[str, Callable[[Page, str], None]]


def visited(url: str, *pressed: str) -> Callable[[Page, str], None]:
    """Go there, and press one button after another."""

    def go(page: Page, language: str) -> None:
        page.goto(f"{url}{'&' if '?' in url else '?'}language={language}")
        for selector in pressed:
            page.locator(selector).first.click()

    return go


def states(who: Customer, live: str) -> Iterator[State]:
    own = links.preferences_url(who)
    privacy = own.replace("/preferences/", "/privacy/")
    yield "preferences", visited(own)
    yield "preferences, why", visited(f"{own}?why=1")
    yield "preferences, saved", visited(own, "button[value=save]")
    yield "preferences, paused", visited(own, "button[value=pause]")
    yield "preferences, resumed", visited(own, "button[value=resume]")
    yield "preferences, one refused", visited(own, "button[name=refuse]")
    yield "privacy", visited(privacy)
    yield "erase", visited(f"{privacy}erase")
    yield "erase, once more", visited(f"{privacy}erase", "main form button")
    yield "unsubscribe", visited(links.unsubscribe_url(who, "marketing_email"))
    yield "unsubscribe, done", visited(links.unsubscribe_url(who, "marketing_email"), "main form button")
    yield "preferences, stopped", visited(own, "button[value=stop]")
    yield "correction, wrong", visited(f"{privacy}ask/rectification", "main form button")
    yield "restriction, asked", visited(f"{privacy}ask/restriction", "main form button")
    yield "preferences, restricted", visited(own)
    yield "nobody", visited(f"{live}/preferences/x/")
    yield "error", visited(f"{live}/nothing-here")
    boris = person(f"boris-{uuid4().hex[:6]}")
    yield "preferences, nothing yet", visited(links.preferences_url(boris))
    pending = optin.ask(boris, "marketing_email", source="form", at=timezone.now())
    confirm = f"{live}/confirm/{optin.Question(pending.pk, at=timezone.now()).token}/"
    yield "confirm", visited(confirm)
    yield "confirm, done", visited(confirm, "main form button")
    yield "confirm, used", visited(confirm)
    gone = links.preferences_url(boris).replace("/preferences/", "/privacy/")
    yield "erased", visited(f"{gone}erase", "main form button", "main form button")


def faults(page: Page) -> list[str]:
    found = violations(page)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]
    ]


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_in_any_state_size_or_colour(
    reader: Page, live_server, shop, language: str
) -> None:
    wrong: dict[str, list[str]] = {}
    seen = 0
    for name, go in states(full(), live_server.url):
        go(reader, language)
        for size, pixels in SIZES.items():
            reader.set_viewport_size(pixels)
            for scheme in SCHEMES[size]:
                reader.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                where = f"{name}, {size}, {scheme}, {language}"
                if found := faults(reader):
                    wrong[where] = found
                if is_too_wide(reader):
                    wrong.setdefault(where, []).append("sideways scroll")
                if PICTURES:
                    picture = Path(PICTURES) / f"{re.sub(r'[^a-z-]+', '-', where)}.png"
                    reader.screenshot(path=picture, full_page=True)
                seen += 1
        # Letters twice as large, on a phone; and the desk's window at 200 % and 400 %.
        reader.evaluate("document.documentElement.style.fontSize = '200%'")
        if is_too_wide(reader):
            wrong.setdefault(name, []).append("sideways scroll with letters of 200 %")
        reader.evaluate("document.documentElement.style.fontSize = ''")
        for width in (720, 360):
            reader.set_viewport_size({"width": width, "height": 450})
            if is_too_wide(reader):
                wrong.setdefault(name, []).append(f"sideways scroll at {width} pixels")
    assert wrong == {}
    assert seen == 22 * sum(map(len, SCHEMES.values()))


def tab_to(page: Page, selector: str) -> None:
    """With Tab alone, from wherever the focus is, once around at most."""
    for _press in range(120):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"Tab does not come to {selector}")


def test_tab_space_and_enter_are_enough_for_everything(phone: Page) -> None:
    anna = person("anna", allows=list(PURPOSES))
    learnt(anna)
    sale = Topic.objects.create(slug="sale", title="Sales")
    phone.goto(links.preferences_url(anna))
    tab_to(phone, "input[name=frequency]")
    phone.keyboard.press("Space")
    tab_to(phone, "input[name=topic]")
    phone.keyboard.press("Space")
    tab_to(phone, "button[value=save]")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("Saved")
    assert contact.wish(anna.pk) == contact.Wish(is_weekly=True, left=frozenset({sale.pk}))

    tab_to(phone, "button[value=pause]")
    phone.keyboard.press("Space")
    expect(phone.get_by_role("status")).to_contain_text("Paused")
    assert contact.wish(anna.pk).is_paused(timezone.now())
    tab_to(phone, "button[value=resume]")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("The pause is over")
    assert not contact.wish(anna.pk).is_paused(timezone.now())

    tab_to(phone, "button[name=refuse]")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("Deleted")
    assert not Interest.objects.exists()
    tab_to(phone, "button[name=take_back]")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("Taken back")
    assert not RefusedInterest.objects.exists()

    for is_on, told in ((False, "no longer choose"), (True, "We choose for you")):
        tab_to(phone, "button[role=switch]")
        phone.keyboard.press("Space")
        expect(phone.get_by_role("status")).to_contain_text(told)
        assert preferences.is_allowed(anna.pk, "personalization") is is_on

    tab_to(phone, "button[lang=zh-hans]")
    phone.keyboard.press("Enter")
    expect(phone.locator("html")).to_have_attribute("lang", "zh-hans")
    tab_to(phone, "nav a[href$='language=en']")
    phone.keyboard.press("Enter")
    expect(phone.locator("html")).to_have_attribute("lang", "en")
    tab_to(phone, "button[value=stop]")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("Everything is stopped")
    assert not any(preferences.is_allowed(anna.pk, purpose) for purpose in PURPOSES)

    tab_to(phone, "a[href*='/erase']")
    phone.keyboard.press("Enter")
    tab_to(phone, "main form button")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("alert")).to_contain_text("This is the last question.")
    assert Customer.objects.get(pk=anna.pk).erased_at is None
    tab_to(phone, "main form button")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text("gone")
    assert Customer.objects.get(pk=anna.pk).erased_at is not None
