"""What comes back of our messages, by mail and by providers' reports, and what follows."""

import base64
import hashlib
import hmac
import io
import json
import mailbox
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from campaigns import bounces, delivery, planning, returned
from campaigns.models import Bounce, Campaign, Delivery, DomainPace
from campaigns.returned import Notice
from customers import encryption
from customers.consent import NotPermitted, Permission
from customers.models import Customer, Suppression
from tests.campaigns.conftest import Sink, people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
DAY = timedelta(days=1)


@pytest.fixture
def sent(campaign: Make, sink: Sink) -> list[Delivery]:
    """Two messages that were sent, to c000 and c001."""
    people(2)
    campaign()
    planning.plan_due(at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW) == {"sent": 2}
    return list(Delivery.objects.order_by("customer_id").select_related("customer", "decision"))


def dsn(
    row: Delivery, *, action: str = "failed", status: str = "5.1.1", said: str = "", name: str = "1"
) -> bytes:
    """A report as Postfix writes one."""
    return f"""\
From: MAILER-DAEMON@mx.example
To: hello@shop.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <{name}@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

I'm sorry.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Tue, 24 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822; c000@mail.example
Original-Recipient: rfc822;c000@mail.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said or status + " <c000@mail.example>: as the server said"}

--B
Content-Type: text/rfc822-headers

From: hello@shop.example
Message-ID: {row.message_id}

--B--
""".replace("\n", "\r\n").encode()


def arf(row: Delivery, kind: str = "abuse") -> bytes:
    return f"""\
From: <staff@isp.example>
Message-ID: <arf-{kind}@isp.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is a complaint.

--B
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Example/1.0
Version: 1

--B
Content-Type: message/rfc822
Content-Disposition: inline

From: hello@shop.example
Message-ID: {row.message_id}

Hello
--B--
""".encode()


def read(*mails: bytes) -> dict[str, int]:
    return dict(bounces.take([notice for mail in mails for notice in returned.notices_of(mail)], at=NOW))


def suppressed() -> dict[str, str]:
    return dict(Suppression.objects.values_list("address_index", "reason"))


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("5.1.1 unknown user", "hard"),
        ("550 5.1.10 null MX", "hard"),
        ("5.2.1 mailbox disabled", "hard"),
        ("550 no such user", "hard"),
        ("5.0.0 550 no such user", "hard"),
        ("5.2.2 mailbox full", "soft"),
        ("552 too large", "soft"),
        ("5.7.1 refused by policy", "soft"),
        ("550 5.7.26 not authenticated", "soft"),
        ("5.1.8 bad sender's address", "soft"),
        ("5.0.0 something", "soft"),
        ("4.4.1 no answer", "deferred"),
        ("451 try later", "deferred"),
        ("2.0.0 ok", "delivered"),
        ("who knows", None),
    ],
)
def test_u7_the_codes_say_what_is_the_address_s_fault_and_what_is_ours(words: str, kind: str | None) -> None:
    assert returned.kind_of(words) == kind


def test_u7_a_hard_bounce_is_suppressed_once_and_stands_at_its_delivery(sent: list[Delivery]) -> None:
    first, _second = sent
    assert read(dsn(first)) == {"hard": 1}
    assert read(dsn(first)) == {}
    assert suppressed() == {first.customer.email_index: "hard_bounce"}
    kept = first.bounces.get()
    assert (kept.kind, kept.source, kept.detail) == ("hard", "dsn", "5.1.1 5.1.1 <…>: as the server said")


def test_u7_a_refusal_by_policy_or_a_delay_slows_the_domain_and_suppresses_nobody(
    sent: list[Delivery],
) -> None:
    first, second = sent
    assert read(
        dsn(first, status="5.7.1", name="a"), dsn(second, status="4.4.1", action="delayed", name="b")
    ) == {
        "soft": 1,
        "deferred": 1,
    }
    assert suppressed() == {}
    assert DomainPace.objects.get().domain == "mail.example"
    assert "c000" not in DomainPace.objects.get().last_answer
    DomainPace.objects.all().delete()
    read(dsn(first, status="4.2.2", action="delayed", name="c"))  # one full mailbox
    assert not DomainPace.objects.exists()


