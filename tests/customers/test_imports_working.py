"""A file that the worker takes in: how far it is, called off, taken up again after a death, and never by halves."""

import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation

from catalog.models import Product
from customers import data_files, imports, privacy, queued
from customers.imports import waiting, working
from customers.models import Customer, ImportRun
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
HEAD = "sku,title,price\n"
PEOPLE = "id,email\ncanary,canary@mail.example\n"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return data_files.folder()


def clock() -> Any:
    return NOW


def asked(kind: str = "products-csv", text: str = HEAD + "rose,Rose,1\nhoe,Hoe,2\n") -> ImportRun:
    return imports.ask(kind, "file.csv", by="olga", content=text.encode())


def lines(n: int) -> str:
    return HEAD + "".join(f"p{i},Product number {i} of a long list of things,{i}.00\n" for i in range(n))


def died(run: ImportRun) -> None:
    """As a worker that is killed leaves it: taken up, told something once, and then nothing."""
    assert working.claim(at=NOW) == run
    waiting.SIGNS.tell(run, 0.4)
    long_ago = (NOW - timedelta(minutes=1)).timestamp()
    os.utime(data_files.folder() / f"import-{run.pk}.progress", (long_ago, long_ago))
    run.refresh_from_db()


def later() -> Any:
    return NOW + timedelta(minutes=3)


def test_a_file_is_taken_in_once_and_lies_nowhere_afterwards(folder: Path) -> None:
    run = asked()
    assert (run.state, Product.objects.count()) == ("waiting", 0)
    assert imports.work_due(clock=clock) == 1
    run.refresh_from_db()
    assert (run.state, run.counts["rows"], run.attempt, run.requested_by) == ("done", 2, 1, "olga")
    assert len(run.sha256) == 64
    assert [*folder.iterdir()] == []
    assert imports.work_due(clock=clock) == 0
    assert Product.objects.count() == 2


def test_s7_while_it_waits_a_file_of_people_is_sealed(folder: Path) -> None:
    asked("customers-csv", PEOPLE)
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"canary" not in path.read_bytes()


def test_d2_an_erasure_takes_away_the_files_that_wait(
    anna: Customer, folder: Path, django_capture_on_commit_callbacks
) -> None:
    run = asked("customers-csv", PEOPLE)
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase(anna.pk, actor="tests", at=NOW)
    assert [*folder.glob("*.people")] == []
    imports.work_due(clock=clock)
    run.refresh_from_db()
    assert (run.state, not run.error) == ("failed", False)
    assert not Customer.objects.filter(external_id="canary").exists()
    assert not imports.may_begin_again(run)


