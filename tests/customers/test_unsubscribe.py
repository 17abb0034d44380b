"""One-click unsubscribe: U2 to U6."""

from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers import identities, links
from customers.consent import NotPermitted, Permission
from customers.models import ConsentRecord, ConsentState, Customer
from customers.purposes import PURPOSES
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def address(customer: Customer, purpose: str = "marketing_email") -> str:
    return urlsplit(links.unsubscribe_url(customer, purpose)).path


@pytest.fixture
def strict() -> Client:
    """A mail provider's robot: no cookies, no token of a form, and Django checks for forgery as it would for real."""
    return Client(enforce_csrf_checks=True)


def refused(customer: Customer) -> set[str]:
    return set(
        ConsentState.objects.filter(customer=customer, granted=False).values_list("purpose", flat=True)
    )


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_u2_a_scanner_may_call_as_often_as_it_likes(anna: Customer, strict: Client, method: str) -> None:
    for _again in range(5):
        answer = getattr(strict, method)(address(anna))
        assert answer.status_code == 200
        assert not answer.cookies
    assert refused(anna) == set()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        ("--b broken", "multipart/form-data; boundary=b"),
        ("", "text/plain"),
    ],
)
def test_u3_a_post_of_any_body_ends_the_purpose_with_200_no_redirect_and_no_cookie(
    anna: Customer, strict: Client, body: str, kind: str
) -> None:
    answer = strict.post(address(anna), body, content_type=kind)
    assert answer.status_code == 200
    assert not answer.cookies
    assert refused(anna) == {"marketing_email"}


def test_u3_doing_it_again_answers_the_same_and_writes_nothing(anna: Customer, strict: Client) -> None:
    first = strict.post(address(anna))
    count = ConsentRecord.objects.count()
    again = strict.post(address(anna))
    assert (again.status_code, again.content.count(b"Done")) == (200, first.content.count(b"Done"))
    assert ConsentRecord.objects.count() == count


def test_u3_somebody_who_was_never_asked_is_written_down_as_refusing(boris: Customer, strict: Client) -> None:
    strict.post(address(boris))
    assert refused(boris) == {"marketing_email"}


def test_u4_the_token_holds_no_address_and_every_one_is_different(anna: Customer) -> None:
    tokens = {address(anna) for _n in range(3)}
    assert len(tokens) == 3
    assert not any("anna" in token or "mail" in token for token in tokens)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), bit=st.integers(0, 5))
def test_u4_one_flipped_bit_is_a_404_that_tells_nothing_and_does_nothing(
    anna: Customer, strict: Client, place: int, bit: int
) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = address(anna).split("/")[2]
    place %= len(token)
    other = alphabet[alphabet.index(token[place]) ^ (1 << bit)]
    wrong = token[:place] + other + token[place + 1 :]
    answer = strict.post(f"/unsubscribe/{wrong}/")
    assert answer.status_code == 404
    assert b"anna" not in answer.content.lower()
    assert refused(anna) == set()


def test_a_token_for_no_purpose_is_no_token(anna: Customer, strict: Client) -> None:
    assert strict.post(address(anna, "world_domination")).status_code == 404


def test_u5_the_next_message_is_not_permitted_any_more(anna: Customer, strict: Client) -> None:
    Permission(anna.pk, "marketing_email", at=NOW)
    strict.post(address(anna))
    assert not Permission.of_many([anna.pk], "marketing_email", at=NOW)
    with pytest.raises(NotPermitted):
        Permission(anna.pk, "marketing_email", at=timezone.now())


def test_u6_leaving_one_purpose_leaves_the_others(anna: Customer, strict: Client) -> None:
    strict.post(address(anna))
    assert refused(anna) == {"marketing_email"}
    assert ConsentState.objects.filter(customer=anna, granted=True).count() == len(PURPOSES) - 1


def test_the_page_afterwards_leads_to_the_switches(anna: Customer, strict: Client) -> None:
    page = strict.post(address(anna)).content.decode()
    assert "http://testserver/preferences/" in page


def test_c10_a_mail_to_someone_merged_still_unsubscribes_who_they_are(
    anna: Customer, boris: Customer, strict: Client
) -> None:
    old = address(boris)
    identities.merge(anna.pk, boris.pk, actor="tests", at=NOW)
    assert strict.post(old).status_code == 200
    assert refused(anna) == {"marketing_email"}


def test_the_record_says_how(anna: Customer, strict: Client) -> None:
    strict.post(address(anna))
    record = ConsentRecord.objects.filter(customer_id=anna.pk).latest("sequence")
    assert (record.granted, record.method, record.source, record.actor) == (
        False,
        "unsubscribe",
        "unsubscribe",
        "customer",
    )
