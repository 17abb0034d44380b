"""The desk's page of checkpoints: verify now, as a job with progress, and the alarm on the home page (L3)."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import needs
from customers import tasks
from customers.admin import proofs
from customers.models import Checkpoint, ConsentRecord, Customer
from customers.proof import checkpoints, verification
from tests.conftest import tampering

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("marta", password="a long password"))
    return client


VERIFY = "admin:customers_checkpoint_verify"


def test_l3_the_desk_lists_checkpoints_and_verifies_a_small_ledger_at_once(
    staff: Client, anna, clara
) -> None:
    row = checkpoints.make(at=NOW)
    assert row is not None
    assert row.root[:16] in staff.get(reverse("admin:customers_checkpoint_changelist")).content.decode()
    assert staff.get(reverse("admin:customers_checkpoint_change", args=[row.pk])).status_code == 200
    assert verification.last() == {}
    assert "Verify now" in staff.get(reverse(VERIFY)).content.decode()
    shown = staff.post(reverse(VERIFY)).content.decode()
    assert "Nothing was changed, removed or added." in shown and "Held against the checkpoint" in shown
    with tampering():
        ConsentRecord.objects.filter(customer_id=clara.pk, sequence=2).update(source="x")
    shown = staff.post(reverse(VERIFY)).content.decode()
    assert "was changed after it was written" in shown and f"customer #{clara.pk}" in shown


def test_l3_a_big_ledger_is_left_to_a_worker_and_its_progress_shown(staff: Client, anna, monkeypatch) -> None:
    monkeypatch.setattr(proofs, "AT_ONCE", 2)
    page = staff.post(reverse(VERIFY), follow=True)
    assert "Waits for a worker." in page.content.decode()
    assert page["Refresh"] == "3"
    verification._write("verification.json", {**verification.last(), "share": 0.4})
    assert "40 % is done" in staff.get(reverse(VERIFY)).content.decode()
    tasks.verify_ledger()
    page = staff.get(reverse(VERIFY))
    assert "Nothing was changed, removed or added." in page.content.decode()
    assert "Refresh" not in page


def test_l3_the_scheduler_signs_and_verifies(anna: Customer) -> None:
    tasks.checkpoint_ledger()
    tasks.checkpoint_ledger()
    assert Checkpoint.objects.count() == 1
    tasks.verify_ledger()
    assert verification.last()["against"] == checkpoints.newest_line().at


def test_l3_the_home_page_raises_the_alarm(staff: Client, anna: Customer) -> None:
    (need, *_rest) = needs.everything(timezone.now())
    assert (need.words, need.weight) == ("The ledger has had no checkpoint for more than an hour.", "harm")
    tasks.checkpoint_ledger()
    assert not any("ledger" in need.words for need in needs.everything(timezone.now() + timedelta(days=1)))
    with tampering():
        ConsentRecord.objects.filter(customer_id=anna.pk, sequence=2).update(source="x")
    tasks.verify_ledger()
    assert "did not verify" in needs.everything(timezone.now())[0].words
    assert "did not verify" in staff.get(reverse("admin:index")).content.decode()


def test_l3_who_may_not_see_checkpoints_may_not_verify(client: Client, db) -> None:
    client.force_login(User.objects.create_user("guest", password="a long password", is_staff=True))
    assert client.post(reverse(VERIFY)).status_code == 403
    assert verification.last() == {}
