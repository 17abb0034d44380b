"""Whatever happens in whatever order: nobody is used or written to without their leave, and the ledger is whole.

Hypothesis draws sequences of grant, withdraw, event, train, plan, deliver and time; SEQUENCES says how many; the
suite runs forty.
"""

import os
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from campaigns import audit, delivery, planning
from campaigns.models import Campaign, CampaignRun, Decision, Outcome
from customers import consent, events, histories, identities, ledger
from customers.events import Incoming
from recommender import serving, training
from recommender.models import ModelVersion
from tests.campaigns.conftest import Sink, offer, people
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import sink as sink
from tests.conftest import NOW, evidence

SEQUENCES = int(os.environ.get("SEQUENCES", "40"))
PEOPLE = [f"h{n}" for n in range(5)]
SKUS = ("rose", "spade", "mug", "pan")
PURPOSES = ("analytics", "personalization", "marketing_email", "message_tracking")
WHO, WHAT = st.sampled_from(PEOPLE), st.sampled_from(PURPOSES)


class Shop(RuleBasedStateMachine):
    """A few people under EU law, who never said anything, and everything that can happen to them."""

    post: Sink
    running: Campaign
    learnt = 0
    """how often there was a live model after a training"""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now: datetime = NOW
        self.number = 0
        identities.save_profiles(
            [identities.Profile(id=name, email=f"{name}@mail.example", country="DE") for name in PEOPLE]
        )
        self.ids = identities.find(PEOPLE)
        self.allowed: set[tuple[str, str]] = set()
        self.arrived = len(self.post.recipients())

    def teardown(self) -> None:
        try:
            assert audit.audit().violations == []
            assert ledger.verify().faults == ()
            for name, pk in self.ids.items():
                for purpose in PURPOSES:
                    assert consent.decide(pk, purpose, at=self.now).allowed is (
                        (name, purpose) in self.allowed
                    )
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    @rule(name=WHO, purpose=WHAT)
    def grant(self, name: str, purpose: str) -> None:
        consent.give(self.ids[name], purpose, evidence=evidence(purpose), at=self.tick())
        self.allowed.add((name, purpose))

    @rule(name=WHO)
    def grant_everything(self, name: str) -> None:
        for purpose in PURPOSES:
            self.grant(name, purpose)

    @rule(name=WHO, purpose=WHAT)
    def withdraw(self, name: str, purpose: str) -> None:
        consent.withdraw(self.ids[name], purpose, method="page", source="t", actor="customer", at=self.tick())
        self.allowed.discard((name, purpose))

    @rule(
        name=WHO, kind=st.sampled_from(["viewed", "added", "ordered", "clicked"]), sku=st.sampled_from(SKUS)
    )
    def act(self, name: str, kind: str, sku: str) -> None:
        self.number += 1
        one = Incoming(
            message_id=f"{name}-{self.number}",
            type=kind,
            customer=name,
            sku=sku,
            value=Decimal(5) if kind == "ordered" else None,
            currency="EUR",
            order_id=f"o{self.number}" if kind == "ordered" else "",
            occurred_at=self.tick(),
        )
        taken = events.take_in([one], source="t", at=self.now)
        purpose = events.purpose_of(kind)
        assert taken.accepted == (purpose is None or (name, purpose) in self.allowed)

    @rule()
    def train(self) -> None:
        training.ask("recommend", algorithms=["blend", "popularity", "frequency"])
        run = training.claim(at=self.tick())
        assert run is not None
        training.work(run, at=self.now)
        Shop.learnt += ModelVersion.objects.filter(state="live").exists()
        learnt_from = {int(pk) for pk in histories.purchases("personalization").customers}
        assert learnt_from.isdisjoint(
            self.ids[name] for name in PEOPLE if (name, "personalization") not in self.allowed
        )

    @rule()
    def plan(self) -> None:
        run = CampaignRun.objects.create(campaign=self.running, due_at=self.tick())
        planning.plan(run, at=self.now)
        planned = set(Decision.objects.filter(run=run).values_list("customer_id", flat=True))
        may = {self.ids[name] for name in PEOPLE if (name, "marketing_email") in self.allowed}
        assert planned & set(self.ids.values()) == may
        personal = Decision.objects.filter(run=run, personalized=True, customer_id__in=self.ids.values())
        assert all(
            (self.name_of(pk), "personalization") in self.allowed
            for pk in personal.values_list("customer_id", flat=True)
        )

    @rule()
    def deliver(self) -> None:
        delivery.deliver_all(clock=self.tick)
        new = self.post.recipients()[self.arrived :]
        self.arrived += len(new)
        for address in new:
            name = address.partition("@")[0]
            assert name not in self.ids or (name, "marketing_email") in self.allowed

    @rule(name=WHO)
    def recommend(self, name: str) -> None:
        found = serving.recommend(self.ids[name], at=self.tick(), limit=3)
        assert not found.personalized or (name, "personalization") in self.allowed

    @rule(hours=st.integers(1, 24 * 8))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def name_of(self, pk: int) -> str:
        return next(name for name, known in self.ids.items() if known == pk)


@pytest.fixture
def background(db: None, products, settings, tmp_path) -> None:
    """Thirty customers of long standing, so that there is something to learn."""
    settings.MODEL_DIR = tmp_path / "models"
    people(30)
    lines = [
        Incoming(
            message_id=f"b{n}-{day}-{sku}",
            type="ordered",
            customer=f"c{n:03}",
            sku=sku,
            value=Decimal(5),
            currency="EUR",
            order_id=f"b{n}-{day}",
            occurred_at=NOW - timedelta(days=day),
        )
        for n in range(30)
        for day in (90, 60, 40, 10)
        for sku in (SKUS[n % 2 : n % 2 + 2] if day % 20 else SKUS[2 * (n % 2) : 2 * (n % 2) + 2])
    ]
    events.take_in(lines, source="background", at=NOW - timedelta(days=1))


@pytest.mark.slow
@pytest.mark.django_db
def test_c1_c2_c3_nothing_happens_without_leave_whatever_the_order(
    background: None, campaign, sink: Sink
) -> None:
    Shop.post, Shop.running = sink, campaign(offer("ten"), control_percent=Decimal(20))
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
            derandomize=SEQUENCES < 100,
        ),
    )
    assert Outcome.objects.count() == 0
    assert Shop.learnt > 5
