"""The pages of fairness in a real Chromium: at a desk and on a phone, no complaint, no sideways scroll."""

from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from campaigns import fairness
from campaigns.models import Campaign, Segment
from customers.models import Customer, SensitiveAttribute
from tests import desk
from tests.browser.test_admin import SIZES, _patience, browser, complaints, log_in, picture
from tests.campaigns.conftest import people

__all__ = ["_patience", "browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def row(settings) -> Campaign:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    ids = people(90)
    Customer.objects.filter(pk__in=ids[:60]).update(attributes={"loyalty_club": "yes"})
    Customer.objects.filter(pk__in=ids[30:]).update(country="FR")
    found = desk.campaign(offers=[desk.offer()])
    found.audiences.all().delete()
    rule = {"attribute": "loyalty_club", "is": "yes"}
    audience = found.audiences.create(segment=Segment.objects.create(slug="club", name="Club", rule=rule))
    audience.offers.set([desk.offer(1)])
    assert fairness.before(found, by="marta", at=timezone.now()).tripped
    assert fairness.flip(found, at=timezone.now(), rng=np.random.default_rng(1), people=5).is_identical
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pages_fit_and_nothing_is_refused(browser, live_server, row, size: str, language: str) -> None:
    use = SensitiveAttribute.objects.create(name="age_band", why="protected", added_by="pia").uses.create(
        where="segment:pensioners", reason="pensioners' discount by law", asked_by="pia",
        asked_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    context = browser.new_context(viewport=SIZES[size])
    page = context.new_page()
    found = complaints(page)
    wrong: set[str] = set()

    def look(name: str, path: str) -> None:
        answer = page.goto(live_server.url + path)
        assert answer is not None and answer.status == 200, name
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        picture(page, f"{name}-{size}-{language}")
        if wide > 0:
            found.append(f"scrolls sideways by {wide} px")
        wrong.update(f"{name}: {what}" for what in found)
        found.clear()

    Campaign.objects.filter(pk=row.pk).update(status="running")
    look("public-fairness", f"/fairness/?language={language}")
    expect(page.locator("dt")).to_contain_text("loyalty club")
    Campaign.objects.filter(pk=row.pk).update(status="draft")
    context.set_extra_http_headers({"Accept-Language": language})
    log_in(page, live_server.url)
    look("fairness", reverse("admin:campaigns_fairnesscheck_of", args=[row.pk]))
    look("fairness-checks", reverse("admin:campaigns_fairnesscheck_changelist"))
    look("sensitive", reverse("admin:customers_sensitiveattribute_add"))
    look("sensitive-uses", reverse("admin:customers_sensitiveuse_changelist"))
    look("sensitive-ask", reverse("admin:customers_sensitiveuse_add"))
    look("sensitive-approve", reverse("admin:customers_sensitiveuse_approve", args=[use.pk]))
    look("variety", reverse("admin:recommender_shown_variety") + "?now=1")
    assert wrong == set()
    context.close()


def test_a_crossed_wire_is_answered_and_the_campaign_approved_by_hand(browser, live_server, row) -> None:
    context = browser.new_context(viewport=SIZES["phone"])
    page = context.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + reverse("admin:campaigns_fairnesscheck_of", args=[row.pk]))
    page.get_by_role("button", name="Flip everything else").click()
    expect(page.locator("#flip")).to_contain_text("stayed the same")
    page.fill("#words", "The club began in Germany; France follows in spring.")
    page.get_by_role("button", name="Keep the answer").click()
    expect(page.locator("#answer")).to_contain_text("France follows in spring")
    page.goto(live_server.url + reverse("admin:campaigns_campaign_change", args=[row.pk]))
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".desk-state")).to_contain_text("Launch")
    row.refresh_from_db()
    assert (row.status, row.approved_by) == ("approved", "marta")
    context.close()
