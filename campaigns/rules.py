"""Reasons not to send: one function a rule, listed in RULES; and the caps, which planning asks too."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from campaigns import clocks, quiet
from campaigns.models import Campaign, Delivery, FrequencyCap, JourneyEntry, Tag
from campaigns.quiet import Hours
from customers import contact
from customers.contact import Wish

Reason = Delivery.Reason
# Where nobody wrote a cap: at most so many marketing messages to one person in so many rolling days, by channel.
FREQUENCY_CAPS: dict[str, tuple[int, timedelta]] = {
    Campaign.Channel.EMAIL: (3, timedelta(days=7)),
    Campaign.Channel.WEBHOOK: (10, timedelta(days=1)),
}
_COUNTED = (Delivery.Status.TRANSMITTING, Delivery.Status.SENT, Delivery.Status.UNKNOWN)
_WAITING = (Delivery.Status.PLANNED, Delivery.Status.CLAIMED, Delivery.Status.RETRY)
_UNITS = {
    FrequencyCap.Unit.HOURS: timedelta(hours=1),
    FrequencyCap.Unit.DAYS: timedelta(days=1),
    FrequencyCap.Unit.WEEKS: timedelta(weeks=1),
}


@dataclass(frozen=True)
class Cap:
    """At most so many messages within a window that ends, or for a calendar holds, now."""

    most: int
    channel: str = ""
    campaigns: frozenset[int] | None = None
    """Ids of those it is about; None: of every one."""
    rolling: timedelta = timedelta(0)
    days: int = 0
    """By the calendar: so many days, today among them."""
    weeks: int = 0
    """By the calendar: so many weeks from Monday on, this one among them."""

    def is_about(self, campaign_id: int, channel: str) -> bool:
        return self.channel in ("", channel) and (self.campaigns is None or campaign_id in self.campaigns)

    def window(self, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """What counts: later than the first, earlier than the second."""
        if self.rolling:
            return at - self.rolling, at + self.rolling
        today = clocks.wall(at, zone).date()
        if self.days:
            first, beyond = today - timedelta(days=self.days - 1), today + timedelta(days=1)
        else:
            monday = today - timedelta(days=today.weekday())
            first, beyond = monday - timedelta(weeks=self.weeks - 1), monday + timedelta(weeks=1)
        # The first moment of a day belongs to it.
        return clocks.midnight(first, zone) - timedelta(microseconds=1), clocks.midnight(beyond, zone)


def caps() -> list[Cap]:
    """All that are in force; those of `FREQUENCY_CAPS` where the table is empty. Two queries at most."""
    rows = list(FrequencyCap.objects.order_by("pk"))
    if not rows:
        return [Cap(most, str(channel), rolling=window) for channel, (most, window) in FREQUENCY_CAPS.items()]
    rows = [row for row in rows if row.is_active]
    tagged: dict[int, set[int]] = {row.tag_id: set() for row in rows if row.tag_id is not None}
    if tagged:
        through = Tag.objects.filter(pk__in=tagged, campaigns__isnull=False)
        for tag, campaign in through.values_list("pk", "campaigns"):
            tagged[tag].add(campaign)
    found = []
    for row in rows:
        about = frozenset(tagged[row.tag_id]) if row.tag_id is not None else None
        if row.kind == FrequencyCap.Kind.ROLLING:
            window = row.length * _UNITS[FrequencyCap.Unit(row.unit)]
            found.append(Cap(row.most, row.channel, about, rolling=window))
        elif row.unit == FrequencyCap.Unit.WEEKS:
            found.append(Cap(row.most, row.channel, about, weeks=row.length))
        else:
            found.append(Cap(row.most, row.channel, about, days=row.length))
    return found


# What a person who wants to hear once a week at most is asked by, over all campaigns and channels.
WEEKLY = Cap(1, rolling=contact.WEEK)


def their_choice(wishes: Mapping[int, Wish], *, campaign: Campaign, at: datetime) -> dict[int, Reason]:
    """Who of these asked for a pause that lasts, or left the campaign's topic, and which of the two."""
    found = {pk: Reason.LEFT_TOPIC for pk, wish in wishes.items() if campaign.topic_id in wish.left}
    return found | {pk: Reason.PAUSED for pk, wish in wishes.items() if wish.is_paused(at)}


