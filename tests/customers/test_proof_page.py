"""The public page /proof/ (L3): the key, the checkpoints, the script, and a form that keeps nothing."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.models import Checkpoint, ConsentRecord, Customer
from customers.proof import checkpoints, receipts, signing
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"


@pytest.fixture
def receipt(anna: Customer, clara: Customer) -> bytes:
    checkpoints.make(at=NOW)
    return receipts.issue(ConsentRecord.objects.filter(customer_id=anna.pk).earliest("pk"))


def test_l3_the_page_shows_the_key_and_the_newest_checkpoint_and_nobody(client: Client, receipt) -> None:
    answer = client.get("/proof/")
    shown = answer.content.decode()
    row = Checkpoint.objects.get()
    assert answer.status_code == 200
    assert signing.public_key().hex() in shown and row.root in shown
    for name in ("anna", "clara", "mail.example"):
        assert name not in shown
    assert "<script" not in shown and "style=" not in shown
    assert answer.cookies == {}


@pytest.mark.parametrize("how", ["pasted", "pasted with spaces", "uploaded"])
def test_l3_a_genuine_receipt_holds(client: Client, receipt: bytes, how: str) -> None:
    if how == "uploaded":
        sent = {"file": SimpleUploadedFile("receipt.json", receipt + b"\n")}
    else:
        sent = {"receipt": f"  {receipt.decode()}\r\n" if "spaces" in how else receipt.decode()}
    shown = client.post("/proof/", sent).content.decode()
    assert "The receipt holds." in shown
    assert "not in our list" not in shown


def test_l3_what_was_changed_or_is_none_proves_nothing_and_nothing_is_stored(
    client, receipt, django_assert_num_queries
) -> None:
    for sent in (receipt.replace(b'"granted":true', b'"granted":false'), b"hello", b"", b"x" * 70_000):
        client.get("/proof/")  # whatever is looked at every few seconds
        with django_assert_num_queries(1):  # the list of checkpoints; nothing is written
            answer = client.post("/proof/", {"receipt": sent.decode()})
        shown = answer.content.decode()
        assert "This proves nothing." in shown
        assert "The receipt holds." not in shown
        assert answer.status_code == {5: 200, 0: 400, 70_000: 413}.get(len(sent), 200)


def test_l3_what_is_too_long_is_not_even_read(client: Client, db) -> None:
    answer = client.post("/proof/", {"file": SimpleUploadedFile("r.json", b"x" * 400_000)})
    assert answer.status_code == 413
    assert client.post("/proof/", {"receipt": "short", "more": "x" * 300_000}).status_code == 413


def test_l3_a_genuine_receipt_whose_checkpoint_was_lost_says_so(client: Client, receipt: bytes) -> None:
    Checkpoint.objects.all().delete()
    shown = client.post("/proof/", {"receipt": receipt.decode()}).content.decode()
    assert "The receipt holds." in shown and "not in our list" in shown


def test_l3_what_is_pasted_is_shown_as_text(client: Client, db) -> None:
    shown = client.post("/proof/", {"receipt": "<b>bold</b>"}).content.decode()
    assert "<b>bold" not in shown


def test_l3_key_checkpoints_and_script_can_be_taken_away(client: Client, receipt: bytes) -> None:
    lines = client.get(reverse("proof-checkpoints")).content
    assert lines == checkpoints.files()[0].read_bytes()
    assert client.get(reverse("proof-checkpoints"), {"month": f"{NOW:%Y-%m}"}).content == lines
    assert client.get(reverse("proof-checkpoints"), {"month": "2099-01"}).content == b""
    assert client.get(reverse("proof-checkpoints"), {"month": "0000-99"}).content == lines
    key = client.get(reverse("proof-key")).content
    script = client.get(reverse("proof-script")).content
    names: dict = {"__name__": "verify_receipt"}
    exec(compile(script, "verify_receipt.py", "exec"), names)
    assert names["verify"](receipt, lines, key)["format"] == receipts.FORMAT


def test_l3_the_page_stands_before_anything_was_signed(client: Client, db) -> None:
    assert "Nothing was signed yet." in client.get("/proof/").content.decode()
    assert client.get(reverse("proof-checkpoints")).content == b""
