"""What is due when, over all campaigns, and which of them write to the same people in the same days."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import islice
from operator import or_

from django.db.models import Max, Min, Q

from campaigns import clocks, schedule, segments
from campaigns.models import Campaign, CampaignRun
from campaigns.reach import PURPOSE_OF_CHANNEL
from customers import consent
from customers.models import Customer

Status, Kind = Campaign.Status, Campaign.Kind
LIVING = (Status.DRAFT, Status.APPROVED, Status.RUNNING, Status.PAUSED)
MOST_CAMPAIGNS, MOST_TIMES = 200, 5_000
"""So many campaigns stand in a calendar, the newest first, and so many due times."""
NEAR = timedelta(days=3)
"""Two messages within these days reach a person close together."""
MOST_OTHERS = 5
ASKED, SPANS = 20_000, 2
"""Of more people than this, so many are asked, in so many spans of those that came early and late."""


@dataclass(frozen=True)
class Due:
    """A campaign's due time: of a run that there is, or one that will be."""

    campaign: Campaign
    at: datetime
    run: CampaignRun | None = None


@dataclass(frozen=True)
class Shared:
    """How many people two campaigns both reach: exactly, or scaled up from a sample."""

    other: Campaign
    at: datetime | None
    people: int
    is_sample: bool


def dues(*, since: datetime, until: datetime, at: datetime) -> list[Due]:
    """Every due time from `since` to `until`: the runs that there are, and what is still to come. Two queries.

    5,000 at the most. Journeys, and what shows in the shop, have no due time.
    """
    runs = CampaignRun.objects.filter(due_at__gte=since, due_at__lt=until).exclude(
        campaign__kind=Kind.JOURNEY
    )
    found = [
        Due(run.campaign, run.due_at, run)
        for run in runs.select_related("campaign").order_by("-due_at")[:MOST_TIMES]
    ]
    there = {(due.campaign.pk, due.at) for due in found}
    rows = Campaign.objects.filter(status__in=LIVING).exclude(channel=Campaign.Channel.ONSITE)
    rows = rows.exclude(kind=Kind.JOURNEY).filter(Q(ends_at__isnull=True) | Q(ends_at__gte=since))
    for campaign in rows.annotate(last_run=Max("runs__due_at")).order_by("-pk")[:MOST_CAMPAIGNS]:
        if campaign.kind == Kind.ONCE and campaign.last_run is not None:
            continue  # it had its run
        coming = of(campaign, since=max(since, at), until=until)
        left = MOST_TIMES - len(found)
        found += [Due(campaign, one) for one in islice(coming, left) if (campaign.pk, one) not in there]
    return sorted(found, key=lambda due: (due.at, due.campaign.pk))


def of(campaign: Campaign, *, since: datetime, until: datetime) -> Iterator[datetime]:
    """When it will be due, as if it had no run yet. No query."""
    if campaign.kind == Kind.ONCE:
        if campaign.starts_at and since <= campaign.starts_at < until:
            yield campaign.starts_at
        return
    try:
        rule = schedule.rule_of(campaign)
    except schedule.BadRule:  # its own page says what to mend
        return
    zone = clocks.shop_zone()
    begins, ends = clocks.wall(since, zone) - schedule.DAY, clocks.wall(until, zone) + schedule.DAY
    for there in _close(rule, begins).times(until=ends).xafter(begins):
        moment = clocks.instant(there, zone)
        if moment >= until or (campaign.ends_at is not None and moment > campaign.ends_at):
            return
        if moment >= since:
            yield moment


def _close(rule: schedule.Rule, moment: datetime) -> schedule.Rule:
    """The same rule counted from shortly before this moment: of days and weeks whole periods may be left out, so that a
    rule of ten years costs as much as one of ten days."""
    days = {"DAILY": 1, "WEEKLY": 7}.get(rule.parts["FREQ"])
    if days is None:
        return rule
    period = timedelta(days=days * int(rule.parts.get("INTERVAL", "1")))
    periods = (moment - rule.begins) // period - 1
    return replace(rule, begins=rule.begins + periods * period) if periods > 0 else rule


def all_the_time(*, since: datetime, until: datetime) -> list[Campaign]:
    """Campaigns without due times that run, or wait to: journeys, and what shows in the shop. One query."""
    rows = Campaign.objects.filter(Q(kind=Kind.JOURNEY) | Q(channel=Campaign.Channel.ONSITE))
    rows = rows.filter(status__in=(Status.APPROVED, Status.RUNNING, Status.PAUSED))
    rows = rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gte=since))
    return list(rows.filter(Q(starts_at__isnull=True) | Q(starts_at__lt=until)).order_by("-pk")[:50])


