"""No line of a log holds anything of a person (S7, D2)."""

import io
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from config.celery import app
from config.logs import WithoutPeople
from customers import links
from customers.models import Customer, Identity

WORDS = ("anna", "Anna", "mail.example", "secret words")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the handler of the settings writes, at every level."""
    logging_settings: Any = settings.LOGGING
    assert logging_settings["formatters"]["plain"]["()"] == "config.logs.WithoutPeople"
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(WithoutPeople())
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler.stream
    root.removeHandler(handler)


def clean(text: str) -> bool:
    return not any(word in text for word in WORDS)


@pytest.mark.django_db
def test_s7_a_page_that_fails_is_told_by_its_route(
    anna: Customer, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **options: object) -> None:
        raise RuntimeError(f"secret words about {anna.external_id} at anna@mail.example")

    client = Client(raise_request_exception=False)
    monkeypatch.setattr("customers.preferences.choices", fails)
    monkeypatch.setattr("customers.views.preferences.switches", fails, raising=False)
    token = links.preferences_url(anna).rpartition("/preferences/")[2]
    assert client.get(f"/preferences/{token}").status_code == 500
    told = logged.getvalue()
    assert "ERROR django.request 500 GET /preferences/<str:token>/" in told
    assert "RuntimeError" in told
    assert "test_logs.py" in told
    assert clean(told)
    assert token[:20] not in told


@pytest.mark.django_db
def test_s7_the_row_that_a_database_quotes_is_not_told(anna: Customer, logged: io.StringIO) -> None:
    log = logging.getLogger("some.library")
    try:
        with transaction.atomic():
            Identity.objects.create(customer=anna, kind="customer", value="anna")
    except IntegrityError as error:
        log.exception("could not keep %s: %s", "anna@mail.example", error)
    told = logged.getvalue()
    assert "IntegrityError" in told
    assert "could not keep <address>: " in told
    assert clean(told)


def test_s7_a_cause_is_told_by_its_class_too(logged: io.StringIO) -> None:
    try:
        try:
            raise ValueError("secret words")
        except ValueError as error:
            raise KeyError("Anna") from error
    except KeyError:
        logging.getLogger("some.library").exception("went wrong: secret words")
    told = logged.getvalue()
    assert told.index("ValueError") < told.rindex("KeyError")
    assert clean(told)


def test_s7_celery_keeps_these_logs(logged: io.StringIO) -> None:
    before = list(logging.getLogger().handlers)
    app.log.setup(loglevel="INFO", redirect_stdouts=False)
    assert [type(h.formatter) for h in logging.getLogger().handlers if h not in before] in (
        [],
        [WithoutPeople],
    )


def test_an_address_of_the_desk_is_told_in_full(logged: io.StringIO) -> None:
    logging.getLogger("some.library").warning("see %s", reverse("admin:index"))
    assert "see /admin/" in logged.getvalue()
