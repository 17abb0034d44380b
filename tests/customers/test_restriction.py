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
    ledger,
    links,
    preferences,
    privacy,
    request_answers,
    request_work,
    requests,
)
from customers.models import Customer, Identity, Installation, PrivacyRequest
from customers.purposes import PURPOSES
from recommender.models import Interest
from tests.conftest import NOW, person
from tests.customers.test_installation import _Restored, restored
from tests.customers.test_installation import running as running
from tests.customers.test_preferences import learnt

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


# --- the person's own page ---------------------------------------------------------------------------------


def page_of(customer: Customer) -> str:
    return links.preferences_url(customer).removeprefix("https://testserver")


def test_the_page_says_that_data_are_restricted_and_shows_what_was_answered(
    anna: Customer, client: Client
) -> None:
    restrict(anna)
    page = client.get(page_of(anna), {"language": "en"}).content.decode()
    assert "kept and used for nothing" in page
    assert "/ask/restriction?language=en" in page
    assert page.count(" checked>") == len(PURPOSES)
    assert "You said no on" not in page
    lift(anna)
    assert "kept and used for nothing" not in client.get(page_of(anna)).content.decode()


def test_saving_under_a_restriction_changes_only_what_was_changed_and_deletes_nothing(
    anna: Customer, client: Client
) -> None:
    learnt(anna)
    consent.withdraw(anna.pk, "partner_sharing", method="page", source="t", actor="anna", at=NOW)
    restrict(anna)
    before = preferences.answers(anna.pk)
    records = ledger.length(anna.pk)
    shown = [f"{purpose} {purpose}@1 en" for purpose in PURPOSES]
    kept_on = [purpose for purpose, is_on in before.items() if is_on]
    client.post(page_of(anna), {"action": "save", "shown": shown, "on": kept_on})
    assert ledger.length(anna.pk) == records
    assert Interest.objects.filter(customer=anna).exists(), "what is restricted is kept"
    client.post(page_of(anna), {"action": "save", "shown": shown, "on": [*kept_on, "partner_sharing"]})
    assert ledger.length(anna.pk) == records + 1
    assert is_restricted(anna)
    assert not consent.decide(anna.pk, "partner_sharing", at=timezone.now()).allowed
    lift(anna)
    assert consent.decide(anna.pk, "partner_sharing", at=timezone.now()).allowed


@pytest.mark.parametrize("country", ["DE", "US"])
def test_what_is_shown_is_the_gate_s_answer_where_nothing_is_restricted(country: str) -> None:
    cora = person("cora", country=country, allows=["analytics"])
    consent.withdraw(cora.pk, "message_tracking", method="page", source="t", actor="cora", at=NOW)
    shown = preferences.answers(cora.pk)
    assert shown == {purpose: preferences.is_allowed(cora.pk, purpose) for purpose in PURPOSES}
    assert (shown["analytics"], shown["message_tracking"]) == (True, False)
    privacy.erase(cora.pk, actor="tests", at=NOW)
    assert not any(preferences.answers(cora.pk).values())