def test_d2_what_was_read_before_an_erasure_is_not_kept(folder: Path) -> None:
    run = asked("customers-csv", PEOPLE)

    def erased_meanwhile(run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        working._read(run, source, intake, progress)
        data_files.drop_of_people()

    imports.work_due(erased_meanwhile, clock=clock)
    run.refresh_from_db()
    assert (run.state, Customer.objects.count()) == ("failed", 0)


def test_what_waits_is_cancelled_at_once(folder: Path) -> None:
    run = imports.cancel(asked(), by="olga", at=NOW)
    assert (run.state, run.cancelled_by, run.ended_at) == ("cancelled", "olga", NOW)
    assert [*folder.iterdir()] == []
    assert imports.work_due(clock=clock) == 0
    with pytest.raises(imports.TooLate):
        done = asked()
        imports.work_due(clock=clock)
        imports.cancel(done, by="olga", at=NOW)


def test_what_is_being_taken_in_stops_and_leaves_nothing(monkeypatch, folder: Path) -> None:
    """Called off by another after the first rows were written, at the next look."""
    monkeypatch.setattr(queued, "LOOK_S", 0.0)
    run, shares = asked(text=lines(9000)), []

    def watched(run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        def told(read: int) -> None:
            progress(read)
            shares.append(imports.told(run))
            if Product.objects.exists():
                waiting.SIGNS.call_off(run)

        working._read(run, source, intake, told)

    imports.work_due(watched, clock=clock)
    run.refresh_from_db()
    assert (run.state, Product.objects.count()) == ("cancelled", 0)
    assert shares == sorted(shares)
    assert 0.1 < shares[-1] < 1
    assert [*folder.iterdir()] == []


def test_it_is_cancelled_even_when_everything_was_read() -> None:
    run = asked()

    def called_off_at_the_end(run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        working._read(run, source, intake, progress)
        ImportRun.objects.filter(pk=run.pk).update(cancel_asked_at=NOW)

    imports.work_due(called_off_at_the_end, clock=clock)
    # The mark was rolled back with the rest here; on another connection it would stay.
    run.refresh_from_db()
    assert Product.objects.count() == 0
    assert run.state != "done"


def test_what_a_dead_worker_had_is_taken_up_again() -> None:
    run = asked()
    died(run)
    assert working.claim(at=NOW + timedelta(minutes=1)) is None
    assert not imports.is_silent(run, at=NOW + timedelta(minutes=1))
    assert imports.is_silent(run, at=later())
    assert imports.work_due(clock=later) == 1
    run.refresh_from_db()
    assert (run.state, run.attempt, Product.objects.count()) == ("done", 2, 2)


def test_a_worker_that_was_too_slow_keeps_nothing() -> None:
    asked()

    def overtaken(run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        working._read(run, source, intake, progress)
        ImportRun.objects.filter(pk=run.pk).update(attempt=2)

    imports.work_due(overtaken, clock=clock)
    assert Product.objects.count() == 0


def test_after_five_deaths_it_fails_says_so_and_can_be_begun_again() -> None:
    with translation.override("zh-hans"):
        run = asked()
    ImportRun.objects.update(attempt=4)
    died(run)
    assert imports.work_due(clock=later) == 0
    run.refresh_from_db()
    assert (run.state, "5" in run.error) == ("failed", True)
    assert imports.again(run)
    assert imports.work_due(clock=later) == 1
    run.refresh_from_db()
    assert (run.state, run.error, Product.objects.count()) == ("done", "", 2)
    assert not imports.again(run)


def test_what_a_dead_worker_had_is_cancelled_without_another() -> None:
    run = asked()
    died(run)
    assert imports.cancel(run, by="olga", at=later()).state == "cancelled"
    assert imports.work_due(clock=later) == 0


def test_a_line_that_became_wrong_keeps_all_of_it_out() -> None:
    run = asked(text=HEAD + "rose,Rose,1\n,Nameless,2\n")
    imports.work_due(clock=clock)
    run.refresh_from_db()
    assert (run.state, Product.objects.count()) == ("failed", 0)


def test_a_file_that_nobody_took_is_let_go_after_a_day(folder: Path) -> None:
    run = asked("customers-csv", PEOPLE)
    now = timezone.now()
    imports.drop_old(at=now + timedelta(hours=23))
    assert waiting.SIGNS.is_here(run)
    imports.drop_old(at=now + timedelta(hours=25))
    assert [*folder.iterdir()] == []


@pytest.mark.django_db(transaction=True)
def test_called_off_from_another_connection_while_the_worker_writes(monkeypatch) -> None:
    """On SQLite the worker holds the one lock: whoever cancels is answered as soon as it lets go."""
    monkeypatch.setattr(queued, "LOOK_S", 0.0)
    run, writes, goes_on = asked(text=lines(9000)), threading.Event(), threading.Event()

    def slow(run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        def told(read: int) -> None:
            if Product.objects.exists():
                writes.set()
                assert goes_on.wait(60)
            progress(read)

        working._read(run, source, intake, told)

    def worker() -> None:
        imports.work_due(slow, clock=timezone.now)
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    assert writes.wait(60)
    run.refresh_from_db()
    assert (run.state, 0 < imports.told(run) < 1) == ("running", True)
    threading.Timer(0.2, goes_on.set).start()
    run = imports.cancel(run, by="olga", at=timezone.now())
    thread.join()
    run.refresh_from_db()
    assert (run.state, run.cancelled_by, Product.objects.count()) == ("cancelled", "olga", 0)