def capped(
    customer_ids: Collection[int],
    *,
    campaign: Campaign,
    at: datetime,
    wishes: Mapping[int, Wish] | None = None,
) -> set[int]:
    """Who has had, or will have with what waits, as many messages as a cap, or they themselves, allow.

    wishes : what these people chose, where it was read already. What waits counts where it is of this campaign's
    priority or a higher one: a lower one gives way, and is capped itself when its turn to be sent comes. Five queries
    at most, whatever the number of people and caps.
    """
    wishes = contact.wishes(customer_ids) if wishes is None else wishes
    weekly = {pk for pk, wish in wishes.items() if wish.is_weekly}.intersection(customer_ids)
    asked = [cap for cap in caps() if cap.is_about(campaign.pk, campaign.channel)]
    if weekly:
        asked.append(WEEKLY)
    if not asked or not customer_ids:
        return set()
    zones = {} if all(cap.rolling for cap in asked) else clocks.zones_of(customer_ids)
    shop = clocks.shop_zone()
    windows = {zone: [cap.window(at, zone) for cap in asked] for zone in {shop, *zones.values()}}
    since = min(begins for spans in windows.values() for begins, _ends in spans)
    rows = Delivery.objects.filter(
        Q(status__in=_COUNTED, transmitting_at__gt=since)
        | Q(status__in=_WAITING, priority__gte=campaign.priority),
        customer_id__in=customer_ids,
    )
    if all(cap.channel for cap in asked):
        rows = rows.filter(channel=campaign.channel)
    had = {pk: [0] * len(asked) for pk in customer_ids}
    columns = ("customer_id", "channel", "run__campaign_id", "status", "transmitting_at", "not_before")
    for pk, channel, about, status, transmitting_at, not_before in rows.values_list(*columns).order_by():
        moment = transmitting_at if status in _COUNTED else max(not_before, at)
        for index, (begins, beyond) in enumerate(windows[zones.get(pk, shop)]):
            if begins < moment < beyond and asked[index].is_about(about, channel):
                had[pk][index] += 1
    return {
        pk
        for pk, counts in had.items()
        if any(
            n >= cap.most for n, cap in zip(counts, asked, strict=True) if cap is not WEEKLY or pk in weekly
        )
    }


@dataclass(frozen=True)
class Book:
    """The rules as they are written down, read once for a page of messages."""

    caps: Sequence[Cap]
    hours: dict[str, Hours] = field(default_factory=dict)

    def quiet(self, delivery: Delivery, *, at: datetime) -> quiet.Verdict:
        return self.hours[delivery.channel].verdict(at, clocks.zone(delivery.customer.time_zone))


def book(channels: Collection[str]) -> Book:
    """Two queries for the caps, one for each channel."""
    return Book(caps(), {channel: quiet.hours_of(channel) for channel in channels})


@dataclass(frozen=True)
class Facts:
    """What the rules judge a message by, as it stands in the transaction that asks."""

    campaign_status: str
    """Empty when the campaign is gone."""
    has_left: bool
    """The person is not on the journey any more that the message is a step of."""
    is_late: bool
    is_paused: bool
    """The person asked for a pause, and it lasts."""
    left_topic: bool
    """The person left the topic of the campaign."""
    quiet: quiet.Verdict
    at: datetime
    counts: Sequence[tuple[int, int]]
    """For each cap that is about it: how many messages the person had within its window, and how many they may."""

    @property
    def wait_until(self) -> datetime | None:
        """When the quiet hours that hold now are over; None where none hold."""
        until = self.quiet.until
        return until if until is not None and until > self.at else None


# Written out for the same reason as the gate's question: it is asked for each message alone.
_FACTS = """
SELECT campaign.status, entry.state, entry.left_by, choice.paused_until > %s, topic.id IS NOT NULL{counts}
FROM campaigns_campaignrun AS run
JOIN campaigns_campaign AS campaign ON campaign.id = run.campaign_id
LEFT JOIN campaigns_journeyentry AS entry ON entry.id = %s
LEFT JOIN customers_contactchoice AS choice ON choice.customer_id = %s
LEFT JOIN customers_contactchoice_left_topics AS topic
    ON topic.contactchoice_id = choice.id AND topic.topic_id = campaign.topic_id
WHERE run.id = %s
"""
_COUNT = f"""
, CASE WHEN {{unless}} THEN 0 ELSE (
    SELECT COUNT(*) FROM campaigns_delivery AS sent{{join}}
    WHERE sent.customer_id = %s AND sent.transmitting_at > %s{{more}}
    AND sent.status IN ({", ".join(f"'{status}'" for status in _COUNTED)})
) END
"""  # noqa: S608 - our own words
_NOT_WEEKLY = "choice.frequency IS NULL OR choice.frequency <> 'weekly'"
_RUN = " JOIN campaigns_campaignrun AS its ON its.id = sent.run_id"


