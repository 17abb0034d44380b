"""What a restored backup must be told stands outside the database, whole and in order."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import transaction

from customers import consent, journal, privacy
from customers.consent import Answer, Evidence
from customers.models import Customer
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db(transaction=True)
NO = Evidence("", "", "page", "tests", "customer")


def withdraw(customer: Customer, purpose: str = "personalization") -> None:
    consent.withdraw(customer.pk, purpose, method="page", source="tests", actor="customer", at=NOW)


def text() -> str:
    return journal.path().read_text()


def test_d3_a_withdrawal_is_written_down_before_it_commits_and_marked_when_it_has(anna: Customer) -> None:
    with transaction.atomic():
        withdraw(anna, "marketing_email")
        (line,) = journal.lines()
        assert (line.number, line.what, len(line.rows)) == (1, "withdrawal", 1)
        assert line.rows[0].addresses == (("email", anna.email_index),)
    assert [(line.what, line.of) for line in journal.lines()] == [("withdrawal", 0), ("done", 1)]


def test_d3_what_was_rolled_back_has_no_mark(anna: Customer) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        withdraw(anna)
        raise RuntimeError
    assert [line.what for line in journal.lines()] == ["withdrawal"]


def test_d3_a_grant_is_nothing_that_a_backup_must_be_told(anna: Customer) -> None:
    assert journal.length() == 0


def test_d2_d3_the_journal_holds_nothing_personal_and_its_hash_says_nothing_after_erasure(
    anna: Customer,
) -> None:
    withdraw(anna)
    privacy.erase(anna.pk, actor="tests", at=NOW)
    assert [line.what for line in journal.lines()].count("erasure") == 1
    for word in ("anna", "Anna", "mail.example", str(anna.key_id)):
        assert word not in text()
    # She refused no marketing before she was erased, yet her erasure is a no to it: no fingerprint is kept of it.
    erasure = next(line for line in journal.lines() if line.what == "erasure")
    assert erasure.rows[0].addresses == ()


def test_a_page_of_refusals_is_one_line(db: None) -> None:
    people = [person(f"p{n}") for n in range(30)]
    consent.record([Answer(one.pk, "analytics", False, NO) for one in people], at=NOW)
    assert [(line.what, len(line.rows)) for line in journal.lines()] == [("withdrawal", 30), ("done", 0)]


def test_a_withdrawal_that_cannot_be_written_down_does_not_commit(anna: Customer, settings) -> None:
    settings.JOURNAL_DIR = settings.JOURNAL_DIR / "file"
    settings.JOURNAL_DIR.parent.mkdir()
    settings.JOURNAL_DIR.write_text("in the way")
    with pytest.raises(OSError):
        withdraw(anna)
    assert consent.decide(anna.pk, "personalization", at=NOW).allowed


def test_a_torn_last_line_is_cut_off_and_the_next_follows(anna: Customer) -> None:
    withdraw(anna)
    with journal.path().open("ab") as file:
        file.write(b'{"n":3,"what":"withd')
    assert [line.number for line in journal.lines()] == [1, 2]
    assert journal.length() == 2
    withdraw(anna, "analytics")
    assert [line.number for line in journal.lines()] == [1, 2, 3, 4]


@pytest.mark.parametrize("how", ["changed", "removed", "swapped", "first removed"])
def test_d3_a_line_that_was_tampered_with_is_found(anna: Customer, how: str) -> None:
    for purpose in ("analytics", "personalization"):
        withdraw(anna, purpose)
    whole = text().splitlines(keepends=True)
    match how:
        case "changed":
            told = json.loads(whole[2])
            told["rows"][0][0] += 1
            whole[2] = json.dumps(told) + "\n"
        case "removed":
            del whole[1]
        case "swapped":
            whole[1], whole[2] = whole[2], whole[1]
        case "first removed":
            del whole[0]
    journal.path().write_text("".join(whole))
    with pytest.raises(journal.Broken):
        list(journal.lines())


def test_many_writers_at_once_make_one_chain(settings) -> None:
    def write(n: int) -> None:
        for step in range(20):
            journal._append("done", (), at=NOW + timedelta(seconds=step), of=n)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert [line.number for line in journal.lines()] == list(range(1, 161))


def test_reading_begins_where_it_is_asked_to_in_a_long_file(settings) -> None:
    rows = tuple(journal.Row(n, "0" * 64, "analytics", 1, "0" * 64) for n in range(40))
    for n in range(300):
        journal._append("withdrawal", rows if n % 3 else (), at=NOW)
    assert journal.path().stat().st_size > 1_000_000
    for after in (0, 1, 57, 150, 298, 299, 300, 400):
        assert [line.number for line in journal.lines(after=after)] == list(range(after + 1, 301))
