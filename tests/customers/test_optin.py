"""Double opt-in: C8."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import optin_mail
from campaigns.channels import WrongPermission, apart, asking
from campaigns.channels.asking import Asking
from customers import consent, encryption, identities, optin, privacy, purposes, retention, tasks
from customers.consent import NotPermitted, Permission
from customers.models import (
    ConsentRecord,
    ConsentState,
    Customer,
    IdempotentReply,
    Notice,
    PendingConsent,
    Suppression,
)
from customers.optin import NotAskable, Question
from tests.campaigns.conftest import Sink, sink  # noqa: F401 - a fixture
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


def ask(customer: Customer, **changes) -> PendingConsent:
    values = {"source": "newsletter form", "at": timezone.now(), **changes}
    return optin.ask(customer, "marketing_email", **values)


def asked(customer: Customer, **changes) -> Question:
    pending = ask(customer, **changes)
    return Question(pending.pk, at=changes.get("at", timezone.now()))


def refused(customer: Customer) -> bool:
    return not Permission.of_many([customer.pk], "marketing_email", at=timezone.now())


def test_c8_a_waiting_yes_allows_nothing(boris: Customer) -> None:
    asked(boris)
    assert refused(boris)
    assert not ConsentRecord.objects.filter(customer_id=boris.pk).exists()


def test_c8_only_a_post_confirms_and_the_record_carries_its_evidence(boris: Customer, client: Client) -> None:
    question = asked(boris, language="zh-hans")
    path = f"/confirm/{question.token}/"
    for method in (client.get, client.head, client.options):
        assert method(path).status_code == 200
    assert "通过电子邮件向我发送优惠" in client.get(path).content.decode()
    assert refused(boris)
    answer = Client(enforce_csrf_checks=True).post(path)
    assert answer.status_code == 200
    assert not answer.cookies
    record = ConsentRecord.objects.get(customer_id=boris.pk)
    assert (record.granted, record.method, record.source, record.actor, record.notice, record.language) == (
        True,
        "double opt-in",
        "newsletter form",
        "customer",
        "marketing_email@1",
        "zh-hans",
    )
    assert not refused(boris)


def test_c8_the_link_works_once(boris: Customer, client: Client) -> None:
    path = f"/confirm/{asked(boris).token}/"
    client.post(path)
    consent.withdraw(boris.pk, "marketing_email", method="m", source="s", actor="customer", at=timezone.now())
    again = client.post(path)
    assert again.status_code == 410
    assert b"used already" in again.content
    assert client.get(path).status_code == 410
    assert refused(boris)


def test_c8_the_link_works_for_seven_days(boris: Customer, client: Client) -> None:
    sent = timezone.now() - WEEK
    path = f"/confirm/{asked(boris, at=sent).token}/"
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 410
        assert b"too old" in answer.content
    assert refused(boris)
    fresh = asked(person("dora"), at=sent + timedelta(minutes=1))
    assert client.post(f"/confirm/{fresh.token}/").status_code == 200


def test_c8_only_the_hash_of_the_token_is_kept(boris: Customer) -> None:
    question = asked(boris)
    row = PendingConsent.objects.get()
    assert question.token not in str(vars(row))
    assert re.fullmatch(r"[0-9a-f]{64}", row.token_hash)
    assert "boris" not in question.token


def test_u4_a_token_with_one_wrong_character_is_a_404(boris: Customer, client: Client) -> None:
    token = asked(boris).token
    wrong = token[:9] + ("A" if token[9] != "A" else "B") + token[10:]
    for path in (
        wrong,
        "x",
        encryption.opaque_token("click", b"1:x"),
        encryption.opaque_token("confirm", b""),
    ):
        assert client.post(f"/confirm/{path}/").status_code == 404
    assert refused(boris)


def test_a_token_made_before_the_address_changed_confirms_nothing(boris: Customer, client: Client) -> None:
    path = f"/confirm/{asked(boris).token}/"
    identities.save_profiles([identities.Profile(id="boris", email="other@mail.example")])
    assert client.post(path).status_code == 410
    assert refused(boris)


def test_an_erased_person_confirms_nothing(boris: Customer, client: Client) -> None:
    path = f"/confirm/{asked(boris).token}/"
    privacy.erase(boris.pk, actor="tests", at=timezone.now())
    assert client.post(path).status_code == 410
    assert not PendingConsent.objects.exists()


def test_c8_the_mail_asks_and_advertises_nothing(boris: Customer, sink: Sink, client: Client) -> None:  # noqa: F811
    ask(boris)
    assert optin_mail.send_due(clock=timezone.now) == {"asked": 1}
    [mail] = sink.mails()
    assert mail["To"] == "boris@mail.example"
    body = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    links = set(re.findall(r"https?://[^\s\"<]+", body + html))
    assert len(links) == 1
    assert "<img" not in html
    link = links.pop()
    assert link.startswith("https://testserver/confirm/")
    assert client.post(link.removeprefix("https://testserver")).status_code == 200
    assert not refused(boris)


def test_c8_everyone_is_asked_once(boris: Customer, sink: Sink) -> None:  # noqa: F811
    ask(boris)
    optin_mail.send_due(clock=timezone.now)
    assert optin_mail.send_due(clock=timezone.now) == {}
    ask(boris)  # whoever types the address in again within a day
    assert optin_mail.send_due(clock=timezone.now) == {}
    assert len(sink.mails()) == 1
    later = timezone.now() + timedelta(days=1, minutes=1)
    ask(boris, at=later)
    assert optin_mail.send_due(clock=lambda: later) == {"asked": 1}
    assert PendingConsent.objects.count() == 1


def test_the_mail_speaks_the_language_of_the_words(boris: Customer, sink: Sink) -> None:  # noqa: F811
    ask(boris, language="zh-hans")
    optin_mail.send_due(clock=timezone.now)
    [mail] = sink.mails()
    assert "通过电子邮件向我发送优惠" in mail.get_body(("plain",)).get_content()
    assert '<html lang="zh-hans">' in mail.get_body(("html",)).get_content()


def test_a_server_that_is_away_only_delays_the_question(boris: Customer, settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    ask(boris)
    assert optin_mail.send_due(clock=timezone.now) == {"waiting": 1}
    assert len(optin.waiting(at=timezone.now(), limit=9)) == 1
    assert optin.waiting(at=timezone.now() + timedelta(days=1, minutes=1), limit=9) == []


def test_c9_a_suppressed_address_is_not_asked(boris: Customer, sink: Sink) -> None:  # noqa: F811
    ask(boris)
    Suppression.objects.create(channel="email", address_index=boris.email_index, reason="complaint")
    assert optin_mail.send_due(clock=timezone.now) == {"dropped": 1}
    assert sink.mails() == []
    assert not PendingConsent.objects.exists()
    with pytest.raises(NotAskable):
        ask(boris)


@pytest.mark.parametrize("why", ["said yes", "no address", "erased"])
def test_nobody_is_asked_who_cannot_or_need_not_be(db: None, why: str) -> None:
    allows = ["marketing_email"] if why == "said yes" else []
    somebody = person("somebody", allows=allows, email="" if why == "no address" else None)
    if why == "erased":
        privacy.erase(somebody.pk, actor="tests", at=NOW)
    with pytest.raises(NotAskable):
        ask(somebody)
    assert not PendingConsent.objects.exists()


def test_only_real_purposes_and_words_can_be_asked_about(boris: Customer) -> None:
    with pytest.raises(NotAskable):
        optin.ask(boris, "world_domination", source="s", at=NOW)
    with pytest.raises(purposes.UnknownNotice):
        ask(boris, notice="marketing_email@9")


def test_c7_the_yes_is_to_the_words_that_were_shown(boris: Customer, client: Client) -> None:
    question = asked(boris)
    for language in ("en", "zh-hans"):
        Notice.objects.create(
            slug="shop",
            version=1,
            language=language,
            purpose="marketing_email",
            text="More mail",
            sha256="0" * 64,
        )
    assert purposes.current_notice("marketing_email", "en").notice == "shop@1"
    assert b"Send me offers by e-mail" in client.get(f"/confirm/{question.token}/").content
    client.post(f"/confirm/{question.token}/")
    assert ConsentRecord.objects.get(customer_id=boris.pk).notice == "marketing_email@1"


def test_a_question_cannot_be_made_twice_or_by_hand(boris: Customer, sink: Sink) -> None:  # noqa: F811
    question = asked(boris)
    with pytest.raises(NotAskable):
        Question(question.pending_id, at=timezone.now())
    forged = object.__new__(type("Question", (Question,), {}))
    forged.address = "boris@mail.example"
    with Asking() as line:
        line.call("boris@mail.example")
        with pytest.raises(WrongPermission):
            line.ask(forged)
        line.call("anna@mail.example")
        with pytest.raises(WrongPermission):
            line.ask(question)
    assert sink.mails() == []


def test_the_asking_line_keeps_the_lock_for_everything_else(anna: Customer, sink: Sink) -> None:  # noqa: F811
    draft = apart.mail(
        "anna@mail.example",
        purpose=asking.PURPOSE,
        customer_id=anna.pk,
        subject="Offer",
        text="Buy",
        html="Buy",
    )
    with Asking() as line:
        line.call("anna@mail.example")
        for purpose in purposes.PURPOSES:
            with pytest.raises(WrongPermission):
                line.send(draft, Permission(anna.pk, purpose, at=timezone.now()))
        with pytest.raises(NotPermitted):
            Permission(anna.pk, asking.PURPOSE, at=timezone.now())
        line.drop()
    assert sink.mails() == []


def test_c8_what_nobody_confirmed_is_dropped_after_thirty_days(anna: Customer, boris: Customer) -> None:
    now = timezone.now()
    old, young = asked(boris), asked(person("dora"))
    PendingConsent.objects.filter(pk=old.pending_id).update(created_at=now - timedelta(days=30, seconds=1))
    PendingConsent.objects.filter(pk=young.pending_id).update(created_at=now - timedelta(days=29))
    assert retention.drop_old(at=now) == {"pending consents": 1}
    assert [row.pk for row in PendingConsent.objects.all()] == [young.pending_id]


def test_replies_are_kept_for_a_week(db: None) -> None:
    now = timezone.now()
    for key, age in (("old", WEEK + timedelta(seconds=1)), ("young", WEEK - timedelta(hours=1))):
        reply = IdempotentReply.objects.create(scope="s", key=key, payload_sha256="0")
        IdempotentReply.objects.filter(pk=reply.pk).update(created_at=now - age)
    tasks.tidy()
    assert list(IdempotentReply.objects.values_list("key", flat=True)) == ["young"]


def test_a_confirmed_yes_survives_its_pending_row(boris: Customer, client: Client) -> None:
    question = asked(boris)
    client.post(f"/confirm/{question.token}/")
    PendingConsent.objects.update(created_at=timezone.now() - timedelta(days=31))
    retention.drop_old(at=timezone.now())
    assert ConsentState.objects.get(customer=boris).granted