def facts(delivery: Delivery, book: Book, *, at: datetime) -> Facts:
    """One query. The delivery's run and customer are loaded with it."""
    customer, zone = delivery.customer, clocks.zone(delivery.customer.time_zone)
    asked = [cap for cap in book.caps if cap.is_about(delivery.run.campaign_id, delivery.channel)]
    asked.append(WEEKLY)
    now = connection.ops.adapt_datetimefield_value(at)
    counts, values = "", list[Any]([now])
    for cap in asked:
        since, _beyond = cap.window(at, zone)
        values += [customer.pk, connection.ops.adapt_datetimefield_value(since)]
        more, join = "", ""
        if cap.channel:
            more += " AND sent.channel = %s"
            values.append(cap.channel)
        if cap.campaigns is not None:
            join = _RUN
            more += f" AND its.campaign_id IN ({', '.join(['%s'] * len(cap.campaigns))})"
            values += sorted(cap.campaigns)
        unless = _NOT_WEEKLY if cap is WEEKLY else "1 = 0"
        counts += _COUNT.format(join=join, more=more, unless=unless)
    values += [delivery.entry_id, customer.pk, delivery.run_id]
    with connection.cursor() as cursor:
        cursor.execute(_FACTS.format(counts=counts), values)
        found = cursor.fetchone() or ("", None, None, False, False, *[0] * len(asked))
    status, state, left_by, is_paused, left_topic, *had = found
    # Who came to a step that says so has still earned the message before it.
    left = state == JourneyEntry.State.LEFT and left_by != JourneyEntry.Left.EXIT
    return Facts(
        campaign_status=status,
        has_left=left,
        is_late=is_late(delivery, at=at),
        is_paused=bool(is_paused),
        left_topic=bool(left_topic),
        quiet=book.quiet(delivery, at=at),
        at=at,
        counts=[(n, cap.most) for n, cap in zip(had, asked, strict=True)],
    )


def is_late(delivery: Delivery, *, at: datetime) -> bool:
    return delivery.not_after is not None and at > delivery.not_after


def not_running(facts: Facts) -> Reason | None:
    """The campaign was paused, cancelled or archived meanwhile."""
    return None if facts.campaign_status == Campaign.Status.RUNNING else Reason.NOT_RUNNING


def paused(facts: Facts) -> Reason | None:
    """The person asked for nothing for a while."""
    return Reason.PAUSED if facts.is_paused else None


def left_topic(facts: Facts) -> Reason | None:
    """The person left what the campaign is about."""
    return Reason.LEFT_TOPIC if facts.left_topic else None


def left_journey(facts: Facts) -> Reason | None:
    """The person left the journey, by its goal or otherwise, before the message's turn came."""
    return Reason.LEFT_JOURNEY if facts.has_left else None


def too_late(facts: Facts) -> Reason | None:
    """Its hour is over by more than a message may come late."""
    return Reason.TOO_LATE if facts.is_late else None


def quiet_hours(facts: Facts) -> Reason | None:
    """Quiet hours hold that say not to wait, or that never end. Those that end put the message off instead."""
    return Reason.QUIET_HOURS if facts.quiet.until is None else None


def too_many(facts: Facts) -> Reason | None:
    """The person has had as many messages as a cap, or they themselves, allow."""
    return Reason.CAPPED if any(had >= most for had, most in facts.counts) else None


# Asked for each message in the commit that marks it as being transmitted; consent, the suppression list and the
# address are asked there by `reach`, which also gives the permission.
RULES: tuple[Callable[[Facts], Reason | None], ...] = (
    not_running,
    paused,
    left_topic,
    left_journey,
    too_late,
    quiet_hours,
    too_many,
)
