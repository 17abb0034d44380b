"""The audit of consent: everything kept, decided and sent is asked again, and what was not permitted is named."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import audit, delivery, outcomes, planning
from campaigns.audit import Audit
from campaigns.models import Campaign, CampaignRun, Decision, Delivery
from catalog.models import Product
from customers import consent, events, identities, privacy
from customers.events import Incoming
from customers.models import ConsentRecord, Customer, Event
from tests.campaigns.conftest import Sink, offer, people
from tests.conftest import NOW, evidence, person

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LEFT = NOW - 10 * DAY  # when somebody took back what they had allowed


def refused(customer: Customer, purpose: str, at: datetime = LEFT) -> None:
    consent.withdraw(customer.pk, purpose, method="page", source="t", actor="customer", at=at)


def record_of(customer: Customer, purpose: str) -> int:
    """The grant in the person's chain: what a forged row would name."""
    return ConsentRecord.objects.filter(customer_id=customer.pk, purpose=purpose, granted=True).get().pk


def an_event(
    customer: Customer, kind: str, at: datetime, *, basis: str = "consent", record: int | None = None
) -> Event:
    return Event.objects.create(
        customer=customer, type=kind, occurred_at=at, received_at=at, source="forged", basis=basis,
        message_id=f"{customer.pk}-{kind}-{at.isoformat()}", consent_record_id=record,
    )  # fmt: skip


def a_decision(
    customer: Customer, at: datetime, *, basis: str = "consent", record: int | None = None, **more
) -> Decision:
    return Decision.objects.create(
        customer=customer, placement="email", purpose="marketing_email", decided_at=at, basis=basis,
        consent_record_id=record, **more,
    )  # fmt: skip


def a_delivery(
    decision: Decision, at: datetime | None, *, basis: str, record: int | None, status: str
) -> Delivery:
    campaign = Campaign.objects.create(slug=f"c{Campaign.objects.count()}", name="C")
    return Delivery.objects.create(
        decision=decision, run=CampaignRun.objects.create(campaign=campaign, due_at=NOW), channel="email",
        customer=decision.customer, status=status, not_before=NOW, transmitting_at=at, basis=basis,
        consent_record_id=record,
    )  # fmt: skip


def printed(*arguments: str) -> tuple[int, str]:
    """The command's exit code and what it said."""
    out = StringIO()
    try:
        call_command("audit_consent", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def clean(found: Audit) -> bool:
    return found.violations == []


# --- what the platform does by itself ---------------------------------------------------------------------------


def test_c2_a_campaign_from_the_first_view_to_the_last_order_is_clean(
    campaign: Callable[..., Campaign], sink: Sink, boris: Customer, clara: Customer
) -> None:
    people(6)
    views = [
        Incoming(f"v-{who}", "viewed", NOW - DAY, customer=who, sku="rose")
        for who in ("c000", "c001", "boris", "clara")
    ]
    orders = [
        Incoming(f"o-{who}", "ordered", NOW, customer=who, sku="rose") for who in ("c000", "boris", "clara")
    ]
    events.take_in([*views, *orders], source="tests", at=NOW)
    planning.plan(campaign(offer("ten")).runs.get(), at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW) == {"sent": 6}
    sent = Delivery.objects.select_related("customer").first()
    click = Incoming(
        "k", "clicked", NOW, customer=sent.customer.external_id, context={"decision": str(sent.decision_id)}
    )
    events.take_in([click], source="tests", at=NOW)
    outcomes.credit_all(at=NOW)
    # Afterwards everyone leaves: what was permitted at its time stays so.
    for customer in Customer.objects.filter(external_id__startswith="c00"):
        consent.withdraw_all(customer.pk, method="page", source="t", actor="customer", at=NOW + DAY)
    found = audit.audit()
    assert clean(found)
    # Two views and a click were kept by consent (orders by contract); a decision may rest on two permissions.
    personal = Decision.objects.filter(personalized=True).count()
    assert found.checked == {"events": 3, "decisions": 6 + personal, "deliveries": 6}
    code, said = printed()
    assert code == 0
    assert (
        said
        == f"Consent: 3 events, {6 + personal} decisions, 6 deliveries checked against the ledger, 0 violations.\n"
    )


def test_c4_orders_are_kept_under_contract_and_ask_nobody(boris: Customer) -> None:
    an_event(boris, "ordered", NOW, basis="contract")
    found = audit.audit()
    assert (found.checked["events"], clean(found)) == (0, True)


def test_c2_c4_silence_means_yes_only_where_the_law_says_so(db: None) -> None:
    californian = person("cal", country="US")
    an_event(californian, "viewed", NOW, basis="default")
    assert clean(audit.audit())
    european = person("eve", country="DE")
    forged = an_event(european, "viewed", NOW, basis="default")
    assert audit.audit().violations == [
        f"event {forged.pk}: analytics of customer #{european.pk} at {NOW.isoformat()}: never asked, and EU asks first"
    ]


# --- planted, one of each kind -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("viewed", "analytics"),
        ("searched", "analytics"),
        ("opened", "message_tracking"),
        ("clicked", "message_tracking"),
    ],
)
def test_c2_an_event_kept_after_the_no_is_named(anna: Customer, kind: str, purpose: str) -> None:
    record = record_of(anna, purpose)
    before = an_event(anna, kind, LEFT - DAY, record=record)
    refused(anna, purpose)
    assert clean(audit.audit())
    after = an_event(anna, kind, LEFT + DAY, record=record)
    moment = (LEFT + DAY).isoformat()
    assert audit.audit().violations == [
        f"event {after.pk}: {purpose} of customer #{anna.pk} at {moment}: refused"
    ]
    assert before.pk != after.pk


