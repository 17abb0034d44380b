"""Which decision earned an open, a click or an order: last touch, each once, machines apart, and only by leave."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from campaigns import outcomes
from campaigns.models import Campaign, CampaignRun, Decision, Delivery, Outcome
from customers import consent, events
from customers.events import Incoming
from customers.models import Customer, Event
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
SENT = NOW - 9 * DAY


def sent(customer: Customer, at: datetime = SENT, *, status: str = "sent") -> Decision:
    """A decision whose message was delivered at that moment."""
    campaign = Campaign.objects.create(slug=f"c{Campaign.objects.count()}", name="C")
    run = CampaignRun.objects.create(campaign=campaign, due_at=at)
    decision = Decision.objects.create(
        campaign=campaign, run=run, customer=customer, placement="email", purpose="marketing_email",
        basis="default", decided_at=at,
    )  # fmt: skip
    Delivery.objects.create(
        decision=decision, run=run, customer=customer, channel="email", status=status, not_before=at,
        basis="default", ended_at=at,
    )  # fmt: skip
    return decision


def touch(
    decision: Decision, at: datetime, *, kind: str = "clicked", url: str = "/1", agent: str = "Firefox"
) -> None:
    taken = events.take_in(
        [
            Incoming(
                message_id=f"{kind}-{decision.pk}-{at.isoformat()}-{url}",
                type=kind,
                customer=decision.customer.external_id,
                occurred_at=at,
                context={"decision": str(decision.pk), "url": url, "user_agent": agent},
            )
        ],
        source="tests",
        at=at,
    )
    assert taken.accepted == 1


def order(
    who: str, at: datetime, *, number: str = "o1", value: str = "10.00", arrived: datetime | None = None
) -> None:
    incoming = Incoming(
        message_id=f"{who}-{number}-{value}",
        type="ordered",
        customer=who,
        value=Decimal(value),
        currency="EUR",
        order_id=number,
        occurred_at=at,
    )
    assert events.take_in([incoming], source="tests", at=arrived or at).accepted == 1


@pytest.fixture
def nora(db: None) -> Customer:
    """Allows measuring, but not that her clicks are noted."""
    return person("nora", allows=["analytics"])


def earned() -> dict[str, tuple[Decision, Decimal]]:
    """By order: the decision it is credited to, and the money."""
    rows = Outcome.objects.filter(kind="ordered").select_related("decision", "event")
    return {row.event.order_id: (row.decision, row.value) for row in rows}


# --- last touch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "counts"), [(0 * DAY, True), (5 * DAY - SECOND, True), (5 * DAY, False)])
def test_an_order_within_five_days_of_a_click_counts(anna: Customer, after: timedelta, counts: bool) -> None:
    decision, clicked = sent(anna), SENT + 2 * DAY
    touch(decision, clicked)
    order("anna", clicked + after)
    assert outcomes.credit_all(at=NOW) == 1 + counts
    assert earned() == ({"o1": (decision, Decimal(10))} if counts else {})


@pytest.mark.parametrize(
    ("after", "counts"), [(0 * DAY, True), (DAY - SECOND, True), (DAY, False), (-SECOND, False)]
)
def test_an_order_within_a_day_of_delivery_counts(nora: Customer, after: timedelta, counts: bool) -> None:
    decision = sent(nora)
    order("nora", SENT + after)
    assert outcomes.credit_all(at=NOW) == counts
    assert earned() == ({"o1": (decision, Decimal(10))} if counts else {})


def test_of_people_whose_clicks_may_be_noted_a_delivery_alone_earns_nothing(anna: Customer) -> None:
    sent(anna)
    order("anna", SENT + HOUR)
    assert outcomes.credit_all(at=NOW) == 0


def test_what_was_never_sent_earns_nothing(nora: Customer) -> None:
    for status in ("failed", "suppressed", "unknown"):
        sent(nora, status=status)
    order("nora", SENT + HOUR)
    assert outcomes.credit_all(at=NOW) == 0


def test_of_several_touches_the_last_before_the_order_earns_it(anna: Customer) -> None:
    first, second = sent(anna, SENT), sent(anna, SENT + 2 * DAY)
    touch(first, SENT + DAY)
    order("anna", SENT + DAY + HOUR, number="after the first's click")
    touch(second, SENT + 2 * DAY + HOUR)
    order("anna", SENT + 2 * DAY + HOUR, number="after the second's click")
    touch(first, SENT + 2 * DAY + 2 * HOUR, url="/2")
    order("anna", SENT + 2 * DAY + 3 * HOUR, number="after the first's second click")
    order("anna", SENT - HOUR, number="before all")
    outcomes.credit_all(at=NOW)
    assert {number: decision for number, (decision, _value) in earned().items()} == {
        "after the first's click": first,
        "after the second's click": second,
        "after the first's second click": first,
    }


def test_n5_an_open_earns_no_order(anna: Customer) -> None:
    decision = sent(anna)
    touch(decision, SENT + 2 * DAY, kind="opened")
    order("anna", SENT + 2 * DAY + HOUR)
    outcomes.credit_all(at=NOW)
    assert list(Outcome.objects.values_list("kind", flat=True)) == ["opened"]


def test_another_person_s_order_is_not_earned(anna: Customer) -> None:
    person("dora", allows=["analytics"])
    touch(sent(anna), SENT + HOUR)
    order("dora", SENT + 2 * HOUR)
    outcomes.credit_all(at=NOW)
    assert earned() == {}


# --- each once, however late -------------------------------------------------------------------------------------


def test_each_line_of_an_order_is_credited_once_however_often_it_is_asked_and_sent(nora: Customer) -> None:
    decision = sent(nora)
    order("nora", SENT + HOUR, value="12.50")
    order("nora", SENT + HOUR, value="7.50")
    assert outcomes.credit_all(at=NOW) == 2
    line = Event.objects.filter(value="7.50").get()
    again = Incoming(
        message_id=line.message_id, type="ordered", customer="nora", value=Decimal("7.50"), order_id="o1",
        occurred_at=SENT + HOUR,
    )  # fmt: skip
    assert events.take_in([again], source="tests", at=NOW).duplicates == 1
    assert outcomes.credit_all(at=NOW) == 0
    assert sum(row.value for row in Outcome.objects.filter(decision=decision)) == 20


def test_a_later_touch_changes_nothing_that_is_credited(anna: Customer) -> None:
    first = sent(anna)
    touch(first, SENT + timedelta(minutes=10))
    order("anna", SENT + HOUR)
    outcomes.credit_all(at=NOW)
    second = sent(anna, SENT + timedelta(minutes=30))
    touch(second, SENT + timedelta(minutes=50))
    outcomes.credit_all(at=NOW)
    assert earned() == {"o1": (first, Decimal(10))}


def test_an_order_and_its_click_that_arrive_late_together_are_credited_by_when_they_happened(
    anna: Customer,
) -> None:
    decision = sent(anna)
    order("anna", SENT + 3 * DAY, arrived=NOW)
    assert outcomes.credit_all(at=NOW) == 0  # the click is not here yet
    touch(decision, SENT + 2 * DAY)
    assert outcomes.credit_all(at=NOW) == 2
    assert earned() == {"o1": (decision, Decimal(10))}


def test_what_arrives_after_ten_days_is_let_be(nora: Customer) -> None:
    sent(nora)
    order("nora", SENT + HOUR)
    assert outcomes.credit_all(at=SENT + HOUR + outcomes.LOOKBACK + SECOND) == 0
    assert outcomes.credit_all(at=SENT + HOUR + outcomes.LOOKBACK) == 1


def test_a_touch_that_names_no_decision_of_the_person_s_own_is_nothing_and_holds_up_nobody(
    anna: Customer,
) -> None:
    other = sent(person("dora", allows=["message_tracking"]))
    strange = [str(uuid4()), "rubbish", str(other.pk), None, ["x"], ""] * 2
    events.take_in(
        [
            Incoming(f"strange-{i}", "clicked", SENT + HOUR, customer="anna", context={"decision": named})
            for i, named in enumerate(strange)
        ],
        source="tests",
        at=NOW,
    )
    decision = sent(anna)
    touch(decision, SENT + 2 * HOUR)
    assert outcomes.credit_all(at=NOW, batch=3) == 1
    assert Outcome.objects.get().decision == decision


def test_page_by_page_is_the_same_as_all_at_once(anna: Customer) -> None:
    decision = sent(anna)
    for i in range(1, 8):
        touch(decision, SENT + i * HOUR, url=f"/{i}", kind="clicked")
        order("anna", SENT + i * HOUR, number=f"o{i}")
    assert outcomes.credit_all(at=NOW, batch=3) == 14
    assert len(earned()) == 7


# --- machines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com",
        "Mozilla/5.0 (compatible; BingPreview/1.0b)",
        "BarracudaCentral",
        "Mimecast",
        "proofpoint",
        "SafeLinks",
        "Googlebot/2.1",
        "AnyCrawler/1",
        "Python-urllib/3.11",
        "curl/8.1",
    ],
)
def test_known_agents_are_machines(anna: Customer, agent: str) -> None:
    touch(sent(anna), SENT + HOUR, kind="opened", agent=agent)
    outcomes.credit_all(at=NOW)
    row = Outcome.objects.get()
    assert (row.is_machine, row.machine_reasons) == (True, ["known_agent"])


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)", "", "Thunderbird"])
def test_a_person_shows_no_sign_of_a_machine(anna: Customer, agent: str) -> None:
    touch(sent(anna), SENT + HOUR, agent=agent)
    outcomes.credit_all(at=NOW)
    row = Outcome.objects.get()
    assert (row.is_machine, row.machine_reasons) == (False, [])


@pytest.mark.parametrize(("after_s", "signs"), [(0, 1), (1.9, 1), (-1, 1), (2, 0), (60, 0)])
def test_nobody_opens_within_two_seconds_of_delivery(anna: Customer, after_s: float, signs: int) -> None:
    touch(sent(anna), SENT + timedelta(seconds=after_s), kind="opened")
    outcomes.credit_all(at=NOW)
    assert Outcome.objects.get().machine_reasons == ["too_soon_after_delivery"] * signs


@pytest.mark.parametrize(
    ("links", "apart_s", "machine"),
    [
        (["/1", "/2", "/3"], 1, True),
        (["/1", "/2", "/3"], 2.5, True),
        (["/1", "/2"], 1, False),
        (["/1", "/1", "/1", "/1"], 1, False),  # a nervous finger
        (["/1", "/2", "/3"], 60, False),
    ],
)
def test_nobody_follows_all_links_at_once(
    anna: Customer, links: list[str], apart_s: float, machine: bool
) -> None:
    decision = sent(anna)
    for i, url in enumerate(links):
        touch(decision, SENT + HOUR + timedelta(seconds=i * apart_s), url=url)
    outcomes.credit_all(at=NOW)
    expected = [["all_links_at_once"] if machine else []] * len(links)
    assert list(Outcome.objects.values_list("machine_reasons", flat=True)) == expected


def test_two_messages_clicked_at_the_same_time_are_no_burst(anna: Customer) -> None:
    one, two = sent(anna), sent(anna)
    for decision, url in ((one, "/1"), (one, "/2"), (two, "/3")):
        touch(decision, SENT + HOUR, url=url)
    outcomes.credit_all(at=NOW)
    assert not Outcome.objects.filter(is_machine=True).exists()


def test_a_machine_s_click_earns_no_order(anna: Customer) -> None:
    touch(sent(anna), SENT + 2 * DAY, agent="SafeLinks")
    order("anna", SENT + 2 * DAY + HOUR)
    outcomes.credit_all(at=NOW)
    assert earned() == {}


# --- only by leave ---------------------------------------------------------------------------------------------------


def test_c2_nothing_is_credited_of_those_who_do_not_allow_measuring(boris: Customer, clara: Customer) -> None:
    for customer in (boris, clara):
        sent(customer)
        order(customer.external_id, SENT + HOUR)
    assert Event.objects.count() == 2  # kept under contract
    assert outcomes.credit_all(at=NOW) == 0
    assert not Outcome.objects.exists()


def test_c2_a_click_kept_before_the_no_is_not_used_after_it(anna: Customer) -> None:
    touch(sent(anna), SENT + 2 * DAY)
    order("anna", SENT + 3 * DAY)
    consent.withdraw(anna.pk, "message_tracking", method="page", source="t", actor="customer", at=NOW)
    assert outcomes.credit_all(at=NOW) == 0
    assert not Outcome.objects.exists()


def test_a_click_counted_before_the_no_earns_nothing_after_it(anna: Customer) -> None:
    touch(sent(anna), SENT + 2 * DAY)
    assert outcomes.credit_all(at=NOW) == 1
    consent.withdraw(anna.pk, "message_tracking", method="page", source="t", actor="customer", at=NOW)
    order("anna", SENT + 3 * DAY)
    assert outcomes.credit_all(at=NOW) == 0


def test_the_rule_that_is_printed_is_the_one_that_is_used() -> None:
    assert outcomes.RULE == {"days_after_click": 5, "days_after_delivery": 1}
    assert (outcomes.AFTER_CLICK, outcomes.AFTER_DELIVERY) == (5 * DAY, DAY)
