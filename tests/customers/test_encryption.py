"""One key a person (S7, D2 in part)."""

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from customers import encryption, identities
from customers.encryption import Unreadable
from customers.models import Customer
from tests.conftest import person

pytestmark = pytest.mark.django_db


def test_personal_fields_are_readable_with_the_key_and_nowhere_else(anna: Customer) -> None:
    assert encryption.unseal(anna) == {"email": "anna@mail.example", "name": "Anna"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM customers_customer")
        dump = b"|".join(
            bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in cursor.fetchone()
        )
    assert b"mail.example" not in dump


def test_destroying_the_key_is_erasure(anna: Customer) -> None:
    assert anna.key is not None
    anna.key.delete()
    assert encryption.unseal(Customer.objects.select_related("key").get(pk=anna.pk)) == {}


def test_one_person_s_seal_does_not_open_with_another_s_key(anna: Customer, boris: Customer) -> None:
    anna.key, boris.key = boris.key, anna.key
    with pytest.raises(Unreadable):
        encryption.unseal(anna)


def test_an_address_is_found_however_it_is_spelt(anna: Customer) -> None:
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


def test_a_newer_master_key_seals_new_people_and_moves_no_index(settings, anna: Customer) -> None:
    before = (encryption.blind_index("email", "anna@mail.example"), encryption.signing_secret("x"))
    settings.FIELD_KEYS = [f"newer:{'B' * 43}=", *settings.FIELD_KEYS]
    assert encryption.new_key().master_key_id == "newer"
    assert encryption.unseal(anna)["email"] == "anna@mail.example"
    assert (encryption.blind_index("email", "anna@mail.example"), encryption.signing_secret("x")) == before
