"""What a campaign did: a small one worked by hand from the waterfall to the profit, and what may not be shown."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import outcomes, planning, report_text, reports
from campaigns.models import Campaign, CampaignRun, CampaignSegment, Decision, Delivery, Outcome, Segment
from campaigns.reports import Report
from campaigns.reports import people as planned
from customers import consent, events, privacy
from customers.events import Incoming
from customers.models import Customer
from tests.campaigns.conftest import offer, people
from tests.campaigns.reporting import DAY, LONG_AGO, START, Built, built, paid, with_codes
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def spring() -> Built:
    """40 treated and 20 held out.

    Treated: 20 pay 30, four of them send 10 back: 16·30 + 4·20 = 560, 14 a person.
    Control: 10 pay 20: 200, 10 a person.
    """
    made = built(40, 20, margin_percent=Decimal(40), sending_cost=Decimal("0.05"))
    paid(made.treated[:17], "30.00")
    # Three orders come within a day of the message, of people whose clicks may not be noted; one has two lines.
    for customer in Customer.objects.filter(external_id__in=made.treated[17:20]):
        consent.withdraw(
            customer.pk, "message_tracking", method="page", source="t", actor="customer", at=LONG_AGO
        )
    paid(made.treated[17:19], "30.00", START + timedelta(hours=1))
    paid(made.treated[19:20], "18.00", START + timedelta(hours=1))
    paid(made.treated[19:20], "12.00", START + timedelta(hours=1))
    paid(made.treated[:4], "10.00", START + 3 * DAY, kind="refunded")
    paid(made.control[:10], "20.00")
    Delivery.objects.filter(customer__external_id="c038").update(status="unknown")
    Delivery.objects.filter(customer__external_id="c039").update(status="failed", reason="refused")
    return made


# --- worked by hand ------------------------------------------------------------------------------------------------


def test_the_arms_are_money_per_person_less_refunds(spring: Built) -> None:
    found = spring.report()
    assert found.treated == reports.Arm(people=40, ordered=20, revenue=Decimal("560.00"), per_person=14.0)
    assert found.control == reports.Arm(people=20, ordered=10, revenue=Decimal("200.00"), per_person=10.0)
    assert found.not_measured == 0
    assert found.sample_ratio_p == pytest.approx(1.0, abs=1e-3)


def test_the_effect_is_the_difference_of_the_arms_with_hall_s_interval(spring: Built) -> None:
    """Squares about the means 8,160 and 2,000: variances 209.2308/40 + 105.2632/20 = 10.493927, 50.99 degrees of
    freedom, t = 2.00760, error 3.239433. Cubes 16·16³ + 4·6³ − 20·14³ = 11,520 and 0: one person's skewness
    11,520/57/13.23527³ = 0.087171, of which arms of 40 and 20 leave (1/1,600 − 1/400)/0.075^1.5 = −0.0912871 times
    that, a = −0.00795758; g⁻¹(±t) = 3/a·(∛(1 + a(±t − a/6)) − 1) = 2.019714 and −1.995678."""
    effect = spring.report().effect
    assert effect is not None
    assert effect.per_person == pytest.approx(4.0)
    low, high = 4 - 3.239433 * 2.019714, 4 + 3.239433 * 1.995678
    assert (effect.low, effect.high) == pytest.approx((low, high), abs=1e-4)
    assert (effect.verdict, effect.interval) == ("cannot_tell", "fixed")
    assert (effect.total, effect.total_low) == pytest.approx((160, 40 * low), abs=1e-2)
    # σ² = (8,160 + 2,000)/58 = 175.1724; (1.959964·13.23527/4)² · (1/⅔ + 1/⅓) = 189.3 people, 60 are there.
    assert effect.people_needed == 130
    # 2.801585 · 13.23527 · √(1/40 + 1/20).
    assert effect.detectable == pytest.approx(10.1547, abs=1e-3)
    # Nobody bought anything before, so the past explains nothing.
    assert effect.narrowed_by == 0
    assert effect.unadjusted == (effect.per_person, effect.low, effect.high)


def test_profit_is_margin_less_discounts_and_sending(spring: Built) -> None:
    with_codes(spring)
    found = spring.report()
    assert found.codes == {
        "assigned": 40,
        "redeemed": 6,
        "redeemed_by_control": 1,
        "reversed": 1,
        "used_by_someone_else": 1,
        "expired": 0,
        "leaked": 0,
        "refused": 0,
        "discount": Decimal("17.00"),
        "discount_treated": Decimal("15.00"),
        "discount_control": Decimal("2.00"),
        "currency": "EUR",
    }
    # 38 sent and one unknown; the refused one costs nothing.
    assert found.sending_cost == Decimal("1.95")
    # 160 · 0.4 − 15.00 + 2.00 − 1.95.
    assert found.effect is not None
    assert found.effect.profit == pytest.approx(49.05)
    assert found.effect.profit_low == pytest.approx(found.effect.total_low * 0.4 - 14.95)
    assert found.effect.profit_high == pytest.approx(found.effect.total_high * 0.4 - 14.95)


def test_attributed_revenue_stands_beside_with_its_rule(spring: Built) -> None:
    outcomes.credit_all(at=START + 5 * DAY)
    found = spring.report()
    # Three orders within a day of the message; that one has two lines makes it no fourth.
    assert (found.attributed_revenue, found.attributed_orders) == (Decimal("90.00"), 3)
    assert found.attribution == {"days_after_click": 5, "days_after_delivery": 1}


def test_who_is_planned_by_two_runs_counts_once_in_the_window_of_the_first(spring: Built) -> None:
    before = spring.report()
    again = CampaignRun.objects.create(
        campaign=spring.campaign, due_at=START + DAY, planned_at=START + DAY, state="done"
    )
    for decision in Decision.objects.select_related("customer"):
        Decision.objects.create(
            campaign=spring.campaign, run=again, customer=decision.customer, segment=decision.segment, placement="email",
            arm=decision.arm, purpose="marketing_email", basis="default", decided_at=START + DAY,
        )  # fmt: skip
    after = spring.report()
    assert (after.treated, after.control) == (before.treated, before.control)
    assert after.effect is not None
    assert after.effect.per_person == before.effect.per_person
    assert after.sample_ratio_p == before.sample_ratio_p


def test_attributed_orders_without_a_number_are_each_one(spring: Built) -> None:
    events.take_in(
        [
            Incoming(f"n{i}", "ordered", START + timedelta(hours=2), customer="c017", value=Decimal(5))
            for i in range(2)
        ],
        source="tests",
        at=NOW,
    )
    outcomes.credit_all(at=START + 5 * DAY)
    assert spring.report().attributed_orders == 5


def test_what_people_touched_is_told_apart_from_machines(spring: Built) -> None:
    decisions = list(Decision.objects.filter(arm="treated").order_by("customer_id")[:3])
    for i, (decision, kind, machine) in enumerate(
        [
            (decisions[0], "clicked", False),
            (decisions[0], "clicked", False),  # twice is one person
            (decisions[1], "clicked", True),
            (decisions[1], "opened", False),
            (decisions[2], "opened", False),
        ]
    ):
        name = f"c{decisions.index(decision):03}"
        events.take_in([Incoming(f"t{i}", kind, START + DAY, customer=name)], source="tests", at=NOW)
        Outcome.objects.create(
            decision=decision, event=decision.customer.events.get(message_id=f"t{i}"), kind=kind, is_machine=machine,
            at=START + DAY,
        )  # fmt: skip
    assert spring.report().touched == {"clicked": 1, "clicked_by_machine": 1, "opened": 2}


def test_the_past_of_the_same_people_narrows_the_interval() -> None:
    """Everyone pays twice what they paid before, the treated 3 more: θ = 2, and nothing is left to doubt."""
    made = built(40, 40)
    for arm, extra in ((made.treated, 3), (made.control, 0)):
        for half, before in ((arm[:20], 10), (arm[20:], 20)):
            paid(half, f"{before}.00", LONG_AGO, number="before")
            paid(half, f"{2 * before + extra}.00")
    effect = made.report().effect
    assert effect is not None
    assert (effect.per_person, effect.low, effect.high) == pytest.approx((3, 3, 3))
    assert (effect.verdict, effect.people_needed) == ("earned", 0)
    assert effect.narrowed_by == pytest.approx(1.0)
    # Without the past: 20 and 40, or 23 and 43; variances 4000/39 over 40 people each; 78 degrees of freedom.
    half = 1.990847 * (2 * 4000 / 39 / 40) ** 0.5
    assert effect.unadjusted == pytest.approx((3, 3 - half, 3 + half), abs=1e-4)


def test_the_window_holds_its_first_moment_and_not_its_last() -> None:
    made = built(20, 20)
    for moment, value in ((START, "1.00"), (START + 14 * DAY - timedelta(seconds=1), "2.00")):
        paid(made.treated[:1], value, moment)
    paid(made.treated[:1], "4.00", START + 14 * DAY)
    paid(made.treated[:1], "8.00", START - timedelta(seconds=1))
    assert made.report().treated.revenue == Decimal("3.00")
    # The past is as long as the window: 14 days and not a second more.
    paid(made.treated[:1], "16.00", START - 14 * DAY)
    paid(made.treated[:1], "32.00", START - 14 * DAY - timedelta(seconds=1))
    people_ = planned.read(made.campaign, at=NOW)
    assert people_.before.sum() == 24


def test_a_refund_can_make_a_person_s_money_less_than_nought() -> None:
    made = built(20, 20)
    paid(made.treated[:1], "50.00", LONG_AGO)
    paid(made.treated[:1], "50.00", START + DAY, kind="refunded")
    arm = made.report().treated
    assert (arm.revenue, arm.ordered) == (Decimal("-50.00"), 0)


# --- who stands in no arm ------------------------------------------------------------------------------------------


def test_c2_who_does_not_allow_measuring_stands_in_neither_arm_and_is_counted(spring: Built) -> None:
    for name in (
        "c000",
        "c001",
        "c040",
    ):  # two who sent 10 of their 30 back, and one of the control's who paid 20
        pk = Customer.objects.get(external_id=name).pk
        consent.withdraw(pk, "analytics", method="page", source="t", actor="customer", at=NOW)
    found = spring.report()
    assert (found.treated.people, found.treated.ordered, found.treated.revenue) == (38, 18, Decimal("520.00"))
    assert (found.control.people, found.control.ordered, found.control.revenue) == (19, 9, Decimal("180.00"))
    assert found.not_measured == 3
    # Sizes are compared as they were planned: leaving is nobody's mistake.
    assert found.sample_ratio_p == pytest.approx(1.0, abs=1e-3)
    assert "3 people planned do not allow measuring" in report_text.text(found)


def test_an_erased_person_leaves_the_numbers_and_the_rows_still_add_up(spring: Built) -> None:
    for name in ("c000", "c040"):
        privacy.erase(Customer.objects.get(external_id=name).pk, actor="tests", at=NOW)
    found = spring.report()
    assert (found.treated.people, found.control.people) == (39, 19)
    assert found.fates == {"sent": 37, "unknown": 1, "failed": 1, "erased": 1}
    assert found.adds_up


def test_a_message_that_is_lost_does_not_pass_for_an_erased_person(spring: Built) -> None:
    assert spring.report().adds_up
    Delivery.objects.filter(customer__external_id="c000").delete()
    found = spring.report()
    assert not found.adds_up
    assert "THE ROWS DO NOT ADD UP" in report_text.text(found)


# --- when no effect may be read ---------------------------------------------------------------------------------------


def test_without_anybody_planned_there_is_nothing_to_read() -> None:
    campaign = Campaign.objects.create(slug="draft", name="Draft")
    found = reports.report(campaign, at=NOW)
    assert (found.effect, found.why_no_effect) == (None, "Nobody has been planned yet.")
    assert (found.read_from, found.read_until, found.is_over) == (None, None, False)
    assert found.adds_up


def test_without_a_control_group_nothing_is_said_about_what_was_caused() -> None:
    made = built(30, 0)
    paid(made.treated, "10.00")
    found = made.report()
    assert found.effect is None
    assert found.why_no_effect.startswith("There is no control group")
    assert found.treated.revenue == Decimal("300.00")


def test_n5_arms_of_sizes_that_chance_does_not_make_block_the_effect_and_every_segment() -> None:
    # Half and half was set: χ² = 15²/30 + 15²/30 = 15, p = 0.000108.
    made = built(45, 15, percent=50)
    paid(made.treated, "10.00")
    paid(made.control, "10.00")
    found = made.report()
    assert found.sample_ratio_p == pytest.approx(0.000108, abs=1e-6)
    assert found.effect is None
    assert "p = 0.00011" in found.why_no_effect
    assert [row.per_person for row in found.segments] == [None]
    # 40 and 20: χ² = 6.67, p = 0.0098, which chance makes.
    Decision.objects.filter(customer__external_id__in=made.treated[40:]).update(arm="control")
    assert made.report().effect is not None


def test_n1_an_arm_of_nineteen_is_too_small() -> None:
    made = built(40, 19)
    paid(made.treated, "10.00")
    assert made.report().why_no_effect == "Each arm needs at least 20 people."
    assert made.report().effect is None


# --- looking early -----------------------------------------------------------------------------------------------------


def test_n5_before_the_end_only_the_sequence_is_shown_and_only_from_fifty_buyers_an_arm_on() -> None:
    made = built(60, 60)
    paid(made.treated[:50], "12.00")
    paid(made.control[:49], "10.00")
    early = START + 5 * DAY
    found = made.report(at=early)
    assert found.effect is None
    assert found.why_no_effect.startswith("Too early")
    assert found.why_no_effect.endswith("the smaller has 49.")
    assert (found.is_over, found.read_until) == (False, early)
    assert [row.per_person for row in found.segments] == [None]

    paid(made.control[49:50], "10.00")
    effect = made.report(at=early).effect
    assert effect is not None
    # Squares 1,200 and 833.33, weighed by 1/½²: σ̂ = √(4·2,033.33/120) = 8.232726; · 3.035211/√120.
    half = 8.232726 * 3.035211 / 120**0.5
    assert effect.interval == "sequence"
    assert (effect.per_person, effect.low, effect.high) == pytest.approx(
        (5 / 3, 5 / 3 - half, 5 / 3 + half), abs=1e-5
    )
    assert "confidence sequence" in report_text.text(made.report(at=early))

    # At the end, to the second, the fixed interval takes over, and is narrower.
    last = made.report(at=START + 14 * DAY - timedelta(seconds=1))
    over = made.report(at=START + 14 * DAY)
    assert (last.effect.interval, over.effect.interval) == ("sequence", "fixed")
    assert over.effect.high - over.effect.low < (last.effect.high - last.effect.low) / 1.5
    assert over.read_until == START + 14 * DAY


def test_an_order_after_the_moment_of_looking_is_not_seen() -> None:
    made = built(20, 20)
    paid(made.treated[:3], "10.00", START + DAY)
    paid(made.treated[:3], "10.00", START + 3 * DAY, number="later")
    assert made.report(at=START + 2 * DAY).treated.revenue == Decimal("30.00")
    assert made.report(until=START + 2 * DAY).treated.revenue == Decimal("30.00")
    assert made.report(until=START + 2 * DAY).read_until == START + 2 * DAY
    assert made.report().treated.revenue == Decimal("60.00")


# --- segments, and what is too thin to show ----------------------------------------------------------------------------


def split(made: Built, sizes: dict[str, int]) -> None:
    """Deal the treated and the control to segments, as many of each arm as said; the first stays Everyone."""
    begin = 0
    for position, (name, size) in enumerate(sizes.items()):
        segment = Segment.objects.create(
            slug=name.lower(), name=name, rule={"attribute": "id", "exists": True}
        )
        CampaignSegment.objects.create(campaign=made.campaign, segment=segment, position=position)
        names = [*made.treated[begin : begin + size], *made.control[begin : begin + size]]
        Decision.objects.filter(customer__external_id__in=names).update(segment=segment)
        begin += size
    made.campaign.audiences.filter(segment__slug="all").delete()


def shown(found: Report) -> dict[str, float | None]:
    return {row.segment: row.per_person for row in found.segments}


def test_each_segment_has_its_own_effect() -> None:
    made = built(50, 50)
    split(made, {"Large": 30, "Small": 20})
    paid(made.treated[:30], "10.00")
    paid(made.control[:30], "4.00")
    paid(made.treated[30:], "5.00")
    paid(made.control[30:], "7.00")
    rows = made.report().segments
    assert [(row.segment, row.treated, row.control) for row in rows] == [("Large", 30, 30), ("Small", 20, 20)]
    assert [row.per_person for row in rows] == pytest.approx([6.0, -2.0])


@pytest.mark.parametrize(
    ("sizes", "blank"),
    [
        ({"A": 24, "B": 22, "C": 20}, set()),
        # The blank row could be had by taking the others from the whole: the next smallest goes with it.
        ({"A": 24, "B": 23, "C": 19}, {"B", "C"}),
        ({"A": 28, "B": 19, "C": 19}, {"B", "C"}),
        # A row of nobody hides nobody.
        ({"A": 24, "B": 23, "C": 19, "D": 0}, {"B", "C", "D"}),
        ({"A": 33, "B": 33, "C": 0}, {"C"}),
        ({"A": 60, "B": 6}, {"A", "B"}),
    ],
)
def test_n1_thin_rows_are_blank_and_a_single_one_takes_the_next_smallest_along(
    sizes: dict[str, int], blank: set[str]
) -> None:
    made = built(66, 66)
    split(made, sizes)
    paid(made.treated, "10.00")
    paid(made.control, "10.00")
    assert {name for name, effect in shown(made.report()).items() if effect is None} == blank
    for row in made.report().segments:
        hidden = (row.treated, row.control, row.low, row.high)
        assert (hidden == (None,) * 4) == (row.segment in blank)


def test_n1_a_segment_with_nine_buyers_in_an_arm_is_blank() -> None:
    made = built(60, 60)
    split(made, {"A": 30, "B": 30})
    paid(made.treated, "10.00")
    paid(made.control[:39], "10.00")  # 30 of A's, 9 of B's
    assert shown(made.report()) == {"A": None, "B": None}
    paid(made.control[39:40], "10.00")
    assert shown(made.report()) == {"A": pytest.approx(0.0), "B": pytest.approx(10 - 10 / 3)}


# --- as rows, as JSON, as text -----------------------------------------------------------------------------------------


def numbers(text: str, label: str) -> int:
    """The number in the line that begins with this label."""
    found = re.search(rf"^\s*(?:− )?{re.escape(label)}\s+([\d,]+)\b", text, re.MULTILINE)
    assert found is not None, label
    return int(found.group(1).replace(",", ""))


def test_the_text_says_the_verdict_first_and_its_rows_add_up(spring: Built) -> None:
    with_codes(spring)
    outcomes.credit_all(at=START + 5 * DAY)
    text = report_text.text(spring.report())
    lines = text.splitlines()
    assert lines[0] == "Spring (finished)"
    assert lines[2] == (
        "Cannot tell yet: +4.00 EUR per person (-2.54 to 10.46), 40 treated against 20 held out; "
        "about 130 more customers needed."
    )
    assert "The rows add up." in text
    matched = numbers(text, "matched")
    losses = [
        numbers(text, label)
        for label in (
            "no consent: marketing_email",
            "on the suppression list: hard_bounce",
            "no address",
            "held out (control group)",
        )
    ]
    assert (matched, losses) == (67, [4, 2, 1, 20])
    assert matched - sum(losses) == numbers(text, "sendable") == 40
    assert [numbers(text, fate) for fate in ("sent", "failed", "unknown")] == [38, 1, 1]
    assert re.search(r"treated +40 +20 +50.0% +560.00 +14.00", text)
    assert re.search(r"control +20 +10 +50.0% +200.00 +10.00", text)
    assert re.search(r"Incremental revenue +160.00 EUR", text)
    assert re.search(r"Incremental profit +49.05 EUR", text)
    assert (
        "Codes: 40 given, 6 redeemed, 1 by someone else, 1 given back, 0 went round; discount 17.00 EUR, of it 2.00 to"
        in text
    )
    assert (
        "Attributed, beside and not instead: 90.00 EUR in 3 orders (last touch, 5 days after a click, 1"
        in text
    )
    assert "Three off (40)" in text
    assert f"{START:%Y-%m-%d %H:%M} to {START + 14 * DAY:%Y-%m-%d %H:%M} UTC" in text


@pytest.mark.parametrize(("treated", "word"), [("30.00", "It earned: +20.00"), ("1.00", "It cost: -9.00")])
def test_a_clear_effect_is_called_by_its_name(treated: str, word: str) -> None:
    made = built(30, 30)
    paid(made.treated, treated)
    paid(made.control, "10.00")
    assert report_text.verdict(made.report()).startswith(f"{word} EUR per person")


def test_a_segment_that_is_too_thin_is_said_in_words(spring: Built) -> None:
    split(spring, {"A": 20})
    Decision.objects.filter(customer__external_id__in=spring.treated[:10]).update(segment=None)
    assert "too few people to show" in report_text.text(spring.report())


def test_the_json_form_is_plain_and_complete(spring: Built) -> None:
    with_codes(spring)
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("report", "spring", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert set(found) == set(spring.report().as_dict())
    assert (found["treated"]["revenue"], found["treated"]["people"]) == ("560.00", 40)
    # Six redeemed: too few to be told what they saved, and a profit would tell it.
    assert (found["codes"]["redeemed"], found["codes"]["discount"], found["effect"]["profit"]) == (
        None,
        None,
        None,
    )
    assert found["waterfall"]["no_consent"] == {"marketing_email": None}
    assert (found["read_from"], found["read_until"]) == (START.isoformat(), (START + 14 * DAY).isoformat())
    assert found["fates"] == {"sent": 21, "unknown": None, "failed": None}
    # As if everybody sendable had been sent: 40 at 5 cents.
    assert (found["at_least"], found["sending_cost"]) == (["sent"], "2.00")
    assert found["attribution"] == {"days_after_click": 5, "days_after_delivery": 1}


def test_the_command_prints_the_text_and_the_simulator_s_truth_beside(spring: Built, tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    told = {name: {"y1": "13.00", "y0": "10.00"} for name in (*spring.treated, *spring.control, "stranger")}
    truth.write_text(json.dumps({"people": told}))
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("report", "spring", "--truth", str(truth), stdout=out)
    assert out.getvalue().startswith("Spring (finished)\n")
    assert "+3.00 per person over the 60 measured; estimated +4.00" in out.getvalue()
    assert "the truth is inside the interval" in out.getvalue()


def test_a_campaign_that_is_not_there_is_one_clear_line(db: None) -> None:
    with pytest.raises(CommandError, match="There is no campaign 'nothing'"):
        call_command("report", "nothing")


def test_a_campaign_that_was_really_planned_adds_up(campaign, boris: Customer, clara: Customer) -> None:
    people(40)
    person("silent", allows=["marketing_email"], email="")
    row = campaign(offer("ten"), control_percent=Decimal(30))
    planning.plan(row.runs.get(), at=NOW)
    found = reports.report(row, at=NOW)
    assert found.waterfall["matched"] == 43
    assert found.waterfall["no_consent"] == {"marketing_email": 2}
    assert found.waterfall["no_address"] == 1
    assert found.treated.people == found.waterfall["sendable"] == found.fates["planned"]
    assert found.control.people == found.waterfall["held_out"]
    assert (found.treated.people or 0) + (found.control.people or 0) == 40
    assert found.adds_up


def test_a_report_costs_the_same_queries_whatever_the_size(spring: Built) -> None:
    with CaptureQueriesContext(connection) as sixty:
        spring.report()
    run, segment = spring.campaign.runs.get(), Segment.objects.get()
    Decision.objects.bulk_create(
        Decision(
            campaign=spring.campaign, run=run, customer_id=pk, segment=segment, placement="email", arm=arm,
            purpose="marketing_email", basis="default", decided_at=START,
        )
        for arm, prefix, size in (("treated", "t", 40), ("control", "k", 20))
        for pk in people(size, prefix=prefix)
    )  # fmt: skip
    with CaptureQueriesContext(connection) as more:
        found = spring.report()
    assert (found.treated.people or 0) + (found.control.people or 0) == 120
    assert len(more) == len(sixty) <= 22
