"""The desk shows people only as far as it must, and lowers consent but never raises it."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers import consent, encryption, events, ledger
from customers.models import (
    ApiKey,
    ConsentRecord,
    ConsentState,
    Customer,
    Event,
    IdempotentReply,
    Suppression,
)
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


def listed(client: Client, **asked: str) -> set[int]:
    answer = client.get(address("customer", "changelist"), asked)
    return {customer.pk for customer in answer.context["cl"].result_list}


def test_the_list_opens_with_whom_the_shop_knows_and_one_press_shows_everybody(client, anna):
    visitor = Customer.objects.create(jurisdiction="EU")
    by_mail = Customer.objects.create(jurisdiction="EU", email_index="a" * 64)
    erased = Customer.objects.create(external_id="gone", jurisdiction="EU", erased_at=timezone.now())
    assert listed(client) == {anna.pk, by_mail.pk}
    assert listed(client, who="anonymous") == {visitor.pk}
    assert listed(client, who="gone") == {erased.pk}
    page = client.get(address("customer", "changelist"), {"o": "1", "p": "1"})
    ((words, link),) = page.context["list_links"]
    assert str(words) in page.content.decode()
    everybody = client.get(address("customer", "changelist") + link)
    assert len(everybody.context["cl"].result_list) == 4
    assert everybody.context["list_links"] == []


def test_a_search_asks_for_everybody(client, anna):
    Customer.objects.create(external_id="anton", jurisdiction="EU", erased_at=timezone.now())
    assert set(found(client, "an")) == {"anna", "anton"}


def test_what_happened_with_a_person_stands_above_who_they_are(client, anna):
    page = client.get(address("customer", "change", anna.pk)).content.decode()
    places = [
        page.index(mark)
        for mark in ('class="desk-rights"', 'id="timeline"', 'id="customer_form"', 'id="section-1"')
    ]
    assert places == sorted(places)
    assert 'href="#customer_form"' in page
    assert 'href="#section-1"' in page


def test_what_holds_nothing_is_a_dash_and_what_holds_something_is_told(client, anna):
    now = timezone.now()
    said: dict[str, dict[str, str]] = {"a": {}, "b": {"query": "rake"}}
    searches = [
        events.Incoming(message_id=n, type="searched", customer="anna", occurred_at=now, context=context)
        for n, context in said.items()
    ]
    events.take_in(searches, source="shop", at=now)
    empty, full = (
        client.get(address("event", "change", row.pk)).content.decode()
        for row in Event.objects.order_by("message_id")
    )
    assert not re.search(r">\s*({}|\[\])\s*<", empty)
    assert "rake" in full


def test_a_number_that_no_column_holds_breaks_nothing(client, anna):
    for name, asked in (("consentstate", "customer"), ("importrun", "started_at__year")):
        answer = client.get(address(name, "changelist"), {asked: "9" * 40}, follow=True)
        assert answer.status_code == 200


def test_addresses_stand_on_the_persons_page_and_on_no_list(client, anna):
    assert "anna@mail.example" in client.get(address("customer", "change", anna.pk)).content.decode()
    assert "anna@mail.example" not in client.get(address("customer", "changelist")).content.decode()


def test_attributes_are_told_a_line_each(client, anna):
    Customer.objects.filter(pk=anna.pk).update(attributes={"shoe size": 41, "club": "<b>gold</b>"})
    told = client.get(address("customer", "change", anna.pk)).content.decode()
    assert "club: &lt;b&gt;gold&lt;/b&gt;<br>shoe size: 41" in told


def test_how_an_answer_was_given_is_told_in_words_beside_the_codes_that_are_signed(client, anna):
    consent.withdraw(
        anna.pk,
        "analytics",
        method="Sec-GPC",
        source="import: spring.csv",
        actor="staff:mia",
        at=timezone.now(),
    )
    client.cookies["django_language"] = "zh-hans"
    record = ConsentRecord.objects.latest("pk")
    page = client.get(address("consentrecord", "change", record.pk)).content.decode()
    for words in ("浏览器的全局隐私控制", "导入的文件: spring.csv", "工作人员: mia"):
        assert words in page
        assert words in client.get(address("consentrecord", "changelist")).content.decode()
    assert "analytics · Sec-GPC · import: spring.csv · staff:mia" in page


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
