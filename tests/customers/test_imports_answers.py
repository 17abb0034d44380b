"""What people allowed elsewhere: a no always counts, a yes only with its proof, and never over a no (C5, C9)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from customers import consent, imports, journal, ledger, queued
from customers.imports import Imported, import_file, waiting, working
from customers.imports.source import Held
from customers.models import ConsentRecord, Customer, ImportRun, Notice
from customers.purposes import PUBLIC_FILE, ShownText
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
HEAD = "customer,purpose,answer,notice,language,method,source,at\n"
PROOF = "old-shop@1,en,checkbox,checkout form,2024-05-31T10:00:00+02:00"


@pytest.fixture(autouse=True)
def _quickly(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def words() -> ShownText:
    """As the other system asked, kept in one language: proof, and shown to nobody."""
    shown = ShownText("old-shop@1", "en", "marketing_email", "Yes, write to me about offers.")
    Notice.objects.create(
        slug="old-shop", version=1, language="en", purpose=shown.purpose, text=shown.text, sha256=shown.sha256
    )
    return shown


def take_in(*lines: str, dry_run: bool = False) -> Imported:
    text = HEAD + "\n".join(lines) + "\n"
    return import_file("consents-csv", Held("c.csv", text.encode()), at=NOW, dry_run=dry_run)


def brought(*lines: str) -> ImportRun:
    """As from the desk, by the worker."""
    run = imports.ask("consents-csv", "c.csv", by="olga", content=(HEAD + "\n".join(lines)).encode())
    imports.work_due(clock=timezone.now)
    run.refresh_from_db()
    return run


def allows(*people: Customer, purpose: str = "marketing_email") -> list[bool]:
    found = consent.verdicts([one.pk for one in people], purpose)
    return [found[one.pk].allowed for one in people]


def test_c5_a_yes_stands_in_the_ledger_with_the_proof_of_the_other_system(words: ShownText) -> None:
    dora = person("dora")
    run = brought(f"dora,marketing_email,yes,{PROOF}")
    assert (run.state, run.counts) == ("done", {"rows": 1, "kept": 1, "grants_recorded": 1})
    record = ConsentRecord.objects.get(customer_id=dora.pk)
    assert (record.granted, record.notice, record.notice_sha256) == (True, "old-shop@1", words.sha256)
    assert (record.language, record.method, record.actor) == ("en", "checkbox", "staff:olga")
    assert record.source == "import: checkout form, 2024-05-31T08:00:00Z"
    assert allows(dora) == [True]
    # It counts from now on: what was sent before rests on nothing.
    assert not consent.decide(dora.pk, "marketing_email", at=record.at - timedelta(seconds=1)).allowed


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("dora,marketing_email,yes,,,,,", "no_proof"),
        ("dora,marketing_email,yes,old-shop@1,en,checkbox,checkout form,", "no_proof"),
        ("dora,marketing_email,yes,old-shop@1,en,,checkout form,2024-05-31", "no_proof"),
        ("dora,marketing_email,yes,old-shop@1,zh-hans,checkbox,form,2024-05-31", "unknown_notice"),
        ("dora,marketing_email,yes,old-shop@2,en,checkbox,form,2024-05-31", "unknown_notice"),
        ("dora,personalization,yes,old-shop@1,en,checkbox,form,2024-05-31", "unknown_notice"),
        (f"dora,marketing_email,yes,{PUBLIC_FILE},en,checkbox,form,2024-05-31", "unknown_notice"),
        ("dora,marketing_email,yes,old-shop@1,en,checkbox,form,5/4/2024 10:00", "bad_time"),
        ("dora,marketing_email,yes,old-shop@1,en,checkbox,form,yesterday", "bad_time"),
        ("dora,marketing_email,yes,old-shop@1,en,checkbox,form,2027-01-01", "in_the_future"),
        (f"dora,marketing_email,yes,old-shop@1,en,checkbox,{'x' * 61},2024-05-31", "long_proof"),
        (f"dora,newsletter,yes,{PROOF}", "unknown_purpose"),
        (f"dora,marketing_email,perhaps,{PROOF}", "bad_answer"),
        (f"nobody,marketing_email,yes,{PROOF}", "unknown_customer"),
        (f",marketing_email,yes,{PROOF}", "no_id"),
    ],
)
def test_c5_without_its_proof_a_yes_is_none(words: ShownText, line: str, reason: str) -> None:
    person("dora")
    assert take_in(line).counts == {"rows": 1, f"skipped:{reason}": 1}
    assert ConsentRecord.objects.count() == 0
    assert not Customer.objects.filter(external_id="nobody").exists()


def test_a_no_needs_no_proof(anna: Customer) -> None:
    counts = take_in("anna,marketing_email,unsubscribed,,,,,", "anna,personalization,no,,,,,").counts
    assert counts == {"rows": 2, "kept": 2, "refusals_recorded": 2}
    assert allows(anna) == [False]
    *_before, line = journal.lines()
    assert {row.purpose for row in line.rows} == {"marketing_email", "personalization"}


def test_c9_a_yes_of_a_file_goes_over_no_refusal(words: ShownText, clara: Customer) -> None:
    assert (
        ConsentRecord.objects.filter(customer_id=clara.pk, purpose="marketing_email")
        .latest("sequence")
        .granted
        is False
    )
    before = ConsentRecord.objects.count()
    assert take_in(f"clara,marketing_email,yes,{PROOF}").counts == {"rows": 1, "refusals_kept": 1}
    assert allows(clara) == [False]
    assert ConsentRecord.objects.count() == before


@pytest.mark.parametrize("said", [("yes", "no"), ("no", "yes")])
def test_where_a_file_says_both_the_no_holds(
    words: ShownText, said: tuple[str, str], monkeypatch: Any
) -> None:
    for at_once in (1, 1000):
        monkeypatch.setattr("customers.imports.answers.AT_ONCE", at_once)
        name = f"person-{at_once}"
        dora = person(name)
        take_in(*(f"{name},marketing_email,{one},{PROOF}" for one in said))
        assert allows(dora) == [False]


def test_c7_the_same_file_again_writes_nothing(words: ShownText, anna: Customer) -> None:
    person("dora")
    lines = [f"dora,marketing_email,yes,{PROOF}", f"anna,marketing_email,yes,{PROOF}"]
    take_in(*lines)
    before = ConsentRecord.objects.count()
    assert take_in(*lines).counts == {"rows": 2, "kept": 2}
    assert ConsentRecord.objects.count() == before
    assert ConsentRecord.objects.filter(customer_id=anna.pk, notice="old-shop@1").count() == 0


def test_one_wrong_line_keeps_every_answer_out_and_no_no_is_noted_outside(
    words: ShownText, anna: Customer, monkeypatch: Any
) -> None:
    monkeypatch.setattr("customers.imports.answers.AT_ONCE", 1)
    noted, before = journal.length(), ConsentRecord.objects.count()
    run = brought("anna,marketing_email,no,,,,,", f"nobody,marketing_email,yes,{PROOF}")
    assert run.state == "failed"
    assert run.error.splitlines()[1] == "Line 3: nobody here has this id: bring the customers in first"
    assert allows(anna) == [True]
    assert (journal.length(), ConsentRecord.objects.count()) == (noted, before)


def test_d3_a_trial_notes_no_refusal_outside_the_database(words: ShownText, anna: Customer) -> None:
    noted = journal.length()
    counts = take_in("anna,marketing_email,no,,,,,", dry_run=True).counts
    assert (counts["refusals_recorded"], allows(anna)) == (1, [True])
    assert journal.length() == noted
    take_in("anna,marketing_email,no,,,,,")
    assert journal.length() > noted


def test_it_is_called_off_in_the_midst_of_writing(words: ShownText, monkeypatch: Any) -> None:
    monkeypatch.setattr(queued, "LOOK_S", 0.0)
    people = [person(f"p{n}") for n in range(3)]
    monkeypatch.setattr("customers.imports.answers.AT_ONCE", 1)
    content = HEAD + "\n".join(f"p{n},marketing_email,yes,{PROOF}" for n in range(3))
    run = imports.ask("consents-csv", "c.csv", by="olga", content=content.encode())

    def watched(run: ImportRun, source: Any, intake: Any, progress: Any) -> None:
        def told(read: int) -> None:
            if intake.counts["rows"] == 3:  # all was read once
                waiting.SIGNS.call_off(run)
            progress(read)

        working._read(run, source, intake, told)

    imports.work_due(watched, clock=timezone.now)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert allows(*people) == [False, False, False]


def test_the_ledger_holds_after_an_import(words: ShownText, boris: Customer) -> None:
    person("dora")
    take_in(f"dora,marketing_email,yes,{PROOF}", "dora,marketing_email,no,,,,,", "boris,analytics,no,,,,,")
    call_command("verify_ledger")
    assert ledger.length(boris.pk) == 1


def test_a_page_costs_the_same_queries_for_many_as_for_few(
    words: ShownText, django_assert_max_num_queries: Any
) -> None:
    for n in range(60):
        person(f"p{n}")
    with django_assert_max_num_queries(30):
        take_in(*(f"p{n},marketing_email,yes,{PROOF}" for n in range(60)))
