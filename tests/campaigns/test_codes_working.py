"""Many codes into a pool by the worker: how far it is, called off, taken up again after a death, and never by halves."""

import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from campaigns import codes
from campaigns.admin import pools
from campaigns.codes import waiting, working
from campaigns.models import Code, CodeBatch
from customers import data_files, queued
from tests import desk
from tests.campaigns.conftest import offer
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return data_files.folder()


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def clock():
    return NOW


def later():
    return NOW + timedelta(minutes=3)


def to_make(count: int = 12) -> CodeBatch:
    row = offer("pool", code_kind="pool", code_prefix="spring")
    return working.ask_to_make(row, count, by="marta", expires_at=NOW + timedelta(days=9))


def to_bring_in(text: str, *, known: tuple[str, ...] = ()) -> CodeBatch:
    row = offer("pool", code_kind="pool")
    if known:
        codes.import_file(row, iter(known), name="k.csv", by="marta", at=NOW)
    return working.ask_to_bring_in(row, io.BytesIO(text.encode()), name="c.csv", by="marta")


def died(batch: CodeBatch) -> None:
    """As a worker that is killed leaves it: taken up, told something once, and then nothing."""
    assert working.claim(at=NOW) == batch
    waiting.SIGNS.tell(batch, 0.4)
    long_ago = (NOW - timedelta(minutes=1)).timestamp()
    os.utime(data_files.folder() / f"codes-{batch.pk}.progress", (long_ago, long_ago))
    batch.refresh_from_db()


def test_codes_that_were_asked_for_are_made_once(folder: Path) -> None:
    batch = to_make()
    assert (batch.state, Code.objects.count()) == ("waiting", 0)
    assert (codes.work_due(clock=clock), codes.work_due(clock=clock)) == (1, 0)
    batch.refresh_from_db()
    assert (batch.state, batch.count, batch.ended_at, batch.attempt) == ("done", 12, NOW, 1)
    told: set[Any] = set(
        Code.objects.values_list("batch", "offer", "state", "expires_at", "customer", "reserved_for")
    )
    assert told == {(batch.pk, batch.offer_id, "free", NOW + timedelta(days=9), None, "")}
    assert all(value.startswith("SPRING-") for value in Code.objects.values_list("value", flat=True))
    assert [*folder.iterdir()] == []


def test_a_file_that_was_asked_for_goes_in_and_lies_nowhere_afterwards(folder: Path) -> None:
    batch = to_bring_in("code\na-1\na-2\n")
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    codes.work_due(clock=clock)
    batch.refresh_from_db()
    assert (batch.state, batch.count, batch.name) == ("done", 2, "c.csv")
    assert sorted(Code.objects.values_list("value", flat=True)) == ["A-1", "A-2"]
    assert [*folder.iterdir()] == []


def test_half_a_file_is_never_in_and_its_lines_at_fault_are_named_without_codes(folder: Path) -> None:
    with translation.override("zh-hans"):
        batch = to_bring_in("A-1\nA-2\nOLD-1\n", known=("OLD-1\n",))
    codes.work_due(clock=clock)
    batch.refresh_from_db()
    assert (batch.state, Code.objects.filter(batch=batch).count()) == ("failed", 0)
    whole, line = batch.why.split(" · ")
    assert "1 行有问题" in whole  # in the language of whoever asked
    assert "3" in line
    assert "OLD-1" not in batch.why
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize(("content", "why"), [(b"\xff\n", "UTF-8"), (b"\n", "no code"), (None, "not here")])
def test_what_cannot_be_read_says_why(folder: Path, content: bytes | None, why: str) -> None:
    batch = working.ask_to_bring_in(
        offer("pool", code_kind="pool"), io.BytesIO(content or b""), name="c.csv", by="marta"
    )
    if content is None:
        waiting.SIGNS.drop(batch)
    codes.work_due(clock=clock)
    batch.refresh_from_db()
    assert (batch.state, Code.objects.count()) == ("failed", 0)
    assert why in batch.why


def test_what_waits_is_called_off_at_once(folder: Path) -> None:
    batch = working.cancel(to_bring_in("A-1\n"), by="marta", at=NOW)
    assert (batch.state, batch.cancelled_by, batch.ended_at) == ("cancelled", "marta", NOW)
    assert (codes.work_due(clock=clock), Code.objects.count(), [*folder.iterdir()]) == (0, 0, [])
    done = working.ask_to_make(batch.offer, 3, by="marta")
    codes.work_due(clock=clock)
    with pytest.raises(queued.TooLate):
        working.cancel(done, by="marta", at=NOW)
    assert Code.objects.count() == 3


