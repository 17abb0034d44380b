"""Every page of the desk, looked at: nothing sticks out, the browser complains of nothing, axe finds nothing to mend.

Each page is opened once and made wide and narrow where it stands; the main ones dark, too, and in Chinese. `make
screenshots` (SCREENSHOTS=folder) opens all in both languages, and keeps a picture of each look.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page

from campaigns.models import Campaign
from tests.browser.axe import violations
from tests.browser.test_admin import SIZES, _patience, browser, complaints, log_in, shop
from tests.pages import main, pages

__all__ = ["_patience", "browser", "shop"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
FOLDER = os.environ.get("SCREENSHOTS", "")
MAGNIFIED = {"width": SIZES["desk"]["width"] // 2, "height": SIZES["desk"]["height"] // 2}
SCHEMES = ("light", "dark")
# A list of many rows is not drawn to its end.
HIGHEST = 4000
# Of the moderate ones those that a page's frame can break; the others tell of what a list or a letter holds.
ALSO = {"landmark-one-main", "landmark-no-duplicate-main", "landmark-unique", "region", "heading-order", "page-has-heading-one"}  # fmt: skip


def asked(shop: Campaign, *, every: bool) -> Iterator[tuple[str, list[str], bool]]:
    """(name, addresses of which the first that answers is the page, whether it is a main one): those, then all others."""
    draft = Campaign.objects.get(name="Autumn tools")
    way = Campaign.objects.filter(kind=Campaign.Kind.JOURNEY).latest("pk")
    mains = main(shop, draft, way)
    yield from ((name, [address], True) for name, address in mains.items())
    if every:
        for name, addresses in pages():
            if not set(addresses) & set(mains.values()):
                yield name, addresses, False


def is_opened(page: Page, address: str) -> bool:
    """Open what is a page there: not a download, nor what only leads on, nor a part of a page."""
    try:
        answer = page.goto(address)
    except Error:  # a file to keep
        return False
    assert answer is not None
    is_text = "text/html" in answer.headers.get("content-type", "")
    leads_on = answer.request.redirected_from is not None
    return answer.status == 200 and is_text and not leads_on and "<html" in answer.text()


def switch(page: Page, scheme: str) -> None:
    """Light or dark, as the button at the foot of the menu does it, which is remembered for the next page."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.evaluate("scheme => window.Alpine?.$data(document.documentElement).switchTheme(scheme)", scheme)
    page.wait_for_function(
        "scheme => !window.Alpine || document.documentElement.classList.contains('dark') === (scheme === 'dark')",
        arg=scheme,
    )


def stuck_out(page: Page) -> int:
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


SQUEEZED = """() => [...document.querySelectorAll("#result_list td")].filter(cell => {
  const words = document.createRange();
  words.selectNodeContents(cell);
  const {width, height} = words.getBoundingClientRect();
  return width > 0 && width < 40 && height > 80;
}).map(cell => cell.dataset.label)"""


def axe(page: Page, **options: Any) -> list[str]:
    found = violations(page, **options)
    return [
        f"axe {one['id']} at {[node['target'] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical") or one["id"] in ALSO
    ]


def wrong_with(page: Page, name: str, *, language: str, is_main: bool) -> list[str]:
    """What is wrong with the page that is open, in every look; of the main pages in the dark, too."""
    wrong = []
    for scheme in SCHEMES if FOLDER or is_main else SCHEMES[:1]:
        switch(page, scheme)
        for size, viewport in {**SIZES, "magnified": MAGNIFIED}.items():
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            if (wide := stuck_out(page)) > 0:
                wrong.append(f"scrolls sideways by {wide} px, {size}, {scheme}")
            if squeezed := page.evaluate(SQUEEZED):
                wrong.append(f"has no room for what stands under {squeezed[:3]}, {size}, {scheme}")
            if FOLDER and size in SIZES:
                keep(page, f"{size}-{scheme}-{language}", name)
        if scheme == "light" and (language == "en" or is_main):
            wrong += axe(page)
        elif is_main and language == "en":
            # The colours are the same in every language.
            wrong += axe(page, runOnly=["color-contrast"])
    return wrong


def keep(page: Page, look: str, name: str) -> None:
    """Drawn as high as it is, so that what stands at the window's foot stands at the page's; the next look resets it."""
    high = page.evaluate("document.documentElement.scrollHeight")
    width = (page.viewport_size or SIZES["desk"])["width"]
    page.set_viewport_size({"width": width, "height": min(max(high, SIZES["desk"]["height"]), HIGHEST)})
    folder = Path(FOLDER) / look
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name.replace(' ', '-').replace('.', '-')}.jpg"
    page.screenshot(path=str(file), type="jpeg", quality=50)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_fits_and_can_be_read(
    browser: Browser, live_server, shop: Campaign, language: str
) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page = context.new_page()
    found = complaints(page)
    log_in(page, live_server.url)
    wrong: dict[str, list[str]] = {}
    opened = 0
    for name, addresses, is_main in asked(shop, every=bool(FOLDER) or language == "en"):
        for address in addresses:
            found.clear()
            if is_opened(page, live_server.url + address):
                break
        else:
            assert not is_main, f"{name} does not answer"
            continue
        opened += 1
        if what := [*wrong_with(page, name, language=language, is_main=is_main), *found]:
            wrong[name] = what
    context.close()
    assert opened > (20 if language != "en" and not FOLDER else 100)
    assert wrong == {}
