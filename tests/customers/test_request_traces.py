"""What demands leave behind of an erased person, and for how long (D2)."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from customers import (
    export_files,
    privacy,
    request_answers,
    request_traces,
    request_work,
    requests,
    retention,
    tasks,
)
from customers.models import Customer, PrivacyRequest
from tests.conftest import NOW

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _files_of_one_test(tmp_path, settings) -> None:
    settings.VAR_DIR = tmp_path


def ask(customer: Customer, kind: str, **changes) -> PrivacyRequest:
    said = {"source": "tests", "at": timezone.now(), "proven_by": requests.BY_PAGE, **changes}
    return requests.ask(customer, kind, **said).request


def copy_of(customer: Customer) -> PrivacyRequest:
    row = ask(customer, "access")
    assert request_work.work(row.pk, at=timezone.now())
    assert export_files.is_there(row.pk)
    return row


@pytest.mark.django_db(transaction=True)
def test_d2_an_erasure_by_hand_removes_the_copies_that_wait_at_once(
    anna: Customer, boris: Customer, capsys
) -> None:
    hers, his = copy_of(anna), copy_of(boris)
    draft = export_files.folder() / f"{hers.pk}.zip.0badc0de.draft"
    draft.write_bytes(b"half of it")
    call_command("forget", "anna", "--yes")
    assert not export_files.is_there(hers.pk)
    assert not draft.exists()
    assert export_files.is_there(his.pk)


@pytest.mark.django_db(transaction=True)
def test_an_erasure_that_is_rolled_back_leaves_the_copy(anna: Customer, monkeypatch) -> None:
    hers = copy_of(anna)
    monkeypatch.setattr(
        "customers.journal.erased", lambda *_a, **_k: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(OSError):
        privacy.erase(anna.pk, actor="tests", at=NOW)
    assert export_files.is_there(hers.pk)
    assert PrivacyRequest.objects.get(pk=hers.pk).customer == anna


@pytest.mark.django_db
def test_d2_a_copy_whose_eraser_died_is_removed_within_the_hour(anna: Customer, boris: Customer) -> None:
    hers, his = copy_of(anna), copy_of(boris)
    (export_files.folder() / "notes.txt").write_text("somebody else's")
    privacy.erase(
        anna.pk, actor="tests", at=timezone.now()
    )  # in a test nothing commits, so nothing was removed yet
    assert export_files.is_there(hers.pk)
    tasks.tidy()
    assert [export_files.is_there(row.pk) for row in (hers, his)] == [False, True]


@pytest.mark.django_db
def test_d2_words_of_staff_go_with_the_person_and_what_proves_the_answer_stays(
    anna: Customer, boris: Customer
) -> None:
    now = timezone.now()
    refused = ask(anna, "portability")
    request_answers.refuse(refused.pk, reason="Anna Arendt asked twice this week.", by="olga", at=now)
    waiting = ask(anna, "rectification", proven_by="", details={"name": "Anne"})
    request_answers.prove_by_hand(waiting.pk, how="I know Anna Arendt by her voice.", by="olga", at=now)
    request_answers.extend(waiting.pk, reason="Anna Arendt's letters lie in the archive.", by="olga", at=now)
    his = ask(boris, "portability")
    request_answers.refuse(his.pk, reason="Asked by somebody else.", by="olga", at=now)
    erasure = ask(anna, "erasure", proven_by="")
    request_answers.prove_by_hand(erasure.pk, how="Anna Arendt stood before me.", by="olga", at=now)
    assert request_work.work(erasure.pk, at=now)
    tasks.tidy()
    for row in PrivacyRequest.objects.filter(customer__isnull=True):
        told = f"{row.why} {row.extended_reason} {row.proven_by} {row.steps} {bytes(row.sealed)!r}"
        assert "Arendt" not in told, row.type
    refused.refresh_from_db()
    assert (refused.state, refused.why) == ("refused", request_traces.GONE)
    assert refused.steps[-1]["by"] == "olga"
    waiting.refresh_from_db()
    assert (waiting.state, waiting.extended_reason) == ("lapsed", request_traces.GONE)
    erasure.refresh_from_db()
    assert (erasure.state, erasure.proven_by) == ("done", "staff:olga")
    assert requests.last_step(erasure, "identity", f"proven by hand: {request_traces.GONE}") is not None
    assert requests.last_step(erasure, "customers.PersonKey", "destroyed") is not None
    his.refresh_from_db()
    assert his.why == "Asked by somebody else."


@pytest.mark.django_db
def test_demands_are_kept_for_three_years_after_they_ended(anna: Customer, settings) -> None:
    assert settings.PRIVACY_REQUESTS_KEPT_DAYS == 1096
    ended = ask(anna, "objection", at=NOW)
    request_work.work(ended.pk, at=NOW)
    living = ask(anna, "rectification", details={"name": "Anne"}, at=NOW - 2000 * DAY)
    assert "privacy requests" not in retention.drop_old(at=NOW + 1095 * DAY)
    assert retention.drop_old(at=NOW + 1097 * DAY)["privacy requests"] == 1
    assert list(PrivacyRequest.objects.all()) == [living]


@pytest.mark.django_db
def test_a_restriction_s_demand_is_kept_for_as_long_as_it_holds(anna: Customer, boris: Customer) -> None:
    held, lifted = ask(anna, "restriction", at=NOW), ask(boris, "restriction", at=NOW)
    for row in (held, lifted):
        request_work.work(row.pk, at=NOW)
    request_work.lift(boris, by="customer", at=NOW)
    late = NOW + 1097 * DAY
    retention.drop_old(at=late)
    assert list(PrivacyRequest.objects.all()) == [held]
    request_work.lift(anna, by="customer", at=late)
    retention.drop_old(at=late)
    assert not PrivacyRequest.objects.exists()