def test_what_is_going_in_stops_within_a_page_and_leaves_nothing(monkeypatch, folder: Path) -> None:
    monkeypatch.setattr(queued, "LOOK_S", 0.0)
    monkeypatch.setattr(codes.pools, "PAGE", 10)
    batch, shares = to_make(100), []

    def told(signs: queued.Signs, batch: CodeBatch, share: float) -> None:
        shares.append(share)
        if share >= 0.3:
            signs.call_off(batch)

    monkeypatch.setattr(queued.Signs, "tell", told)
    codes.work_due(clock=clock)
    batch.refresh_from_db()
    assert shares == [0, 0.1, 0.2, 0.3]
    assert (batch.state, Code.objects.count(), [*folder.iterdir()]) == ("cancelled", 0, [])


def test_another_worker_goes_on_with_what_a_dead_one_held(folder: Path) -> None:
    batch = to_bring_in("A-1\n")
    died(batch)
    assert not working.is_silent(batch, at=NOW)
    assert codes.work_due(clock=clock) == 0
    assert working.is_silent(batch, at=later())
    assert codes.work_due(clock=later) == 1
    slow, batch = batch, CodeBatch.objects.get(pk=batch.pk)
    assert (batch.state, batch.attempt, Code.objects.count()) == ("done", 2, 1)
    # Whoever was only slow finds it in other hands, and takes nothing away.
    working.work(slow, clock=later)
    assert (CodeBatch.objects.get(pk=batch.pk).state, Code.objects.count()) == ("done", 1)


def test_after_five_deaths_nobody_tries_again(folder: Path) -> None:
    batch = to_make()
    CodeBatch.objects.filter(pk=batch.pk).update(attempt=queued.MOST_ATTEMPTS - 1)
    died(batch)
    assert codes.work_due(clock=later) == 0
    batch.refresh_from_db()
    assert (batch.state, Code.objects.count()) == ("failed", 0)
    assert "5 workers" in batch.why


def test_what_a_dead_worker_held_is_called_off_at_once(folder: Path) -> None:
    batch = to_make()
    died(batch)
    assert working.cancel(batch, by="marta", at=later()).state == "cancelled"
    assert (codes.work_due(clock=later), [*folder.iterdir()]) == (0, [])


# --- on the desk -----------------------------------------------------------------------------------------------------


def test_many_codes_are_left_to_the_worker_and_can_be_followed_and_called_off(client, monkeypatch) -> None:
    monkeypatch.setattr(pools, "AT_ONCE", 3)
    row = desk.offer(code_kind="pool")
    pool = reverse("admin:campaigns_offer_pool", args=[row.pk])
    made = client.post(pool, {"do": "generate", "count": "4"})
    batch = CodeBatch.objects.get()
    page = reverse("admin:campaigns_codebatch_change", args=[batch.pk])
    assert (made.status_code, made.url, batch.state, Code.objects.count()) == (302, page, "waiting", 0)
    assert "Waiting for the worker" in client.get(page).content.decode()
    working.claim(at=timezone.now())
    waiting.SIGNS.tell(batch, 0.5)
    told = client.get(reverse("admin:campaigns_codebatch_work", args=[batch.pk])).content.decode()
    assert "50 %" in told
    cancel = reverse("admin:campaigns_codebatch_cancel", args=[batch.pk])
    assert "None of them goes into the pool." in client.get(cancel).content.decode()
    assert client.post(cancel).status_code == 302
    working.work(CodeBatch.objects.get(), clock=timezone.now)
    assert (CodeBatch.objects.get().state, Code.objects.count()) == ("cancelled", 0)


def test_a_long_file_is_left_to_the_worker_which_checks_it_too(client, monkeypatch) -> None:
    monkeypatch.setattr(pools, "AT_ONCE", 3)
    row = desk.offer(code_kind="pool")
    pool = reverse("admin:campaigns_offer_pool", args=[row.pk])

    def upload(do: str, text: str):
        return client.post(pool, {"do": do, "file": SimpleUploadedFile("c.csv", text.encode())})

    four = "A-1\r\nA-2\r\nA-3\r\nA-4\r\n"
    assert "More than 3 lines are checked as they are brought in" in upload("check", four).content.decode()
    assert CodeBatch.objects.count() == 0
    assert upload("import", four).status_code == 302
    assert (CodeBatch.objects.get().state, Code.objects.count()) == ("waiting", 0)
    codes.work_due(clock=timezone.now)
    assert (CodeBatch.objects.get().state, Code.objects.count()) == ("done", 4)
    assert upload("import", "B-1\nB-2\nB-3\n").status_code == 302
    assert Code.objects.count() == 7
