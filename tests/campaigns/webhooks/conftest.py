"""An endpoint that a real https server stands behind, and a person of whom there is something of everything to tell."""

import json
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from standardwebhooks import Webhook as Signer

from campaigns import webhooks
from campaigns.models import (
    Campaign,
    CampaignRun,
    Code,
    Decision,
    Delivery,
    Outcome,
    Redemption,
    WebhookEndpoint,
    WebhookMessage,
)
from campaigns.outward import Way
from customers import consent
from customers.models import Customer, Event
from tests.campaigns.conftest import offer
from tests.campaigns.receiving import Partner
from tests.conftest import NOW, evidence


@dataclass
class Shop:
    """What the platform does every few seconds, with a clock that is moved by hand."""

    partner: Partner
    way: Way
    at: datetime = NOW
    secrets: dict[int, str] = field(default_factory=dict)

    def endpoint(
        self, *, types: tuple[str, ...] = webhooks.TYPES, receiver: str = "own", **fields: Any
    ) -> WebhookEndpoint:
        said = {"name": "Shop", "url": f"{self.partner.url}/hook", **fields}
        made = webhooks.make(**said, types=types, receiver=receiver, by="tests")
        self.secrets[made.endpoint.pk] = made.secret
        return made.endpoint

    def gather(self) -> int:
        return webhooks.gather_all(at=self.at)

    def send(self) -> Counter[str]:
        return webhooks.send_all(clock=lambda: self.at, rng=np.random.default_rng(1), way=self.way)

    def wait(self, **long: float) -> None:
        self.at += timedelta(**long)

    def told(self, endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
        """What the receiver got, each checked by the secret it was given."""
        signer = Signer(self.secrets[endpoint.pk])
        # The library looks at its own clock; what is old is refused by it, and this clock is moved by hand.
        return [
            json.loads(body)
            for _path, headers, body in self.partner.received
            if signer.sign(
                headers["webhook-id"], datetime.fromtimestamp(int(headers["webhook-timestamp"])).astimezone(), body.decode()
            ) in headers["webhook-signature"].split()
        ]  # fmt: skip


@pytest.fixture
def shop(db: None, partner: Partner, trusting: ssl.SSLContext) -> Shop:
    return Shop(partner, Way(trusting, lambda _address: True, 2.0))


@dataclass
class Facts:
    """Writes rows as the rooms below do."""

    run: CampaignRun
    code: Code

    def decision(self, customer: Customer, **fields: Any) -> Decision:
        return Decision.objects.create(
            campaign=self.run.campaign, run=self.run, customer=customer, placement="email", offer=self.code.offer,
            purpose="marketing_email", basis="default", decided_at=NOW, slot=Decision.objects.count(), **fields,
        )  # fmt: skip

    def delivery(self, customer: Customer, status: str = "sent", at: datetime = NOW) -> Delivery:
        return Delivery.objects.create(
            decision=self.decision(customer), run=self.run, step=Delivery.objects.count(), customer=customer,
            channel="email", status=status, reason="refused" if status == "failed" else "", not_before=NOW,
            ended_at=at, basis="default", detail=f"<{customer.external_id}@mail.example> said so",
        )  # fmt: skip

    def outcome(self, customer: Customer) -> Outcome:
        event = Event.objects.create(
            customer=customer, type="ordered", order_id="o-1", occurred_at=NOW, received_at=NOW, source="t",
            message_id=f"m{Event.objects.count()}", basis="contract",
        )  # fmt: skip
        return Outcome.objects.create(
            decision=self.decision(customer), event=event, kind="ordered", value=Decimal("12.50"), at=NOW
        )

    def redemption(self, customer: Customer | None, reversed_at: datetime | None = None) -> Redemption:
        code = Code.objects.create(offer=self.code.offer, value=f"C{Code.objects.count()}", state="redeemed")
        return Redemption.objects.create(
            code=code, customer=customer, order_id="o-1", amount=20, discount=2, currency="EUR", at=NOW,
            reversed_at=reversed_at,
        )  # fmt: skip

    def consent(self, customer: Customer, purpose: str = "analytics") -> None:
        consent.give(customer.pk, purpose, evidence=evidence(purpose), at=NOW)

    def everything(self, customer: Customer) -> None:
        """Decisions, deliveries, an outcome, an answer, and a code used and taken back."""
        self.delivery(customer)
        self.outcome(customer)
        self.consent(customer)
        self.redemption(customer, reversed_at=NOW)


@pytest.fixture
def facts(db: None) -> Facts:
    campaign = Campaign.objects.create(slug="spring", name="Spring")
    run = CampaignRun.objects.create(campaign=campaign, due_at=NOW)
    return Facts(run, Code.objects.create(offer=offer("ten"), value="TEN-1", state="assigned"))


@pytest.fixture
def messages() -> Callable[[], list[tuple[str, str]]]:
    """(type, state) of every message, in order."""
    return lambda: sorted(WebhookMessage.objects.values_list("type", "state"))
