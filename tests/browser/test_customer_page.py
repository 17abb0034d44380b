"""One person's page in a real Chromium: the line of time with its filters, and what they would get now."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, Delivery
from customers.models import Customer, PrivacyRequest
from tests.browser.test_admin import _patience, browser, complaints, log_in, shop

__all__ = ["_patience", "browser", "shop"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_person_is_read_filtered_asked_about_and_their_right_taken_down(
    browser, live_server, shop: Campaign
) -> None:
    delivery = Delivery.objects.filter(status="sent").select_related("customer").first()
    assert delivery is not None
    person = delivery.customer
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:customers_customer_change", args=[person.pk]))
    line = page.locator(".desk-timeline li")
    everything = line.count()
    page.get_by_label("Messages", exact=True).check()
    page.locator("#timeline button:text-is('Show')").click()
    expect(page.get_by_label("Messages", exact=True)).to_be_checked()
    expect(line).to_have_count(1)
    assert everything > 1
    line.locator("a").click()
    expect(page.locator(".desk-lead")).to_contain_text("Sent: ")
    page.go_back()
    page.locator("a:text('What would they get now?')").click()
    page.locator(f".desk-choice a:text-is('{shop.name}')").click()
    expect(page.locator("#asked")).to_contain_text("In the segment “Germans”.")
    assert fits(page)
    page.goto(live_server.url + reverse("admin:customers_customer_change", args=[person.pk]))
    page.locator(".desk-rights a:text-is('Give them what is held about them')").click()
    page.locator("button:text-is('Give them what is held about them')").click()
    page.wait_for_url("**/privacyrequest/**")
    assert PrivacyRequest.objects.filter(customer=person, type="access", source="desk").count() <= 1
    assert PrivacyRequest.objects.filter(customer=person, type="access").exists()
    assert found == []
    context.close()


def test_who_allows_nothing_is_said_to_see_what_everybody_sees_on_a_phone(
    browser, live_server, shop: Campaign
) -> None:
    person = Customer.objects.order_by("pk")[0]
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:customers_customer_now", args=[person.pk]))
    expect(page.locator("#asked")).to_contain_text("Not used for personalisation: they do not allow it.")
    expect(page.locator("#asked .desk-list li").first).to_be_visible()
    assert fits(page)
    assert found == []
    context.close()
