"""One Chromium for all files that a process of the run has."""

from collections.abc import Iterator

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from playwright.sync_api import Browser, Error, sync_playwright

from tests import chromium

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def running() -> Iterator[Browser]:
    path = chromium.find()
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as error:
            if path is not None:
                raise
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture(autouse=True, scope="package")
def _static_files_are_fetched_once() -> Iterator[None]:
    """As behind WhiteNoise, which the test server does without: each page asks for some thirty of them."""
    patch = pytest.MonkeyPatch()
    serve = StaticFilesHandler.serve

    def kept(self: StaticFilesHandler, request: HttpRequest) -> HttpResponseBase:
        answer = serve(self, request)
        answer["Cache-Control"] = "max-age=3600"
        return answer

    patch.setattr(StaticFilesHandler, "serve", kept)
    yield
    patch.undo()
