"""Each message arrives, at least once and under one id, or somebody can see why not; and nothing that may not be told."""

import json
import os
import signal
import socket
import ssl
import threading
import time
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from campaigns import outward, webhooks
from campaigns.models import Delivery, WebhookEndpoint, WebhookMessage
from campaigns.outward import Way
from campaigns.webhooks import sending
from customers import consent, installation
from customers.models import Customer, Installation
from tests.campaigns.conftest import people
from tests.campaigns.webhooks.conftest import Facts, Shop
from tests.conftest import NOW, person

RNG = np.random.default_rng


def one(shop: Shop, facts: Facts, customer: Customer, **fields: Any) -> WebhookEndpoint:
    """An endpoint for whom one message waits."""
    endpoint = shop.endpoint(types=("code.redeemed",), **fields)
    facts.redemption(customer)
    assert shop.gather() == 1
    return endpoint


# --- what is said ----------------------------------------------------------------------------------------------------


def test_what_is_said_is_signed_by_standard_webhooks_and_dated(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = one(shop, facts, anna)
    shop.at = sending.datetime.now().astimezone()
    assert shop.send() == {"sent": 1}
    ((path, headers, body),) = shop.partner.received
    row = WebhookMessage.objects.get()
    assert path == "/hook"
    assert headers["webhook-id"] == f"msg_{row.pk.hex}"
    told = Signer(shop.secrets[endpoint.pk]).verify(body, headers)
    assert told == {
        "type": "code.redeemed",
        "timestamp": "2026-11-24T12:00:00Z",
        "data": {
            "redemption": int(row.fact), "customer": "anna", "code": "C1", "offer": "ten", "order_id": "o-1",
            "amount": "20.00", "discount": "2.00", "currency": "EUR", "redeemed_at": "2026-11-24T12:00:00Z",
            "reversed_at": None,
        },
    }  # fmt: skip
    with pytest.raises(WebhookVerificationError):
        Signer(shop.secrets[endpoint.pk]).verify(body + b" ", headers)


def test_each_type_says_what_it_is_about_and_no_name_nor_address(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = shop.endpoint()
    facts.everything(anna)
    facts.delivery(anna, "failed")
    shop.gather()
    assert shop.send() == {"sent": 9}
    told = {body["type"]: body["data"] for body in shop.told(endpoint)}
    assert len(shop.told(endpoint)) == 9
    assert set(told["decision.made"]) == {
        "decision", "customer", "campaign", "placement", "arm", "offer", "code", "skus", "personalized", "decided_at",
        "expires_at",
    }  # fmt: skip
    assert told["delivery.failed"] | {"delivery": 0, "decision": ""} == {
        "delivery": 0, "decision": "", "customer": "anna", "campaign": "spring", "channel": "email",
        "reason": "refused", "ended_at": "2026-11-24T12:00:00Z",
    }  # fmt: skip
    assert (told["outcome.recorded"]["kind"], told["outcome.recorded"]["value"]) == ("ordered", "12.50")
    assert (told["consent.changed"]["purpose"], told["consent.changed"]["granted"]) == ("analytics", True)
    assert told["code.reversed"]["reversed_at"] == "2026-11-24T12:00:00Z"
    assert all(data["customer"] == "anna" for data in told.values())
    said = " ".join(body.decode() for _path, _headers, body in shop.partner.received)
    assert "mail.example" not in said
    assert "Anna" not in said


def test_a_test_message_tells_nothing_of_anybody(shop: Shop) -> None:
    endpoint = shop.endpoint(receiver="partner")
    webhooks.put_test(endpoint, at=NOW)
    assert shop.send() == {"sent": 1}
    (told,) = shop.told(endpoint)
    assert told == {
        "type": "webhook.test",
        "timestamp": "2026-11-24T12:00:00Z",
        "data": {"webhook": endpoint.pk, "name": "Shop"},
    }


def test_both_secrets_sign_while_one_is_renewed_and_the_oldest_no_more(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = one(shop, facts, anna)
    first = shop.secrets[endpoint.pk]
    second = webhooks.rotate(endpoint, at=NOW, by="tests")
    shop.at = sending.datetime.now().astimezone()
    shop.send()
    third = webhooks.rotate(endpoint, at=NOW, by="tests")
    webhooks.replay(WebhookMessage.objects.get(), at=NOW)
    shop.send()
    (_path, headers, body), (_path, later, _body) = shop.partner.received
    for secret in (first, second):
        assert Signer(secret).verify(body, headers)
    for secret in (second, third):
        assert Signer(secret).verify(body, later)
    with pytest.raises(WebhookVerificationError):
        Signer(first).verify(body, later)


# --- trying again ----------------------------------------------------------------------------------------------------


def test_it_is_tried_ten_times_over_three_days_as_standard_webhooks_suggest_and_then_given_up(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    one(shop, facts, anna)
    shop.partner.answer = "500"
    hours = [0.0]
    for wait in sending.WAITS:
        assert shop.send() == {"waiting": 1}
        row = WebhookMessage.objects.get()
        assert wait <= row.not_before - shop.at <= wait * 1.1, "with some jitter"
        shop.at = row.not_before - timedelta(seconds=1)
        assert shop.send() == {}, "not before its hour"
        shop.at = row.not_before
        hours.append((shop.at - NOW) / timedelta(hours=1))
    assert shop.send() == {"failed": 1}
    row = WebhookMessage.objects.get()
    assert [line["status"] for line in row.history] == [500] * 10
    assert row.ended_at == shop.at
    assert 75 < hours[-1] < 84
    shop.wait(days=30)
    assert shop.send() == {}
    assert len({headers["webhook-id"] for _path, headers, _body in shop.partner.received}) == 1


def test_every_2xx_is_a_yes(shop: Shop, facts: Facts, anna: Customer) -> None:
    one(shop, facts, anna)
    shop.partner.answer = "204"
    assert shop.send() == {"sent": 1}
    assert shop.send() == {}


def test_a_redirect_is_not_followed_and_is_no_yes(shop: Shop, facts: Facts, anna: Customer) -> None:
    one(shop, facts, anna)
    shop.partner.answer = "307"
    assert shop.send() == {"waiting": 1}
    assert [path for path, _headers, _body in shop.partner.received] == ["/hook"]


@pytest.mark.parametrize("answer", ["cut", "rubbish", "silence", "drip"])
def test_a_line_that_breaks_or_drips_is_tried_again_and_holds_nobody_up(
    shop: Shop, facts: Facts, anna: Customer, trusting: ssl.SSLContext, answer: str
) -> None:
    one(shop, facts, anna)
    shop.partner.answer = answer
    shop.way = Way(trusting, lambda _address: True, 0.4)
    began = time.monotonic()
    assert shop.send() == {"waiting": 1}
    assert time.monotonic() - began < 1
    assert len(shop.partner.received) == 1
    (line,) = WebhookMessage.objects.get().history
    assert (line["status"], "after the body began" in line["said"]) == (None, True)


def test_an_answer_without_end_is_a_yes_of_which_no_more_is_read(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    one(shop, facts, anna)
    shop.partner.answer = "endless"
    assert shop.send() == {"sent": 1}


def test_410_pauses_the_endpoint_and_gives_the_message_up(shop: Shop, facts: Facts, anna: Customer) -> None:
    endpoint = one(shop, facts, anna)
    facts.redemption(anna)
    shop.gather()
    shop.partner.answer = "410"
    assert shop.send() == {"failed": 1}
    endpoint.refresh_from_db()
    assert (endpoint.paused_at, endpoint.paused_because) == (NOW, "gone")
    assert len(shop.partner.received) == 1
    assert WebhookMessage.objects.filter(state="waiting").count() == 1


def test_an_endpoint_where_nothing_arrives_for_five_days_pauses_itself(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = one(shop, facts, anna)
    shop.partner.answer = "500"
    while WebhookMessage.objects.filter(state="waiting").exists():
        shop.send()
        shop.at = max(shop.at, WebhookMessage.objects.get().not_before)
    facts.redemption(anna)
    shop.gather()
    shop.at = NOW + timedelta(days=5) - timedelta(seconds=1)
    shop.send()
    endpoint.refresh_from_db()
    assert (endpoint.paused_at, endpoint.failing_since) == (None, NOW)
    shop.wait(seconds=10)
    shop.send()
    endpoint.refresh_from_db()
    assert (endpoint.paused_because, endpoint.failures) == ("failing", 12)
    shop.partner.answer = "200"
    shop.wait(days=1)
    assert shop.send() == {}
    webhooks.resume(endpoint, by="tests")
    assert shop.send() == {"sent": 1}
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.failures) == (None, 0)


def test_one_that_arrives_ends_the_count_of_failing_days(shop: Shop, facts: Facts, anna: Customer) -> None:
    endpoint = one(shop, facts, anna)
    shop.partner.answer = "500"
    shop.send()
    shop.partner.answer = "200"
    shop.wait(minutes=1)
    shop.send()
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.failures) == (None, 0)


def test_one_bad_endpoint_does_not_hold_up_the_others(shop: Shop, facts: Facts, anna: Customer) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        bad = shop.endpoint(
            types=("code.redeemed",), url=f"https://localhost:{silent.getsockname()[1]}/", name="Bad"
        )
        shop.endpoint(types=("code.redeemed",))
        for _n in range(30):
            facts.redemption(anna)
        shop.gather()
        began = time.monotonic()
        assert shop.send() == {"waiting": 1, "sent": 30}
        assert time.monotonic() - began < 10
        # It is left alone for a while, and then tried with one.
        assert shop.send() == {}
        shop.wait(seconds=6)
        assert shop.send() == {"waiting": 1}
    bad.refresh_from_db()
    assert bad.failures == 2
    assert WebhookMessage.objects.filter(endpoint=bad, state="waiting").count() == 30
    assert WebhookMessage.objects.filter(endpoint=bad, history=[]).count() == 28, "the rest were not tried"


def test_one_bad_message_does_not_hold_up_the_others(shop: Shop, facts: Facts, anna: Customer) -> None:
    one(shop, facts, anna)
    shop.partner.answer = "422"
    shop.send()
    facts.redemption(anna)
    shop.gather()
    shop.partner.answer = "200"
    assert shop.send() == {"sent": 1}
    shop.wait(seconds=6)
    assert shop.send() == {"sent": 1}


# --- to whom -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0x7f.1"])
def test_s3_nothing_is_said_to_an_address_that_is_not_public(
    shop: Shop, facts: Facts, anna: Customer, trusting: ssl.SSLContext, host: str
) -> None:
    endpoint = one(shop, facts, anna)
    url = f"https://{host}:{shop.partner.server_port}/hook"
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url)
    shop.way = Way(trusting)
    assert shop.send() == {"waiting": 1}
    assert shop.partner.received == []
    (line,) = WebhookMessage.objects.get().history
    assert "not public" in line["said"]


def test_s3_a_name_that_leads_to_a_public_and_a_private_address_is_refused(
    shop: Shop, facts: Facts, anna: Customer, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(shop, facts, anna)

    def both(_host: str, port: int, **_kwargs: Any) -> list[Any]:
        return [(2, 1, 6, "", ("8.8.8.8", port)), (2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    shop.way = Way(trusting)
    assert shop.send() == {"waiting": 1}
    assert shop.partner.received == []
    assert "not public" in WebhookMessage.objects.get().history[0]["said"]


def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    one(shop, facts, anna)
    shop.way = Way(public=lambda _address: True)
    assert shop.send() == {"waiting": 1}
    assert shop.partner.received == []
    assert "SSLCertVerificationError" in WebhookMessage.objects.get().history[0]["said"]


def test_c3_a_withdrawal_between_gathering_and_sending_holds(
    shop: Shop, facts: Facts, anna: Customer
) -> None:
    endpoint = one(shop, facts, anna, receiver="partner")
    consent.withdraw(
        anna.pk, "partner_sharing", method="preference_page", source="tests", actor="customer", at=NOW
    )
    assert shop.send() == {"withheld": 1}
    assert shop.partner.received == []
    row = WebhookMessage.objects.get()
    assert (row.state, row.reason, row.history) == ("withheld", "no_permission", [])
    # Sending it again asks again.
    assert webhooks.replay(row, at=NOW)
    assert shop.send() == {"withheld": 1}
    assert shop.partner.received == []
    assert endpoint.messages.count() == 1


def test_a_partner_is_told_of_whoever_allows_it(shop: Shop, facts: Facts, anna: Customer) -> None:
    endpoint = one(shop, facts, anna, receiver="partner")
    assert shop.send() == {"sent": 1}
    assert [body["data"]["customer"] for body in shop.told(endpoint)] == ["anna"]


def test_a_row_that_is_gone_is_not_told(shop: Shop, facts: Facts, anna: Customer) -> None:
    shop.endpoint(types=("delivery.sent",))
    facts.delivery(anna)
    shop.gather()
    Delivery.objects.all().delete()
    assert shop.send() == {"withheld": 1}
    assert WebhookMessage.objects.get().reason == "gone"
    assert shop.partner.received == []


def test_d3_nothing_is_sent_while_sending_is_held(shop: Shop, facts: Facts, anna: Customer) -> None:
    one(shop, facts, anna)
    installation.may_send(at=NOW)
    Installation.objects.update(held_since=NOW)
    installation.forget()
    assert shop.send() == {}
    assert shop.partner.received == []


# --- workers that die, and two at once --------------------------------------------------------------------------------


def test_a_worker_killed_between_the_yes_and_its_note_sends_again_under_the_same_id(
    shop: Shop, facts: Facts, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(shop, facts, anna)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):

        def killed(*_args: object, **_fields: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(sending, "_note", killed)
        shop.send()
    assert shop.send() == {}, "it is another's, so long as their lease holds"
    shop.wait(minutes=3)
    assert shop.send() == {"sent": 1}
    first, second = (headers["webhook-id"] for _path, headers, _body in shop.partner.received)
    assert first == second


def test_who_slept_past_their_lease_changes_nothing(
    shop: Shop, facts: Facts, anna: Customer, trusting: ssl.SSLContext
) -> None:
    endpoint = one(shop, facts, anna)
    (sleeper,) = sending.claim(endpoint, at=shop.at)
    shop.wait(minutes=3)
    assert shop.send() == {"sent": 1}
    fate, answer = sending._send_one(
        sleeper, ["whsec_" + "A" * 44], clock=lambda: shop.at, rng=RNG(1), way=shop.way
    )
    assert (fate, answer) == ("lost", None)
    assert len(shop.partner.received) == 1
    assert WebhookMessage.objects.get().state == "sent"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer")
def test_four_that_send_at_once_send_each_message_once(shop: Shop, facts: Facts) -> None:
    anna = person("anna")
    shop.endpoint(types=("code.redeemed",))
    for _n in range(60):
        facts.redemption(anna)
    shop.gather()
    done: list[int] = []

    def send() -> None:
        done.append(shop.send()["sent"])
        connection.close()

    threads = [threading.Thread(target=send) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [headers["webhook-id"] for _path, headers, _body in shop.partner.received]
    assert sum(done) == len(ids) == len(set(ids)) == 60


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a forked child needs its own connection")
def test_kill_9_in_the_midst_of_sending_loses_nothing(shop: Shop, facts: Facts) -> None:
    anna = person("anna")
    shop.endpoint(types=("code.redeemed",))
    for _n in range(40):
        facts.redemption(anna)
    shop.gather()
    connection.close()
    child = os.fork()
    if child == 0:
        shop.send()
        os._exit(0)
    while len(shop.partner.received) < 10:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    shop.wait(minutes=3)
    shop.send()
    ids = [headers["webhook-id"] for _path, headers, _body in shop.partner.received]
    assert len(set(ids)) == 40
    assert len(ids) <= 41, "the one that was under way may have come twice"
    assert WebhookMessage.objects.filter(state="sent").count() == 40


def test_the_whole_way_from_an_order_to_the_receiver(shop: Shop, facts: Facts) -> None:
    """What is gathered of many people arrives with each one's own id."""
    endpoint = shop.endpoint(types=("delivery.sent",))
    for pk in people(7):
        facts.delivery(Customer.objects.get(pk=pk))
    shop.gather()
    assert shop.send() == {"sent": 7}
    assert sorted(body["data"]["customer"] for body in shop.told(endpoint)) == [f"c{n:03}" for n in range(7)]
    assert json.loads(shop.partner.received[0][2])["type"] == "delivery.sent"
    assert outward.TIMEOUT_S == 10
