"""A database that is older than what people demanded of it is brought up before it answers, and does not send (D3)."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse

from campaigns import delivery, optin_mail, planning
from campaigns.models import Delivery
from customers import consent, encryption, identities, installation, journal, ledger, optin, privacy
from customers.installation import FRESH_S
from customers.models import Customer, Installation, Suppression
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import people
from tests.campaigns.conftest import sink as sink
from tests.campaigns.test_planning_and_delivery import clock, planned
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


class _Restored(Exception):
    """Whatever was done since the backup is not in the database any more."""


def restored(*deeds: Callable[[], object]) -> None:
    """Do these deeds, and put the database back to before them: what was written outside of it stays."""
    try:
        with transaction.atomic():
            for deed in deeds:
                before = journal.length()
                deed()
                for number in range(before + 1, journal.length() + 1):
                    # Their transaction had committed in the database that is lost.
                    journal._append("done", (), at=NOW, of=number)
            raise _Restored
    except _Restored:
        installation.forget()


def withdraw(customer: Customer, purpose: str) -> None:
    consent.withdraw(customer.pk, purpose, method="page", source="tests", actor="customer", at=NOW)


def allows(customer: Customer, purpose: str) -> bool:
    return consent.decide(customer.pk, purpose, at=NOW + timedelta(days=1)).allowed


@pytest.fixture
def running(db: None) -> Installation:
    """It has been started before, and nothing was wrong."""
    assert installation.may_send(at=NOW)
    return Installation.objects.get()


def test_a_new_installation_sends_and_names_itself_beside_the_journal(running: Installation) -> None:
    assert running.held_since is None
    assert json.loads(installation.naming.file().read_bytes())["id"] == str(running.pk)


def test_d3_an_older_database_does_again_what_it_does_not_know_and_sends_nothing(
    running: Installation, anna: Customer, clara: Customer, boris: Customer
) -> None:
    restored(
        lambda: withdraw(anna, "marketing_email"), lambda: privacy.erase(clara.pk, actor="tests", at=NOW)
    )
    assert allows(anna, "marketing_email")
    assert Customer.objects.present().filter(pk=clara.pk).exists()
    assert not installation.may_send(at=NOW)
    assert not allows(anna, "marketing_email")
    assert allows(anna, "personalization")
    assert not Customer.objects.present().filter(pk=clara.pk).exists()
    assert ledger.verify().faults == ()
    row = Installation.objects.get()
    assert (row.held_since, row.held_why, row.journal_seen > 0) == (NOW, "older", True)
    boris.refresh_from_db()
    assert encryption.unseal(boris)["email"] == "boris@mail.example"


def test_d3_replaying_twice_is_once(running: Installation, anna: Customer) -> None:
    restored(lambda: withdraw(anna, "marketing_email"))
    installation.may_send(at=NOW)
    records = ledger.length(anna.pk)
    Installation.objects.update(journal_seen=0)  # as if it had died before it could say how far it came
    installation.forget()
    installation.may_send(at=NOW)
    assert ledger.length(anna.pk) == records


def test_d3_who_refused_and_is_not_in_the_backup_is_on_the_suppression_list(running: Installation) -> None:
    restored(lambda: withdraw(person("new"), "marketing_email"))
    installation.may_send(at=NOW)
    again = person("new")  # imported anew
    assert Suppression.objects.get().address_index == again.email_index


def test_d3_a_number_that_another_person_has_by_now_is_not_theirs(running: Installation) -> None:
    numbers: list[int] = []

    def come_and_go() -> None:
        numbers.append(person("new").pk)
        privacy.erase(numbers[0], actor="tests", at=NOW)

    restored(come_and_go)
    other = Customer.objects.create(pk=numbers[0], external_id="other", jurisdiction="EU")
    other.key = encryption.new_key()
    other.key.save()
    other.save()
    identities.Identity.objects.create(customer=other, kind="customer", value="other")
    installation.may_send(at=NOW)
    other.refresh_from_db()
    assert other.erased_at is None


def test_d3_what_was_rolled_back_is_no_restored_backup(running: Installation, anna: Customer) -> None:
    try:
        with transaction.atomic():
            withdraw(anna, "analytics")
            raise _Restored
    except _Restored:
        installation.forget()
    assert installation.may_send(at=NOW)
    assert allows(anna, "analytics")
    # It may still be under way: it is passed over only when it cannot be any more.
    assert Installation.objects.get().journal_seen == 0
    assert installation.keep_up(at=NOW + timedelta(hours=2)) == 1


def test_d3_with_a_proven_line_an_unproven_one_is_done_again_too(
    running: Installation, anna: Customer
) -> None:
    try:
        with transaction.atomic():
            withdraw(anna, "analytics")  # its process died before it could say that this was committed
            raise _Restored
    except _Restored:
        restored(lambda: withdraw(anna, "marketing_sms"))
    installation.may_send(at=NOW)
    assert not allows(anna, "analytics")
    assert not allows(anna, "marketing_sms")


def test_d3_a_database_that_is_another_one_is_held(running: Installation) -> None:
    told = json.loads(installation.naming.file().read_bytes())
    for wrong in ({"mark": "another"}, {"id": str(uuid4())}):
        Installation.objects.update(held_since=None, held_why="")
        installation.naming.file().write_text(json.dumps(told | wrong))
        installation.forget()
        assert not installation.may_send(at=NOW)
        assert Installation.objects.get().held_why == "another"


def test_d3_a_copy_without_its_journal_is_held(running: Installation, settings) -> None:
    settings.JOURNAL_DIR = settings.JOURNAL_DIR / "elsewhere"
    installation.forget()
    assert not installation.may_send(at=NOW)
    assert Installation.objects.get().held_why == "no journal"


def test_d3_a_journal_that_is_older_or_was_changed_is_held(running: Installation, anna: Customer) -> None:
    withdraw(anna, "analytics")
    withdraw(anna, "personalization")
    Installation.objects.update(journal_seen=5)
    installation.forget()
    assert not installation.may_send(at=NOW)
    assert Installation.objects.get().held_why == "shorter"
    text = journal.path().read_text()
    journal.path().write_text(text.replace("personalization", "personalisation"))
    Installation.objects.update(journal_seen=0)
    installation.forget()
    assert not installation.may_send(at=NOW)
    assert Installation.objects.get().held_why == "shorter, changed"
    # A person is told, and it goes on with a new journal; withdrawals went on all the while.
    withdraw(anna, "marketing_sms")
    installation.release(by="officer", at=NOW)
    assert installation.may_send(at=NOW)
    withdraw(anna, "marketing_email")
    assert [line.number for line in journal.lines()] == [1]


def test_d3_nothing_is_planned_or_sent_or_asked_while_it_is_held(
    running: Installation, campaign, sink, boris: Customer
) -> None:
    people(3)
    planned(campaign())
    installation.hold("older", at=NOW)
    other = campaign()
    assert planning.plan_page(other.runs.get(), at=NOW) is None
    assert other.runs.get().state == "due"
    assert delivery.deliver_due(clock=clock) == {}
    optin.ask(boris, "marketing_email", source="form", at=NOW)
    assert optin_mail.send_due(clock=lambda: NOW) == {}
    assert (sink.recipients(), Delivery.objects.filter(status="planned").count()) == ([], 3)
    with pytest.raises(CommandError, match="Sending is held: The database was older"):
        call_command("run_campaign", other.slug)
    installation.release(by="Olga", at=NOW)
    assert delivery.deliver_all(clock=clock) == {"sent": 3}
    assert optin_mail.send_due(clock=lambda: NOW) == {"asked": 1}


def test_d3_a_hold_stops_the_page_that_is_being_sent(
    running: Installation, campaign, sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(3)
    planned(campaign())
    original = delivery.claim

    def held_meanwhile(**options):
        found = original(**options)
        installation.hold("older", at=NOW)
        return found

    monkeypatch.setattr(delivery, "claim", held_meanwhile)
    assert delivery.deliver_all(clock=clock) == {"planned": 3}
    assert sink.recipients() == []
    assert {row.attempt for row in Delivery.objects.all()} == {0}


def test_d3_a_hold_that_this_process_sets_holds_at_once(running: Installation) -> None:
    assert installation.may_send(at=NOW)
    installation.hold("older", at=NOW)
    assert not installation.may_send(at=NOW)


def test_asking_again_within_five_seconds_costs_nothing(
    running: Installation, django_assert_num_queries
) -> None:
    installation.may_send(at=NOW)
    with django_assert_num_queries(0):
        assert installation.may_send(at=NOW)


def test_d3_a_hold_that_another_process_sets_holds_after_five_seconds(
    running: Installation, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries
) -> None:
    assert FRESH_S == 5.0
    Installation.objects.update(held_since=NOW, held_why="older")
    assert installation.may_send(at=NOW)  # not asked anew yet
    monkeypatch.setattr(installation, "FRESH_S", 0.0)
    with django_assert_max_num_queries(3):
        assert not installation.may_send(at=NOW)


def test_d3_a_database_that_is_replaced_under_a_running_process_is_found(
    running: Installation, anna: Customer
) -> None:
    withdraw(anna, "analytics")
    assert installation.keep_up(at=NOW) == 1
    restored(lambda: withdraw(anna, "personalization"))
    Installation.objects.update(journal_seen=0)
    assert installation._looked is None
    installation.look(at=NOW)
    assert not allows(anna, "personalization")


def test_d3_the_first_page_is_answered_only_after_the_replay(
    running: Installation, anna: Customer, client: Client
) -> None:
    restored(lambda: privacy.erase(anna.pk, actor="tests", at=NOW))
    client.get("/health/live")
    assert Customer.objects.present().filter(pk=anna.pk).exists()  # that page tells nothing of anybody
    client.get("/api/v1/schema/")
    assert not Customer.objects.present().filter(pk=anna.pk).exists()


# --- releasing ------------------------------------------------------------------------------------------------


def test_d3_a_person_releases_by_command(running: Installation, capsys) -> None:
    installation.hold("another", at=NOW)
    with pytest.raises(SystemExit):
        call_command("release_sending")
    assert "a restored backup, or a copy" in capsys.readouterr().out
    assert not installation.may_send(at=NOW)
    call_command("release_sending", "--by", "Olga")
    assert "Released by Olga" in capsys.readouterr().out
    assert installation.may_send(at=NOW)
    row = Installation.objects.get()
    assert (row.held_why, row.released_by, row.released_at is not None) == ("", "Olga", True)


def test_d3_of_two_copies_the_one_that_was_released_last_may_send(running: Installation) -> None:
    installation.hold("another", at=NOW)
    installation.release(by="Olga", at=NOW)
    told = json.loads(installation.naming.file().read_bytes())
    installation.naming.file().write_text(json.dumps(told | {"mark": "the copy that was released"}))
    installation.forget()
    assert not installation.may_send(at=NOW)


def test_d3_a_person_releases_on_the_desk(running: Installation, client: Client) -> None:
    installation.hold("older", at=NOW)
    client.force_login(User.objects.create_superuser("olga"))
    home = client.get(reverse("admin:index")).content.decode()
    assert "Nothing is sent." in home
    page = reverse("admin:customers_installation_change", args=[running.pk])
    assert "Release sending" in client.get(page).content.decode()
    release = reverse("admin:customers_installation_release", args=[running.pk])
    assert client.get(release).status_code == 200
    assert not installation.may_send(at=NOW)
    client.post(release)
    assert installation.may_send(at=NOW)
    assert Installation.objects.get().released_by == "olga"
    assert "Nothing is sent." not in client.get(reverse("admin:index")).content.decode()