def test_c2_an_event_kept_before_anybody_was_asked_is_named(anna: Customer) -> None:
    long_ago = NOW - 500 * DAY  # Anna said yes 400 days ago
    forged = an_event(anna, "viewed", long_ago, record=record_of(anna, "analytics"))
    (violation,) = audit.audit().violations
    assert violation.startswith(f"event {forged.pk}: analytics")
    assert violation.endswith("never asked, and EU asks first")


def test_c2_an_event_that_names_another_record_than_the_one_in_force_is_named(anna: Customer) -> None:
    other = person("other", allows=["analytics"])
    consent.give(anna.pk, "analytics", evidence=evidence("analytics"), at=LEFT)
    old = ConsentRecord.objects.filter(customer_id=anna.pk, purpose="analytics").order_by("sequence")[0].pk
    for wrong in (record_of(other, "analytics"), record_of(anna, "personalization"), old, 10**9):
        forged = an_event(anna, "viewed", NOW, record=wrong)
        (violation,) = audit.audit().violations
        assert violation.startswith(f"event {forged.pk}: analytics of customer #{anna.pk}")
        forged.delete()
    an_event(anna, "viewed", NOW, record=consent.decide(anna.pk, "analytics", at=NOW).record_id)
    assert clean(audit.audit())


def test_c2_a_decision_made_after_the_no_is_named(anna: Customer) -> None:
    record = record_of(anna, "marketing_email")
    a_decision(anna, LEFT - DAY, record=record)
    refused(anna, "marketing_email")
    assert clean(audit.audit())
    forged = a_decision(anna, LEFT, record=record)  # the moment itself is already too late
    assert audit.audit().violations == [
        f"decision {forged.pk}: marketing_email of customer #{anna.pk} at {LEFT.isoformat()}: refused"
    ]


def test_c2_a_decision_personalised_without_leave_is_named_for_that_alone(anna: Customer) -> None:
    mail, personal = record_of(anna, "marketing_email"), record_of(anna, "personalization")
    more = {"personalized": True, "personalization_basis": "consent", "personalization_record_id": personal}
    a_decision(anna, LEFT - DAY, record=mail, **more)
    refused(anna, "personalization")
    assert clean(audit.audit())
    forged = a_decision(anna, NOW, record=mail, **more)
    assert audit.audit().violations == [
        f"decision {forged.pk} (personalised): personalization of customer #{anna.pk} at {NOW.isoformat()}: refused"
    ]


@pytest.mark.parametrize("status", ["transmitting", "sent", "unknown", "retry"])
def test_c2_c3_a_message_sent_after_the_no_is_named_even_if_it_was_planned_before(
    anna: Customer, status: str
) -> None:
    record = record_of(anna, "marketing_email")
    decision = a_decision(anna, LEFT - DAY, record=record)
    refused(anna, "marketing_email")
    forged = a_delivery(decision, LEFT + DAY, basis="consent", record=record, status=status)
    moment = (LEFT + DAY).isoformat()
    assert audit.audit().violations == [
        f"delivery {forged.pk}: marketing_email of customer #{anna.pk} at {moment}: refused"
    ]


def test_a_message_that_never_began_asks_nobody(anna: Customer) -> None:
    decision = a_decision(anna, LEFT - DAY, record=record_of(anna, "marketing_email"))
    refused(anna, "marketing_email")
    a_delivery(decision, None, basis="", record=None, status="suppressed")
    found = audit.audit()
    assert (found.checked["deliveries"], clean(found)) == (0, True)


