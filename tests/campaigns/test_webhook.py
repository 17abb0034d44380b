"""A partner's webhook against a real https server: signed, only to public addresses, and no redirect followed."""

import json
import socket
import ssl
import time
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from campaigns import delivery, outward, planning
from campaigns.channels import LineBroken, Refused, TryLater, WrongPermission, webhook
from campaigns.channels.webhook import Webhook
from campaigns.messages import Finished
from campaigns.models import Campaign, Delivery
from customers.consent import Permission
from customers.models import Customer
from tests.campaigns.conftest import people
from tests.campaigns.receiving import Partner
from tests.conftest import NOW

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PAYLOAD = {"customer": "anna", "decision": "d1", "offer": None, "code": "ÄÖ-1", "skus": ["rose", "mug"]}


def message(customer: Customer, payload: Any = None) -> Finished:
    return Finished(
        customer.pk, "partner_sharing", "", "s", "h", "t", "<tact-1@shop>", {}, payload or PAYLOAD
    )


def sent(
    url: str, context: ssl.SSLContext | None, customer: Customer, *, public: Any = lambda _address: True
) -> None:
    line = Webhook(url, SECRET, context=context, public=public)
    line.open(message(customer))
    line.send(message(customer), Permission(customer.pk, "partner_sharing", at=NOW))


@pytest.mark.django_db
def test_s3_the_partner_gets_the_payload_signed(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer
) -> None:
    sent(f"{partner.url}/hook", trusting, anna)
    ((path, headers, body),) = partner.received
    assert path == "/hook"
    assert json.loads(body) == PAYLOAD
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == f"localhost:{partner.server_port}"
    assert headers["webhook-id"] == "tact-1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 5
    assert headers["webhook-signature"].startswith("v1,")
    assert Signer(SECRET).verify(body, headers) == PAYLOAD
    for forged_body, forged_headers, secret in (
        (body + b" ", headers, SECRET),
        (body, {**headers, "webhook-id": "tact-2"}, SECRET),
        (body, headers, "whsec_" + "A" * 44),
    ):
        with pytest.raises(WebhookVerificationError):
            Signer(secret).verify(forged_body, forged_headers)


@pytest.mark.django_db
def test_s7_who_checks_with_the_secret_of_an_earlier_index_key_is_understood(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, settings
) -> None:
    campaign = Campaign(pk=1, channel="webhook", webhook_url=f"{partner.url}/hook")
    settings.INDEX_KEY = f"old:{'A' * 43}="
    old = delivery.webhook_secret(campaign)
    settings.INDEX_KEY, settings.INDEX_KEY_FALLBACKS = f"new:{'B' * 43}=", [settings.INDEX_KEY]
    line = delivery._line(campaign)
    line._context, line._public = trusting, lambda _address: True
    line.open(message(anna))
    line.send(message(anna), Permission(anna.pk, "partner_sharing", at=NOW))
    ((_path, headers, body),) = partner.received
    assert len({old, delivery.webhook_secret(campaign)}) == 2
    for secret in (old, delivery.webhook_secret(campaign)):
        assert Signer(secret).verify(body, headers) == PAYLOAD
    with pytest.raises(WebhookVerificationError):
        Signer("whsec_" + "A" * 44).verify(body, headers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a/b?c=d&e=f%20g", "/a/b?c=d&e=f%20g"),
        ("/größe?q=ä b", "/gr%C3%B6%C3%9Fe?q=%C3%A4%20b"),
    ],
)
def test_the_path_and_the_query_are_the_partner_s_own(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, address: str, asked: str
) -> None:
    sent(partner.url + address, trusting, anna)
    assert [path for path, _headers, _body in partner.received] == [asked]


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["200", "201", "204", "endless"])
def test_s3_every_2xx_is_a_yes_and_what_else_is_said_is_not_read(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, answer: str
) -> None:
    partner.answer = answer
    began = time.monotonic()
    sent(partner.url, trusting, anna)
    assert time.monotonic() - began < 2
    assert len(partner.received) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["429", "500", "503", "599"])
