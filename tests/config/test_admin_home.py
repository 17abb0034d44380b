"""The desk of a shop that has nothing yet, and the same once it has."""

import pytest
from django.test import Client
from django.urls import reverse

from tests import desk


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_home_opens_with_and_without_rows(db: None, settings, language: str) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    client = Client()
    client.force_login(desk.staff())
    client.cookies["django_language"] = language
    empty = client.get(reverse("admin:index"))
    assert empty.status_code == 200
    assert len(empty.context["first_steps"]) == 6
    desk.shop()
    assert client.get(reverse("admin:index")).status_code == 200
