"""The desk shows people only as far as it must, and lowers consent but never raises it."""

import pytest
from django.test import Client
from django.urls import reverse

from customers import encryption, ledger
from customers.models import ApiKey, ConsentRecord, ConsentState, IdempotentReply, Suppression
from tests import desk


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def address(name: str, page: str, *args: object) -> str:
    return reverse(f"admin:customers_{name}_{page}", args=args)


def found(client: Client, asked: str) -> list[str]:
    answer = client.get(address("customer", "changelist"), {"q": asked})
    return [customer.external_id for customer in answer.context["cl"].result_list]


def test_people_are_found_by_id_and_by_exact_address(client, anna, boris):
    assert found(client, "ann") == ["anna"]
    assert found(client, "Anna@Mail.example") == ["anna"]
    assert found(client, "anna@mail") == []
    assert len(found(client, "")) == 2


def test_addresses_stand_on_the_persons_page_and_on_no_list(client, anna):
    assert "anna@mail.example" in client.get(address("customer", "change", anna.pk)).content.decode()
    assert "anna@mail.example" not in client.get(address("customer", "changelist")).content.decode()


def test_the_page_says_what_a_person_allows_now(client, anna, boris, clara):
    for person, answer in ((anna, "said yes"), (boris, "never asked"), (clara, "said no")):
        assert answer in client.get(address("customer", "change", person.pk)).content.decode()


def test_stopping_everything_withdraws_with_the_member_of_staff_as_actor(client, anna):
    stop = address("customer", "stop_everything", anna.pk)
    assert client.get(stop).status_code == 200
    assert ConsentState.objects.filter(customer=anna, granted=True).exists(), "looking changes nothing"
    client.post(stop)
    assert not ConsentState.objects.filter(customer=anna, granted=True).exists()
    assert ConsentRecord.objects.filter(customer_id=anna.pk).latest("sequence").actor == "staff:marta"
    assert ledger.verify().faults == ()


def test_the_ledger_is_verified_on_the_page_of_its_checkpoints(client, anna):
    answer = client.get(address("consentrecord", "verify"))
    assert (answer.status_code, answer["Location"]) == (302, address("checkpoint", "verify"))
    assert client.get(answer["Location"]).status_code == 200


def test_a_suppression_is_added_as_a_hash_and_never_taken_off(client, anna):
    add = address("suppression", "add")
    assert client.post(add, {"address": "Anna@mail.example"}).status_code == 302
    row = Suppression.objects.get()
    assert (row.address_index, row.reason, row.source) == (
        encryption.blind_index("email", "anna@mail.example"), "manual", "staff:marta",
    )  # fmt: skip
    assert "on the list already" in client.post(add, {"address": "anna@mail.example"}).content.decode()
    assert client.post(address("suppression", "delete", row.pk), {"post": "yes"}).status_code == 403
    assert Suppression.objects.count() == 1
    shown = client.get(address("suppression", "changelist"), {"q": "anna@mail.example"})
    assert shown.context["cl"].result_count == 1


def test_a_key_is_seen_without_its_hash_made_nowhere_here_and_revoked_once(client):
    key = ApiKey.objects.create(kind="secret", label="shop", prefix="sk_abc", key_hash="5ec4e7" + "0" * 58)
    for page in (address("apikey", "changelist"), address("apikey", "change", key.pk)):
        assert "5ec4e7" not in client.get(page).content.decode()
    assert client.get(address("apikey", "add")).status_code == 403
    revoke = address("apikey", "revoke", key.pk)
    client.get(revoke)
    key.refresh_from_db()
    assert key.revoked_at is None
    client.post(revoke)
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_secrets_and_kept_answers_are_not_shown(client, anna):
    wrapped = bytes(anna.key.wrapped).hex()[:16]
    assert wrapped not in client.get(address("personkey", "change", anna.key_id)).content.decode()
    row = IdempotentReply.objects.create(
        scope="s", key="k", payload_sha256="0" * 64, body=b"anna@mail.example"
    )
    assert "anna@mail" not in client.get(address("idempotentreply", "change", row.pk)).content.decode()
