"""Before a launch: how small an effect its arms would find, and how many people, held out how, find the one asked for.

σ is the audience's own: its people's revenue in the window just past, after the one before it has explained what it
can (CUPED), as the report will see them. In a large shop it is asked of some people drawn by chance, which is as good:
of 600 people whose money is spread as shops' mostly is, σ is off by about a tenth, and so is the effect found.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Count, Q

from campaigns import segments, statistics
from campaigns.models import Campaign
from campaigns.reach import PURPOSE_OF_CHANNEL
from campaigns.segments.sampling import Drawn, draw, matched
from campaigns.statistics import Plan
from customers import consent, histories
from customers.few import FEWEST_ORDERS, FEWEST_PEOPLE, in_tens, is_small, two_digits
from customers.models import Customer
from customers.models.customer import CustomerQuerySet

# An effect nobody named: so much of what a person spends anyway.
ORDINARY_EFFECT = 0.10
DRAWN = 6000
# Of an audience of which fewer were drawn, or fewer who bought, everyone is asked.
ENOUGH_PEOPLE, ENOUGH_BUYERS = 600, 30


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
    is_estimate: bool = False
    """Asked of some: people, buyers and joined are about so many, and nothing is told more finely."""

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
    """As many queries as `past_of`."""
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
    """Some ten queries about those who were drawn; where they do not do, four that read the whole audience."""
    rules = [row.segment for row in campaign.audiences.select_related("segment")]
    if not rules:
        return Past(0, 0, 0.0, 0.0, 0)
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)]
    allowed, began = (consent.may(purpose), consent.may("analytics")), at - _window(campaign)
    drawn = draw(DRAWN)
    if not drawn.is_whole:
        ids = set[int]().union(*matched(rules, drawn, at=at))
        rows = Customer.objects.filter(*allowed, pk__in=ids).values_list("pk", "created_at")
        created = dict(rows) if len(ids) >= ENOUGH_PEOPLE else {}
        if len(created) >= ENOUGH_PEOPLE:
            some, joined = (
                Customer.objects.filter(pk__in=created),
                sum(day > began for day in created.values()),
            )
            past = _read(campaign, some, people=len(created), joined=joined, at=at)
            if past.buyers >= ENOUGH_BUYERS:
                return _of_everyone(past, drawn)
    everyone = reduce(or_, [segments.matching(rule, at=at) for rule in rules]).filter(*allowed)
    counted = everyone.aggregate(people=Count("pk"), joined=Count("pk", filter=Q(created_at__gt=began)))
    return _read(campaign, everyone, **counted, at=at)


def _of_everyone(some: Past, drawn: Drawn) -> Past:
    """What was asked of those drawn, for all, to two digits; of fewer than twenty new people only that they are few."""

    def of_all(n: int) -> int:
        return int(two_digits(drawn.of * in_tens(n) / DRAWN))

    joined = of_all(some.joined) if some.joined >= FEWEST_PEOPLE else 1
    return replace(
        some, people=of_all(some.people), buyers=of_all(some.buyers), joined=joined, is_estimate=True
    )


def _window(campaign: Campaign) -> timedelta:
    return timedelta(days=campaign.window_days)


def _read(campaign: Campaign, audience: CustomerQuerySet, *, people: int, joined: int, at: datetime) -> Past:
    """The money of so many people in two windows. Two queries, streamed."""
    window = _window(campaign)
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
