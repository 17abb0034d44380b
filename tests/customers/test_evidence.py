"""Evidence of a request is read in words of both languages."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import translation

from customers import request_traces
from customers.admin import evidence

NOTED = re.compile(r'requests\.note\(\s*row, "([\w.]+)", "([^"{]+)"')
CHINESE = re.compile(r"[一-鿿]")


def noted() -> set[tuple[str, str]]:
    """(store, deed) of every line of evidence that the code writes out."""
    files = (Path(settings.BASE_DIR) / "customers").rglob("*.py")
    return {found for file in files for found in NOTED.findall(file.read_text())}


def test_every_store_and_deed_has_words_in_both_languages() -> None:
    known = noted() | {("mail", kind) for kind in ("identity", "done", "refused", "extended", "lifting")}
    assert ("customers.PersonKey", "destroyed") in known
    for store, deed in known:
        assert "." not in evidence.store(store)
        with translation.override("zh-hans"):
            assert CHINESE.search(evidence.store(store)), store
            assert CHINESE.search(evidence.deed(store, deed)), deed


def test_a_table_is_called_what_its_rows_are_called_on_the_desk() -> None:
    assert evidence.store("customers.Event") == "Events"
    assert evidence.store("customers.ContactChoice_left_topics") == "Left topics"
    assert evidence.store("customers.NoLongerThere") == "customers.NoLongerThere"
    with translation.override("zh-hans"):
        for model in apps.get_app_config("customers").get_models(include_auto_created=True):
            assert CHINESE.search(evidence.store(model._meta.label)), model


@pytest.mark.parametrize(
    ("store", "noted", "told"),
    [
        ("mail", "done: failed", "tells that it is done: failed"),
        ("mail", "refused", "tells that it is refused"),
        ("request", "refused", "refused"),
        ("customers.Customer", "email corrected", "corrected: E-mail"),
        ("identity", f"{request_traces.BY_HAND}: saw a passport", "proven by hand: saw a passport"),
        (
            "identity",
            f"{request_traces.BY_HAND}: {request_traces.GONE}",
            "proven by hand: erased with the person",
        ),
    ],
)
def test_what_was_done_is_said_whole(store: str, noted: str, told: str) -> None:
    assert evidence.deed(store, noted) == told
