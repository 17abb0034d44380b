"""The one gate and the six places that ask it: C1, C2, C3, C4, C9, C12."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import audit, codes, delivery, onsite, planning, segments
from campaigns.models import Campaign, Code, Decision, Delivery
from customers import consent, events, histories, identities
from customers.consent import Permission
from customers.events import Incoming
from customers.models import ConsentRecord, ConsentState, Customer, Event, Suppression
from customers.purposes import PURPOSES
from recommender import serving
from recommender.algorithms.frequency import Frequency
from tests import desk
from tests.campaigns.conftest import Sink, offer
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import sink as sink
from tests.conftest import NOW, Caller, evidence
from tests.recommender.live import go_live, strangers

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
# Who did not order a mug: nobody is left in by a "not" for what they did without their leave.
NO_MUG = {"not": {"did": "ordered", "sku": "mug", "times": {"gte": 1}}}


def orders(*names: str) -> None:
    lines = [
        Incoming(
            f"{name}-{sku}", "ordered", NOW - timedelta(days=3), customer=name, sku=sku,
            value=Decimal(5), currency="EUR", order_id=f"o-{name}-{sku}",
        )
        for name in names
        for sku in ("rose", "soil")
    ]  # fmt: skip
    assert events.take_in(lines, source="shop", at=NOW - timedelta(days=3)).refused == []


@pytest.fixture
def shop(anna: Customer, boris: Customer, clara: Customer, products, settings, tmp_path) -> None:
    """Anna, Boris and Clara bought the same; models are live; a mail and a placement campaign run."""
    settings.MODEL_DIR = tmp_path / "models"
    settings.MODEL_DIR.mkdir()
    orders("anna", "boris", "clara")
    strangers()
    go_live(Frequency())


# --- the six gates: whom each lets through, and on which line of the ledger --------------------------------------


def ingest(make: Make) -> dict[str, int | None]:
    for name in ("anna", "boris", "clara"):
        events.take_in([Incoming(f"v-{name}", "viewed", NOW, customer=name, sku="rose")], source="t", at=NOW)
    rows = Event.objects.filter(type="viewed").values_list("customer__external_id", "consent_record_id")
    return dict(rows)


def train(make: Make) -> dict[str, int | None]:
    ids = set(histories.purchases("personalization").customers.tolist())
    return dict.fromkeys(Customer.objects.filter(pk__in=ids).values_list("external_id", flat=True))


def segment(make: Make) -> dict[str, int | None]:
    return dict.fromkeys(segments.matching(NO_MUG, at=NOW).values_list("external_id", flat=True))


def recommend(make: Make) -> dict[str, int | None]:
    found = {}
    for name, pk in identities.find(["anna", "boris", "clara"]).items():
        answer = serving.recommend(pk, at=NOW, limit=2)
        assert len(answer.items) == 2, "who is not known still gets a good list"
        if answer.personalized:
            assert answer.permission is not None
            found[name] = answer.permission.record_id
    return found


def offers(make: Make) -> dict[str, int | None]:
    make(offer("for-all", code_kind="none", max_per_customer=None), channel="onsite", placement="home")
    found = {}
    for name, pk in identities.find(["anna", "boris", "clara"]).items():
        shown = onsite.decide(pk, "home", at=NOW)
        assert shown.fallback is not bool(shown.decisions)
        if shown.decision is not None:
            found[name] = shown.decision.consent_record_id
    return found


def send(make: Make) -> dict[str, int | None]:
    make(offer("ten"))
    planning.plan_due(at=NOW)
    delivery.deliver_all(clock=lambda: NOW)
    sent = Delivery.objects.filter(status="sent")
    return dict(sent.values_list("customer__external_id", "consent_record_id"))


GATES = {
    ingest: "analytics",
    train: "personalization",
    segment: "personalization",
    recommend: "personalization",
    offers: "personalization",
    send: "marketing_email",
}


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.__name__)
def test_c2_each_of_the_six_gates_asks_and_keeps_the_record_it_rests_on(
    shop: None, campaign: Make, sink: Sink, anna: Customer, gate
) -> None:
    through = gate(campaign)
    assert set(through) == {"anna"}
    if gate not in (train, segment):  # these make no row of a person
        record = ConsentRecord.objects.get(pk=through["anna"])
        assert (record.customer_id, record.purpose, record.granted) == (anna.pk, GATES[gate], True)
    found = audit.audit()
    assert found.violations == []


def test_c2_the_audit_recomputes_all_that_was_kept_decided_and_sent(
    shop: None, campaign: Make, sink: Sink
) -> None:
    ingest(campaign)
    offers(campaign)
    send(campaign)
    found = audit.audit()
    kept = Event.objects.exclude(basis="contract").count()
    decided = Decision.objects.count() + Decision.objects.filter(personalized=True).count()
    assert found.checked == {"events": kept, "decisions": decided, "deliveries": 1}
    assert min(found.checked.values()) >= 1
    assert found.violations == []


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.__name__)
def test_c12_who_objects_is_out_at_every_gate_at_once(
    shop: None, campaign: Make, sink: Sink, anna: Customer, gate
) -> None:
    consent.withdraw_all(anna.pk, method="objection", source="t", actor="customer", at=NOW)
    assert gate(campaign) == {}
    assert sink.mails() == []


def test_c12_what_was_planned_before_the_objection_is_not_sent(
    shop: None, campaign: Make, sink: Sink, anna: Customer
) -> None:
    campaign(offer("ten"))
    planning.plan_due(at=NOW)
    assert Delivery.objects.filter(customer=anna, status="planned").exists()
    consent.withdraw_all(anna.pk, method="objection", source="t", actor="customer", at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW) == {"suppressed": 1}
    assert sink.mails() == []


def test_c12_no_role_overrides_it(client: Client, clara: Customer) -> None:
    """Not even whoever may do everything finds a page of the desk that raises what a person allows."""
    client.force_login(desk.staff())
    Suppression.objects.create(channel="email", address_index=clara.email_index, reason="unsubscribed")
    before = list(ConsentState.objects.order_by("pk").values())
    lines = ConsentRecord.objects.count()
    rows = {
        "consentstate": ConsentState.objects.filter(customer=clara).first(),
        "consentrecord": ConsentRecord.objects.filter(customer_id=clara.pk).first(),
        "suppression": Suppression.objects.get(),
    }
    for name, row in rows.items():
        for page, args in (("change", [row.pk]), ("delete", [row.pk])):
            url = reverse(f"admin:customers_{name}_{page}", args=args)
            assert client.post(url, {"granted": "on", "post": "yes"}).status_code == 403
    for name in ("consentstate", "consentrecord"):
        assert client.post(reverse(f"admin:customers_{name}_add"), {"granted": "on"}).status_code == 403
    assert list(ConsentState.objects.order_by("pk").values()) == before
    assert ConsentRecord.objects.count() == lines
    assert Suppression.objects.count() == 1


# --- the gate itself ---------------------------------------------------------------------------------------------


def gone(execute, sql, params, many, context):
    raise OperationalError("the database is away")


def test_c1_a_database_that_does_not_answer_is_a_no_in_every_form_of_the_question(anna: Customer) -> None:
    questions = [
        lambda: Permission(anna.pk, "analytics", at=NOW),
        lambda: Permission.of_many([anna.pk], "analytics", at=NOW),
        lambda: Permission.of_buyers([anna.pk], [1], at=NOW),
        lambda: consent.decide(anna.pk, "analytics", at=NOW),
        lambda: consent.verdicts([anna.pk], "analytics"),
        lambda: list(consent.permitted("analytics")),
    ]
    with connection.execute_wrapper(gone):
        for question in questions:
            with pytest.raises(OperationalError):
                question()


def test_c1_nobody_is_sent_to_while_the_gate_does_not_answer(
    shop: None, campaign: Make, sink: Sink, anna: Customer
) -> None:
    campaign(offer("ten"))
    planning.plan_due(at=NOW)
    asked = []

    def gate_is_away(execute, sql, params, many, context):
        if "LEFT JOIN customers_consentstate" in sql and "marketing_email" in params:
            asked.append(sql)
            raise OperationalError("the database went away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(gate_is_away), pytest.raises(OperationalError):
        delivery.deliver_due(clock=lambda: NOW)
    assert asked
    assert sink.mails() == []
    row = Delivery.objects.get(customer=anna)
    assert (row.status, row.transmitting_at, row.basis) == ("claimed", None, "")
    later = NOW + timedelta(hours=1)
    assert delivery.deliver_all(clock=lambda: later) == {"sent": 1}, "back again, it goes on"


def test_c3_the_gate_is_asked_in_the_commit_that_marks_the_message(
    shop: None, campaign: Make, sink: Sink
) -> None:
    campaign(offer("ten"))
    planning.plan_due(at=NOW)
    with CaptureQueriesContext(connection) as queries:
        assert delivery.deliver_all(clock=lambda: NOW) == {"sent": 1}
    said = [query["sql"] for query in queries]
    marked = next(
        n
        for n, sql in enumerate(said)
        if sql.startswith("UPDATE campaigns_delivery") and "transmitting" in sql
    )
    begun = max(n for n, sql in enumerate(said[:marked]) if sql.startswith("SAVEPOINT"))
    inside = said[begun:marked]
    assert any("LEFT JOIN customers_consentstate" in sql and "marketing_email" in sql for sql in inside)
    assert not any(sql.startswith("RELEASE") for sql in inside)


@pytest.mark.parametrize("moment", range(1, 9))
def test_c3_a_withdrawal_at_any_moment_of_the_sending_wins_if_it_commits_before_the_mark(
    shop: None, campaign: Make, sink: Sink, anna: Customer, moment: int
) -> None:
    campaign(offer("ten"))
    planning.plan_due(at=NOW)
    calls: list[str] = []

    def clock():
        calls.append(Delivery.objects.get(customer=anna).status)
        if len(calls) == moment:
            consent.withdraw(anna.pk, "marketing_email", method="m", source="s", actor="customer", at=NOW)
        return NOW

    done = delivery.deliver_all(clock=clock)
    assert len(calls) >= moment, "the sending has no such moment any more"
    was_marked = calls[moment - 1] in ("transmitting", "sent")
    assert dict(done) == ({"sent": 1} if was_marked else {"suppressed": 1})
    assert len(sink.mails()) == was_marked


def test_c4_refusing_everything_blocks_no_order_no_code_and_no_mail_of_the_order(
    clara: Customer, products, server: Caller, sink: Sink
) -> None:
    order = {
        "message_id": "m1", "customer": "clara", "type": "ordered", "sku": "rose", "value": "12.50",
        "currency": "EUR", "order_id": "o1", "occurred_at": "2026-11-01T10:00:00Z",
    }  # fmt: skip
    assert server("POST", "events", order).body == {"accepted": 1, "duplicates": 0, "refused": []}
    assert Event.objects.get().basis == "contract"
    ten = offer("ten")
    (code,) = codes.assign(ten, [clara.pk], at=NOW).values()
    Code.objects.filter(pk=code.pk).update(expires_at=None)
    used = server(
        "POST",
        "codes/redeem",
        {"code": code.value, "customer": "clara", "order_id": "o1", "amount": "20.00", "currency": "EUR"},
    )
    assert (used.status, used.body["discount"]) == (200, "2.00")
    asked = {"purpose": "marketing_email", "source": "order page"}
    assert server("POST", "customers/clara/consents/ask", asked).status == 202
    assert not any(consent.verdicts([clara.pk], purpose)[clara.pk].allowed for purpose in PURPOSES)


def test_c4_each_purpose_is_answered_apart(boris: Customer) -> None:
    for purpose in PURPOSES:
        consent.give(boris.pk, purpose, evidence=evidence(purpose), at=NOW)
        allowed = {one for one in PURPOSES if consent.verdicts([boris.pk], one)[boris.pk].allowed}
        assert allowed == {purpose}
        consent.withdraw(boris.pk, purpose, method="m", source="s", actor="customer", at=NOW)


def test_c9_no_profile_no_import_and_no_merge_raises_what_a_person_allows(
    boris: Customer, clara: Customer, anna: Customer, server: Caller, tmp_path: Path
) -> None:
    before = ConsentRecord.objects.count()
    said = {"email": "boris@mail.example", "attributes": {"marketing_email": True, "consent": "yes"}}
    assert server("PUT", "customers/boris", {**said, "country": "DE"}).status == 200
    assert server("POST", "customers/bulk", {"customers": [{"id": "clara", **said}]}).status == 200
    people = tmp_path / "people.csv"
    people.write_text("id,email,country,marketing_email,consent\nboris,boris@mail.example,DE,yes,yes\n")
    call_command("import_data", "customers-csv", str(people), verbosity=0)
    acts = tmp_path / "acts.csv"
    acts.write_text("customer,sku,event,value,occurred_at\nboris,s1,ordered,9.90,2026-01-02T10:00:00Z\n")
    call_command("import_data", "events-csv", str(acts), verbosity=0)
    assert ConsentRecord.objects.count() == before
    identities.merge(boris.pk, anna.pk, actor="t", at=NOW)
    for pk in (boris.pk, clara.pk):
        assert not any(consent.verdicts([pk], purpose)[pk].allowed for purpose in PURPOSES)


def test_c9_an_import_raises_only_with_the_words_it_rests_on(boris: Customer, tmp_path: Path) -> None:
    acts = tmp_path / "acts.csv"
    acts.write_text("customer,sku,event,value,occurred_at\nboris,s1,ordered,9.90,2026-01-02T10:00:00Z\n")
    call_command("import_data", "events-csv", str(acts), grant="analytics", notice="analytics@1", verbosity=0)
    record = ConsentRecord.objects.get(customer_id=boris.pk)
    assert (record.purpose, record.granted, record.notice) == ("analytics", True, "analytics@1")
    assert re.fullmatch(r"[0-9a-f]{64}", record.notice_sha256)
    assert record.actor
