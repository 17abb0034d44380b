"""What all campaigns together bring: people of the global holdout against everyone else a campaign chose."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import experiments, holdouts
from campaigns.models import Campaign, CampaignRun, Decision, Holdout, JourneyEntry, JourneyVersion
from tests.campaigns.conftest import people
from tests.campaigns.reporting import DAY, LONG_AGO, START, paid
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def quarter(db: None) -> Holdout:
    """Two in five of a hundred and fifty people are held out; it began at START and lasts on."""
    return Holdout.objects.create(
        slug="quarter", name="Autumn", percent=Decimal(40), salt="quarter", starts_at=START
    )


def choose(ids: list[int], at, *, slug: str = "spring", **fields: object) -> Campaign:
    """A campaign that chose these people; who is held out has the decision that says so."""
    campaign = Campaign.objects.create(slug=slug, name=slug, **fields)
    run = CampaignRun.objects.create(campaign=campaign, due_at=at, planned_at=at)
    arms = experiments.arms("quarter", 40, ids)
    Decision.objects.bulk_create(
        Decision(
            campaign=campaign, run=run, customer_id=pk, placement="email", purpose="marketing_email", basis="default",
            arm="holdout" if arms[pk] == "control" else "treated", decided_at=at,
        )
        for pk in ids
    )  # fmt: skip
    return campaign


def named(ids: list[int]) -> tuple[list[str], list[str]]:
    """Everyone else, and the held out, by name."""
    arms = experiments.arms("quarter", 40, ids)
    names = [(f"c{n:03}", arms[pk]) for n, pk in enumerate(ids)]
    return [name for name, arm in names if arm == "treated"], [
        name for name, arm in names if arm == "control"
    ]


def test_the_holdout_tells_what_all_campaigns_brought_together(quarter: Holdout) -> None:
    ids = people(150)
    choose(ids, START + DAY)
    choose(ids[:50], START + 3 * DAY, slug="summer")
    others, held = named(ids)
    paid(others, "12.00", START + 2 * DAY)
    paid(held, "10.00", START + 2 * DAY)
    paid(others[:1], "99.00", START + DAY / 2, number="early")  # before any campaign chose them
    quarter.ends_at = START + 10 * DAY
    found = holdouts.report(quarter, at=NOW)
    assert (found.others.people, found.held.people, found.campaigns) == (len(others), len(held), 2)
    assert found.others.revenue == Decimal(12 * len(others))
    assert found.held.per_person == 10
    assert (found.sample_ratio_p or 0) > 0.001
    assert found.effect is not None
    # The one who paid 99 before spoils nothing: without spread in Y the past explains nothing.
    assert found.effect.per_person == pytest.approx(2, abs=0.05)
    assert found.effect.verdict == "earned"
    assert found.effect.total == pytest.approx(found.effect.per_person * len(others))
    assert (found.effect.interval, found.is_over, found.read_until) == ("fixed", True, START + 10 * DAY)
    assert found.days[-1].effect == found.effect.per_person


def test_n5_while_it_lasts_only_the_sequence_may_be_read(quarter: Holdout) -> None:
    ids = people(150)
    choose(ids, START + DAY)
    others, held = named(ids)
    paid(others, "12.00", START + 2 * DAY)
    paid(held[:49], "10.00", START + 2 * DAY)
    assert holdouts.report(quarter, at=NOW).why_no_effect.startswith("Too early")
    paid(held[49:], "10.00", START + 2 * DAY)
    found = holdouts.report(quarter, at=NOW)
    assert len(held) >= 50
    assert (found.effect.interval, found.is_over, found.read_until) == ("sequence", False, NOW)


def test_only_whom_a_campaign_chose_since_it_began_is_compared(quarter: Holdout) -> None:
    ids = people(150)
    choose(ids[:40], LONG_AGO)  # before it began
    choose(ids[:60], START + DAY, slug="receipt", ignores_holdout=True)  # goes to the holdout too
    found = holdouts.report(quarter, at=NOW)
    assert (found.others.people, found.held.people, found.campaigns) == (0, 0, 0)
    assert found.why_no_effect == "No campaign has chosen anybody since it began."
    assert found.days == []


def test_who_entered_a_journey_was_chosen_too(quarter: Holdout) -> None:
    ids = people(150)
    journey = Campaign.objects.create(slug="welcome", name="Welcome", kind="journey")
    version = JourneyVersion.objects.create(campaign=journey, number=1, definition={})
    for pk in ids:
        JourneyEntry.objects.create(
            campaign=journey, version=version, customer_id=pk, key="k", step="end", entered_at=START + DAY
        )
    choose(ids[:75], START + 5 * DAY)
    others, _held = named(ids)
    paid(others[:10], "7.00", START + 2 * DAY)  # after the journey, before the campaign
    found = holdouts.report(quarter, at=NOW)
    assert (found.others.people or 0) + (found.held.people or 0) == 150
    assert (found.others.revenue, found.campaigns) == (Decimal("70.00"), 2)


def test_n5_groups_of_sizes_that_chance_does_not_make_block_it(quarter: Holdout) -> None:
    ids = people(300)
    choose(ids, START + DAY)
    others, held = named(ids)
    paid([*others, *held], "10.00", START + 2 * DAY)
    Decision.objects.filter(customer__external_id__in=others[:130]).delete()  # lost on the way
    found = holdouts.report(quarter, at=NOW)
    assert found.effect is None
    assert found.sample_ratio_p is not None
    assert found.sample_ratio_p < 0.001


def test_it_costs_the_same_queries_whatever_the_size(quarter: Holdout) -> None:
    choose(people(30), START + DAY)
    with CaptureQueriesContext(connection) as few:
        holdouts.report(quarter, at=NOW)
    choose(people(90, prefix="x"), START + DAY, slug="summer")
    with CaptureQueriesContext(connection) as many:
        holdouts.report(quarter, at=NOW)
    assert len(few) == len(many) <= 6
