"""What was set aside is given when the message left, and given back when it did not."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import planning, settling
from campaigns.models import Campaign, CapCount, Code, Decision, Delivery, Offer, OfferCap, Placement
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


def planned(campaign: Make, *offers: Offer, **fields: object) -> list[Delivery]:
    row = campaign(*offers, **fields)
    planning.plan(row.runs.get(), at=NOW)
    return list(Delivery.objects.filter(run__campaign=row).order_by("customer_id"))


def ended(delivery: Delivery, status: str) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(status=status, basis="default", ended_at=NOW)


def test_nothing_is_settled_while_the_message_is_under_way(campaign: Make) -> None:
    people(1)
    (delivery,) = planned(campaign, offer("ten"))
    for status in ("planned", "claimed", "transmitting", "retry"):
        ended(delivery, status)
        assert settling.settle(at=NOW) == {}
    assert Decision.objects.get().state == "reserved"


def test_sent_and_unknown_are_given_and_every_other_end_gives_back(campaign: Make) -> None:
    people(5)
    row = offer("five", benefit="amount", value=5, budget=Decimal(100))
    OfferCap.objects.create(offer=row, most=5, scope="total", every_days=7)
    deliveries = planned(campaign, row)
    for delivery, status in zip(
        deliveries, ("sent", "unknown", "failed", "suppressed", "cancelled"), strict=True
    ):
        ended(delivery, status)
    assert settling.settle_all(at=NOW) == {"committed": 2, "released": 3}
    assert settling.settle_all(at=NOW) == {}
    states = list(Decision.objects.order_by("customer_id").values_list("state", "set_aside"))
    assert states == [("committed", Decimal(5))] * 2 + [("released", Decimal(0))] * 3
    row.refresh_from_db()
    assert (row.given, row.discount_reserved, CapCount.objects.get().used) == (2, Decimal(10), 2)


def test_what_is_given_back_may_be_given_again(campaign: Make) -> None:
    people(1)
    row = offer("once", max_total=1)
    (delivery,) = planned(campaign, row)
    assert planned(campaign, row) == []
    ended(delivery, "suppressed")
    settling.settle_all(at=NOW)
    (again,) = planned(campaign, row)
    assert again.decision.code == delivery.decision.code  # the same person has the same code


def test_every_slot_ends_with_the_one_message(campaign: Make) -> None:
    people(2)
    Placement.objects.create(slug="email", name="E-mail", channel="email", slots=2)
    first, second = planned(campaign, offer("ten"), offer("five", value=5))
    ended(first, "sent")
    assert settling.settle_all(at=NOW) == {"committed": 2}
    ended(second, "failed")
    assert settling.settle_all(at=NOW) == {"released": 2}
    assert list(Offer.objects.values_list("given", flat=True)) == [1, 1]


def test_a_pool_s_code_that_nobody_saw_returns_to_the_pool(campaign: Make) -> None:
    people(2)
    row = offer("pool", code_kind="pool")
    end = NOW + timedelta(days=90)
    batch = row.batches.create(origin="imported", expires_at=end)
    for value in ("A", "B"):
        Code.objects.create(offer=row, value=value, batch=batch, expires_at=end)
    sent, failed = planned(campaign, row)
    assert {code.expires_at for code in Code.objects.all()} == {NOW + timedelta(days=30)}
    ended(sent, "sent")
    ended(failed, "failed")
    settling.settle_all(at=NOW)
    back = Code.objects.get(state="free")
    assert (back.customer_id, back.assigned_at, back.expires_at) == (None, None, end)
    assert Code.objects.get(state="assigned").customer_id == sent.customer_id
    assert Decision.objects.get(state="released").code is None


def test_a_page_at_a_time_and_an_erased_person_s_money_is_found_again(campaign: Make) -> None:
    people(3)
    deliveries = planned(campaign, offer("five", benefit="amount", value=5, budget=Decimal(100)))
    for delivery in deliveries:
        ended(delivery, "sent")
    assert settling.settle(at=NOW, limit=2) == {"committed": 2}
    Decision.objects.filter(customer_id=deliveries[0].customer_id).delete()
    assert Offer.objects.get().discount_reserved == 15
    assert (settling.recount(at=NOW), settling.recount(at=NOW)) == (1, 0)
    assert Offer.objects.get().discount_reserved == 10