def test_too_many_and_trouble_over_there_are_tried_again(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, answer: str
) -> None:
    partner.answer = answer
    with pytest.raises(TryLater, match=f"said {answer}"):
        sent(partner.url, trusting, anna)


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["400", "401", "404", "410", "422"])
def test_a_no_is_a_no(partner: Partner, trusting: ssl.SSLContext, anna: Customer, answer: str) -> None:
    partner.answer = answer
    with pytest.raises(Refused, match=f"said {answer}") as error:
        sent(partner.url, trusting, anna)
    assert not error.value.is_hard_bounce


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["301", "302", "307", "308"])
def test_s3_a_redirect_is_not_followed(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, answer: str
) -> None:
    partner.answer = answer
    with pytest.raises(Refused, match=f"said {answer}"):
        sent(f"{partner.url}/hook", trusting, anna)
    assert [path for path, _headers, _body in partner.received] == ["/hook"]


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["cut", "rubbish", "silence"])
def test_a_line_that_breaks_after_the_body_leaves_the_fate_unknown(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, answer: str, monkeypatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.3)
    partner.answer = answer
    with pytest.raises(LineBroken, match="after the body began"):
        sent(partner.url, trusting, anna)
    assert len(partner.received) == 1


@pytest.mark.django_db
def test_a_partner_that_cannot_be_trusted_gets_nothing_and_is_tried_again(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer
) -> None:
    with pytest.raises(TryLater, match="SSLCertVerificationError"):
        sent(partner.url, None, anna)  # a certificate nobody vouches for
    with pytest.raises(TryLater, match="SSLCertVerificationError"):
        sent(f"https://127.0.0.1:{partner.server_port}", trusting, anna)  # one for another name
    assert partner.received == []


@pytest.mark.django_db
def test_nobody_there_and_a_server_that_does_not_shake_hands_are_tried_again(
    anna: Customer, trusting: ssl.SSLContext, monkeypatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(TryLater, match="ConnectionRefusedError"):
            sent(f"https://localhost:{silent.getsockname()[1]}", trusting, anna)
        silent.listen()
        with pytest.raises(TryLater, match="TimeoutError"):
            sent(f"https://localhost:{silent.getsockname()[1]}", trusting, anna)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1",
        "::1", "::", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff0e::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_s3_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not outward.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_s3_a_public_address_is_known(address: str) -> None:
    assert outward.is_public(address)


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "0x7f.1"])
def test_s3_nothing_is_sent_to_an_address_that_is_not_public(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, host: str
) -> None:
    with pytest.raises(Refused, match="not public"):
        sent(f"https://{host}:{partner.server_port}/", trusting, anna, public=outward.is_public)
    assert partner.received == []


@pytest.mark.django_db
def test_s3_one_private_address_among_public_ones_is_enough_to_refuse(anna: Customer, monkeypatch) -> None:
    def both(host: str, port: int, **_kwargs: Any) -> list[Any]:
        return [(2, 1, 6, "", ("8.8.8.8", port)), (2, 1, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(Refused, match="not public"):
        Webhook("https://partner.example/", SECRET).open(message(anna))


@pytest.mark.django_db
def test_s3_the_address_that_was_checked_is_the_one_spoken_to(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer, monkeypatch
) -> None:
    """A name that leads elsewhere a moment later changes nothing: it is looked up once."""
    asked: list[str] = []
    original = socket.getaddrinfo

    def noted(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return original(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    sent(partner.url, trusting, anna)
    assert asked == ["localhost", "127.0.0.1"]
    assert len(partner.received) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/", "ftp://partner.example/", "//partner.example/", "https:///hook", "", "partner",
        "https://partner.example:99999/", "https://partner.example:x/", "https://[::1/", f"https://{'a' * 64}.example/",
    ],
)  # fmt: skip
def test_s3_what_is_no_https_address_is_refused(anna: Customer, url: str) -> None:
    with pytest.raises(Refused):
        Webhook(url, SECRET).open(message(anna))


@pytest.mark.django_db
def test_a_name_that_cannot_be_looked_up_is_tried_again(anna: Customer) -> None:
    with pytest.raises(TryLater, match="cannot be looked up"):
        Webhook("https://partner.invalid/", SECRET).open(message(anna))


@pytest.mark.django_db
def test_the_permission_must_be_the_person_s_own_for_partners(
    partner: Partner, trusting: ssl.SSLContext, anna: Customer
) -> None:
    line = Webhook(partner.url, SECRET, context=trusting, public=lambda _address: True)
    line.open(message(anna))
    with pytest.raises(WrongPermission):
        line.send(message(anna), Permission(anna.pk, "marketing_email", at=NOW))
    assert partner.received == []


def test_a_campaign_to_a_private_address_fails_and_says_why(campaign, partner: Partner) -> None:
    people(1)
    row = campaign(channel="webhook", webhook_url=f"{partner.url}/hook")
    planning.plan(row.runs.get(), at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW) == {"failed": 1}
    found = Delivery.objects.get()
    assert (found.reason, found.detail) == ("refused", "localhost leads to an address that is not public")
    assert found.transmitting_at is None
    assert partner.received == []