def test_c2_whoever_never_said_yes_is_named_for_everything(boris: Customer) -> None:
    decision = a_decision(boris, NOW, basis="default")
    sent = a_delivery(decision, NOW, basis="default", record=None, status="sent")
    viewed = an_event(boris, "viewed", NOW, basis="default")
    told = [line.partition(":")[0] for line in audit.audit().violations]
    assert told == [f"event {viewed.pk}", f"decision {decision.pk}", f"delivery {sent.pk}"]


# --- people who become one, and people who go -------------------------------------------------------------------------


def test_what_was_permitted_stays_so_when_two_people_turn_out_to_be_one(anna: Customer) -> None:
    visitor = person("visitor", allows=["analytics"])
    events.take_in([Incoming("v", "viewed", NOW, customer="visitor")], source="t", at=NOW)
    identities.merge(anna.pk, visitor.pk, actor="t", at=NOW)
    assert Event.objects.get().customer_id == anna.pk
    assert clean(audit.audit())


def test_a_silent_yes_stays_one_when_its_person_turns_out_to_be_one_who_was_asked(db: None) -> None:
    californian, kept = person("cal", country="US"), person("kept", allows=["analytics"], country="US")
    an_event(californian, "viewed", NOW, basis="default")
    identities.merge(kept.pk, californian.pk, actor="t", at=NOW)
    assert clean(audit.audit())


def test_c2_c10_a_merge_does_not_make_good_what_was_not_permitted(anna: Customer) -> None:
    visitor = person("visitor", allows=["analytics"])
    record = record_of(visitor, "analytics")
    refused(visitor, "analytics")
    forged = an_event(visitor, "viewed", NOW, record=record)
    identities.merge(anna.pk, visitor.pk, actor="t", at=NOW)
    assert [line.partition(":")[0] for line in audit.audit().violations] == [f"event {forged.pk}"]


def test_an_erased_person_leaves_nothing_to_ask(anna: Customer, products: dict[str, Product]) -> None:
    events.take_in([Incoming("v", "viewed", NOW, customer="anna", sku="rose")], source="t", at=NOW)
    a_decision(anna, NOW, record=record_of(anna, "marketing_email"))
    privacy.erase(anna.pk, actor="t", at=NOW)
    found = audit.audit()
    assert found.checked == {"events": 0, "decisions": 0, "deliveries": 0}
    assert clean(found)


# --- the command, and its price -----------------------------------------------------------------------------------------


def test_c2_the_command_exits_1_and_names_each_violation(anna: Customer, boris: Customer) -> None:
    viewed = an_event(boris, "viewed", NOW, basis="default")
    decision = a_decision(boris, NOW, basis="default")
    sent = a_delivery(decision, NOW, basis="default", record=None, status="sent")
    a_decision(anna, NOW, record=record_of(anna, "marketing_email"))
    code, said = printed()
    assert code == 1
    assert (
        said.splitlines()[0]
        == "Consent: 1 events, 2 decisions, 1 deliveries checked against the ledger, 3 violations."
    )
    for what in (f"event {viewed.pk}", f"decision {decision.pk}", f"delivery {sent.pk}"):
        assert f"  {what}: " in said
    code, said = printed("--json")
    found = json.loads(said)
    assert code == 1
    assert found["checked"] == {"events": 1, "decisions": 2, "deliveries": 1}
    assert len(found["violations"]) == 3


def test_more_violations_than_are_printed_are_counted(boris: Customer) -> None:
    for n in range(53):
        an_event(boris, "viewed", NOW - n * DAY, basis="default")
    code, said = printed()
    assert code == 1
    assert "53 violations" in said
    assert "and 3 more; --json names them all." in said
    assert len(json.loads(printed("--json")[1])["violations"]) == 53


def test_the_audit_asks_by_pages_and_not_by_rows(anna: Customer, monkeypatch) -> None:
    record = record_of(anna, "analytics")
    for n in range(4):
        an_event(anna, "viewed", NOW - n * DAY, record=record)
    with CaptureQueriesContext(connection) as four:
        assert clean(audit.audit())
    for n in range(4, 40):
        an_event(anna, "viewed", NOW - n * DAY, record=record)
    with CaptureQueriesContext(connection) as forty:
        assert audit.audit().checked["events"] == 40
    assert len(forty) == len(four)
    monkeypatch.setattr(audit, "PAGE", 7)
    forged = an_event(anna, "viewed", NOW - 500 * DAY, record=record)
    found = audit.audit()
    assert found.checked["events"] == 41
    assert [line.partition(":")[0] for line in found.violations] == [f"event {forged.pk}"]
