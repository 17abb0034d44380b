"""A cursor and a size that anybody may have written."""

from base64 import b64encode

import pytest

from tests.conftest import Caller

pytestmark = pytest.mark.django_db
LISTS = ("products", "campaigns", "segments", "offers/definitions", "offers/placements", "customers/anna/consents/history")  # fmt: skip


@pytest.mark.parametrize("place", ["p=abc", "p=-1", "p=\0", "p=2026-01-01", f"p={'9' * 5000}", "o=-1", "o=x"])
def test_a_cursor_that_we_did_not_give_leads_nowhere(server: Caller, anna, place: str) -> None:
    for path in LISTS:
        answer = server("GET", f"{path}?cursor={b64encode(place.encode()).decode()}")
        assert answer.status == 404 or (answer.status, path) == (400, "products"), path


def test_a_cursor_that_is_none_leads_nowhere(server: Caller, anna) -> None:
    for cursor in ("!!", "a" * 5000, "%C3%A9"):
        for path in LISTS:
            assert server("GET", f"{path}?cursor={cursor}").status in (200, 400, 404), path


@pytest.mark.parametrize("size", ["null", "-1", "0", "1.5", "", "9" * 5000 + "x"])
def test_a_size_that_is_no_number_is_refused(server: Caller, products, size: str) -> None:
    assert server("GET", f"products?limit={size}").status == 400


def test_a_list_of_skus_has_a_longest_length(server: Caller, products) -> None:
    assert [item["sku"] for item in server("GET", "products?skus=rose,,tea").body["results"]] == [
        "rose",
        "tea",
    ]
    assert server("GET", f"products?skus={'x' * 5001}").status == 400
    assert server("GET", f"products/rose/similar?exclude={'x' * 5001}").status == 400
