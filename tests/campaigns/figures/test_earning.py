"""What the campaigns of thirty days caused, added up by their own control groups."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from campaigns import statistics
from campaigns.figures import EARLY, NO_CONTROL, RATIO, earning
from campaigns.models import Campaign, CampaignRun, DailyFigure, Decision, Holdout
from customers import few
from tests.campaigns.reporting import DAY, START, Built, built, paid, with_codes
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Name = DailyFigure.Name


def bought(made: Built) -> None:
    """The treated spend 30.00 in the mean, the control 10.00."""
    paid(made.treated[::2], "40.00")
    paid(made.treated[1::2], "20.00")
    paid(made.control[::2], "15.00")
    paid(made.control[1::2], "5.00")


def twin(made: Built) -> Campaign:
    """A second campaign that chose the same people into the same groups."""
    row = Campaign.objects.create(slug="twin", name="Twin", control_percent=made.campaign.control_percent)
    run = CampaignRun.objects.create(campaign=row, due_at=START, planned_at=START, state="done")
    for decision in Decision.objects.filter(campaign=made.campaign):
        Decision.objects.create(
            campaign=row, run=run, customer_id=decision.customer_id, placement="email", arm=decision.arm,
            purpose="marketing_email", basis="default", decided_at=START,
        )  # fmt: skip
    return row


def test_profit_is_the_effect_in_money_times_the_margin_less_what_was_given() -> None:
    made = built(40, 20, margin_percent=Decimal(40), sending_cost=Decimal("0.10"))
    bought(made)
    with_codes(made)
    found = earning.earned(at=NOW)
    effect = found[(Name.EFFECT, "spring")]
    arms = np.array([40.0, 20.0] * 20), np.array([15.0, 5.0] * 10)
    exact = statistics.hall(*arms)
    assert (effect.value, effect.people) == (20.0, 40)
    assert (effect.low, effect.high) == (few.two_digits(exact.low), few.two_digits(exact.high))
    # 20.00 · 40 people · 40 % less 15.00 of discounts, 2.00 of which the control used, and 40 messages at 0.10.
    assert found[(Name.PROFIT, "")].value == few.two_digits(320 - 13 - 4) == 300
    # 1,200.00 to the worth of ten of forty people, which is 500; the effect of 20.00 lies below it.
    assert (found[(Name.TREATED, "")].value, found[(Name.HELD_OUT, "")].value) == (25.0, 5.0)
    assert found[(Name.OVERLAP, "")].value == 0.0


def test_independent_campaigns_add_their_squares() -> None:
    assert earning.added([(10.0, 7.0, 14.0), (20.0, 16.0, 23.0)]) == (30.0, 25.0, 35.0)


def test_people_in_two_campaigns_count_in_each_and_that_is_told() -> None:
    made = built(40, 20, margin_percent=Decimal(100))
    bought(made)
    alone = earning.earned(at=NOW)[(Name.PROFIT, "")]
    twin(made)
    both = earning.earned(at=NOW)
    assert alone.value == 800.0
    assert both[(Name.PROFIT, "")].value == few.two_digits(800 + 320)  # the twin's margin is 40 %
    assert (both[(Name.OVERLAP, "")].value, both[(Name.OVERLAP, "")].people) == (0.5, 40)


def test_a_campaign_of_before_counts_in_its_own_thirty_days_alone() -> None:
    bought(built(40, 20))
    assert (Name.EFFECT, "spring") in earning.earned(at=NOW)
    assert earning.earned(at=START - DAY) == {(Name.PROFIT, ""): earning.Told(None)}
    assert (Name.EFFECT, "spring") not in earning.earned(at=START + 31 * DAY)


def test_a_look_at_a_past_moment_knows_nothing_of_what_came_later() -> None:
    made = built(40, 20)
    bought(made)
    early = earning.earned(at=START + DAY)  # everybody ordered on the second day
    assert early[(Name.EFFECT, "spring")] == earning.Told(None, people=40, why=EARLY)
    assert early[(Name.PROFIT, "")] == earning.Told(None, why=EARLY)


def test_n5_groups_that_chance_does_not_make_are_an_alarm_and_no_number() -> None:
    bought(built(40, 20, percent=90))
    found = earning.earned(at=NOW)
    assert found[(Name.EFFECT, "spring")] == earning.Told(None, people=40, why=RATIO)
    assert found[(Name.PROFIT, "")].value is None


def test_without_a_control_group_nothing_is_told() -> None:
    made = built(40, 0)
    paid(made.treated, "40.00")
    assert earning.earned(at=NOW)[(Name.EFFECT, "spring")].why == NO_CONTROL


def test_n1_of_few_people_or_buyers_no_effect_is_kept() -> None:
    made = built(40, 20)
    paid(made.treated, "40.00")
    paid(made.control[:9], "40.00")
    assert earning.earned(at=NOW)[(Name.EFFECT, "spring")].why == EARLY


def test_a_global_holdout_is_read_beside() -> None:
    bought(built(40, 20))
    Holdout.objects.create(
        slug="q4", name="Autumn", percent=5, starts_at=START - timedelta(days=1), salt="0" * 32
    )
    told = earning.earned(at=NOW)[(Name.HOLDOUT, "q4")]
    assert told.value is None, "the five percent of sixty are a few"
    assert told.why in (EARLY, RATIO)
