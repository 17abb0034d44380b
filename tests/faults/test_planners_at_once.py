"""Eight planners, a settler and a till at once: no cap is passed by one, and nobody is decided twice (R5).

To a few people in the suite; `PLANNED=120` (`make test-faults`) for more.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.db.models import Sum

from campaigns import codes, planning, settling
from campaigns.codes import NotRedeemable
from campaigns.models import CapCount, Code, Decision, Delivery, Offer, OfferCap
from tests.campaigns.conftest import campaign, message, offer, people  # noqa: F401 - fixtures
from tests.conftest import NOW

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PEOPLE, PLANNERS = int(os.environ.get("PLANNED", "60")), 8


def together(*work: Callable[[], object]) -> None:
    """All at once, each on its own connection; what one raises fails the test."""
    gate, failed = threading.Barrier(len(work)), []

    def run(one: Callable[[], object]) -> None:
        gate.wait()
        try:
            one()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def limited() -> list[Offer]:
    rows = [
        offer("rare", max_total=50, priority=5),
        offer("dear", benefit="amount", value=5, budget=Decimal(203), priority=4),
        offer("weekly", priority=3),
        offer("pool", code_kind="pool", priority=2),
        offer("ten"),
    ]
    OfferCap.objects.create(offer=rows[2], most=25, scope="total", every_days=7)
    codes.generate(rows[3], 30, by="tests", at=NOW)
    return rows


def hold(rows: list[Offer]) -> None:
    """What must be true of every offer, whoever did what at the same time."""
    counting = Decision.objects.exclude(state="released")
    for row in rows:
        row.refresh_from_db()
        assert row.given == counting.filter(offer=row).count()
        assert (
            row.discount_reserved == counting.filter(offer=row).aggregate(s=Sum("set_aside", default=0))["s"]
        )
        most = Counter(counting.filter(offer=row).values_list("customer_id", flat=True)).most_common(1)
        assert not most or most[0][1] == 1
    rare, dear, weekly, pool, _ten = rows
    assert rare.given <= 50
    assert dear.discount_given + dear.discount_reserved <= 203
    assert weekly.given == CapCount.objects.aggregate(s=Sum("used", default=0))["s"] <= 25
    taken = Code.objects.filter(offer=pool, customer__isnull=False)
    # Used at the till before its message was known to have failed: the code stays used, the decision is given back.
    used = taken.filter(state="redeemed").exclude(decisions__in=counting)
    assert taken.count() - used.count() == pool.given <= taken.count() <= 30
    assert Code.objects.filter(offer=pool).count() == 30


def test_r5_eight_campaigns_to_the_same_people_share_what_there_is(campaign, monkeypatch) -> None:  # noqa: F811
    people(PEOPLE)
    monkeypatch.setattr(planning, "PAGE", PEOPLE // 6)
    rows = limited()
    runs = [
        campaign(*rows, channel="webhook", webhook_url="https://partner.example/x", message=None).runs.get()
        for _ in range(PLANNERS)
    ]
    together(*(lambda run=run: planning.plan(run, at=NOW) for run in runs))
    hold(rows)
    # Eight wishes each: everything that is limited is gone to the last.
    assert [row.given for row in rows] == [50, 40, 25, 30, PEOPLE]
    assert Decision.objects.count() == Decision.objects.values("run", "customer").distinct().count()


def test_r2_r5_eight_planners_of_one_run_decide_nobody_twice(campaign, monkeypatch) -> None:  # noqa: F811
    people(PEOPLE)
    monkeypatch.setattr(planning, "PAGE", PEOPLE // 6)
    rows = limited()
    run = campaign(*rows, channel="webhook", webhook_url="https://partner.example/x", message=None).runs.get()
    together(*(lambda: planning.plan(run, at=NOW) for _ in range(PLANNERS)))
    hold(rows)
    assert Decision.objects.values("customer").distinct().count() == Decision.objects.count() == PEOPLE


def test_r5_settling_and_using_codes_at_the_same_time_pass_no_cap(campaign, monkeypatch) -> None:  # noqa: F811
    people(PEOPLE)
    monkeypatch.setattr(planning, "PAGE", PEOPLE // 6)
    rows = limited()
    webhook = {"channel": "webhook", "webhook_url": "https://partner.example/x", "message": None}
    first = campaign(*rows, **webhook).runs.get()
    planning.plan(first, at=NOW)
    ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=ids[::2]).update(status="failed", ended_at=NOW)
    Delivery.objects.filter(pk__in=ids[1::2]).update(status="sent", basis="default", ended_at=NOW)
    values = list(Code.objects.filter(state="assigned").order_by("pk").values_list("value", "customer_id"))
    runs = [campaign(*rows, **webhook).runs.get() for _ in range(3)]

    def tills() -> None:
        for n, (value, owner) in enumerate(values):
            ask = {
                "amount": Decimal(50),
                "currency": "EUR",
                "at": NOW + timedelta(hours=1),
                "customer_id": owner,
            }
            with suppress(NotRedeemable):  # a pool's code that has just been given back
                codes.redeem(value, order_id=f"o{n}", **ask)

    together(
        *(lambda run=run: planning.plan(run, at=NOW) for run in runs),
        lambda: settling.settle_all(at=NOW),
        lambda: settling.settle_all(at=NOW),
        tills,
    )
    settling.settle_all(at=NOW)
    hold(rows)
    assert not Decision.objects.filter(run=first, state="reserved").exists()
