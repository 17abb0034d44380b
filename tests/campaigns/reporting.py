"""Campaigns that were planned and measured, for the tests of what is reported of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from campaigns import reports
from campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignSegment,
    Code,
    Decision,
    Delivery,
    Redemption,
    Segment,
)
from campaigns.reports import Report
from customers import events
from customers.events import Incoming
from customers.models import Customer
from customers.purposes import PURPOSES
from tests.campaigns.conftest import offer, people
from tests.conftest import NOW

DAY = timedelta(days=1)
START = NOW - 20 * DAY  # planned then, measured for 14 days, over by now
LONG_AGO = START - 3 * DAY


@dataclass
class Built:
    """A campaign that was planned at START and sent to its treated arm; names in order."""

    campaign: Campaign
    treated: list[str]
    control: list[str]

    def report(self, *, at: datetime = NOW, until: datetime | None = None) -> Report:
        return reports.report(self.campaign, at=at, until=until)


def built(
    treated: int,
    control: int,
    *,
    percent: float | None = None,
    allows: tuple[str, ...] = tuple(PURPOSES),
    **fields: object,
) -> Built:
    ids = people(treated + control, allows=allows)
    names = [f"c{n:03}" for n in range(treated + control)]
    share = 100 * control / (treated + control) if percent is None else percent
    campaign = Campaign.objects.create(
        slug="spring",
        control_percent=Decimal(f"{share:.2f}"),
        **{"name": "Spring", "status": "finished", **fields},
    )
    segment = Segment.objects.create(slug="all", name="Everyone", rule={"attribute": "id", "exists": True})
    CampaignSegment.objects.create(campaign=campaign, segment=segment)
    run = CampaignRun.objects.create(
        campaign=campaign,
        due_at=START,
        planned_at=START,
        state="done",
        waterfall={
            "matched": treated + control + 7,
            "no_consent": {"marketing_email": 4},
            "suppressed": {"hard_bounce": 2},
            "no_address": 1,
            "held_out": control,
            "sendable": treated,
        },
    )
    decisions = [
        Decision(
            campaign=campaign, run=run, customer_id=pk, segment=segment, placement="email",
            arm="treated" if i < treated else "control", purpose="marketing_email", basis="default", decided_at=START,
        )
        for i, pk in enumerate(ids)
    ]  # fmt: skip
    Decision.objects.bulk_create(decisions)
    Delivery.objects.bulk_create(
        Delivery(
            decision=decision, run=run, customer_id=decision.customer_id, channel="email", status="sent",
            basis="default", not_before=START, transmitting_at=START, ended_at=START,
        )
        for decision in decisions[:treated]
    )  # fmt: skip
    return Built(campaign, names[:treated], names[treated:])


def paid(
    names: Sequence[str],
    value: str,
    at: datetime = START + 2 * DAY,
    *,
    kind: str = "ordered",
    number: str = "o",
) -> None:
    """Each of these people has one order (or refund) of this value."""
    taken = events.take_in(
        [
            Incoming(
                message_id=f"{kind}-{name}-{number}-{value}",
                type=kind,
                customer=name,
                value=Decimal(value),
                currency="EUR",
                order_id=f"{name}-{number}",
                occurred_at=at,
            )
            for name in names
        ],
        source="tests",
        at=NOW,
    )
    assert taken.accepted == len(names)


def with_codes(made: Built) -> None:
    """Everyone treated has a code. Five use theirs for 3.00 each, one of the control uses another's, one is given back."""
    row = offer("three", title="Three off", benefit="amount", value=Decimal(3))
    ids = dict(Customer.objects.values_list("external_id", "pk"))
    codes = [
        Code(offer=row, value=f"CODE-{name}", state="assigned", customer_id=ids[name])
        for name in made.treated
    ]
    Code.objects.bulk_create(codes)
    for decision in Decision.objects.filter(arm="treated"):
        decision.offer, decision.code = row, Code.objects.get(customer_id=decision.customer_id)
        decision.save()
    by: list[tuple[int, str | None, str, bool]] = [(i, made.treated[i], "3.00", False) for i in range(4)]
    by += [(4, None, "3.00", False), (5, made.control[0], "2.00", False), (6, made.treated[6], "3.00", True)]
    for i, name, discount, given_back in by:
        Redemption.objects.create(
            code=Code.objects.get(value=f"CODE-{made.treated[i]}"), customer_id=ids[name] if name else None,
            order_id=f"o{i}", amount=Decimal(30), discount=Decimal(discount), currency="EUR", at=START + 2 * DAY,
            reversed_at=START + 4 * DAY if given_back else None,
        )  # fmt: skip
