"""Whom a campaign changes: learnt on its own arms, used only where it pays, and never of who does not allow it."""

import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from campaigns import segments, targeting
from campaigns.models import Campaign, CampaignRun, Decision, UpliftScore, UpliftStudy
from campaigns.offers import traits
from catalog.models import Product
from customers import consent
from customers.histories import Behaviour
from customers.models import Event
from recommender.algorithms import uplift
from tests.campaigns.conftest import people
from tests.conftest import NOW

Make = Callable[..., Campaign]
PLANNED = NOW - timedelta(days=20)


def test_what_was_known_before_the_start_worked_by_hand() -> None:
    whole, real = np.int64, np.float64
    bought = Behaviour(
        customers=np.array([3, 3, 3, 7, 7, 3], whole),
        products=np.array([1, 2, 1, 1, 1, 9], whole),
        quantities=np.ones(6),
        values=np.array([10, 20, 30, 5, 5, 99], real),
        days=np.array([90, 90, 50, 100.5, 101, 110], real),  # the last two after the start, 110 too
        orders=np.array([1, 1, 2, 3, 4, 5], whole),
    )
    found = traits.features(bought, np.array([3, 5, 7]), np.array([100.0, 100.0, 100.0]))
    nothing = [365, 0, 0, 0, 0, 0, 0]
    assert found[0] == pytest.approx(
        [10, math.log(3), math.log(61), math.log(31), math.log(31), math.log(3), 50]
    )
    assert found[1] == pytest.approx(nothing) and found[2] == pytest.approx(nothing)


@pytest.fixture
def tried(campaign: Make, products: dict[str, Product]) -> Campaign:
    """800 people, half held out. Whoever bought before buys more for the message; the others buy less for it."""
    ids = people(800)
    row = campaign(launched=False, control_percent=Decimal(50), margin_percent=Decimal(100))
    run = CampaignRun.objects.create(campaign=row, due_at=PLANNED, planned_at=PLANNED, state="done")
    Campaign.objects.filter(pk=row.pk).update(status="finished")
    decisions, events = [], []

    def order(pk: int, value: float, days_after: float) -> None:
        at = PLANNED + timedelta(days=days_after)
        events.append(
            Event(
                customer_id=pk, type="ordered", product=products["rose"], value=Decimal(f"{value:.2f}"),
                currency="EUR", order_id=f"{pk}-{days_after}", occurred_at=at, received_at=at, source="shop",
                message_id=f"{pk}-{days_after}", basis="contract",
            )
        )  # fmt: skip

    for n, pk in enumerate(ids):
        is_treated, is_regular = n % 2 == 0, n % 4 < 2
        decisions.append(
            Decision(
                campaign=row, run=run, customer_id=pk, placement="email", purpose="marketing_email",
                basis="default", arm="treated" if is_treated else "control", decided_at=PLANNED,
            )
        )  # fmt: skip
        if is_regular:
            order(pk, 30, -40)
        money = 20 + n % 7 + (30 if is_treated and is_regular else -15 if is_treated else 0)
        order(pk, money, 3)
    Decision.objects.bulk_create(decisions)
    Event.objects.bulk_create(events)
    return row


def study(campaign: Campaign) -> UpliftStudy:
    targeting.ask(campaign, by="marta", at=NOW)
    assert targeting.study_due(at=NOW) == 1
    return campaign.uplift_studies.get()


def test_where_aiming_pays_everyone_gets_an_effect_and_a_segment_may_ask_for_it(tried: Campaign) -> None:
    found = study(tried)
    assert (found.state, found.advice, found.is_sure, found.people) == ("done", "target", True, 800)
    assert found.figures["qini_low"] > 0
    assert len(found.figures["curve"]) == targeting.CURVE_POINTS + 1
    effects = dict(UpliftScore.objects.values_list("customer_id", "effect"))
    assert len(effects) == 800
    regulars = set(Event.objects.filter(occurred_at__lt=PLANNED).values_list("customer_id", flat=True))
    matched = segments.matching({"uplift": tried.slug, "gt": 0}, at=NOW).values_list("pk", flat=True)
    assert len(set(matched) & regulars) > 0.95 * len(regulars)


def test_where_everybody_gains_alike_there_is_nobody_to_aim_at(tried: Campaign) -> None:
    treated = tried.decisions.filter(arm="treated").values("customer_id")
    Event.objects.filter(occurred_at__gt=PLANNED).update(value=20)
    Event.objects.filter(occurred_at__gt=PLANNED, customer_id__in=treated).update(value=35)
    UpliftScore.objects.create(campaign=tried, customer_id=tried.decisions.first().customer_id, effect=9)
    found = study(tried)
    assert (found.state, found.advice, found.is_sure) == ("done", "all", True)
    assert not UpliftScore.objects.exists()  # an older study's effects are gone with its advice


def test_too_few_people_and_no_control_group_are_refused_in_words(campaign: Make) -> None:
    none = campaign(control_percent=Decimal(0))
    assert (study(none).state, study_why(none)) == ("refused", "no_control")
    few = campaign(control_percent=Decimal(50))
    assert (study(few).state, study_why(few)) == ("refused", "nobody")
    assert f"needs {uplift.FEWEST_AN_ARM} people" in UpliftStudy.WhyNot.FEW_AN_ARM.label


def study_why(campaign: Campaign) -> str:
    return campaign.uplift_studies.get().why


def test_c2_who_does_not_allow_it_teaches_nothing_and_gets_no_effect(tried: Campaign) -> None:
    gone = [row.customer_id for row in tried.decisions.order_by("customer_id")[:10]]
    for pk in gone:
        consent.withdraw(pk, "personalization", method="link", source="tests", actor="customer", at=NOW)
    found = study(tried)
    assert found.people == 790
    assert not UpliftScore.objects.filter(customer_id__in=gone).exists()
    assert UpliftScore.objects.count() == 790


def test_a_study_is_asked_for_once_and_done_once(tried: Campaign) -> None:
    one = targeting.ask(tried, by="marta", at=NOW)
    assert targeting.ask(tried, by="anton", at=NOW) == one
    assert targeting.study(one, at=NOW, rng=np.random.default_rng(0)) is True
    assert targeting.study(one, at=NOW, rng=np.random.default_rng(0)) is False
    assert targeting.study_due(at=NOW) == 0
