"""C3, U5: stop, unsubscribe and pause race a campaign that is being sent; whoever commits first has won.

A few in the suite; `RACES=1000` (`make test-faults`) for all of them. SEED draws other moments.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from campaigns import delivery, lifecycle, planning
from campaigns.models import Campaign, Delivery
from customers import contact, ledger, links
from customers.models import ConsentState, Customer
from tests.campaigns.conftest import Sink, campaign, message, people, sink  # noqa: F401 - fixtures
from tests.faults.test_planners_at_once import together

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
RACES, SEED = int(os.environ.get("RACES", "75")), int(os.environ.get("SEED", "0"))
SENDERS, PEOPLE_AT_ONCE, PAGE = 2, 3, 12
# Marked in a commit of its own before the body begins: what stands here was on its way when the answer came.
ON_ITS_WAY = ("transmitting", "sent")


class Race:
    """Everybody is asked to send, and everybody withdraws, each at the moment a sender holds their message."""

    def __init__(self, ids: list[int]) -> None:
        preferences = {row.pk: urlsplit(links.preferences_url(row)).path for row in Customer.objects.all()}
        leaving = {
            row.pk: urlsplit(links.unsubscribe_url(row, "marketing_email")).path
            for row in Customer.objects.all()
        }
        ways: list[Callable[[int], tuple[str, dict[str, str]]]] = [
            lambda pk: (preferences[pk], {"action": "stop"}),
            lambda pk: (leaving[pk], {"List-Unsubscribe": "One-Click"}),
            lambda pk: (preferences[pk], {"action": "pause"}),
        ]
        self.way = {pk: ways[n % 3](pk) for n, pk in enumerate(ids)}
        self.pauses = set(ids[2::3])
        self.left, self.lock = set(ids), threading.Lock()
        self.at_the_answer: dict[int, str] = {}
        self.sent: Counter[str] = Counter()

    def send(self) -> None:
        while self.left:
            self.sent.update(delivery.deliver_due(clock=timezone.now, limit=PAGE))

    def withdraw(self, seed: int) -> None:
        client, rng = Client(), random.Random(f"{SEED} {seed}")
        while (pk := self._next(rng)) is not None:
            path, body = self.way[pk]
            time.sleep(rng.uniform(0, 0.004))
            assert client.post(path, body).status_code == 200
            self.at_the_answer[pk] = Delivery.objects.get(customer=pk).status

    def _next(self, rng: random.Random) -> int | None:
        """One whose message a sender has claimed and not begun; the next in the queue where none is."""
        with self.lock:
            if not self.left:
                return None
            near = Delivery.objects.filter(customer__in=self.left, status__in=("claimed", "planned"))
            ids = list(near.order_by("status", "pk").values_list("customer_id", flat=True)[:PAGE])
            pk = rng.choice(ids) if ids else min(self.left)
            self.left.remove(pk)
            return pk


def launched(make: Callable[..., Campaign]) -> Campaign:
    now = timezone.now()
    row = make(launched=False)
    for step in ("approve", "launch"):
        lifecycle.take(row, step, by="tests", at=now)
    planning.plan(row.runs.get(), at=now)
    return row


def test_c3_u5_nothing_leaves_after_the_answer_to_a_withdrawal(campaign, sink: Sink, settings) -> None:  # noqa: F811
    began = time.monotonic()
    ids = people(RACES)
    launched(campaign)
    race = Race(ids)
    together(
        *(race.send for _ in range(SENDERS)),
        *(lambda seed=seed: race.withdraw(seed) for seed in range(PEOPLE_AT_ONCE)),
    )
    delivery.deliver_all(clock=timezone.now)
    names = dict(Customer.objects.values_list("pk", "external_id"))
    arrived = Counter(sink.recipients())
    assert set(arrived.values()) <= {1}
    late = [
        names[pk]
        for pk, status in race.at_the_answer.items()
        if status not in ON_ITS_WAY and f"{names[pk]}@mail.example" in arrived
    ]
    assert late == [], "sent though their withdrawal had been answered before"
    assert set(race.at_the_answer) == set(ids)
    fates = {row.customer_id: (row.status, row.reason) for row in Delivery.objects.all()}
    won = {pk for pk, (status, _reason) in fates.items() if status == "suppressed"}
    assert {fates[pk] for pk in won} <= {("suppressed", "no_consent"), ("suppressed", "paused")}
    assert {pk for pk in won if fates[pk][1] == "paused"} == won & race.pauses
    assert {names[pk] for pk in set(ids) - won} == {name.partition("@")[0] for name in arrived}
    # Both outcomes happened, or nothing was raced.
    assert won
    assert len(won) < RACES

    # And nobody gets the next one.
    launched(campaign)
    delivery.deliver_all(clock=timezone.now)
    assert Counter(sink.recipients()) == arrived
    assert ConsentState.objects.filter(purpose="marketing_email", granted=False).count() == RACES - len(
        race.pauses
    )
    assert sum(wish.is_paused(timezone.now()) for wish in contact.wishes(ids).values()) == len(race.pauses)
    assert ledger.verify().faults == ()
    connections.close_all()
    print(
        f"{RACES} races in {time.monotonic() - began:.0f} s: {len(won)} withdrawals came first, "
        f"{RACES - len(won)} messages did, 0 left after the answer"
    )
