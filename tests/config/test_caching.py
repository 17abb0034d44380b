"""What an answer may be kept for: things are asked about again by their tag, of people nothing is kept."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from campaigns.models import Campaign, Offer, Segment
from catalog.models import Product
from config import urls
from config.caching import OF_THINGS
from customers.models import ApiKey, Customer
from tests.conftest import NOW, Caller

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def things(products: dict[str, Product]) -> None:
    Segment.objects.create(slug="all", name="All", rule={"attribute": "id", "exists": True})
    Offer.objects.create(slug="ten", title="Ten", benefit="percent", value=10)
    Campaign.objects.create(slug="spring", name="Spring")


ASKED = [
    "products/rose",
    "segments",
    "segments/all",
    "campaigns",
    "campaigns/spring",
    "campaigns/spring/report",
    "offers/definitions",
    "offers/definitions/ten",
    "offers/placements",
    "notices?language=en",
    "purposes",
    "models",
]


def test_every_address_of_things_is_one_of_ours() -> None:
    assert {str(pattern.pattern) for pattern in urls.api} >= OF_THINGS


@pytest.mark.parametrize("path", ASKED)
def test_what_has_not_changed_is_not_sent_again(server: Caller, things: None, path: str) -> None:
    first = server("GET", path)
    assert first.status == 200
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "X-Customer-Token"} <= set(re.split(r",\s*", first.headers["Vary"]))
    again = server("GET", path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, None)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert server("GET", path, **{"If-None-Match": '"another"'}).body is not None


def test_what_has_changed_is_sent_with_another_tag(server: Caller, things: None) -> None:
    tag = server("GET", "products/rose").headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag), "strong"
    server("PUT", "products/rose", {"price": "13.00"})
    again = server("GET", "products/rose", **{"If-None-Match": tag})
    assert (again.status, again.body["price"]) == (200, "13.00")
    assert again.headers["ETag"] != tag


def test_a_report_keeps_its_tag_while_only_the_time_moves_on(
    server: Caller, things: None, time_machine
) -> None:
    time_machine.move_to(NOW, tick=False)
    first = server("GET", "campaigns/spring/report")
    time_machine.move_to(NOW.replace(hour=13), tick=False)
    later = server("GET", "campaigns/spring/report")
    assert first.body["at"] != later.body["at"]
    assert first.headers["ETag"] == later.headers["ETag"]
    Campaign.objects.update(name="Summer")
    assert server("GET", "campaigns/spring/report").headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    "path",
    [
        "customers/anna",
        "customers/anna/consents",
        "customers/anna/consents/history",
        "customers/anna/profile",
        "segments/all/members",
        "recommendations?customer=anna",
        "offers?placement=home&customer=anna",
        "customers/nobody",
    ],
)
def test_of_people_nothing_is_kept(server: Caller, things: None, anna: Customer, path: str) -> None:
    answer = server("GET", path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_a_tag_opens_nothing_to_a_key_that_was_revoked(server: Caller, things: None) -> None:
    tag = server("GET", "segments").headers["ETag"]
    ApiKey.objects.update(revoked_at=NOW)
    refused = server("GET", "segments", **{"If-None-Match": tag})
    assert (refused.status, refused.headers["Cache-Control"]) == (401, "no-store")


def test_a_browser_is_told_whose_the_answer_is(browser: Callable[[str], Caller], anna: Customer) -> None:
    answer = browser("anna")("GET", "customers/anna/consents")
    assert answer.status == 200
    assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == ("no-store", False)
    assert "X-Customer-Token" in answer.headers["Vary"]


def test_the_schema_is_not_sent_again(client: Client, db: None) -> None:
    first = client.get("/api/v1/schema")
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get("/api/v1/schema", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
