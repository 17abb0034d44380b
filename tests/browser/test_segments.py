"""A segment built by mouse and keyboard in a real Chromium, saved, counted and looked into."""

import json
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.models import Segment
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, _patience, browser, complaints, log_in, shop

__all__ = ["_patience", "browser", "shop"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
COUNTED = "#segment-counts"


def desk_page(
    browser, live_server, *, size: str = "desk", language: str = "en", scheme: str = "light"
) -> Page:
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page: Page = context.new_page()
    log_in(page, live_server.url)
    return page


def rule_of(page: Page) -> Any:
    return json.loads(page.locator("#id_rule").input_value())


def test_a_segment_is_built_by_mouse_and_keyboard_saved_and_looked_into(browser, live_server, shop):
    page = desk_page(browser, live_server)
    found = complaints(page)
    page.goto(live_server.url + reverse("admin:campaigns_segment_add"))
    page.fill("#id_name", "German buyers")
    page.click("text=+ Add a condition")
    page.get_by_label("Kind of condition").select_option("attribute")
    expect(page.locator(COUNTED)).to_contain_text("Fill in what is marked")
    page.locator("input[aria-label=value]").fill("DE")
    expect(page.locator(COUNTED)).to_contain_text("180 people match now; 120 of them can be reached")
    expect(page.locator("#segment-examples a")).to_have_count(3)
    # A nested group, by keyboard alone.
    page.locator("[data-key=add_group]").focus()
    page.keyboard.press("Enter")
    group = page.locator(".seg-items .seg-box")
    expect(group.locator("[data-key=how]")).to_be_focused()
    group.locator("[data-key=how]").select_option("any,true")
    group.get_by_label("what they did", exact=True).first.locator("select").select_option("viewed")
    assert rule_of(page) == {
        "all": [{"attribute": "country", "is": "DE"}, {"not": {"any": [{"did": "viewed"}]}}]
    }
    expect(page.locator("#segment-words")).to_contain_text("none of these")
    expect(page.locator(COUNTED)).to_contain_text("120 people match now; 120 of them")
    page.click("button[name=_save]")
    row = Segment.objects.get(slug="german-buyers")
    assert row.rule == {"all": [{"attribute": "country", "is": "DE"}, {"not": {"any": [{"did": "viewed"}]}}]}
    page.goto(live_server.url + reverse("admin:campaigns_segment_change", args=[row.pk]))
    expect(page.locator(".desk-state")).to_contain_text("Country is DE and not (viewed)")
    page.fill("input[name=who]", "p000@mail.example")
    page.click("text=Tell me why")
    expect(page.locator("#segment-why")).to_contain_text("is out: does not allow personalization")
    page.click("text=Who is in it")
    expect(page.locator(".desk-table tbody tr")).to_have_count(25)
    expect(page.locator(".desk-table tbody tr").first).to_contain_text("country is DE")
    page.click("text=Further")
    expect(page.locator(".desk-table tbody tr").first).not_to_contain_text("p001")
    assert found == []
    page.context.close()


def test_conditions_are_moved_duplicated_and_removed_and_a_removal_is_undone(browser, live_server, shop):
    rule = {"all": [{"attribute": "country", "is": "DE"}, {"did": "ordered"}, {"cluster": 1}]}
    row = Segment.objects.create(slug="three", name="Three", rule=rule)
    page = desk_page(browser, live_server)
    found = complaints(page)
    page.goto(live_server.url + reverse("admin:campaigns_segment_change", args=[row.pk]))
    items = page.locator("#segment-builder > .seg-box > .seg-items > .seg-item")
    items.nth(1).get_by_label("Kind of condition").focus()
    page.keyboard.press("Alt+Shift+ArrowUp")
    assert rule_of(page) == {
        "all": [{"did": "ordered"}, {"attribute": "country", "is": "DE"}, {"cluster": 1}]
    }
    items.nth(2).get_by_label("Into a group").click()
    assert rule_of(page)["all"][2] == {"any": [{"cluster": 1}]}
    page.keyboard.press("Alt+Shift+ArrowLeft")
    assert rule_of(page)["all"][2] == {"cluster": 1}
    items.nth(0).get_by_label("Duplicate").click()
    assert rule_of(page)["all"][:2] == [{"did": "ordered"}, {"did": "ordered"}]
    items.nth(0).get_by_label("Remove").click()
    assert len(rule_of(page)["all"]) == 3
    page.keyboard.press("Enter")  # the focus is on Undo
    assert len(rule_of(page)["all"]) == 4
    assert found == []
    row.refresh_from_db()
    assert row.rule == rule, "nothing is saved before Save"
    page.context.close()


def test_text_and_sentences_stay_in_step_and_a_fault_stands_at_its_condition(browser, live_server, shop):
    page = desk_page(browser, live_server)
    page.goto(live_server.url + reverse("admin:campaigns_segment_add"))
    page.click("#segment-text > summary")
    odd = {"any": [{"did": "ordered", "times": {"gte": 2}}, {"attribute": "country", "in": ["DE", {"x": 1}]}]}
    page.fill("#id_rule", json.dumps(odd))
    expect(page.locator(".seg-leaf")).to_have_count(2)
    expect(page.get_by_label("how often at least 1")).to_have_value("2")
    expect(page.locator(".seg-item").nth(1).locator(".seg-wrong")).to_contain_text("needs a text")
    expect(page.locator(".seg-item").nth(1).locator("textarea")).to_have_value(
        json.dumps(odd["any"][1], separators=(",", ":"))
    )
    assert page.locator("#segment-words").inner_text() == ""
    page.fill("#id_name", "Odd")
    page.click("button[name=_save]")
    expect(page.locator(".seg-rule .desk-note")).to_contain_text("At $.any[1].in[1]: needs a text")
    expect(page.locator(".seg-item").nth(1).locator(".seg-wrong")).to_contain_text("needs a text")
    assert not Segment.objects.filter(name="Odd").exists()
    page.click("#segment-text > summary")
    page.fill("#id_rule", "{")
    expect(page.locator(COUNTED)).to_contain_text("not JSON yet")
    expect(page.locator(".seg-leaf")).to_have_count(2)
    page.context.close()


@pytest.mark.parametrize(
    ("size", "language", "scheme"), [("desk", "en", "light"), ("phone", "zh-hans", "dark")]
)
def test_every_page_of_segments_fits_and_is_open_to_everybody(
    browser, live_server, shop, size, language, scheme
):
    leaves = [
        {"did": "ordered", "times": {"gte": 2, "lte": 5}, "within_days": 90, "category": "garden", "value_sum": {"gte": "100"}},
        {"recency_days": {"lte": 30}}, {"frequency": {"gte": 2}, "within_days": 365}, {"monetary": {"gt": 9}},
        {"attribute": "country", "in": ["DE", "AT"]}, {"interest": "garden", "gte": 0.6}, {"score": "churn", "lt": 0.5},
        {"affinity": {"sku": "p-1"}, "top": 10}, {"cluster": 1}, {"uplift": shop.slug, "gt": 0},
        {"not": {"received": shop.slug, "outcome": "clicked"}}, {"random": {"salt": "a", "percent": 50}},
    ]  # fmt: skip
    other = shop.audiences.get().segment
    row = Segment.objects.create(
        slug="whole", name="Whole", rule={"any": [{"all": leaves}, {"segment": other.slug}]}
    )
    page = desk_page(browser, live_server, size=size, language=language, scheme=scheme)
    wrong = complaints(page)
    for name, query in (
        ("change", ""), ("members", ""), ("overlap", f"?with={other.pk}"), ("ready", "?count=1"), ("changelist", "")
    ):  # fmt: skip
        args = [] if name in ("ready", "changelist") else [row.pk]
        page.goto(live_server.url + reverse(f"admin:campaigns_segment_{name}", args=args) + query)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            wrong.append(f"{name} scrolls sideways by {wide} px")
        if name == "change":
            assert page.locator(".seg-leaf").count() == 13
            assert page.locator("#segment-builder textarea").count() == 0, "every condition has its fields"
        context = (
            "#segment-builder, .seg-live"
            if name == "change"
            else ".desk-page"
            if name != "changelist"
            else "#result_list"
        )
        for place in context.split(", "):
            wrong += [
                f"{name}: {fault['id']} {fault['nodes'][0]['html'][:120]}"
                for fault in violations(page, context=place)
            ]
    assert wrong == []
    page.context.close()