def test_u7_five_messages_that_bounced_for_now_within_thirty_days_are_an_address_that_is_gone(
    campaign: Make, sink: Sink, monkeypatch
) -> None:
    (pk,) = people(1)
    index = Customer.objects.get(pk=pk).email_index
    for n in range(5):
        assert suppressed() == {}
        campaign()
        at = NOW + n * 7 * DAY
        Campaign.objects.last().runs.update(due_at=at)
        planning.plan_due(at=at)
        delivery.deliver_all(clock=lambda at=at: at)
        row = Delivery.objects.latest("pk")
        for again in range(2):  # twice of one message is once
            notices = returned.notices_of(dsn(row, status="5.2.2", name=f"{n}-{again}"))
            assert bounces.take(notices, at=at) == {"soft": 1}
    assert suppressed() == {index: "hard_bounce"}


def test_u7_refusals_by_policy_never_add_up_to_a_suppression(campaign: Make, sink: Sink) -> None:
    people(1)
    for n in range(6):
        campaign()
        at = NOW + n * 5 * DAY  # as often as the cap lets through
        Campaign.objects.last().runs.update(due_at=at)
        planning.plan_due(at=at)
        delivery.deliver_all(clock=lambda at=at: at)
        # The sixth is a full mailbox: with those before it that would be enough, were they the address's fault.
        report = dsn(Delivery.objects.latest("pk"), status="5.7.1" if n < 5 else "5.2.2", name=str(n))
        assert bounces.take(returned.notices_of(report), at=at) == {"soft": 1}
        DomainPace.objects.all().delete()  # or the next would wait
    assert Bounce.objects.values("delivery").distinct().count() == 6
    assert suppressed() == {}


def test_u7_a_complaint_is_suppressed_and_one_that_was_none_is_not(sent: list[Delivery]) -> None:
    first, second = sent
    assert read(arf(first), arf(second, "not-spam")) == {"complaint": 1}
    assert suppressed() == {first.customer.email_index: "complaint"}


def test_u5_leaving_by_the_mailbox_is_a_no_in_the_ledger(sent: list[Delivery]) -> None:
    first, second = sent
    assert read(arf(first, "opt-out")) == {"unsubscribe": 1}
    with pytest.raises(NotPermitted):
        Permission(first.customer_id, "marketing_email", at=NOW)
    assert Permission(second.customer_id, "marketing_email", at=NOW)
    assert suppressed() == {}


def test_a_report_that_names_none_of_our_messages_changes_nothing(sent: list[Delivery]) -> None:
    first, _second = sent
    foreign = dsn(first).replace(first.message_id.encode(), b"<somebody@else.example>")
    guessed = dsn(first).replace(first.message_id.encode(), b"<tact-" + b"0" * 32 + b"@shop.example>")
    reply = b"In-Reply-To: " + first.message_id.encode() + b"\r\nSubject: 550 5.1.1\r\n\r\nI am away."
    assert returned.notices_of(foreign) == returned.notices_of(reply) == returned.notices_of(b"") == []
    assert read(guessed) == {"hard": 1}
    assert suppressed() == {}
    assert Bounce.objects.get().delivery is None


def test_a_report_that_names_another_address_suppresses_only_whom_we_wrote_to(sent: list[Delivery]) -> None:
    first, second = sent
    read(dsn(first).replace(b"c000@mail.example", b"c001@mail.example"))
    assert suppressed() == {first.customer.email_index: "hard_bounce"}
    assert second.customer.email_index not in suppressed()


def test_a_mailbox_is_read_whole_and_only_what_was_understood_is_taken_out(sent, tmp_path, capsys) -> None:
    first, second = sent
    box = mailbox.Maildir(tmp_path / "box")
    for mail in (dsn(first), arf(second), b"Subject: hello\n\nA person wrote."):
        box.add(mail)
    for said in ("1 complaint, 1 hard", "nothing new"):
        call_command("read_bounces", str(tmp_path / "box"))
        assert capsys.readouterr().out == f"3 mails, 2 reports of our messages: {said}.\n"
    call_command("read_bounces", str(tmp_path / "box"), "--delete")
    assert len(mailbox.Maildir(tmp_path / "box")) == 1


def test_one_mail_is_read_from_standard_input_and_an_mbox_from_its_file(
    sent, tmp_path, capsys, monkeypatch
) -> None:
    first, second = sent
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(dsn(first))))
    call_command("read_bounces")
    box = mailbox.mbox(tmp_path / "mbox")
    box.add(arf(second))
    box.close()
    call_command("read_bounces", str(tmp_path / "mbox"))
    assert "1 hard" in (said := capsys.readouterr().out)
    assert "1 complaint" in said


