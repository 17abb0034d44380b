"""How many people a question takes, from the audience's own past; worked by hand."""

import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import sizing, statistics
from campaigns.models import Campaign
from campaigns.segments import sampling
from customers import consent, few
from customers.models import Customer, Event
from tests.campaigns.conftest import people
from tests.conftest import NOW

Make = Callable[..., Campaign]


def order(pk: int, value: int, *, days_ago: float) -> None:
    at = NOW - timedelta(days=days_ago)
    Event.objects.create(
        customer_id=pk, type="ordered", value=Decimal(value), currency="EUR", order_id=f"{pk}-{days_ago}",
        occurred_at=at, received_at=at, source="shop", message_id=f"{pk}-{days_ago}", basis="contract",
    )  # fmt: skip


def test_the_past_of_an_audience_worked_by_hand(campaign: Make) -> None:
    ids = people(10)
    row = campaign(launched=False, window_days=14, control_percent=Decimal(20))
    order(ids[0], 30, days_ago=3)
    order(ids[1], 10, days_ago=13)
    order(ids[0], 20, days_ago=20)
    order(ids[2], 99, days_ago=29)  # before both windows
    past = sizing.past_of(row, at=NOW)
    # Y: 30, 10, 0 × 8; X: 20, 0 × 9. var y = 100 − 16 = 84, var x = 40 − 4 = 36, cov = 60 − 8 = 52
    assert (past.people, past.buyers) == (10, 2)
    assert past.mean == pytest.approx(4)
    assert past.sd == pytest.approx(math.sqrt(84 - 52**2 / 36))


def test_who_may_not_be_written_to_or_measured_is_no_part_of_it(campaign: Make) -> None:
    ids = people(4)
    for pk, purpose in ((ids[0], "marketing_email"), (ids[1], "analytics")):
        consent.withdraw(pk, purpose, method="link", source="tests", actor="customer", at=NOW)
    for pk in ids:
        order(pk, 40, days_ago=2)
    past = sizing.past_of(campaign(launched=False), at=NOW)
    assert (past.people, past.buyers, past.mean) == (2, 2, 40)


def test_what_the_arms_would_find_and_what_the_question_takes(campaign: Make) -> None:
    ids = people(200)
    for pk in ids[:50]:
        order(pk, 40, days_ago=2)
    row = campaign(launched=False, control_percent=Decimal(20), sending_cost=Decimal("0.01"))
    found = sizing.sizing(row, at=NOW)
    sd = math.sqrt(0.25 * 1600 - 100)
    assert found.past.sd == pytest.approx(sd)
    assert found.finds == pytest.approx(statistics.detectable(sd, 160, 40))
    assert found.effect == pytest.approx(1)  # a tenth of 10 per person
    assert found.pays == pytest.approx(0.01 / 0.4)
    assert found.plan is not None and found.cheapest is not None
    assert found.plan.people == statistics.needed(1, sd, control_share=0.2)
    assert found.plan.control_share == 0.2
    # Holding one out misses 0.39, a message costs 0.01: the cheap answer holds out few.
    assert found.cheapest.control_share == pytest.approx(0.1 / (0.1 + math.sqrt(0.39)))
    asked = sizing.sizing(row, at=NOW, effect=2)
    assert asked.plan is not None
    assert asked.plan.people == statistics.needed(2, sd, control_share=0.2)


def test_of_nobody_and_of_no_past_nothing_is_told(campaign: Make) -> None:
    row = campaign(launched=False)
    found = sizing.sizing(row, at=NOW)
    assert (found.past.people, found.finds, found.plan, found.cheapest) == (0, None, None, None)
    people(5)
    assert sizing.sizing(row, at=NOW).plan is None


def test_a_large_audience_is_asked_of_some_and_a_small_one_of_everyone(
    campaign: Make, monkeypatch, django_assert_max_num_queries
) -> None:
    """600 of whom 200 are drawn; every second spends 40, and 300 came within the window."""
    ids = people(600)
    for pk in ids[::2]:
        order(pk, 40, days_ago=2)
    Customer.objects.update(created_at=NOW - timedelta(days=90))
    Customer.objects.filter(pk__in=ids[:300]).update(created_at=NOW - timedelta(days=1))
    monkeypatch.setattr(sampling, "WHOLE", 100)
    monkeypatch.setattr(sizing, "DRAWN", 200)
    monkeypatch.setattr(sizing, "ENOUGH_PEOPLE", 100)
    row = campaign(launched=False, window_days=14)
    with django_assert_max_num_queries(10):
        some = sizing.past_of(row, at=NOW)
    assert (some.people, some.is_estimate) == (600, True)
    assert 200 < some.buyers < 400 and 200 < some.joined < 400
    assert some.buyers == few.two_digits(some.buyers), "no finer than the draw"
    assert 15 < some.mean < 25 and some.sd == pytest.approx(20, rel=0.02)
    assert sizing.past_of(row, at=NOW) == some, "the same are drawn"
    monkeypatch.setattr(sizing, "ENOUGH_BUYERS", 201)
    everyone = sizing.past_of(row, at=NOW)
    assert (everyone.people, everyone.buyers, everyone.joined) == (600, 300, 300)
    assert everyone.mean == pytest.approx(20)
    assert not everyone.is_estimate
    # Of those drawn fewer than twenty are new: how many is not told.
    monkeypatch.setattr(sizing, "ENOUGH_BUYERS", 10)
    Customer.objects.filter(pk__in=ids[15:]).update(created_at=NOW - timedelta(days=90))
    assert few.is_small(sizing.past_of(row, at=NOW).joined)
