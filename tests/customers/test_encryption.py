"""One key a person (S7, D2 in part)."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from customers import encryption, identities, ledger, privacy, rotation
from customers.encryption import Unreadable
from customers.models import Customer, PersonKey
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


def test_s7_personal_fields_are_readable_with_the_key_and_nowhere_else(anna: Customer) -> None:
    assert encryption.unseal(anna) == {"email": "anna@mail.example", "name": "Anna"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM customers_customer")
        dump = b"|".join(
            bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in cursor.fetchone()
        )
    assert b"mail.example" not in dump


def test_d2_s7_destroying_the_key_is_erasure(anna: Customer) -> None:
    assert anna.key is not None
    anna.key.delete()
    assert encryption.unseal(Customer.objects.select_related("key").get(pk=anna.pk)) == {}


def test_s7_one_person_s_seal_does_not_open_with_another_s_key(anna: Customer, boris: Customer) -> None:
    anna.key, boris.key = boris.key, anna.key
    with pytest.raises(Unreadable):
        encryption.unseal(anna)


def test_s7_an_address_is_found_however_it_is_spelt(anna: Customer) -> None:
    assert encryption.blind_index("email", " ANNA@Mail.example ") == anna.email_index
    assert encryption.blind_index("email", "") == ""
    assert encryption.blind_index("phone", "+49 (30) 123-45") == encryption.blind_index("phone", "+493012345")


@pytest.mark.parametrize("position", [0, 5, 20, -2, -1])
def test_u4_one_flipped_character_of_a_token_is_no_token(position: int) -> None:
    token = encryption.opaque_token("unsubscribe", b"person")
    assert encryption.open_token("unsubscribe", token) == b"person"
    flipped = list(token)
    flipped[position] = "A" if flipped[position] != "A" else "B"
    for wrong in ("".join(flipped), token + "A", token[:-1], "", "…"):
        with pytest.raises(Unreadable):
            encryption.open_token("unsubscribe", wrong)
    with pytest.raises(Unreadable):
        encryption.open_token("preferences", token)


def test_saving_many_profiles_costs_no_query_a_person(django_assert_max_num_queries) -> None:
    profiles = [identities.Profile(id=f"p{n}", email=f"p{n}@mail.example", country="FR") for n in range(150)]
    with django_assert_max_num_queries(30):  # pages of a statement, not people
        saved = identities.save_profiles(profiles)
    assert (saved.created, saved.changed, saved.unchanged) == (150, 0, 0)
    again = identities.save_profiles(profiles)
    assert (again.created, again.changed, again.unchanged) == (0, 0, 150)


def test_what_is_not_said_stays_and_what_is_emptied_goes() -> None:
    anna = person("anna", country="FR")
    identities.save_profiles([identities.Profile(id="anna", phone="+33 1", locale="fr")])
    identities.save_profiles([identities.Profile(id="anna", email="")])
    anna = Customer.objects.select_related("key").get(pk=anna.pk)
    assert encryption.unseal(anna) == {"name": "Anna", "phone": "+33 1"}
    assert (anna.email_index, anna.locale, anna.country) == ("", "fr", "FR")


@pytest.mark.parametrize("broken", ["short:YWJj", "letters:not base64!"])
def test_a_master_key_that_cannot_be_read_stops_the_start_with_its_name(settings, broken: str) -> None:
    settings.FIELD_KEYS = [broken]
    with pytest.raises(ImproperlyConfigured, match=broken.partition(":")[0]):
        apps.get_app_config("customers").ready()


def test_s7_a_newer_master_key_seals_new_people_and_moves_no_index(settings, anna: Customer) -> None:
    before = (encryption.blind_index("email", "anna@mail.example"), encryption.signing_secret("x"))
    settings.FIELD_KEYS = [f"newer:{'B' * 43}=", *settings.FIELD_KEYS]
    assert encryption.new_key().master_key_id == "newer"
    assert encryption.unseal(anna)["email"] == "anna@mail.example"
    assert (encryption.blind_index("email", "anna@mail.example"), encryption.signing_secret("x")) == before


# --- rotating -----------------------------------------------------------------------------------------------

NEWER = f"newer:{'B' * 43}="


def wrapped_under() -> set[str]:
    return set(PersonKey.objects.values_list("master_key_id", flat=True))


def rotated(capsys, **options) -> Any:
    capsys.readouterr()
    call_command("rotate_keys", "--json", **options)
    return json.loads(capsys.readouterr().out)


def test_s7_rotating_wraps_every_key_anew_and_moves_nothing_else(settings, anna: Customer, capsys) -> None:
    token = encryption.opaque_token("unsubscribe", b"person")
    sealed, index = bytes(anna.sealed), anna.email_index
    old = settings.FIELD_KEYS
    settings.FIELD_KEYS = [NEWER, *old]
    done = rotated(capsys)
    assert (done["rewrapped"], done["left"], done["unreadable"]) == (1, {}, 0)
    assert wrapped_under() == {"newer"}
    # The old one wraps nothing any more; by it addresses are found, until it is moved to INDEX_KEY.
    assert (done["removable"], done["pinned"]) == ([], "test")
    settings.INDEX_KEY, settings.FIELD_KEYS = old[0], [NEWER]
    anna = Customer.objects.select_related("key").get(pk=anna.pk)
    assert encryption.unseal(anna)["email"] == "anna@mail.example"
    assert (bytes(anna.sealed), anna.email_index) == (sealed, index)
    assert encryption.blind_index("email", "anna@mail.example") == index
    assert encryption.open_token("unsubscribe", token) == b"person"
    assert ledger.verify().faults == ()


def test_s7_with_an_index_key_of_its_own_the_old_key_may_go(settings, anna: Customer, capsys) -> None:
    settings.INDEX_KEY = settings.FIELD_KEYS[0]
    settings.FIELD_KEYS = [NEWER, *settings.FIELD_KEYS]
    assert rotated(capsys)["removable"] == ["test"]


def test_s7_the_old_key_alone_opens_nobody_any_more(settings, anna: Customer) -> None:
    old = settings.FIELD_KEYS
    settings.FIELD_KEYS = [NEWER, *old]
    rotation.rotate()
    settings.FIELD_KEYS = old
    with pytest.raises(Unreadable):
        encryption.unseal(Customer.objects.select_related("key").get(pk=anna.pk))


def test_s7_what_was_interrupted_goes_on_and_twice_is_once(settings, monkeypatch, capsys) -> None:
    for n in range(7):
        person(f"p{n}")
    monkeypatch.setattr(rotation, "PAGE", 2)
    settings.FIELD_KEYS = [NEWER, *settings.FIELD_KEYS]

    def die(_done: int) -> None:
        if len(wrapped_under()) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(progress=die)
    assert rotation.waiting() == 5
    assert rotated(capsys)["rewrapped"] == 5
    assert rotated(capsys)["rewrapped"] == 0


def test_s7_a_key_whose_master_is_gone_is_counted_and_fails(settings, anna: Customer, capsys) -> None:
    settings.FIELD_KEYS = [NEWER]
    with pytest.raises(SystemExit):
        call_command("rotate_keys")
    told = capsys.readouterr().out
    assert "1 are still under 'test'" in told
    assert "1 cannot be opened" in told


def test_d2_s7_who_is_erased_while_keys_rotate_stays_erased(
    settings, anna: Customer, boris: Customer
) -> None:
    settings.FIELD_KEYS = [NEWER, *settings.FIELD_KEYS]
    original = encryption.wrap

    def erasing(key: PersonKey, plain: bytes) -> None:
        """Between the reading of the page and its writing."""
        if Customer.objects.filter(pk=anna.pk, erased_at__isnull=True).exists():
            privacy.erase(anna.pk, actor="tests", at=NOW)
        original(key, plain)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encryption, "wrap", erasing)
        rotation.rotate()
    assert not PersonKey.objects.filter(pk=anna.key_id).exists()
    assert PersonKey.objects.filter(pk=boris.key_id, master_key_id="newer").exists()


def test_two_keys_of_one_name_stop_the_start(settings) -> None:
    settings.FIELD_KEYS = [f"k:{'A' * 43}=", f"k:{'B' * 43}="]
    with pytest.raises(ImproperlyConfigured, match="two different keys are called 'k'"):
        encryption.master_keys()
