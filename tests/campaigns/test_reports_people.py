"""From when on each person is measured: their own run, entry or visit; each payment once."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from campaigns import reports
from campaigns.models import Campaign, CampaignRun, Decision, JourneyEntry, JourneyVersion
from campaigns.reports import people as planned
from customers.models import Customer
from tests.campaigns.conftest import people
from tests.campaigns.reporting import DAY, START, built, paid
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def decide(campaign: Campaign, run: CampaignRun | None, pk: int, arm: str, at: datetime, **more) -> None:
    Decision.objects.create(
        campaign=campaign, run=run, customer_id=pk, placement="email", arm=arm, purpose="marketing_email",
        basis="default", decided_at=at, **more,
    )  # fmt: skip


def again(campaign: Campaign, at: datetime) -> CampaignRun:
    return CampaignRun.objects.create(campaign=campaign, due_at=at, planned_at=at, state="done")


@pytest.fixture
def welcome(db: None) -> Campaign:
    """A journey that is over: thirty entered on three days, every third held out; windows of 14 days."""
    campaign = Campaign.objects.create(
        slug="welcome", name="Welcome", kind="journey", status="finished", control_percent=Decimal("33.33")
    )
    version = JourneyVersion.objects.create(campaign=campaign, number=1, definition={})
    for n, pk in enumerate(people(60)):
        JourneyEntry.objects.create(
            campaign=campaign, version=version, customer_id=pk, key="signup", step="end", state="done",
            arm="control" if n % 3 == 0 else "treated", entered_at=START + (n % 2) * 2 * DAY,
        )  # fmt: skip
    return campaign


def names(campaign: Campaign, arm: str) -> list[str]:
    rows = campaign.entries.filter(arm=arm).order_by("customer_id")
    return list(rows.values_list("customer__external_id", flat=True))


# --- runs ------------------------------------------------------------------------------------------------------------


def test_overlapping_runs_count_a_person_s_money_once() -> None:
    made = built(20, 20)
    for week in range(1, 4):
        run = again(made.campaign, START + 3 * week * DAY)
        for pk, arm in made.campaign.decisions.filter(run__due_at=START).values_list("customer_id", "arm"):
            decide(made.campaign, run, pk, arm, run.planned_at)
    paid(made.treated[:2], "10.00", START + 4 * DAY)  # in the windows of two runs
    paid(made.treated[:2], "5.00", START + 16 * DAY, number="late")  # in the later ones' only
    found = made.report()
    assert (found.treated.people, found.treated.revenue, found.treated.ordered) == (20, Decimal("20.00"), 2)
    # The last run's window is open still, but it is nobody's own.
    assert (found.read_until, found.still_measured) == (NOW, 0)


def test_who_a_later_run_planned_first_has_a_window_of_their_own() -> None:
    made = built(20, 20)
    run = again(made.campaign, START + 5 * DAY)
    late = people(2, prefix="late")
    for pk in late:
        decide(made.campaign, run, pk, "treated", START + 5 * DAY)
    paid(["late000"], "1.00", START + 4 * DAY)  # before their window
    paid(["late000"], "2.00", START + 5 * DAY, number="first")
    paid(["late001"], "4.00", START + 18 * DAY)  # past the first run's window, within their own
    paid(["late001"], "8.00", START + 19 * DAY, number="over")
    paid(made.treated[:1], "16.00", START + 18 * DAY)  # past their own
    found = made.report()
    assert (found.treated.people, found.treated.revenue) == (22, Decimal("6.00"))
    read = planned.read(made.campaign, at=NOW)
    assert dict(zip(read.ids.tolist(), read.before.tolist(), strict=True))[late[0]] == 1.0


def test_who_does_not_allow_measuring_is_counted_once_however_often_they_were_planned() -> None:
    made = built(20, 20)
    silent = people(1, allows=("marketing_email",), prefix="silent")[0]
    for run in (made.campaign.runs.get(), again(made.campaign, START + DAY)):
        decide(made.campaign, run, silent, "treated", run.planned_at)
    assert made.report().not_measured == 1


def test_who_stands_in_both_arms_keeps_the_first_and_is_counted() -> None:
    made = built(30, 30)
    assert not made.report().mixes_arms
    run = again(made.campaign, START + DAY)
    pk = Customer.objects.get(external_id=made.treated[0]).pk
    decide(made.campaign, run, pk, "control", START + DAY)
    found = made.report()
    assert (found.in_two_arms, found.mixes_arms) == (1, True)
    assert (found.treated.people, found.control.people) == (30, 30)


def test_n5_a_campaign_that_goes_on_is_read_by_the_sequence_however_long_ago_it_began() -> None:
    made = built(60, 60, kind="recurring")
    paid([*made.treated, *made.control], "10.00")
    assert made.report().effect.interval == "fixed"
    Campaign.objects.update(status="running")
    made.campaign.refresh_from_db()
    found = made.report()
    assert (found.is_over, found.effect.interval, found.read_until) == (False, "sequence", NOW)
    # Where its end is set beforehand, the last window's end is the planned one.
    Campaign.objects.update(ends_at=START + 5 * DAY)
    made.campaign.refresh_from_db()
    found = made.report()
    assert (found.is_over, found.read_until) == (True, START + 19 * DAY)


# --- journeys ----------------------------------------------------------------------------------------------------------


def test_a_journey_measures_each_person_from_their_entry(welcome: Campaign) -> None:
    treated, control = names(welcome, "treated"), names(welcome, "control")
    late = [name for name in treated if int(name[1:]) % 2]  # entered two days after the first
    early = [name for name in treated if not int(name[1:]) % 2]
    paid(late[:1], "100.00", START + DAY)  # before they entered
    paid(late[:1], "7.00", START + 15 * DAY, number="within")
    paid(early[:1], "50.00", START + 15 * DAY)  # after their 14 days
    paid(control[:10], "3.00", START + 4 * DAY)
    found = reports.report(welcome, at=NOW)
    assert (found.treated.people, found.control.people) == (40, 20)
    assert (found.treated.revenue, found.control.revenue) == (Decimal("7.00"), Decimal("30.00"))
    assert (found.read_from, found.read_until) == (START, START + 16 * DAY)
    assert found.effect is not None
    assert found.sample_ratio_p == pytest.approx(1.0, abs=1e-2)
    read = planned.read(welcome, at=NOW)
    assert read.before.sum() == 100


def test_who_enters_a_journey_again_counts_once_from_the_first_time(welcome: Campaign) -> None:
    name = names(welcome, "treated")[0]
    entry = welcome.entries.get(customer__external_id=name)
    JourneyEntry.objects.create(
        campaign=welcome, version=entry.version, customer=entry.customer, key="again", step="end", arm="treated",
        entered_at=START + 3 * DAY,
    )  # fmt: skip
    paid([name], "9.00", START + 16 * DAY + timedelta(hours=1))  # only in the second entry's window
    found = reports.report(welcome, at=NOW)
    assert (found.treated.people, found.treated.revenue) == (40, Decimal("0.00"))


def test_the_global_holdout_stands_in_neither_arm_of_a_journey(welcome: Campaign) -> None:
    welcome.entries.filter(customer__external_id__in=names(welcome, "treated")[:4]).update(arm="holdout")
    found = reports.report(welcome, at=NOW)
    assert (found.treated.people, found.control.people) == (36, 20)


def test_a_journey_that_still_takes_people_in_has_no_end(welcome: Campaign) -> None:
    Campaign.objects.update(status="running")
    welcome.refresh_from_db()
    found = reports.report(welcome, at=START + 15 * DAY)
    assert (found.is_over, found.read_until) == (False, START + 15 * DAY)
    assert found.still_measured == 30  # of those who entered two days later
    assert found.why_no_effect.startswith("Too early")


# --- in the shop ---------------------------------------------------------------------------------------------------------


def test_a_campaign_in_the_shop_measures_from_the_first_visit(db: None) -> None:
    campaign = Campaign.objects.create(
        slug="banner",
        name="Banner",
        channel="onsite",
        placement="home",
        status="finished",
        control_percent=50,
    )
    for n, pk in enumerate(people(40)):
        for visit in range(2):
            decide(campaign, None, pk, "control" if n % 2 else "treated", START + 6 * visit * DAY)
    paid(["c000"], "10.00", START + 7 * DAY)
    paid(["c002"], "10.00", START + 15 * DAY)
    found = reports.report(campaign, at=NOW)
    assert (found.treated.people, found.control.people) == (20, 20)
    assert found.treated.revenue == Decimal("10.00")
    assert found.read_from == START


def test_nothing_needs_clicks_or_opens_to_be_noted(db: None) -> None:
    """With tracking off everywhere the effect is read as ever, and nobody has opened or clicked."""
    made = built(30, 30, allows=("analytics", "marketing_email"))
    paid(made.treated, "20.00")
    paid(made.control, "10.00")
    found = made.report()
    assert (found.effect.per_person, found.effect.verdict) == (10.0, "earned")
    assert (found.touched, found.not_measured) == ({}, 0)
