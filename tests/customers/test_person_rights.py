"""What a person may demand is asked for at the desk by the same door, once, by whoever answers it."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from config import roles
from customers import encryption
from customers.models import ConsentState, Customer, PrivacyRequest
from tests import desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def page(name: str, person: Customer) -> str:
    return reverse(f"admin:customers_customer_{name}", args=[person.pk])


@pytest.mark.parametrize(
    ("name", "kind", "state"),
    [
        ("access", "access", "unproven"),
        ("erase", "erasure", "unproven"),
        ("object_to", "objection", "open"),
    ],
)
def test_a_right_is_asked_for_once_and_looking_changes_nothing(client, anna, name, kind, state) -> None:
    assert client.get(page(name, anna)).status_code == 200
    assert not PrivacyRequest.objects.exists()
    for _twice in range(2):
        answer = client.post(page(name, anna))
    row = PrivacyRequest.objects.get()
    assert (row.type, row.state, row.customer, row.source) == (kind, state, anna, "desk")
    assert answer["Location"] == reverse("admin:customers_privacyrequest_change", args=[row.pk])
    assert Customer.objects.get(pk=anna.pk).erased_at is None, "nothing is done before it is proven"


def test_who_saw_the_person_proves_it_in_the_same_step(client, anna) -> None:
    client.post(page("erase", anna), {"known_by": "came to the shop in Berlin"})
    row = PrivacyRequest.objects.get()
    assert (row.state, row.proven_by) == ("open", "staff:marta")
    assert "came to the shop in Berlin" in str(row.steps)


def test_a_proof_that_says_nothing_is_refused_and_writes_nothing_down(client, anna) -> None:
    answer = client.post(page("erase", anna), {"known_by": "yes"})
    assert answer.status_code == 200
    assert "Say why, in words" in answer.content.decode()
    assert 'value="yes"' in answer.content.decode(), "what was typed stays"
    assert not PrivacyRequest.objects.exists()


def test_the_page_of_an_erasure_says_how_much_is_kept(client, anna) -> None:
    told = client.get(page("erase", anna)).content.decode()
    assert "Events kept of this person: 0," in told
    assert "This cannot be undone." in told


def test_new_words_wait_in_the_queue_and_a_wrong_one_is_told_at_its_field(client, anna) -> None:
    answer = client.post(page("rectify", anna), {"email": "not an address", "name": "Anna Grün"})
    told = answer.content.decode()
    assert 'id="wrong-email"' in told
    assert 'value="Anna Grün"' in told
    assert not PrivacyRequest.objects.exists()
    client.post(page("rectify", anna), {"name": "Anna Grün"})
    assert PrivacyRequest.objects.get().type == "rectification"
    assert encryption.unseal(Customer.objects.get(pk=anna.pk))["name"] != "Anna Grün", (
        "it waits to be answered"
    )


def test_s5_a_marketer_sees_the_person_and_none_of_the_buttons(anna) -> None:
    roles.put()
    mark = User.objects.create_user("mark", password=desk.PASSWORD, is_staff=True)
    mark.groups.add(Group.objects.get(name="Marketer"))
    client = Client()
    client.force_login(mark)
    told = client.get(reverse("admin:customers_customer_change", args=[anna.pk])).content.decode()
    assert "What this person allows" in told
    for name in ("access", "rectify", "object_to", "erase", "stop_everything"):
        assert page(name, anna) not in told
        assert client.post(page(name, anna)).status_code == 403
    assert not PrivacyRequest.objects.exists()
    assert ConsentState.objects.filter(customer=anna, granted=True).exists()


def test_a_request_shows_its_state_and_its_days_in_words(client, anna) -> None:
    client.post(page("erase", anna), {"known_by": "came to the shop in Berlin"})
    row = PrivacyRequest.objects.get()
    form = client.get(reverse("admin:customers_privacyrequest_change", args=[row.pk])).content.decode()
    rows = client.get(reverse("admin:customers_privacyrequest_changelist")).content.decode()
    for html in (form, rows):
        assert "to be done" in html and " days" in html
        assert "&#x27;open&#x27;" not in html
    for state, words in (("unproven", "waits for the person&#x27;s own click"), ("lapsed", "never proven")):
        PrivacyRequest.objects.update(state=state)  # of no colour of its own
        rows = client.get(reverse("admin:customers_privacyrequest_changelist")).content.decode()
        assert words in rows.partition("result_list")[2], state