def first_due(campaign: Campaign, *, at: datetime) -> datetime | None:
    """When it is sent first from now on; None for what has no due time, or whose rule cannot be read."""
    if campaign.kind == Kind.ONCE:
        return max(campaign.starts_at or at, at)
    if campaign.kind != Kind.RECURRING:
        return None
    return next(of(campaign, since=at, until=at + schedule.HORIZON), None)


def near(campaign: Campaign, *, at: datetime) -> list[tuple[Campaign, datetime | None]]:
    """Other campaigns that write by the same channel within three days of it, the nearest first; five at most."""
    mine = first_due(campaign, at=at)
    if mine is None or campaign.channel == Campaign.Channel.ONSITE:
        return []
    found: dict[int, tuple[Campaign, datetime | None]] = {}
    distance: dict[int, timedelta] = {}
    for due in dues(since=mine - NEAR, until=mine + NEAR, at=at):
        other, far = due.campaign, abs(due.at - mine)
        is_alive = other.status in (Status.APPROVED, Status.RUNNING, Status.PAUSED, Status.FINISHED)
        if other.pk == campaign.pk or other.channel != campaign.channel or not is_alive:
            continue
        if far < distance.get(other.pk, far + NEAR):
            found[other.pk], distance[other.pk] = (other, due.at), far
    if mine <= at + NEAR:
        for other in _any_moment(campaign, at=at):
            found.setdefault(other.pk, (other, None))
    ordered = sorted(found, key=lambda pk: distance.get(pk, timedelta(0)))
    return [found[pk] for pk in ordered[:MOST_OTHERS]]


def _any_moment(campaign: Campaign, *, at: datetime) -> list[Campaign]:
    """What is approved and will be sent as soon as somebody launches it. One query."""
    rows = Campaign.objects.filter(
        status=Status.APPROVED, kind=Kind.ONCE, channel=campaign.channel, runs=None
    )
    rows = rows.filter(Q(starts_at__isnull=True) | Q(starts_at__lte=at)).exclude(pk=campaign.pk)
    return list(rows.order_by("-pk")[:MOST_OTHERS])


def shared(campaign: Campaign, *, at: datetime) -> list[Shared]:
    """With whom it shares people in the same days, and about how many. Bounded: 20,000 people are asked at the most.

    Queries: the campaigns near it, and for each of them and itself one a span.
    """
    others = near(campaign, at=at)
    if not others:
        return []
    spans, scale = _spans()
    mine = _reached(campaign, spans, at=at)
    found = []
    for other, when in others:
        both = len(mine & _reached(other, spans, at=at))
        found.append(Shared(other, when, round(both * scale), scale > 1))
    return found


def pairs(campaigns: Sequence[Campaign], *, at: datetime) -> Iterator[tuple[Campaign, Campaign, int]]:
    """Which of these share people, and about how many. One query a campaign and span."""
    spans, scale = _spans()
    reached = [(campaign, _reached(campaign, spans, at=at)) for campaign in campaigns]
    for n, (one, mine) in enumerate(reached):
        for other, theirs in reached[n + 1 :]:
            if one.channel == other.channel and (both := len(mine & theirs)):
                yield one, other, round(both * scale)


def _spans() -> tuple[list[tuple[int, int]], float]:
    """Which customers are asked, and by how much an answer is scaled up. One query."""
    ends = Customer.objects.aggregate(first=Min("pk"), last=Max("pk"))
    before, last = (ends["first"] or 1) - 1, ends["last"] or 0
    everyone = last - before
    if everyone <= ASKED:
        return [(before, last)], 1.0
    each, gap = ASKED // SPANS, everyone / SPANS
    begins = [before + round(n * gap) for n in range(SPANS)]
    return [(first, first + each) for first in begins], everyone / ASKED


def _reached(campaign: Campaign, spans: Iterable[tuple[int, int]], *, at: datetime) -> set[int]:
    """Of the people asked, whom its audiences match and who allow its channel."""
    audiences = [row.segment for row in campaign.audiences.select_related("segment")]
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)]
    declared = segments.Declared(at=at)
    found: set[int] = set()
    for span in spans:
        try:
            people = [
                segments.matching(segment, at=at, span=span, declared=declared) for segment in audiences
            ]
        except segments.InvalidRule:  # it reaches nobody
            return set()
        if people:
            found.update(reduce(or_, people).filter(consent.may(purpose)).values_list("pk", flat=True))
    return found


def month(year: int, number: int) -> tuple[datetime, datetime]:
    """From the first to the last moment of the weeks that a month is shown in, by the shop's clock."""
    zone = clocks.shop_zone()
    first = datetime(year, number, 1).date()  # noqa: DTZ001 - a day of the calendar
    begins = first - timedelta(days=first.weekday())
    following = datetime(year + number // 12, number % 12 + 1, 1).date()  # noqa: DTZ001 - a day of the calendar
    ends = following + timedelta(days=-following.weekday() % 7)
    return clocks.midnight(begins, zone), clocks.midnight(ends, zone)
