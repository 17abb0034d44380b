"""The bandit of variants: orders teach it, opens do not, and nothing moves before enough is known."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from campaigns import allocation, experiments
from campaigns.models import Campaign, Decision, Message, Variant
from customers import consent
from customers.models import Event
from tests.campaigns.conftest import people
from tests.conftest import NOW

Make = Callable[..., Campaign]
LONG_AGO = NOW - timedelta(days=10)


@pytest.fixture
def tested(campaign: Make, message: Message) -> Campaign:
    """A recurring campaign with two variants and a bandit, launched."""
    row = campaign(kind="recurring", recurrence="FREQ=DAILY", allocation="bandit", launched=False)
    for key in ("a", "b"):
        Variant.objects.create(campaign=row, key=key, message=message)
    Campaign.objects.filter(pk=row.pk).update(status="running")
    row.refresh_from_db()
    return row


def decide(campaign: Campaign, ids: list[int], key: str, *, at: datetime = LONG_AGO) -> None:
    variant = campaign.variants.get(key=key)
    Decision.objects.bulk_create(
        Decision(
            campaign=campaign,
            customer_id=pk,
            placement="email",
            purpose="marketing_email",
            basis="default",
            variant=variant,
            decided_at=at,
        )
        for pk in ids
    )


def act(ids: list[int], kind: str = "ordered", *, after: timedelta = timedelta(hours=5)) -> None:
    Event.objects.bulk_create(
        Event(
            customer_id=pk,
            type=kind,
            value=Decimal(20),
            currency="EUR",
            order_id=f"o{pk}" if kind == "ordered" else "",
            occurred_at=LONG_AGO + after,
            received_at=LONG_AGO + after,
            source="shop",
            message_id=f"{kind}-{pk}",
            basis="contract" if kind == "ordered" else "default",
        )
        for pk in ids
    )


def renew(campaign: Campaign, *, at: datetime = NOW) -> dict[str, float] | None:
    change = allocation.renew(campaign, at=at, rng=np.random.default_rng(1))
    return None if change is None else change.shares


def test_who_orders_draws_the_shares_and_what_they_rest_on_is_kept(tested: Campaign) -> None:
    ids = people(240)
    decide(tested, ids[:120], "a")
    decide(tested, ids[120:], "b")
    act(ids[120:160])  # 40 of 120, against 10 of 120
    act(ids[:10])
    shares = renew(tested)
    assert shares is not None
    assert shares["b"] > 0.7 > 0.3 > shares["a"] >= 0.01
    assert sum(shares.values()) == pytest.approx(1)
    change = tested.share_changes.get()
    assert change.rests_on == {"a": {"people": 120, "successes": 10}, "b": {"people": 120, "successes": 40}}
    variants = list(tested.variants.all())
    assert experiments.shares(tested, variants, at=NOW) == shares
    assert experiments.shares(tested, variants, at=NOW - timedelta(seconds=1)) == {"a": 0.5, "b": 0.5}


def test_n5_opens_and_clicks_teach_nothing(tested: Campaign) -> None:
    ids = people(240)
    decide(tested, ids[:120], "a")
    decide(tested, ids[120:], "b")
    act(ids[120:220], "opened")
    act(ids[120:220], "clicked")
    assert renew(tested) is not None
    assert tested.share_changes.get().rests_on["b"] == {"people": 120, "successes": 0}


def test_under_a_hundred_people_a_variant_nothing_moves(tested: Campaign) -> None:
    ids = people(190)
    decide(tested, ids[:100], "a")
    decide(tested, ids[100:], "b")
    act(ids[100:])
    assert renew(tested) is None
    assert not tested.share_changes.exists()


def test_whose_days_to_order_are_not_over_does_not_count_yet(tested: Campaign) -> None:
    ids = people(240)
    decide(tested, ids[:120], "a")
    decide(tested, ids[120:], "b", at=NOW - timedelta(days=2))
    assert renew(tested) is None


def test_an_order_after_its_days_or_of_someone_not_measured_does_not_count(tested: Campaign) -> None:
    ids = people(241)
    decide(tested, ids[:120], "a")
    decide(tested, ids[120:], "b")
    act(ids[:5], after=timedelta(days=3, seconds=1))
    consent.withdraw(ids[0], "analytics", method="link", source="tests", actor="customer", at=NOW)
    renew(tested)
    assert tested.share_changes.get().rests_on["a"] == {"people": 119, "successes": 0}


def test_shares_change_at_most_hourly_and_only_of_running_bandits(tested: Campaign) -> None:
    ids = people(240)
    decide(tested, ids[:120], "a")
    decide(tested, ids[120:], "b")
    act(ids[:30])
    rng = np.random.default_rng(1)
    assert allocation.renew_all(at=NOW, rng=rng) == 1
    assert allocation.renew_all(at=NOW + timedelta(minutes=59), rng=rng) == 0
    Campaign.objects.filter(pk=tested.pk).update(status="paused")
    assert allocation.renew_all(at=NOW + timedelta(hours=2), rng=rng) == 0


def test_who_had_a_variant_keeps_it_when_the_shares_move(tested: Campaign) -> None:
    ids = people(30)
    decide(tested, ids[:10], "a")
    decide(tested, ids[10:20], "b")
    tested.share_changes.create(at=NOW - timedelta(hours=1), shares={"a": 0.01, "b": 0.99})
    given = experiments.variants(tested, ids, at=NOW)
    assert {given[pk].key for pk in ids[:10]} == {"a"}
    assert {given[pk].key for pk in ids[10:20]} == {"b"}
