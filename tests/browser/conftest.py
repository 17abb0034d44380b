"""One Chromium for all files that a process of the run has."""

from collections.abc import Iterator

import pytest
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
