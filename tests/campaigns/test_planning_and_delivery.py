"""Who is planned, who is sent, and who is not: the one way out, against a real SMTP server."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from functools import partial

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import checks, delivery, lifecycle, messages, planning, rules
from campaigns.channels import Channel, WrongPermission
from campaigns.channels.email import Email, _body
from campaigns.messages import Finished
from campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignSegment,
    Decision,
    Delivery,
    Message,
    Offer,
    Segment,
)
from campaigns.waterfall import Waterfall
from catalog.models import Product
from customers import consent, encryption
from customers.consent import NotPermitted, Permission
from customers.models import Customer, Suppression
from tests.campaigns.conftest import Sink, garden, offer, people
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


def clock():
    return NOW


def run_of(campaign: Campaign) -> CampaignRun:
    return campaign.runs.get()


def planned(campaign: Campaign) -> Waterfall:
    planning.plan(run_of(campaign), at=NOW)
    return Waterfall.from_dict(run_of(campaign).waterfall)


def test_everyone_who_matched_stands_in_one_row_of_the_waterfall(campaign: Make, boris, clara) -> None:
    people(40)
    silent = person("silent", allows=["marketing_email"], email="")
    gone = person("gone", allows=["marketing_email"])
    Suppression.objects.create(address_index=gone.email_index, reason="hard_bounce")
    waterfall = planned(campaign(offer("ten"), control_percent=Decimal(30)))
    assert waterfall.matched == 44
    assert waterfall.no_consent == {"marketing_email": 2}  # Boris never said yes, Clara took it back
    assert waterfall.suppressed == {"hard_bounce": 1}
    assert waterfall.no_address == 1
    assert waterfall.held_out + waterfall.sendable == 40
    assert 4 <= waterfall.held_out <= 20
    assert waterfall.left == 0
    assert not Decision.objects.filter(customer__in=[boris, clara, silent, gone]).exists()


def test_the_control_group_is_decided_and_never_sent(campaign: Make) -> None:
    people(60)
    row = campaign(control_percent=Decimal(40))
    planned(row)
    control = Decision.objects.filter(campaign=row, arm="control")
    assert control.exists()
    assert not Delivery.objects.filter(decision__in=control).exists()
    assert Delivery.objects.count() + control.count() == 60


def test_r2_planning_again_plans_nobody_twice(campaign: Make) -> None:
    people(20)
    row = campaign()
    planned(row)
    CampaignRun.objects.update(state="due", cursor=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        planning.plan(run_of(row), at=NOW)
    assert Decision.objects.count() == 20


def test_a_dry_run_counts_each_person_once_and_plans_nobody(campaign: Make, boris, capsys) -> None:
    people(25)
    row = campaign(control_percent=Decimal(20))
    second = Segment.objects.create(slug="germans", name="G", rule={"attribute": "country", "is": "DE"})
    CampaignSegment.objects.create(campaign=row, segment=second, position=1)
    call_command("run_campaign", row.slug, "--dry-run")
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    # Boris alone is missing: telling of the others exactly would tell of him (N1).
    assert said[:2] == ["matched 26", "no consent marketing_email (few)"]
    assert said[4] == "sendable (few)"
    assert "20 % would be held out" in said[5]
    assert not Decision.objects.exists()


def test_r4_a_run_that_comes_too_late_waits_for_a_person(campaign: Make) -> None:
    people(2)
    run = run_of(campaign())
    assert planning.plan_due(at=NOW + planning.TOO_LATE) == 0
    assert list(planning.late(at=NOW + planning.TOO_LATE)) == [run]
    assert not Decision.objects.exists()
    with pytest.raises(lifecycle.NotPossible):
        lifecycle.catch_up(run, at=NOW)  # it is not late yet
    hours_later = NOW + timedelta(hours=5)
    lifecycle.catch_up(run, at=hours_later)
    assert planning.plan_due(at=hours_later) == 2
    assert not planning.late(at=hours_later + timedelta(days=1)).exists()


def test_r4_what_has_begun_is_brought_to_its_end_however_late(campaign: Make, monkeypatch) -> None:
    people(3)
    monkeypatch.setattr(planning, "PAGE", 2)
    run = run_of(campaign())
    assert planning.plan_page(run, at=NOW) == 2
    assert planning.plan_due(at=NOW + timedelta(days=1)) == 1


def test_r1_a_page_that_fails_is_undone_whole_and_taken_up_again(campaign: Make, monkeypatch) -> None:
    people(30)
    monkeypatch.setattr(planning, "PAGE", 10)
    row = campaign(offer("ten"))
    assert planning.plan_page(run_of(row), at=NOW) == 10
    assert planning.plan_page(run_of(row), at=NOW) == 10
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        planning.plan_page(run_of(row), at=NOW)
        raise ZeroDivisionError
    assert Decision.objects.count() == 20
    assert planning.plan(run_of(row), at=NOW) == 10
    assert Offer.objects.get().given == 30
    assert Waterfall.from_dict(run_of(row).waterfall).sendable == 30


def test_a_person_in_two_segments_counts_in_the_first(campaign: Make) -> None:
    ids = people(5)
    row = campaign(offer("first"), rule={"attribute": "id", "in": ["c001", "c002"]}, launched=False)
    everyone = campaign(offer("second"), launched=False).audiences.get()
    everyone.campaign, everyone.position = row, 1
    everyone.save()
    lifecycle.take(row, "approve", by="t", at=NOW)
    lifecycle.take(row, "launch", by="t", at=NOW)
    planned(row)
    got = dict(Decision.objects.values_list("customer_id", "offer__slug"))
    assert got == {ids[0]: "second", ids[1]: "first", ids[2]: "first", ids[3]: "second", ids[4]: "second"}


def test_no_query_per_person_in_planning(campaign: Make) -> None:
    people(3)
    few = campaign(offer("a"))
    with CaptureQueriesContext(connection) as three:
        planning.plan_page(run_of(few), at=NOW)
    people(57, prefix="d")
    many = campaign(offer("b"))
    with CaptureQueriesContext(connection) as sixty:
        planning.plan_page(run_of(many), at=NOW)
    pages = 4 * (60 // 20)  # bulk inserts take more statements for more rows on SQLite
    assert len(sixty) <= len(three) + pages


def test_u1_each_person_gets_one_mail_with_one_way_out(campaign: Make, sink: Sink) -> None:
    people(5)
    planned(campaign(offer("ten", title="Spring offer")))
    done = delivery.deliver_all(clock=clock)
    assert done == {"sent": 5}
    assert sorted(sink.recipients()) == [f"c00{n}@mail.example" for n in range(5)]
    for mail in sink.mails():
        assert len(mail.get_all("List-Unsubscribe") or []) == 1
        assert str(mail["List-Unsubscribe"]).startswith("<https://testserver/unsubscribe/")
        assert mail.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    for path in sink.folder.glob("*.eml"):
        # As the mailbox reads it: one plain word, neither folded nor encoded.
        (line,) = [row for row in path.read_bytes().split(b"\r\n") if row.startswith(b"List-Unsubscribe:")]
        assert re.fullmatch(rb"List-Unsubscribe: <http[^\s>]+>", line)
        assert mail["Message-ID"]
        for kind in ("html", "plain"):
            part = mail.get_body((kind,))
            assert part is not None
            content = part.get_content()
            assert "Shop, 1 Example Street, 10115 Berlin" in content
            assert "/unsubscribe/" in content
            code = Delivery.objects.get(message_id=str(mail["Message-ID"])).decision.code
            assert code is not None
            assert code.value in content


def test_words_are_in_the_person_s_language(campaign: Make, sink: Sink) -> None:
    (_pk,) = people(1)
    Customer.objects.update(locale="zh-CN")
    planned(campaign(offer("ten", translations={"zh-hans": {"title": "春季优惠"}})))
    delivery.deliver_all(clock=clock)
    (mail,) = sink.mails()
    assert str(mail["Subject"]).startswith("为您精选")
    body = mail.get_body(("html",))
    assert body is not None
    assert "春季优惠" in body.get_content()


def test_links_are_tracked_only_for_who_allows_it(campaign: Make, sink: Sink, products) -> None:
    Product.objects.update(url="https://shop.example/p?a=1&b=2")
    people(1, prefix="yes")
    people(1, prefix="no", allows=("marketing_email", "personalization", "analytics"))
    planned(campaign())
    delivery.deliver_all(clock=clock)
    bodies = {str(mail["To"])[:2]: mail.get_body(("html",)).get_content() for mail in sink.mails()}  # type: ignore[union-attr]
    assert "/c/" in bodies["ye"]
    assert ".gif" in bodies["ye"]
    assert "https://shop.example/p?a=1&amp;b=2" in bodies["no"]
    assert "/c/" not in bodies["no"]
    assert ".gif" not in bodies["no"]
    assert all("/unsubscribe/" in body for body in bodies.values())


def test_c3_a_withdrawal_after_planning_wins(campaign: Make, sink: Sink) -> None:
    first, second = people(2)
    planned(campaign())
    consent.withdraw(first, "marketing_email", method="page", source="t", actor="customer", at=NOW)
    assert delivery.deliver_all(clock=clock) == {"suppressed": 1, "sent": 1}
    row = Delivery.objects.get(customer_id=first)
    assert (row.status, row.reason, row.transmitting_at) == ("suppressed", "no_consent", None)
    assert sink.recipients() == ["c001@mail.example"]
    assert Delivery.objects.get(customer_id=second).consent_record_id


def test_u5_c9_what_is_learnt_of_an_address_meanwhile_counts(campaign: Make, sink: Sink) -> None:
    (pk,) = people(1)
    planned(campaign())
    Suppression.objects.create(address_index=Customer.objects.get(pk=pk).email_index, reason="complaint")
    assert delivery.deliver_all(clock=clock) == {"suppressed": 1}
    assert Delivery.objects.get().reason == "suppressed_address"
    assert sink.mails() == []


def test_a_paused_campaign_waits_and_a_cancelled_one_ends(campaign: Make, sink: Sink) -> None:
    people(3)
    row = campaign()
    planned(row)
    lifecycle.take(row, "pause", by="t", at=NOW)
    assert delivery.deliver_all(clock=clock) == {}
    assert set(Delivery.objects.values_list("status", flat=True)) == {"planned"}
    lifecycle.take(row, "resume", by="t", at=NOW)
    assert delivery.deliver_due(clock=clock, limit=1) == {"sent": 1}
    lifecycle.take(row, "cancel", by="t", at=NOW)
    assert delivery.deliver_all(clock=clock) == {}
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["cancelled", "cancelled", "sent"]


def test_of_a_large_campaign_that_is_cancelled_nothing_leaves_and_the_worker_ends_the_rest(
    campaign: Make, sink: Sink, monkeypatch
) -> None:
    monkeypatch.setattr(lifecycle, "CANCELLED_AT_ONCE", 2)
    people(7)
    row, other = campaign(), campaign()
    planned(row)
    planned(other)
    lifecycle.take(row, "cancel", by="t", at=NOW)
    mine = Delivery.objects.filter(run__campaign=row)
    assert mine.filter(status="planned").count() == 5
    assert delivery.deliver_all(clock=clock) == {"sent": 7}
    assert (lifecycle.cancel_due(at=NOW), lifecycle.cancel_due(at=NOW)) == (5, 0)
    assert set(mine.values_list("status", flat=True)) == {"cancelled"}
    assert set(other.runs.values_list("deliveries__status", flat=True)) == {"sent"}


def test_u7_what_the_server_says_decides_the_fate(campaign: Make, sink: Sink) -> None:
    for name in ("nobody-1", "policy-1", "busy-1", "fine-1"):
        person(name, allows=["marketing_email"])
    planned(campaign())
    assert delivery.deliver_all(clock=clock) == {"failed": 2, "retry": 1, "sent": 1}
    assert sink.recipients() == ["fine-1@mail.example"]
    # A mailbox that does not exist is never written to again; a refusal by policy says nothing about the address.
    bounced = Suppression.objects.get()
    assert (bounced.address_index, bounced.reason) == (
        encryption.blind_index("email", "nobody-1@mail.example"),
        "hard_bounce",
    )
    busy = Delivery.objects.get(status="retry")
    first_id = busy.message_id
    for attempt in range(1, 5):
        delivery.deliver_all(clock=partial(NOW.__add__, timedelta(hours=9 * attempt)))
    busy.refresh_from_db()
    assert (busy.status, busy.reason, busy.attempt) == ("failed", "too_many_tries", 5)
    assert busy.message_id == first_id


def test_nobody_to_talk_to_is_a_retry(campaign: Make, settings) -> None:
    people(1)
    planned(campaign())
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    assert delivery.deliver_all(clock=clock) == {"retry": 1}


def test_r7_one_bad_template_stops_nobody_else(campaign: Make, sink: Sink) -> None:
    people(3)
    Customer.objects.filter(external_id="c001").update(country="XX")
    row = campaign(launched=False)
    body = "{% assign c = customer.country | default: '' %}{% if c == 'XX' %}{{ customer.nothing }}{% endif %}fine"
    Message.objects.update(body=body)
    row.refresh_from_db()
    lifecycle.take(row, "approve", by="t", at=NOW)
    lifecycle.take(row, "launch", by="t", at=NOW)
    planned(row)
    assert delivery.deliver_all(clock=clock) == {"sent": 2, "suppressed": 1}
    assert Delivery.objects.get(status="suppressed").reason == "template"


@pytest.mark.parametrize(
    "address",
    [
        "é@mail.example",
        "a b@mail.example",
        "a@mail.example,b@mail.example",
        "no-at-sign",
        "a..b@mail.example",
        "a@mail.example\r\nRCPT TO:<victim@mail.example>",
        'a"b@mail.example',
        "a@" + "x" * 70 + ".example",
    ],
)
def test_r7_an_address_that_cannot_be_written_stops_nobody_else(
    campaign: Make, sink: Sink, address: str
) -> None:
    people(1)
    person("odd", allows=["marketing_email"], email=address)
    people(1, prefix="z")
    planned(campaign())
    assert delivery.deliver_all(clock=clock) == {"sent": 2, "failed": 1}
    odd = Delivery.objects.get(customer__external_id="odd")
    assert (odd.status, odd.reason, odd.transmitting_at is None) == ("failed", "refused", True)
    assert sorted(sink.recipients()) == ["c000@mail.example", "z000@mail.example"]
    assert not Suppression.objects.exists()


def test_a_domain_in_other_letters_is_written_as_the_mail_system_has_it(campaign: Make, sink: Sink) -> None:
    person("mueller", allows=["marketing_email"], email="a@münchen.example")
    planned(campaign())
    assert delivery.deliver_all(clock=clock) == {"sent": 1}
    assert sink.recipients() == ["a@xn--mnchen-3ya.example"]


def test_r7_a_defect_of_ours_stops_nobody_else(campaign: Make, sink: Sink, monkeypatch) -> None:
    ids = people(3)
    planned(campaign())
    finish = messages.finish

    def failing(row: Delivery, *about: object) -> object:
        if row.customer_id == ids[1]:
            raise KeyError("nobody thought of this")
        return finish(row, *about)

    monkeypatch.setattr(messages, "finish", failing)
    assert delivery.deliver_all(clock=clock) == {"sent": 2, "failed": 1}
    assert "KeyError" in Delivery.objects.get(status="failed").detail


def test_a_webhook_needs_no_words(campaign: Make) -> None:
    people(1)
    planned(campaign(channel="webhook", webhook_url="https://127.0.0.1/offers", message=None))
    assert delivery.deliver_all(clock=clock) == {"failed": 1}
    assert "not public" in Delivery.objects.get().detail  # it got as far as the receiver's address


def test_a_template_may_abort_a_message(campaign: Make, sink: Sink) -> None:
    people(2)
    row = campaign(launched=False)
    Message.objects.update(
        body="{% assign n = customer.name | default: '' %}{% if n == 'C001' %}{{ 'not for you' | abort }}{% endif %}hello"
    )
    row.refresh_from_db()
    lifecycle.take(row, "approve", by="t", at=NOW)
    lifecycle.take(row, "launch", by="t", at=NOW)
    planned(row)
    assert delivery.deliver_all(clock=clock) == {"sent": 1, "suppressed": 1}
    assert Delivery.objects.get(status="suppressed").detail == "not for you"


def test_the_frequency_cap_counts_what_was_sent_and_what_waits(campaign: Make, sink: Sink) -> None:
    people(2)
    for _ in range(3):
        planned(campaign())
    assert delivery.deliver_all(clock=clock) == {"sent": 6}
    waterfall = planned(campaign())
    assert (waterfall.capped, waterfall.sendable, waterfall.left) == (2, 0, 0)
    later = NOW + rules.FREQUENCY_CAPS["email"][1] + timedelta(seconds=1)
    row = campaign()
    planning.plan(run_of(row), at=later)
    assert Waterfall.from_dict(run_of(row).waterfall).sendable == 2


def test_r2_an_expired_claim_waits_again_and_an_expired_transmission_is_unknown_for_ever(
    campaign: Make, sink: Sink
) -> None:
    people(2)
    planned(campaign())
    first, second = delivery.claim(at=NOW, limit=2)
    Delivery.objects.filter(pk=second.pk).update(
        status="transmitting", transmitting_at=NOW, basis="consent", consent_record_id=1
    )
    later = NOW + delivery.LEASE + timedelta(seconds=1)
    assert delivery.deliver_all(clock=lambda: later) == {"sent": 1}
    second.refresh_from_db()
    assert (second.status, second.reason) == ("unknown", "")
    first.refresh_from_db()
    assert (first.status, first.attempt) == ("sent", 2)


def test_r2_a_worker_that_slept_past_its_lease_changes_nothing(campaign: Make, sink: Sink) -> None:
    people(1)
    planned(campaign())
    (mine,) = delivery.claim(at=NOW, limit=1)
    later = NOW + delivery.LEASE + timedelta(seconds=1)
    assert delivery.deliver_all(clock=lambda: later) == {"sent": 1}
    assert delivery._begin(mine, rules.book(["email"]), NOW) is None
    assert Delivery.objects.get().status == "sent"
    assert len(sink.mails()) == 1


def test_r2_a_worker_that_slept_changes_nothing_of_what_another_holds_now(campaign: Make, sink: Sink) -> None:
    """The row is claimed again, so its state is the one the sleeper left: only the attempt tells them apart."""
    people(1)
    planned(campaign())
    (mine,) = delivery.claim(at=NOW, limit=1)
    later = NOW + delivery.LEASE + timedelta(seconds=1)
    delivery.release_expired(at=later)
    (theirs,) = delivery.claim(at=later, limit=1)
    assert (mine.pk, mine.attempt, theirs.attempt) == (theirs.pk, 1, 2)
    assert delivery._begin(mine, rules.book(["email"]), later) is None
    assert delivery._end(mine, "sent", later) == "sent"  # what it believes, and nobody else
    assert list(Delivery.objects.values_list("status", "attempt")) == [("claimed", 2)]
    assert delivery._begin(theirs, rules.book(["email"]), later) is not None


def test_r2_two_workers_never_claim_the_same_row(campaign: Make) -> None:
    people(10)
    planned(campaign())
    one = {row.pk for row in delivery.claim(at=NOW, limit=6)}
    two = {row.pk for row in delivery.claim(at=NOW, limit=6)}
    assert (len(one), len(two), one & two) == (6, 4, set())


def test_c3_the_database_refuses_a_message_sent_without_permission(campaign: Make) -> None:
    people(1)
    planned(campaign())
    for status in ("transmitting", "sent", "unknown"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.update(status=status)


def finished(customer: int, purpose: str = "marketing_email") -> Finished:
    return Finished(customer, purpose, "a@mail.example", "s", "<p>h</p>", "t", "<m@x>", {}, {})


def test_c1_c3_the_lock_wants_the_person_s_own_permission(anna: Customer, boris: Customer) -> None:
    permission = Permission(anna.pk, "marketing_email", at=NOW)
    for message in (finished(boris.pk), finished(anna.pk, "partner_sharing")):
        with pytest.raises(WrongPermission):
            Email().send(message, permission)
    with pytest.raises(WrongPermission):
        Email().send(finished(anna.pk), object())  # type: ignore[arg-type]
    with pytest.raises(NotPermitted):
        Permission(boris.pk, "marketing_email", at=NOW)


def test_a_line_left_in_the_midst_of_a_message_is_hung_up_without_waiting(sink: Sink, monkeypatch) -> None:
    """The server waits for the body then, and would not answer QUIT before the time is up."""
    said: list[str] = []
    monkeypatch.setattr("smtplib.SMTP.quit", lambda _line: said.append("QUIT"))
    with pytest.raises(DatabaseError), Email() as line:
        line.open(finished(1))
        raise DatabaseError("the database is gone")
    assert said == []
    assert sink.recipients() == []


def test_c1_c3_a_channel_cannot_change_the_lock() -> None:
    with pytest.raises(TypeError, match="holds the lock"):
        type("Leaky", (Channel,), {"send": lambda *_: None, "_transmit": lambda *_: None})


def test_s2_a_line_break_in_a_header_never_leaves(campaign: Make, sink: Sink) -> None:
    people(1)
    Customer.objects.update()
    row = campaign(launched=False)
    Message.objects.update(subject="Hello\r\nBcc: everyone@mail.example")
    row.refresh_from_db()
    lifecycle.take(row, "approve", by="t", at=NOW)
    lifecycle.take(row, "launch", by="t", at=NOW)
    planned(row)
    delivery.deliver_all(clock=clock)
    (mail,) = sink.mails()
    assert mail["Bcc"] is None
    assert str(mail["Subject"]) == "Hello Bcc: everyone@mail.example"


def test_lines_that_begin_with_a_dot_arrive_whole(campaign: Make, sink: Sink) -> None:
    people(1)
    row = campaign(launched=False)
    Message.objects.update(text="one\n.\n..two\n.three", translations={})
    row.refresh_from_db()
    lifecycle.take(row, "approve", by="t", at=NOW)
    lifecycle.take(row, "launch", by="t", at=NOW)
    planned(row)
    assert delivery.deliver_all(clock=clock) == {"sent": 1}
    (mail,) = sink.mails()
    part = mail.get_body(("plain",))
    assert part is not None
    assert part.get_content().replace("\r", "").startswith("one\n.\n..two\n.three\n")


@pytest.mark.parametrize("text", ["plain\n" + "x" * 3000, "尊敬的顾客\r\n" * 90, "café \n.\nlone\rend  "])
def test_a_mail_keeps_to_the_lines_of_rfc_5322_and_reads_as_it_was_written(text: str) -> None:
    subject = "为您精选：" * 20
    sent = _body(Finished(1, "p", "a@mail.example", subject, f"<p>{text}</p>", text, "<m@x>", {}, {}))
    assert b"\n" not in sent.replace(b"\r\n", b"")
    assert b"\r" not in sent.replace(b"\r\n", b"")
    assert max(map(len, sent.split(b"\r\n"))) <= 78
    mail = message_from_bytes(sent.replace(b"\r\n..", b"\r\n."), policy=policy.default)
    assert [defect for part in mail.walk() for defect in part.defects] == []
    assert mail["Subject"] == subject
    for kind, written in (("plain", text), ("html", f"<p>{text}</p>")):
        part = mail.get_body((kind,))
        assert part is not None
        assert part.get_content().encode().splitlines() == written.encode().splitlines()


def test_u1_an_unready_campaign_says_everything_that_is_missing(campaign: Make, settings) -> None:
    row = campaign(offer("draft", status="draft"), launched=False)
    settings.POSTAL_ADDRESS = ""
    Message.objects.update(body="{{ customer.nickname }}\n{% if %}")
    row.refresh_from_db()
    with pytest.raises(lifecycle.NotPossible) as error:
        lifecycle.take(row, "approve", by="t", at=NOW)
    for part in ("not approved", "POSTAL_ADDRESS", "body, line 2"):
        assert part in str(error.value)
    row.refresh_from_db()
    assert row.status == "draft"


def test_u1_without_an_https_address_no_mail_campaign_is_approved_or_launched(
    campaign: Make, settings
) -> None:
    row = campaign(offer("draft"), launched=False)
    settings.PUBLIC_URL = "http://shop.example"
    with pytest.raises(lifecycle.NotPossible, match="PUBLIC_URL does not begin with https://"):
        lifecycle.take(row, "approve", by="t", at=NOW)
    row.refresh_from_db()
    assert row.status == "draft"
    settings.PUBLIC_URL = "https://shop.example"
    lifecycle.take(row, "approve", by="t", at=NOW)
    settings.PUBLIC_URL = "http://shop.example"
    with pytest.raises(lifecycle.NotPossible, match="PUBLIC_URL"):
        lifecycle.take(row, "launch", by="t", at=NOW)
    row.refresh_from_db()
    assert row.status == "approved"


@pytest.mark.parametrize("allowed_by", ["DEBUG", "DEMO"])
def test_u1_a_demo_and_a_developer_need_no_https(settings, allowed_by: str) -> None:
    settings.POSTAL_ADDRESS, settings.PUBLIC_URL = "1 Example Street", "http://127.0.0.1:8000"
    assert len(checks.problems_of_the_sender()) == 1
    setattr(settings, allowed_by, True)
    assert checks.problems_of_the_sender() == []


def test_a_step_from_the_wrong_state_changes_nothing(campaign: Make) -> None:
    row = campaign()
    with pytest.raises(lifecycle.NotPossible, match="running"):
        lifecycle.take(row, "launch", by="t", at=NOW)
    assert row.runs.count() == 1


def test_a_campaign_finishes_when_its_last_message_has_ended(campaign: Make, sink: Sink) -> None:
    people(2)
    row = campaign()
    planned(row)
    assert lifecycle.finish_done(at=NOW) == 0
    delivery.deliver_all(clock=clock)
    assert lifecycle.finish_done(at=NOW) == 1
    row.refresh_from_db()
    assert row.status == "finished"


def test_offers_for_what_a_person_likes_go_first(campaign: Make, products) -> None:
    people(1)
    kitchen, plants = offer("kitchen"), offer("plants")
    kitchen.categories.set(garden().__class__.objects.filter(name="Kitchen"))
    plants.categories.set([garden()])
    planned(campaign(kitchen, plants))
    decision = Decision.objects.get()
    assert {entry["verdict"] for entry in decision.candidates} == {"chosen", "eligible"}
    assert decision.code is not None
    assert decision.code.customer_id == decision.customer_id
