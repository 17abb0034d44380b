"""The desk on a phone: what can be done is in sight, Save is in reach, and no value of a list is cut."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Campaign, Placement
from customers.models import PrivacyRequest
from tests.browser.test_admin import SIZES, _patience, browser, log_in, shop

__all__ = ["_patience", "browser", "shop"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
CUT = "cells => cells.filter(one => one.scrollHeight > one.clientHeight + 1).map(one => one.innerText)"


def in_sight(page: Page, selector: str) -> bool:
    box = page.locator(selector).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= SIZES["phone"]["height"]


def test_on_a_phone_deeds_and_save_are_in_sight_and_nothing_of_a_list_is_cut(
    browser, live_server, shop: Campaign
) -> None:
    context = browser.new_context(viewport=SIZES["phone"], has_touch=True)
    page = context.new_page()
    log_in(page, live_server.url)

    request = PrivacyRequest.objects.latest("pk")
    page.goto(live_server.url + reverse("admin:customers_privacyrequest_change", args=[request.pk]))
    assert in_sight(page, "#header-inner li a:has-text('Refuse')")

    page.goto(
        live_server.url
        + reverse("admin:campaigns_offer_change", args=[shop.audiences.get().offers.first().pk])
    )
    page.wait_for_load_state("load")
    assert in_sight(page, "[name=_save]")
    assert page.evaluate("document.documentElement.scrollHeight") > 3 * SIZES["phone"]["height"]

    Placement.objects.create(name="Home page", slug="home-page")
    page.goto(live_server.url + reverse("admin:campaigns_placement_changelist"))
    cells = page.locator("#result_list .data-row > *")
    expect(cells.first).to_be_visible()
    assert cells.evaluate_all(CUT) == []
    name = page.locator("#result_list .data-row th a").first.bounding_box()
    assert name is not None
    assert name["height"] >= 40
    context.close()
