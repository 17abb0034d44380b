"""A file brought in at the desk with a real worker beside it: the bar moves, it is called off, and the next one is kept."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from catalog.models import Product
from customers import imports, queued
from customers.admin.file_kinds import KINDS
from customers.imports import working
from customers.models import ImportRun
from tests import desk
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, _patience, complaints, log_in, picture  # noqa: F401 - a fixture
from tests.browser.test_admin import browser as browser
from tests.conftest import person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
ROWS = 9000
PATIENCE = 60_000
FILE = "sku,title,price\n" + "".join(f"p{n},Product number {n} of a long list,{n}.00\n" for n in range(ROWS))


class Worker(threading.Thread):
    """Takes files in as the worker does, and pauses in the middle of each until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_over, self.is_half_way, self.goes_on = threading.Event(), threading.Event(), threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            imports.work_due(self._read, clock=timezone.now)
        connection.close()

    def _read(self, run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        def told(read: int) -> None:
            progress(read)
            if Product.objects.exists():
                self.is_half_way.set()
                while not self.goes_on.wait(0.05):
                    progress(0)

        working._read(run, source, intake, told)


@pytest.fixture
def worker(monkeypatch) -> Iterator[Worker]:
    monkeypatch.setattr(queued, "LOOK_S", 0.0)
    thread = Worker()
    thread.start()
    yield thread
    thread.is_over.set()
    thread.goes_on.set()
    thread.join()


def bring_in(page: Page, base: str) -> None:
    page.goto(base + reverse("admin:bring_in", args=["products"]))
    page.set_input_files(
        "#file", files=[{"name": "garden.csv", "mimeType": "text/csv", "buffer": FILE.encode()}]
    )
    page.locator("main form .is-primary, .desk-page form .is-primary").first.press("Enter")
    page.locator("button", has_text="9000").press("Enter")
    expect(page.locator("#work")).to_be_visible(timeout=PATIENCE)


def is_right(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wrong = violations(page, context="#work")
    assert [one["id"] for one in wrong] == []


def at_the_desk(browser: Any, live_server: Any, settings: Any, size: str, language: str) -> tuple[Page, Any]:
    """A page after the log-in, and what the browser will complain of."""
    settings.UNFOLD = desk.short_menu()
    settings.ALLOWED_HOSTS = ["*"]
    desk.staff()
    context = browser.new_context(viewport=SIZES[size])
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    return page, found


@pytest.mark.parametrize(("size", "language"), [("desk", "en"), ("phone", "zh-hans")])
def test_a_file_is_followed_called_off_and_brought_in_again(
    browser, live_server, settings, worker: Worker, size: str, language: str
) -> None:
    page, found = at_the_desk(browser, live_server, settings, size, language)
    bring_in(page, live_server.url)
    assert worker.is_half_way.wait(60)
    bar = page.locator("#work [role=progressbar]")
    expect(bar).not_to_have_attribute("aria-valuenow", "0", timeout=PATIENCE)
    assert 0 < int(bar.get_attribute("aria-valuenow") or 0) < 100
    expect(page.locator("#work-said[role=status]")).to_contain_text("%", timeout=PATIENCE)
    is_right(page)
    picture(page, f"import-{size}-{language}")
    run = ImportRun.objects.get()
    cancel = page.locator(f"a[href*='/{run.pk}/cancel']").first
    page.goto(live_server.url + (cancel.get_attribute("href") or ""))
    page.locator(".is-grave").press("Enter")
    expect(page.locator("#work")).to_have_count(0, timeout=PATIENCE)
    run.refresh_from_db()
    assert (run.state, run.cancelled_by, Product.objects.count()) == ("cancelled", "marta", 0)
    worker.is_half_way.clear()
    bring_in(page, live_server.url)
    assert worker.is_half_way.wait(60)
    worker.goes_on.set()
    expect(page.locator("#work")).to_have_count(
        0, timeout=PATIENCE
    )  # the page notices by itself that it has ended
    assert ImportRun.objects.latest("pk").state == "done"
    assert Product.objects.count() == ROWS
    is_right_after = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert is_right_after
    picture(page, f"imported-{size}-{language}")
    assert found == []
    page.context.close()


@pytest.mark.parametrize(("size", "language"), [("desk", "en"), ("phone", "zh-hans")])
def test_every_file_has_a_page_that_can_be_read(
    browser, live_server, settings, size: str, language: str
) -> None:
    page, found = at_the_desk(browser, live_server, settings, size, language)
    for kind in KINDS.values():
        page.goto(live_server.url + reverse("admin:bring_in", args=[kind.slug]))
        can_be_read(page, f"bring-{kind.slug}-{size}-{language}")
    proof = "marketing_email@1,en,checkbox,shop,2024-05-31"
    head = "customer,purpose,answer,notice,language,method,source,at\n"
    rows = {
        "wrong": f"marta,marketing_email,yes,,,,,\nnobody,marketing_email,yes,{proof}\n",
        "good": "".join(
            f"{name},marketing_email,yes,{proof}\n{name},marketing_email,no,,,,,\n" for name in "abc"
        )
        + f"a,marketing_email,yes,{proof}\n" * 100,
    }
    for name in "abc":
        person(name)
    for name, text in rows.items():
        page.goto(live_server.url + reverse("admin:bring_in", args=["consents"]))
        file = {"name": "answers.csv", "mimeType": "text/csv", "buffer": (head + text).encode()}
        page.set_input_files("#file", files=[file])
        page.locator("main form .is-primary, .desk-page form .is-primary").first.press("Enter")
        expect(page.locator("table caption")).to_be_visible(timeout=PATIENCE)
        can_be_read(page, f"looked-at-{name}-{size}-{language}")
    assert found == []
    page.context.close()


def can_be_read(page: Page, name: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [one["id"] for one in violations(page, context=".desk-card")] == []
    picture(page, name)