# --- providers' webhooks ------------------------------------------------------------------------------------------


def postmark(client: Client, body: dict[str, object], auth: str = "tact:secret") -> int:
    headers = {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()}
    return client.post("/hooks/postmark/", json.dumps(body), "application/json", headers=headers).status_code


@pytest.fixture
def providers(settings) -> None:
    settings.MAIL_PROVIDERS = ["postmark", "mailgun", "sendgrid"]
    settings.ANYMAIL = {"WEBHOOK_SECRET": "tact:secret", "MAILGUN_WEBHOOK_SIGNING_KEY": "signing-key"}


def test_u7_a_provider_s_complaint_is_taken_in_once(sent, providers, client: Client) -> None:
    Delivery.objects.update(transmitting_at=timezone.now())
    first, _second = sent
    body = {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 42, "Email": "c000@mail.example"}
    assert (postmark(client, body), postmark(client, body)) == (200, 200)
    kept = Bounce.objects.get()
    assert (kept.kind, kept.source, kept.delivery_id) == ("complaint", "postmark", first.pk)
    assert suppressed() == {first.customer.email_index: "complaint"}


def test_our_message_id_anywhere_in_a_report_tells_whose_message_it_was(
    sent, providers, client: Client, settings
) -> None:
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": "signing-key"}  # a signature is guard enough
    _first, second = sent
    stamp, token = "1764000000", "t" * 50
    event: dict[str, Any] = {
        "signature": {
            "timestamp": stamp,
            "token": token,
            "signature": hmac.new(b"signing-key", (stamp + token).encode(), hashlib.sha256).hexdigest(),
        },
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "id": "e1",
            "timestamp": 1764000000.5,
            "recipient": "c001@mail.example",
            "reason": "bounce",
            "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": ""},
            "message": {"headers": {"message-id": second.message_id.strip("<>")}},
        },
    }
    assert client.post("/hooks/mailgun/", json.dumps(event), "application/json").status_code == 200
    assert (second.bounces.get().kind, second.bounces.get().source) == ("hard", "mailgun")
    assert suppressed() == {second.customer.email_index: "hard_bounce"}
    event["signature"]["signature"] = "0" * 64
    event["event-data"]["id"] = "e2"
    assert client.post("/hooks/mailgun/", json.dumps(event), "application/json").status_code == 400
    assert Bounce.objects.count() == 1


def test_what_is_not_guarded_or_not_set_up_has_no_address(sent, providers, client: Client, settings) -> None:
    body = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 7, "Email": "c000@mail.example"}
    assert postmark(client, body, auth="tact:guess") == 400
    assert client.get("/hooks/postmark/").status_code == 405
    assert client.post("/hooks/brevo/", "{}", "application/json").status_code == 404
    assert client.post("/hooks/nobody/", "{}", "application/json").status_code == 404
    settings.ANYMAIL = {}
    assert postmark(client, body) == 404
    assert client.post("/hooks/mailgun/", "{}", "application/json").status_code == 404
    settings.MAIL_PROVIDERS = []
    assert postmark(client, body) == 404
    assert not Bounce.objects.exists()


def test_u7_a_provider_s_soft_bounce_is_not_one_for_good(sent, providers, client: Client) -> None:
    body = {
        "RecordType": "Bounce",
        "Type": "SoftBounce",
        "ID": 8,
        "Email": "c000@mail.example",
        "Description": "full",
    }
    assert postmark(client, body) == 200
    assert Bounce.objects.get().kind == "soft"
    assert suppressed() == {}
    opened = {"RecordType": "Open", "Recipient": "c000@mail.example"}
    assert postmark(client, opened) == 200
    assert Bounce.objects.count() == 1


def test_a_signed_report_of_an_address_we_do_not_know_still_counts(providers, client: Client) -> None:
    body = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 9, "Email": "gone@mail.example"}
    assert postmark(client, body) == 200
    assert suppressed() == {encryption.blind_index("email", "gone@mail.example"): "hard_bounce"}


def test_no_query_per_notice(sent, django_assert_max_num_queries) -> None:
    rows = [Notice(f"k{n}", "x", "delivered", sent[n % 2].decision_id) for n in range(200)]
    with django_assert_max_num_queries(12):
        assert bounces.take(rows, at=NOW) == {"delivered": 200}
