"""A restriction and its end stand outside the database, and an older one is told (D3); two who are one share it (C10)."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from customers import (
    consent,
    identities,
    installation,
    journal,
    privacy,
    request_answers,
    request_work,
    requests,
)
from customers.models import Customer, Identity, Installation, PrivacyRequest
from tests.conftest import NOW
from tests.customers.test_installation import _Restored, restored
from tests.customers.test_installation import running as running

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def restrict(customer: Customer) -> PrivacyRequest:
    asked = requests.ask(customer, "restriction", source="tests", at=NOW, proven_by=requests.BY_PAGE)
    request_work.work_at_once(asked.request, at=NOW)
    return asked.request


def lift(customer: Customer) -> bool:
    return request_work.lift(customer, by="customer", at=NOW + HOUR)


def is_restricted(customer: Customer) -> bool:
    customer.refresh_from_db()
    denied = not consent.decide(customer.pk, "analytics", at=timezone.now()).allowed
    assert denied == (customer.restricted_at is not None)
    return denied


def told() -> list[tuple[str, int]]:
    return [(line.what, line.rows[0].sequence) for line in journal.lines() if line.what != "done"]


def test_d3_a_restriction_and_its_lifting_are_written_down_before_they_commit(anna: Customer) -> None:
    with transaction.atomic():
        restrict(anna)
        assert told() == [("restriction", 1)]
    assert lift(anna)
    assert told() == [("restriction", 1), ("lifting", 2)]
    assert not lift(anna)
    assert len(told()) == 2, "what was lifted already is not told twice"
    assert "anna" not in journal.path().read_text().casefold()


def test_d3_a_restriction_that_cannot_be_written_down_does_not_hold_either(anna: Customer, settings) -> None:
    settings.JOURNAL_DIR = settings.JOURNAL_DIR / "file"
    settings.JOURNAL_DIR.parent.mkdir()
    settings.JOURNAL_DIR.write_text("in the way")
    with pytest.raises(OSError):
        restrict(anna)
    assert not is_restricted(anna)
    assert PrivacyRequest.objects.get().state == "working", "it stays, and its clock goes on"


def test_d3_an_older_database_restricts_again_before_it_serves(
    running: Installation,
    anna: Customer,
    boris: Customer,
    client: Client,
) -> None:
    restored(lambda: restrict(anna))
    assert not is_restricted(anna)
    client.get("/api/v1/schema/")
    assert is_restricted(anna)
    assert not installation.may_send(at=NOW)
    assert Installation.objects.get().held_why == "older"
    boris.refresh_from_db()
    assert boris.restricted_at is None
    # It stands in the officer's queue again, so that somebody can lift it.
    row = PrivacyRequest.objects.get()
    assert (row.customer, row.type, row.state, row.source) == (anna, "restriction", "done", "journal")
    request_answers.ask_lifting(row.pk, by="olga", at=NOW)
    assert lift(anna)
    assert not is_restricted(anna)


def test_d3_an_older_database_lifts_again_what_was_lifted_and_replaying_twice_is_once(
    running: Installation,
    anna: Customer,
) -> None:
    restrict(anna)
    restored(lambda: lift(anna))
    assert is_restricted(anna)
    for _time in range(2):
        Installation.objects.update(journal_seen=0)
        installation.forget()
        assert not installation.may_send(at=NOW)
        assert not is_restricted(anna)
    assert anna.restriction_changes == 2


def test_d3_a_lifting_that_may_not_have_committed_is_not_done_again(
    running: Installation,
    anna: Customer,
) -> None:
    restrict(anna)
    try:
        with transaction.atomic():
            lift(anna)  # its process died before it could say that this was committed
            raise _Restored
    except _Restored:
        restored(
            lambda: consent.withdraw(
                anna.pk, "marketing_sms", method="page", source="tests", actor="customer", at=NOW
            )
        )
    assert not installation.may_send(at=NOW + 2 * HOUR)
    assert is_restricted(anna)


def test_d3_a_database_that_knows_both_is_no_older_one(running: Installation, anna: Customer) -> None:
    for deed, number in ((restrict, 1), (lift, 3)):
        deed(anna)
        journal._append("done", (), at=NOW, of=number)  # in a test nothing commits by itself
    installation.forget()
    assert installation.may_send(at=NOW)
    assert not is_restricted(anna)
    assert Installation.objects.get().journal_seen == journal.length()


def test_an_erased_person_s_restriction_is_nothing_to_do_again(running: Installation, anna: Customer) -> None:
    restored(lambda: restrict(anna), lambda: privacy.erase(anna.pk, actor="tests", at=NOW))
    installation.may_send(at=NOW)
    anna.refresh_from_db()
    assert anna.erased_at is not None
    assert not PrivacyRequest.objects.filter(customer__isnull=False).exists()


def test_c10_a_merge_keeps_the_restriction_of_either_and_lets_it_be_lifted(
    anna: Customer, boris: Customer
) -> None:
    row = restrict(boris)
    identities.merge(anna.pk, boris.pk, actor="tests", at=NOW)
    assert is_restricted(anna)
    assert told() == [("restriction", 1), ("restriction", 1)]
    row.refresh_from_db()
    assert (row.customer, row.customer_number) == (anna, anna.pk)
    assert lift(anna)
    assert not is_restricted(anna)


def test_c10_a_visitor_s_restriction_goes_along_when_they_say_who_they_are(anna: Customer) -> None:
    visitor = identities.find_or_create(["v1"], Identity.Kind.ANONYMOUS)["v1"]
    restrict(Customer.objects.get(pk=visitor))
    assert identities.identify("v1", "anna", at=NOW) == anna.pk
    assert is_restricted(anna)
