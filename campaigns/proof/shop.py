"""One small campaign through the whole platform, in a shop whose truth is known.

People with consents, a campaign approved and launched, planned, delivered to a real SMTP server, orders taken in as
events, and the report's interval against the truth. It needs a database of its own, fresh for each run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from campaigns import delivery, lifecycle, planning, reports
from campaigns.messages import default_message
from campaigns.models import Campaign, CampaignSegment, Decision, Message, Offer, Segment
from campaigns.proof.lines import Line, share
from customers import consent, events, identities
from customers.consent import Answer, Evidence
from customers.events import Incoming
from simulator import response
from simulator.response import Answers, World

PEOPLE = 600
CONTROL_PERCENT = 25
LAUNCH = datetime(2026, 3, 3, 10, tzinfo=UTC)
WINDOW = timedelta(days=14)
# An ordinary message: about one buyer more in ten. The more a message changes, the more people differ in what it does to
# them, and the more often an interval holds the truth of just these people (Neyman 1923).
WORLD = World(pull=0.2, push=0.3)
SAYS_YES = {"analytics": 0.94, "marketing_email": 0.94}
BOUNCES, CHANGES_MIND, REFUNDS = 0.03, 0.03, 0.05
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


class NotAsPlanned(Exception):
    """The run did not go as the shop knows it must have: a message too many, one too few, or an event lost."""


@dataclass(frozen=True)
class Run:
    """What the report said, and the truth. Without an effect shown, `why` says why and the figures are nought."""

    seed: int
    truth: float
    effect: float
    low: float
    high: float
    verdict: str
    narrowed_by: float
    planned: int
    measured: int
    sent: int
    why: str

    @property
    def is_held(self) -> bool:
        return self.low <= self.truth <= self.high

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Shop:
    """Aligned over the people: their names, what they would do, what they said, what becomes of their mail."""

    names: list[str]
    answers: Answers
    yes: Mapping[str, Flags]
    bounces: Flags
    changes_mind: Flags

    @property
    def gets_mail(self) -> Flags:
        """Whom a mail would reach, if they were in the treated arm."""
        return ~self.bounces & ~self.changes_mind

    def address(self, person: int) -> str:
        return f"{'nobody-' if self.bounces[person] else ''}{self.names[person]}@customer.example"


def run(seed: int, *, people: int = PEOPLE, sink_log: Path) -> Run:
    """Play one campaign to its end and read its report. Raises NotAsPlanned."""
    rng = np.random.default_rng([seed, 21])
    shop = _open(people, seed, rng)
    ids = _tell_people(shop)
    _tell_orders(shop, shop.answers.before, LAUNCH - WINDOW, "before", rng, at=LAUNCH)
    seen = _mails(sink_log)
    campaign = _launch(seed)
    planning.plan_due(at=LAUNCH)
    _withdraw(shop, ids, at=LAUNCH + timedelta(minutes=5))
    sent_at = LAUNCH + timedelta(minutes=10)
    delivery.deliver_all(clock=lambda: sent_at)
    lifecycle.finish_done(at=sent_at)
    got = _mails(sink_log)[len(seen) :]
    planned, treated = _arms(campaign, ids, shop)
    _check(shop, got, treated)
    money = np.where(treated & shop.gets_mail, shop.answers.y1, shop.answers.y0)
    end = LAUNCH + WINDOW
    _tell_orders(shop, money, sent_at, "after", rng, at=end)
    told = reports.report(campaign, at=end)
    measured = planned & shop.yes["analytics"]
    # Intention to treat: who would not have got the mail lives without it, in either arm.
    gain = np.where(shop.gets_mail, shop.answers.y1 - shop.answers.y0, 0.0)
    shown = told.effect
    return Run(
        seed=seed,
        truth=float(gain[measured].mean()),
        effect=shown.per_person if shown else 0.0,
        low=shown.low if shown else 0.0,
        high=shown.high if shown else 0.0,
        verdict=shown.verdict if shown else "",
        narrowed_by=shown.narrowed_by if shown else 0.0,
        planned=int(planned.sum()),
        measured=int(measured.sum()),
        sent=len(got),
        why=told.why_no_effect,
    )


def lines(runs: Sequence[Run], *, full: int) -> list[Line]:
    """What the full runs prove: how many reports showed an effect, and of those how many held the truth."""
    if not runs:
        return []
    shown = [one for one in runs if not one.why]
    sent, narrowed = sum(one.sent for one in runs), sum(one.narrowed_by for one in shown) / max(len(shown), 1)
    return [
        share(
            "full_runs", "A campaign's report, through the whole platform, holds the truth", [one.is_held for one in shown],
            least=0.92, most=0.98, full=full,
            note=f"{sent:,} mails, intervals {narrowed:.0%} narrower by CUPED",
        ),
        share(
            "full_runs_shown", "… and shows an effect at all", [not one.why for one in runs], least=0.97, full=full,
            note="; ".join(f"{n} without: {why}" for why, n in Counter(one.why for one in runs if one.why).items()),
        ),
    ]  # fmt: skip


def _open(people: int, seed: int, rng: np.random.Generator) -> _Shop:
    drawn = response.draw(WORLD, people, rng=rng)
    yes = {purpose: rng.random(people) < share for purpose, share in SAYS_YES.items()}
    names = [f"p{seed}-{i:04}" for i in range(people)]
    bounces = rng.random(people) < BOUNCES
    return _Shop(names, drawn, yes, bounces, rng.random(people) < CHANGES_MIND)


def _tell_people(shop: _Shop) -> dict[str, int]:
    """Profiles and what they answered at sign-up; answers everyone's id by name."""
    identities.save_profiles(
        [
            identities.Profile(id=name, email=shop.address(i), name=f"Customer {i}", country="DE")
            for i, name in enumerate(shop.names)
        ]
    )
    ids = identities.find(shop.names)
    answers = [
        Answer(ids[name], purpose, bool(yes[i]), _evidence(purpose, granted=bool(yes[i])))
        for purpose, yes in shop.yes.items()
        for i, name in enumerate(shop.names)
    ]
    consent.record(answers, at=LAUNCH - 3 * WINDOW)
    return ids


