"""What axe finds wrong with a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCRIPT: str = Axe().axe_script
RUN = "([context, options]) => axe.run(context ?? document, options).then(found => found.violations)"


def violations(page: Page, context: str | None = None, **options: Any) -> list[dict[str, Any]]:
    """In the whole page, or in what the selector `context` names.

    Nothing is told of all that is right, which is half the work on a long page.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(RUN, [context, {"resultTypes": ["violations"], **options}])
    return found
