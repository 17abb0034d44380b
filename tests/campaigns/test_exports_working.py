"""An export that was asked for: written once, cancelled, taken up again, and gone with the first who is erased."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import exports
from campaigns.exports import datasets
from campaigns.models import Export
from customers import consent, data_files, privacy, restriction
from customers.models import Customer
from tests.campaigns.test_exports import some
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return data_files.folder()


@pytest.fixture
def orders(anna: Customer, products) -> None:
    some(anna, products["rose"], 6)


def clock() -> datetime:
    return NOW


def asked(dataset: str = "orders", **more: Any) -> Export:
    return exports.ask(dataset, form="csv", by="ana", **more)


def made(dataset: str = "orders") -> Export:
    export = asked(dataset)
    assert exports.work_due(clock=clock) == 1
    export.refresh_from_db()
    assert export.state == "done", export.why
    return export


def fetched(export: Export, *, at: datetime = NOW) -> bytes:
    return exports.fetch(export, by="ana", at=at).read_bytes()


def test_what_was_asked_for_is_written_and_waits_seven_days(orders: None, folder: Path) -> None:
    export = made()
    assert (export.rows, export.attempt, export.requested_by) == (6, 1, "ana")
    assert export.expires_at == NOW + timedelta(days=7)
    text = fetched(export)
    assert (len(text), text.count(b"anna")) == (export.size, 6)
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    export.refresh_from_db()
    assert (export.downloads, export.downloaded_by) == (1, "ana")


def test_after_seven_days_the_file_is_gone_and_its_row_is_not(orders: None, folder: Path) -> None:
    export, later = made(), NOW + timedelta(days=7)
    with pytest.raises(exports.Gone):
        fetched(export, at=later)
    assert exports.sweep(at=later - timedelta(seconds=1)) == 0
    assert exports.sweep(at=later) == 1
    export.refresh_from_db()
    assert (export.state, export.rows, export.downloads) == ("gone", 6, 0)
    assert list(folder.iterdir()) == []


def test_d2_an_erasure_deletes_every_file_that_holds_people(
    orders: None, boris: Customer, folder: Path, django_capture_on_commit_callbacks
) -> None:
    people, things = made(), made("products")
    (folder / f".{people.pk}.people.1234.draft").write_text("dead writer's")
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase(boris.pk, actor="t", at=NOW)
    assert [path.name for path in folder.iterdir()] == [f"{things.pk}.things"]
    with pytest.raises(exports.Gone):
        fetched(people)
    assert fetched(things)
    assert exports.sweep(at=NOW) == 1
    people.refresh_from_db()
    assert (people.state, people.downloads) == ("gone", 0)


def test_d2_a_file_that_an_erasure_left_behind_is_not_given_out(
    orders: None, boris: Customer, folder: Path
) -> None:
    """The process may die between its commit and the deletion."""
    export = made()
    privacy.erase(boris.pk, actor="t", at=NOW - timedelta(days=3))
    assert list(folder.iterdir()) != []
    with pytest.raises(exports.Gone):
        fetched(export)
    assert exports.sweep(at=NOW) == 1
    assert list(folder.iterdir()) == []


def test_a_restriction_takes_the_file_back_too(orders: None, boris: Customer) -> None:
    export = made()
    restriction.restrict([boris], at=NOW)
    with pytest.raises(exports.Gone):
        fetched(export)


def during(monkeypatch: pytest.MonkeyPatch, deed: Any) -> None:
    """Do it once, after the first page of the next export."""
    monkeypatch.setattr(datasets, "PAGE", 2)
    monkeypatch.setattr("campaigns.exports.working.LOOK_S", 0.0)
    original, left = exports.DATASETS["orders"].pages, [deed]

    def pages(dataset: Any, span: Any) -> Iterator[Any]:
        for page in original(dataset, span):
            yield page
            if left:
                left.pop()()

    monkeypatch.setitem(exports.DATASETS, "orders", replace(exports.DATASETS["orders"], pages=pages))


def test_whoever_is_erased_while_it_is_written_is_not_in_it(orders: None, products, monkeypatch) -> None:
    dora = person("dora", allows=["analytics"])
    some(dora, products["rose"], 1, first=90)
    during(monkeypatch, lambda: privacy.erase(dora.pk, actor="t", at=NOW))
    export = asked()
    assert exports.work_due(clock=clock) == 2, "written anew"
    export.refresh_from_db()
    assert (export.state, export.attempt, export.rows) == ("done", 2, 6)


def test_an_export_that_is_called_off_stops_at_its_next_page(orders: None, folder: Path, monkeypatch) -> None:
    export = asked()
    during(monkeypatch, lambda: exports.cancel(export, by="pia", at=NOW))
    exports.work_due(clock=clock)
    export.refresh_from_db()
    assert (export.state, export.cancelled_by, export.expires_at) == ("cancelled", "pia", None)
    assert list(folder.iterdir()) == []
    with pytest.raises(exports.TooLate):
        exports.cancel(made("products"), by="pia", at=NOW)


def test_one_that_waits_is_cancelled_at_once_and_never_written(orders: None, folder: Path) -> None:
    export = exports.cancel(asked(), by="pia", at=NOW)
    assert export.state == "cancelled"
    assert exports.work_due(clock=clock) == 0
    assert list(folder.iterdir()) == []


def test_an_export_whose_worker_died_is_taken_up_when_its_lease_is_over(orders: None) -> None:
    export = asked()
    assert exports.claim(at=NOW) == export
    assert exports.claim(at=NOW + timedelta(minutes=9)) is None
    again = exports.claim(at=NOW + timedelta(minutes=11))
    assert again is not None and again.attempt == 2
    assert exports.work(again, clock=clock).state == "done"


def test_exports_are_written_one_after_the_other(orders: None) -> None:
    first, second = asked(), asked("products")
    assert exports.claim(at=NOW) == first
    assert exports.claim(at=NOW) is None
    assert exports.work(Export.objects.get(pk=first.pk), clock=clock).state == "done"
    assert exports.claim(at=NOW) == second


def test_a_worker_that_lost_its_export_changes_nothing(orders: None) -> None:
    export = asked()
    slow = exports.claim(at=NOW)
    assert slow is not None
    done = exports.work(exports.claim(at=NOW + timedelta(minutes=11)), clock=clock)
    exports.work(slow, clock=clock)
    export.refresh_from_db()
    assert (export.state, export.attempt, export.ended_at) == ("done", 2, done.ended_at)
    assert fetched(export).count(b"anna") == 6


def test_one_that_five_workers_died_at_is_set_aside(orders: None) -> None:
    export, at = asked(), NOW
    for _n in range(5):
        assert exports.claim(at=at) is not None
        at += timedelta(minutes=11)
    assert exports.claim(at=at) is None
    export.refresh_from_db()
    assert (export.state, export.why) == ("failed", "5 workers died at it.")


def test_one_that_fails_says_so_and_stops_no_other(orders: None, folder: Path, monkeypatch) -> None:
    def broken(*_args: Any) -> Iterator[Any]:
        yield []
        raise OSError(28, "No space left on device")

    bad = asked()
    good = asked("products")
    monkeypatch.setitem(exports.DATASETS, "orders", replace(exports.DATASETS["orders"], pages=broken))
    assert exports.work_due(clock=clock) == 2
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, bad.why, good.state) == ("failed", "OSError", "done")
    assert len(list(folder.iterdir())) == 1


def test_a_file_is_only_a_finished_export_s(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Export.objects.create(dataset="orders", requested_by="t", expires_at=timezone.now())
    assert not Export.objects.exists()


def test_a_withdrawal_leaves_what_was_lawful_when_it_was_written(orders: None, anna: Customer) -> None:
    """It holds from its moment on (GDPR 7(3)); the next file has nothing of hers."""
    export = made()
    consent.withdraw(anna.pk, "analytics", method="m", source="t", actor="customer", at=NOW)
    assert fetched(export).count(b"anna") == 6
    assert made().rows == 0
