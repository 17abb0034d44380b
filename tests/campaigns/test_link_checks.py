"""Opening the links of a message before anybody gets it."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import link_checks
from campaigns.models import Message
from tests import desk
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


class _Shop(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        status = {"/gone": 404, "/moved": 301, "/shut": 403}.get(self.path, 200)
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Quiet."""


@pytest.fixture
def shop() -> Iterator[str]:
    _Shop.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def message(*addresses: str) -> Message:
    body = "".join(f'<p><a href="{address}">Look</a></p>' for address in addresses)
    return Message.objects.create(slug="linked", name="Linked", subject="Hello", body=body, product_count=0)


def test_every_link_is_asked_for_once_and_told_in_words(shop: str) -> None:
    row = message(
        *(shop + path for path in ("/", "/gone", "/moved", "/shut", "/")), "{{ links.unsubscribe }}"
    )
    found = link_checks.open_links(row, at=NOW, public=lambda _address: True)
    assert [(one.address.removeprefix(shop), one.is_fine) for one in found] == [
        ("/", True), ("/gone", False), ("/moved", True), ("/shut", True),
    ]  # fmt: skip
    assert sorted(_Shop.asked) == ["/", "/gone", "/moved", "/shut"]
    assert "elsewhere.example" in found[2].told
    assert "404" in found[1].told


def test_s3_what_is_not_public_is_not_spoken_to(shop: str) -> None:
    (found,) = link_checks.open_links(message(shop + "/"), at=NOW)
    assert (found.is_fine, _Shop.asked) == (False, [])
    assert "not public" in found.told


def test_nobody_there_and_no_such_name() -> None:
    row = message("http://127.0.0.1:9/", "https://nothing.invalid/")
    nobody, nameless = link_checks.open_links(row, at=NOW, public=lambda _address: True)
    assert (nobody.is_fine, nobody.told) == (False, "Nobody answers there.")
    assert (nameless.is_fine, nameless.told) == (False, "The name cannot be looked up.")


def test_the_desk_opens_them_when_asked(shop: str) -> None:
    client = Client()
    client.force_login(desk.staff())
    page = reverse("admin:campaigns_message_open_links", args=[message(shop + "/gone").pk])
    assert "Open them now" in client.get(page).content.decode()
    assert _Shop.asked == []
    assert "not public" in client.post(page).content.decode()