def _evidence(purpose: str, *, granted: bool) -> Evidence:
    notice = f"{purpose}@1" if granted else ""
    return Evidence(
        notice=notice, language="en", method="checkbox", source="simulated shop", actor="customer"
    )


def _launch(seed: int) -> Campaign:
    """A campaign to everyone with one offer; its salt comes from the seed, so the arms do too."""
    message = Message.objects.create(slug="proof", **default_message())
    offer = Offer.objects.create(
        slug="proof", title="10 % off", status=Offer.Status.APPROVED, benefit=Offer.Benefit.PERCENT, value=Decimal(10)
    )  # fmt: skip
    segment = Segment.objects.create(slug="proof", name="Everyone", rule={"attribute": "id", "exists": True})
    campaign = Campaign.objects.create(
        slug="proof",
        name="Proof",
        message=message,
        control_percent=Decimal(CONTROL_PERCENT),
        window_days=WINDOW.days,
        salt=f"proof {seed}",
    )
    CampaignSegment.objects.create(campaign=campaign, segment=segment).offers.set([offer])
    lifecycle.take(campaign, "approve", by="proof", at=LAUNCH)
    lifecycle.take(campaign, "launch", by="proof", at=LAUNCH)
    return campaign


def _withdraw(shop: _Shop, ids: Mapping[str, int], *, at: datetime) -> None:
    """Some change their mind between planning and sending, in both arms; nothing may be sent to them."""
    gone = [shop.names[i] for i in np.flatnonzero(shop.changes_mind & shop.yes["marketing_email"])]
    evidence = _evidence("marketing_email", granted=False)
    if gone:
        consent.record([Answer(ids[name], "marketing_email", False, evidence) for name in gone], at=at)


def _mails(sink_log: Path) -> list[str]:
    """Recipients of all mails that the server took in so far, in order, by its own log."""
    return [line.split("\t")[1] for line in sink_log.read_text().splitlines()] if sink_log.exists() else []


def _arms(campaign: Campaign, ids: Mapping[str, int], shop: _Shop) -> tuple[Flags, Flags]:
    """Who was planned at all, and who to be treated."""
    arms = dict(Decision.objects.filter(campaign=campaign).values_list("customer_id", "arm"))
    given = [arms.get(ids[name]) for name in shop.names]
    return np.array([arm is not None for arm in given]), np.array([arm == "treated" for arm in given])


def _check(shop: _Shop, got: list[str], treated: Flags) -> None:
    if not treated.any():
        raise NotAsPlanned("Nobody was planned to get a mail.")
    due = {shop.address(i) for i in np.flatnonzero(treated & shop.gets_mail).tolist()}
    if set(got) != due or len(got) != len(due):
        raise NotAsPlanned(
            f"{len(due)} people were to get one mail each; the mail server took in {len(got)}."
        )


def _tell_orders(
    shop: _Shop,
    money: np.ndarray[Any, Any],
    since: datetime,
    name: str,
    rng: np.random.Generator,
    *,
    at: datetime,
) -> None:
    """Orders of so much money within the window from `since`, at random moments; some are larger and partly refunded.

    Each is told twice, as shops do, and counts once.
    """
    rows = []
    left = at - since - timedelta(minutes=1)
    for i in np.flatnonzero(money > 0).tolist():
        moment = since + left * float(rng.random())
        returned = Decimal(10) if rng.random() < REFUNDS else Decimal(0)
        paid = Decimal(f"{money[i]:.2f}") + returned
        rows.append(_event(shop.names[i], "ordered", paid, moment, name))
        if returned:
            rows.append(_event(shop.names[i], "refunded", returned, moment + timedelta(seconds=30), name))
    if not rows:
        return
    for again in (False, True):
        taken = events.take_in(rows, source="proof", at=at)
        if taken.refused or taken.duplicates != again * len(rows):
            raise NotAsPlanned(f"Of {len(rows)} orders {len(taken.refused)} were refused.")


def _event(customer: str, kind: str, value: Decimal, moment: datetime, name: str) -> Incoming:
    order = f"{customer}-{name}"
    return Incoming(
        message_id=f"{order}-{kind}",
        type=kind,
        customer=customer,
        value=value,
        currency="EUR",
        order_id=order,
        occurred_at=moment,
    )
