"""Indexes move to a new key while everything goes on (S7)."""

import importlib
import json
from typing import Any

import jwt
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config import needs
from customers import access, encryption, identities, installation, privacy, reindexing, rotation, suppression
from customers.models import Customer, Installation, PersonKey, Suppression
from tests.conftest import NOW, person
from tests.customers.test_suppression import NEW, OLD, behind, fresh, key, mark, newer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _old_settings(settings) -> None:
    settings.INDEX_KEY = OLD


def marks() -> set[str]:
    return set(Customer.objects.values_list("index_key", flat=True))


def reindexed(capsys) -> dict[str, Any]:
    capsys.readouterr()
    call_command("rotate_keys", "--index", "--json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def found(email: str) -> list[str]:
    rows = Customer.objects.filter(email_index__in=encryption.blind_indexes("email", email))
    return list(rows.values_list("external_id", flat=True))


def test_s7_every_index_is_made_anew_and_nothing_else_is_touched(settings, anna: Customer, capsys) -> None:
    identities.save_profiles([identities.Profile(id="anna", phone="+49 30 1")])
    visitor = Customer.objects.create(
        jurisdiction="EU", index_key=mark(OLD)
    )  # as an upgrade leaves those without
    suppression.add("anna@mail.example", reason="complaint", source="tests")
    suppression.add("nobody@mail.example", reason="complaint", source="tests")
    before = fresh(anna)
    newer(settings)
    told = reindexed(capsys)
    assert (told["rewritten"], told["gathered"], told["unreadable"], told["left"]) == (2, 1, 0, {})
    assert (told["resting"], told["unneeded"], told["missing"]) == ({"old": 1}, [], [])
    after = fresh(anna)
    assert after.email_index == encryption.blind_index("email", "anna@mail.example") != before.email_index
    assert after.phone_index == encryption.blind_index("phone", "+49301") != before.phone_index
    assert (bytes(after.sealed), after.updated_at) == (bytes(before.sealed), before.updated_at)
    assert (after.index_key, fresh(visitor).index_key) == (mark(NEW), "")
    again = reindexed(capsys)
    assert (again["rewritten"], again["gathered"]) == (0, 0)


def test_s7_what_is_found_is_found_before_during_and_after(settings, anna: Customer, boris: Customer) -> None:
    newer(settings)
    identities.save_profiles([identities.Profile(id="boris", email="b@mail.example")])
    assert marks() == {mark(OLD), mark(NEW)}
    for view in (newer, behind):
        view(settings)
        assert (found("anna@mail.example"), found("b@mail.example")) == (["anna"], ["boris"])
    newer(settings)
    reindexing.reindex()
    settings.INDEX_KEY_FALLBACKS = []
    assert (found("anna@mail.example"), found("b@mail.example")) == (["anna"], ["boris"])


def test_s7_the_command_says_what_rests_on_the_old_key_and_what_may_go(settings, anna, capsys) -> None:
    suppression.add("nobody@mail.example", reason="complaint", source="tests")
    newer(settings)
    call_command("rotate_keys", "--index")
    told = capsys.readouterr().out
    assert "The indexes of 1 people and 0 entries of the suppression list are made anew, with 'new'." in told
    assert "1 entries of the suppression list rest on 'old'" in told
    assert "must stay in INDEX_KEY_FALLBACKS" in told
    person("nobody")
    call_command("rotate_keys", "--index")
    told = capsys.readouterr().out
    assert "entries of the suppression list rest on" not in told
    assert "Nothing in this database rests on 'old'" in told


def test_s7_what_was_interrupted_goes_on_where_it_was(settings, monkeypatch, capsys) -> None:
    for n in range(7):
        person(f"p{n}")
    monkeypatch.setattr(reindexing, "PAGE", 2)
    newer(settings)
    seen: list[int] = []

    def die(n: int) -> None:
        seen.append(n)
        if sum(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindexing.reindex(progress=die)
    assert reindexing.waiting() == 3
    assert reindexed(capsys)["rewritten"] == 3
    assert (reindexing.waiting(), marks()) == (0, {mark(NEW)})


def test_s7_a_page_costs_the_same_for_any_number(settings) -> None:
    counts = []
    for start, many in ((0, 3), (100, 60)):
        for n in range(many):
            person(f"p{start + n}")
            suppression.add(f"p{start + n}@mail.example", reason="complaint", source="tests")
        newer(settings)
        with CaptureQueriesContext(connection) as asked:
            assert reindexing.reindex().rewritten == many
        counts.append(len(asked))
        settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = OLD, []
        Customer.objects.all().delete()
        Suppression.objects.all().delete()
    assert counts[0] <= counts[1] <= counts[0] + 1, "SQLite takes 45 people a statement"


def test_s7_an_entry_made_behind_the_walk_is_found_by_the_next(settings, anna: Customer) -> None:
    newer(settings)
    reindexing.reindex()
    behind(settings)
    suppression.add("anna@mail.example", reason="complaint", source="tests")
    newer(settings)
    done = reindexing.reindex()
    assert (done.rewritten, done.gathered, done.resting, done.unneeded) == (0, 1, {}, ["old"])


def test_d2_s7_who_is_erased_while_indexes_move_stays_erased(settings, anna, boris, monkeypatch) -> None:
    """Between the reading of the page's numbers and its lock."""
    original = reindexing.consent.hold
    newer(settings)

    def erasing(ids):
        monkeypatch.setattr(reindexing.consent, "hold", original)
        privacy.erase(anna.pk, actor="tests", at=NOW)
        return original(ids)

    monkeypatch.setattr(reindexing.consent, "hold", erasing)
    assert reindexing.reindex().rewritten == 1
    gone = Customer.objects.get(pk=anna.pk)
    assert (gone.email_index, gone.index_key, gone.key_id) == ("", "", None)


def test_s7_whose_address_cannot_be_read_is_counted_and_stays_where_they_are(settings, anna, capsys) -> None:
    index = fresh(anna).email_index
    PersonKey.objects.update(master_key_id="lost")
    newer(settings)
    with pytest.raises(SystemExit):
        call_command("rotate_keys", "--index")
    told = capsys.readouterr().out
    assert "1 people are still found by 'old' only" in told
    assert "The address of 1 people cannot be read" in told
    assert Customer.objects.get(pk=anna.pk).email_index == index
    assert reindexing.waiting() == 1


def test_s7_rotating_master_keys_leaves_the_index_key_alone(settings, anna: Customer, capsys) -> None:
    settings.INDEX_KEY = ""  # the last of FIELD_KEYS
    anna = person("again")
    settings.FIELD_KEYS = [key("newer"), *settings.FIELD_KEYS]
    rotation.rotate()
    assert reindexing.waiting() == 1  # Anna, whom the fixture made with OLD
    assert fresh(anna).index_key == encryption.index_key().mark
    # From there to a key of its own, as docs/operations.md says.
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = NEW, [settings.FIELD_KEYS[-1], OLD]
    assert reindexed(capsys)["unneeded"] == ["test", "old"]
    assert found("again@mail.example") == ["again"]


# --- a key that is missing ----------------------------------------------------------------------------------------


def forgotten(settings) -> None:
    """Somebody put a new key in and forgot the old one."""
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = NEW, []
    installation.forget()


def faults() -> list[str]:
    return [fault.id for fault in run_checks(include_deployment_checks=True) if fault.id == "customers.E001"]


def test_c9_without_the_key_of_an_entry_nothing_is_sent_until_it_is_back(settings, anna: Customer) -> None:
    suppression.add("nobody@mail.example", reason="complaint", source="tests")
    assert installation.may_send(at=NOW)
    forgotten(settings)
    assert not installation.may_send(at=NOW)
    (why,) = installation.reasons(Installation.objects.get())
    assert "INDEX_KEY_FALLBACKS" in why
    assert any("INDEX_KEY_FALLBACKS" in need.words for need in needs.everything(NOW))
    newer(settings)
    installation.forget()
    assert installation.may_send(at=NOW), "nobody needs to release it"
    assert installation.reasons(Installation.objects.get()) == []


def test_c9_the_command_that_releases_says_that_a_key_is_missing_and_releases_nothing(
    settings, capsys
) -> None:
    suppression.add("nobody@mail.example", reason="complaint", source="tests")
    forgotten(settings)
    for options in ({}, {"by": "Olga"}):
        with pytest.raises(SystemExit):
            call_command("release_sending", **options)
        assert "INDEX_KEY_FALLBACKS" in capsys.readouterr().out
    assert not installation.may_send(at=NOW)


@pytest.mark.parametrize("what", ["person", "entry"])
def test_s7_a_missing_key_fails_the_deploy_check_and_the_readiness(settings, what: str, capsys) -> None:
    person("anna") if what == "person" else suppression.add(
        "nobody@mail.example", reason="complaint", source="tests"
    )
    assert faults() == []
    assert Client().get("/health/ready").status_code == 200
    forgotten(settings)
    assert faults() == ["customers.E001"]
    answer = Client().get("/health/ready")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["index keys"])
    if what == "entry":
        with pytest.raises(SystemExit):
            call_command("rotate_keys", "--index")
        told = capsys.readouterr().out
        assert f"The key {mark(OLD)} is NOT in the settings" in told
    newer(settings)
    assert faults() == []


def test_c9_a_lost_key_takes_no_entry_of_a_known_person_along_and_is_given_up_by_a_person_only(
    settings, anna: Customer, capsys
) -> None:
    suppression.add("anna@mail.example", reason="complaint", source="tests")
    suppression.add("nobody@mail.example", reason="complaint", source="tests")
    forgotten(settings)
    with pytest.raises(SystemExit):
        call_command("rotate_keys", "--index")
    assert suppression.is_listed(fresh(anna)), "her index was made with the same key as the entry"
    assert found("anna@mail.example") == ["anna"]
    installation.forget()
    assert not installation.may_send(at=NOW)
    with pytest.raises(CommandError):
        call_command("rotate_keys", give_up=mark(NEW))
    assert suppression.is_unanswerable()
    call_command("rotate_keys", give_up=mark(OLD))
    assert "1 entries of the suppression list recognise nobody" in capsys.readouterr().out
    installation.forget()
    assert installation.may_send(at=NOW)
    assert Suppression.objects.count() == 2


def test_s7_another_key_of_the_same_name_is_missing_and_the_same_key_by_another_name_is_not(settings) -> None:
    person("anna")
    settings.INDEX_KEY = f"other:{OLD.partition(':')[2]}"
    assert not reindexing.is_key_missing()
    settings.INDEX_KEY = f"old:{NEW.partition(':')[2]}"
    assert reindexing.is_key_missing()


def test_s7_a_database_that_is_not_there_yet_is_no_fault(monkeypatch) -> None:
    def nothing() -> bool:
        raise DatabaseError

    monkeypatch.setattr(reindexing, "is_key_missing", nothing)
    assert reindexing.check() == []


def test_s7_of_one_key_under_two_names_the_first_name_and_the_stricter_rule_hold(settings) -> None:
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = NEW, [OLD, f"again:{NEW.partition(':')[2]}"]
    settings.INDEX_KEY_RETIRED = [f"leaked:{OLD.partition(':')[2]}"]
    assert [(key.name, key.opens) for key in encryption.index_keys()] == [("new", True), ("old", False)]


def test_two_index_keys_of_one_name_stop_the_start(settings) -> None:
    settings.INDEX_KEY_FALLBACKS = [f"old:{NEW.partition(':')[2]}"]
    with pytest.raises(ImproperlyConfigured, match="two different keys are called 'old'"):
        encryption.index_keys()


def test_s7_an_upgrade_marks_what_is_there_with_the_only_key_there_was(settings) -> None:
    """The migration writes the formula out, because it must not change when the code does."""
    migration = importlib.import_module("customers.migrations.0006_index_keys")
    assert migration.mark_of_the_only_key() == mark(OLD)
    newer(settings)
    assert migration.mark_of_the_only_key() == mark(OLD)
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = "", []
    assert migration.mark_of_the_only_key() == encryption.index_key().mark
    settings.FIELD_KEYS = [key("newer"), *settings.FIELD_KEYS]
    assert migration.mark_of_the_only_key() == encryption.index_key().mark


# --- what else is derived from it ------------------------------------------------------------------------------------


def test_s7_tokens_of_an_earlier_key_open_until_it_is_retired(settings) -> None:
    token = encryption.opaque_token("click", b"there")
    customers, _ends = access.customer_token("anna", at=NOW)
    newer(settings)
    assert encryption.open_token("click", token) == b"there"
    assert access.customer_in(customers, at=NOW) == "anna"
    assert access.customer_in(access.customer_token("boris", at=NOW)[0], at=NOW) == "boris"
    settings.INDEX_KEY_FALLBACKS, settings.INDEX_KEY_RETIRED = [], [OLD]
    with pytest.raises(encryption.Unreadable):
        encryption.open_token("click", token)
    with pytest.raises(access.BadToken):
        access.customer_in(customers, at=NOW)


def test_s7_a_retired_key_still_finds_addresses_and_entries(settings, anna: Customer) -> None:
    suppression.add("anna@mail.example", reason="complaint", source="tests")
    settings.INDEX_KEY, settings.INDEX_KEY_RETIRED = NEW, [OLD]
    assert found("anna@mail.example") == ["anna"]
    assert suppression.is_listed(fresh(anna))
    assert not reindexing.is_key_missing()


def test_s7_a_forged_customer_token_is_none_whatever_keys_there_are(settings) -> None:
    newer(settings)
    forged = jwt.encode({"sub": "anna", "aud": "tact customer", "iat": NOW, "exp": NOW}, "x" * 40, "HS256")
    with pytest.raises(access.BadToken):
        access.customer_in(forged, at=NOW)
