"""One-click unsubscribe, from the header of a mail to the ledger: U1 to U6. What comes back of mails (U7) is in tests/campaigns."""

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import delivery, optin_mail, planning
from campaigns.models import Delivery
from customers import events, identities, links, optin
from customers.consent import NotPermitted, Permission
from customers.events import Incoming
from customers.models import ConsentRecord, ConsentState, Customer, Suppression
from customers.purposes import PURPOSES
from tests.campaigns.conftest import Sink, people
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import offer as an_offer
from tests.campaigns.conftest import sink as sink
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


def test_u1_the_mail_as_the_mailbox_gets_it(campaign, sink: Sink, settings) -> None:
    """Read from the bytes on the wire: RFC 8058 wants one header of each, with one https address."""
    settings.PUBLIC_URL = "https://shop.example"
    people(1)
    campaign(an_offer("spring"))
    planning.plan_due(at=NOW)
    delivery.deliver_all(clock=lambda: NOW)
    (path,) = sink.folder.glob("*.eml")
    head = path.read_bytes().partition(b"\r\n\r\n")[0].split(b"\r\n")
    ways = [line for line in head if line.lower().startswith(b"list-unsubscribe:")]
    posts = [line for line in head if line.lower().startswith(b"list-unsubscribe-post:")]
    assert [line.lower() for line in posts] == [b"list-unsubscribe-post: list-unsubscribe=one-click"]
    (way,) = ways
    found = re.fullmatch(rb"List-Unsubscribe: <(https://shop\.example/unsubscribe/[\w-]+/)>", way)
    assert found is not None
    (mail,) = sink.mails()
    url = found[1].decode()
    html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert re.search(rf'<a [^>]*href="{re.escape(url)}"[^>]*>Unsubscribe</a>', html)
    assert url in text
    assert all("Shop, 1 Example Street, 10115 Berlin" in part for part in (html, text))


def test_u5_leaving_between_two_messages_of_one_page_holds_the_second_back(
    campaign, sink: Sink, strict: Client
) -> None:
    """The second was planned, claimed with the first, and its line was open already."""
    _first, second = people(2)
    campaign(an_offer("spring"))
    planning.plan_due(at=NOW)
    leaving = address(Customer.objects.select_related("key").get(pk=second))
    moments = iter(range(10_000))

    def clock():
        if sink.recipients():  # the first has arrived
            assert strict.post(leaving).status_code == 200
        return NOW + timedelta(seconds=next(moments))

    delivery.deliver_all(clock=clock)
    assert sink.recipients() == ["c000@mail.example"]
    row = Delivery.objects.get(customer_id=second)
    assert (row.status, row.reason) == ("suppressed", "no_consent")


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


def test_u3_it_never_expires(anna: Customer, strict: Client, time_machine) -> None:
    old = address(anna)
    time_machine.move_to(timezone.now() + timedelta(days=3653))
    assert strict.post(old).status_code == 200
    assert refused(anna) == {"marketing_email"}


def test_u4_the_token_holds_no_address_and_every_one_is_different(anna: Customer) -> None:
    tokens = {address(anna) for _n in range(3)}
    assert len(tokens) == 3
    assert not any("anna" in token or "mail" in token for token in tokens)


def flipped(token: str) -> Iterator[str]:
    """The token with each of its bits flipped in turn, nonce and seal included."""
    sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for bit in range(8 * len(sealed)):
        wrong = bytearray(sealed)
        wrong[bit // 8] ^= 1 << bit % 8
        yield base64.urlsafe_b64encode(bytes(wrong)).rstrip(b"=").decode()


def spelt_otherwise(token: str) -> Iterator[str]:
    """Other texts that a forgiving reader takes for the same bytes, or for some of them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    # 59 bytes leave two bits of the last character unused.
    yield from (token[:-1] + alphabet[last ^ bit] for bit in (1, 2, 3))
    yield from (
        token + "=",
        token + "AAAA",
        token[:-1],
        token[:-4],
        token.swapcase(),
        token.replace("-", "+") + "+",
    )


def test_u4_any_flipped_bit_is_a_404_that_tells_nothing_and_does_nothing(
    anna: Customer, strict: Client
) -> None:
    """A number of bits that does not vary: 12 bytes of nonce, 16 of key number, 15 of purpose, 16 of seal."""
    token = address(anna).split("/")[2]
    stranger = strict.post("/unsubscribe/" + "A" * len(token) + "/")
    wrong = [*flipped(token), *spelt_otherwise(token)]
    assert len(wrong) == 8 * 59 + 9
    for one in wrong:
        answer = strict.post(f"/unsubscribe/{one}/")
        assert (answer.status_code, answer.content) == (404, stranger.content), one
        assert answer.headers["Content-Type"] == stranger.headers["Content-Type"]
    assert refused(anna) == set()
    assert strict.post(f"/unsubscribe/{token}/").status_code == 200


def test_u4_a_token_of_another_kind_or_person_s_erased_key_opens_nothing(
    anna: Customer, strict: Client
) -> None:
    other = urlsplit(links.preferences_url(anna)).path.split("/")[2]
    assert strict.post(f"/unsubscribe/{other}/").status_code == 404
    mine = address(anna)
    Customer.objects.filter(pk=anna.pk).update(key=None)
    assert strict.post(mine).status_code == 404
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


def test_u6_who_left_everything_still_orders_and_is_asked_when_they_ask(
    anna: Customer, strict: Client, products, sink: Sink
) -> None:
    for purpose in PURPOSES:
        strict.post(address(anna, purpose))
    assert refused(anna) == set(PURPOSES)
    line = Incoming(
        message_id="o", type="ordered", customer="anna", sku="rose", order_id="o", occurred_at=NOW
    )
    assert events.take_in([line], source="tests", at=NOW).accepted == 1
    # Leaving puts no address on the suppression list: a mail that somebody asks for still reaches them.
    assert not Suppression.objects.exists()
    optin.ask(anna, "marketing_email", source="form", at=NOW)
    assert optin_mail.send_due(clock=lambda: NOW) == {"asked": 1}
    assert sink.recipients() == ["anna@mail.example"]


def test_the_page_afterwards_leads_to_the_switches(anna: Customer, strict: Client) -> None:
    page = strict.post(address(anna)).content.decode()
    assert "https://testserver/preferences/" in page


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
