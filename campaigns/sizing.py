"""Before a launch: how small an effect its arms would find, and how many people, held out how, find the one asked for.

σ is the audience's own: its people's revenue in the window just past, after the one before it has explained what it
can (CUPED), as the report will see them.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from campaigns import segments, statistics
from campaigns.models import Campaign
from campaigns.reach import PURPOSE_OF_CHANNEL
from campaigns.statistics import Plan
from customers import consent, histories
from customers.few import FEWEST_ORDERS, FEWEST_PEOPLE, is_small
from customers.models.customer import CustomerQuerySet

# An effect nobody named: so much of what a person spends anyway.
ORDINARY_EFFECT = 0.10


@dataclass(frozen=True)
class Past:
    """The audience of now in its last window: people who allow the channel and measuring, money per person."""

    people: int
    buyers: int
    mean: float
    sd: float
    """After CUPED."""
    joined: int
    """How many of them are new since the window began."""

    def is_thin(self, *, hides_nobody: bool) -> bool:
        """Whether its money would tell of a few (N1), or of nobody where that is an answer about one person."""
        if hides_nobody:
            return self.people < FEWEST_PEOPLE or self.buyers < FEWEST_ORDERS
        return is_small(self.people) or is_small(self.buyers, FEWEST_ORDERS)


@dataclass(frozen=True)
class Sizing:
    past: Past
    finds: float | None
    """The smallest effect per person found (80 of 100 times) at the campaign's own control share; None without one."""
    effect: float
    """The effect asked for, per person."""
    plan: Plan | None
    """What finds that effect at the campaign's own control share; None where nothing is known of the past."""
    cheapest: Plan | None
    """The same at the control share that costs least."""
    pays: float
    """The effect per person that pays for one message."""


def sizing(campaign: Campaign, *, at: datetime, effect: float | None = None) -> Sizing:
    """Four queries; the audience's orders of two windows are streamed, its people are counted."""
    past = past_of(campaign, at=at)
    margin = float(campaign.margin_percent) / 100
    pays = float(campaign.sending_cost) / margin if margin else 0.0
    wanted = effect or max(ORDINARY_EFFECT * past.mean, pays)
    share = float(campaign.control_percent) / 100
    held_out = round(past.people * share)
    finds = None
    if 0 < held_out < past.people and past.sd:
        finds = statistics.detectable(past.sd, past.people - held_out, held_out)
    if not wanted or not past.sd:
        return Sizing(past, finds, wanted, None, None, pays)

    def plan(control_share: float | None) -> Plan:
        return statistics.plan(
            wanted,
            past.sd,
            audience=past.people,
            a_day=past.joined / campaign.window_days if campaign.window_days else 0.0,
            window_days=campaign.window_days,
            control_share=control_share,
            treating=float(campaign.sending_cost),
            holding_out=max(wanted * margin - float(campaign.sending_cost), 0.0),
        )

    return Sizing(past, finds, wanted, plan(share) if share else None, plan(None), pays)


def past_of(campaign: Campaign, *, at: datetime) -> Past:
    audience = _audience(campaign, at=at)
    if audience is None:
        return Past(0, 0, 0.0, 0.0, 0)
    window = timedelta(days=campaign.window_days)
    people = audience.count()
    joined = audience.filter(created_at__gt=at - window).count()
    before = {
        pk: float(revenue)
        for pk, revenue, _orders in histories.money(audience, since=at - 2 * window, until=at - window)
    }
    sum_x, sum_xx = sum(before.values()), sum(x * x for x in before.values())
    buyers, sum_y, sum_yy, sum_xy = 0, 0.0, 0.0, 0.0
    for pk, revenue, orders in histories.money(audience, since=at - window, until=at):
        y = float(revenue)
        buyers += orders > 0
        sum_y, sum_yy, sum_xy = sum_y + y, sum_yy + y * y, sum_xy + y * before.get(pk, 0.0)
    if people < 2:
        return Past(people, buyers, sum_y, 0.0, joined)
    # Who bought nothing is nought in every sum.
    var_x = sum_xx / people - (sum_x / people) ** 2
    var_y = sum_yy / people - (sum_y / people) ** 2
    cov = sum_xy / people - sum_x * sum_y / people**2
    left = var_y - cov**2 / var_x if var_x > 0 else var_y
    return Past(people, buyers, sum_y / people, math.sqrt(max(left, 0.0)), joined)


def _audience(campaign: Campaign, *, at: datetime) -> CustomerQuerySet | None:
    audiences = [row.segment for row in campaign.audiences.select_related("segment")]
    if not audiences:
        return None
    people = reduce(or_, [segments.matching(segment, at=at) for segment in audiences])
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)]
    allowed: CustomerQuerySet = people.filter(consent.may(purpose), consent.may("analytics"))
    return allowed
