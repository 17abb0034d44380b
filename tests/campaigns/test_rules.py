"""Frequency caps, at planning and in the commit; and what else ends a message there."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from campaigns import clocks, delivery, planning, rules
from campaigns.models import Campaign, Delivery, FrequencyCap, JourneyEntry, JourneyVersion, Tag
from campaigns.rules import Cap
from customers.models import Customer
from tests.campaigns.conftest import Sink, people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def cap(most: int, **fields: object) -> FrequencyCap:
    return FrequencyCap.objects.create(name=f"at most {most}", most=most, **fields)


def sent(row: Campaign, *, at: datetime) -> None:
    """Everybody has had a message of it at this moment."""
    planning.plan(row.runs.get(), at=NOW)
    Delivery.objects.filter(run__campaign=row).update(
        status="sent", basis="default", transmitting_at=at, ended_at=at, not_before=at
    )


def capped(row: Campaign, ids: list[int], *, at: datetime = NOW) -> set[int]:
    """As planning and, one by one, as the commit sees it: both must say the same of what was sent."""
    found = rules.capped(ids, campaign=row, at=at)
    book = rules.book(["email", "webhook"])
    for pk in ids:
        asked = Delivery(run=row.runs.get(), customer=Customer.objects.get(pk=pk), channel=row.channel)
        assert (rules.too_many(rules.facts(asked, book, at=at)) is not None) == (pk in found)
    return found


def test_an_empty_table_leaves_the_defaults_and_a_row_replaces_them(campaign: Make) -> None:
    ids = people(1)
    row = campaign()
    for n in range(3):
        sent(campaign(), at=NOW - timedelta(days=n))
    assert capped(row, ids) == set(ids)
    cap(4)
    assert capped(row, ids) == set()
    FrequencyCap.objects.update(is_active=False)
    assert capped(row, ids) == set()  # somebody wrote that there is none


def test_the_strictest_of_several_caps_wins(campaign: Make) -> None:
    ids = people(1)
    row = campaign()
    cap(9, length=30)
    daily = cap(1, length=1)
    sent(campaign(), at=NOW - 23 * HOUR)
    assert capped(row, ids) == set(ids)
    assert capped(row, ids, at=NOW + HOUR) == set()  # a day later to the second
    daily.most = 0
    daily.save()
    assert capped(row, ids, at=NOW + 9 * DAY) == set(ids)


@pytest.mark.parametrize(("unit", "window"), [("hours", 6 * HOUR), ("days", 6 * DAY), ("weeks", 42 * DAY)])
def test_a_rolling_window_counts_back_from_each_message(campaign: Make, unit: str, window: timedelta) -> None:
    ids = people(1)
    row = campaign()
    cap(1, length=6, unit=unit)
    sent(campaign(), at=NOW)
    assert capped(row, ids, at=NOW + window - timedelta(seconds=1)) == set(ids)
    assert capped(row, ids, at=NOW + window) == set()


def test_r6_a_calendar_day_is_the_person_s_own(campaign: Make) -> None:
    shanghai, berlin, unknown = ids = people(3)
    Customer.objects.filter(pk=shanghai).update(time_zone="Asia/Shanghai")
    Customer.objects.filter(pk=berlin).update(time_zone="Europe/Berlin")
    row = campaign()
    cap(1, length=1, kind="calendar")
    sent(campaign(), at=NOW)  # the 24th: 20:00 in Shanghai, 13:00 in Berlin, 12:00 in UTC
    assert capped(row, ids, at=NOW + 4 * HOUR) == {berlin, unknown}  # midnight in Shanghai
    assert capped(row, ids, at=NOW + 11 * HOUR) == {unknown}
    assert capped(row, ids, at=NOW + 12 * HOUR) == set()


def test_a_calendar_week_begins_on_monday(campaign: Make) -> None:
    ids = people(1)
    row = campaign()
    cap(1, length=1, unit="weeks", kind="calendar")
    sent(campaign(), at=datetime(2026, 11, 29, 23, tzinfo=UTC))  # a Sunday
    assert capped(row, ids, at=datetime(2026, 11, 29, 23, 30, tzinfo=UTC)) == set(ids)
    assert capped(row, ids, at=datetime(2026, 11, 30, tzinfo=UTC)) == set()


def test_a_cap_of_a_channel_or_a_tag_is_about_nothing_else(campaign: Make) -> None:
    ids = people(1)
    news, webhook = campaign(), campaign(channel="webhook", webhook_url="https://shop.example/")
    tagged, other = campaign(), campaign()
    tag = Tag.objects.create(slug="sale", name="Sale")
    tagged.tags.add(tag)
    cap(1, channel="webhook", length=1)
    cap(1, tag=tag, length=1)
    sent(other, at=NOW)
    assert capped(webhook, ids) == capped(tagged, ids) == capped(news, ids) == set()
    news.tags.add(tag)
    sent(tagged, at=NOW)
    assert capped(news, ids) == set(ids)
    assert capped(campaign(), ids) == set()


def test_a_lower_campaign_that_waits_gives_way_and_is_capped_when_its_turn_comes(
    campaign: Make, sink: Sink
) -> None:
    people(2)
    cap(1, length=1)
    low = campaign(priority=1)
    planning.plan(low.runs.get(), at=NOW)
    high = campaign(priority=5)
    planning.plan(high.runs.get(), at=NOW)
    assert high.runs.get().waterfall["sendable"] == 2
    same = campaign(priority=5)
    planning.plan(same.runs.get(), at=NOW)
    assert same.runs.get().waterfall["capped"] == 2
    assert delivery.deliver_all(clock=lambda: NOW) == {"sent": 2, "suppressed": 2}
    fates = Delivery.objects.values_list("priority", "status", "reason").distinct()
    assert set(fates) == {(5, "sent", ""), (1, "suppressed", "capped")}


@pytest.mark.django_db(transaction=True)
def test_r5_senders_at_once_never_pass_a_cap(campaign: Make, sink: Sink) -> None:
    (pk,) = people(1)
    limit = cap(99, length=1)
    for _ in range(6):
        planning.plan(campaign().runs.get(), at=NOW)
    FrequencyCap.objects.filter(pk=limit.pk).update(most=2)
    gate, done = threading.Barrier(6), list[dict[str, int]]()

    def send() -> None:
        gate.wait()
        done.append(dict(delivery.deliver_due(clock=lambda: NOW, limit=1)))
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    delivery.deliver_all(clock=lambda: NOW)  # whom no thread took while another held the queue
    assert len(sink.recipients()) == 2
    fates = Counter(Delivery.objects.filter(customer=pk).values_list("status", "reason"))
    assert fates == {("sent", ""): 2, ("suppressed", "capped"): 4}


def test_what_waits_for_a_day_beyond_the_window_blocks_nothing_today(campaign: Make) -> None:
    ids = people(1)
    cap(1, length=1)
    ahead = campaign()
    planning.plan(ahead.runs.get(), at=NOW)
    row = campaign()
    assert rules.capped(ids, campaign=row, at=NOW) == set(ids)
    Delivery.objects.update(not_before=NOW + DAY)
    assert rules.capped(ids, campaign=row, at=NOW) == set()


def test_the_number_of_queries_does_not_grow_with_people_or_caps(campaign: Make) -> None:
    ids = people(40)
    row = campaign()
    row.tags.add(tag := Tag.objects.create(slug="t", name="T"))
    cap(3, kind="calendar", tag=tag)
    with CaptureQueriesContext(connection) as one:
        rules.capped(ids[:1], campaign=row, at=NOW)
    for n in range(8):
        cap(n + 5, length=n + 1, kind="calendar" if n % 2 else "rolling")
    with CaptureQueriesContext(connection) as forty:
        rules.capped(ids, campaign=row, at=NOW)
    assert (len(one), len(forty)) == (5, 5)
    planning.plan(row.runs.get(), at=NOW)
    loaded = delivery.load(list(Delivery.objects.values_list("pk", flat=True)[:1]))
    book = rules.book(["email"])
    with CaptureQueriesContext(connection) as facts:
        rules.facts(loaded[0], book, at=NOW)
    assert len(facts) == 1


@pytest.mark.once
def test_r6_a_calendar_window_holds_through_every_jump_of_the_clock() -> None:
    """Of any two moments exactly those of one local day, or one local week, count together."""
    rng = random.Random(3)
    zones = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Beirut", "Africa/Casablanca",
                                         "Australia/Lord_Howe", "Pacific/Apia", "America/Havana")]  # fmt: skip
    day, week = Cap(1, days=1), Cap(1, weeks=1)
    start = datetime(2011, 1, 1, tzinfo=UTC)
    for _ in range(3000):
        zone = rng.choice(zones)
        at = start + timedelta(minutes=rng.randrange(16 * 365 * 1440))
        other = at + timedelta(minutes=rng.randrange(-3 * 1440, 3 * 1440))
        a, b = clocks.wall(at, zone).date(), clocks.wall(other, zone).date()
        begins, beyond = day.window(at, zone)
        assert (begins < other < beyond) == (a == b), (zone, at, other)
        begins, beyond = week.window(at, zone)
        assert (begins < other < beyond) == (a.isocalendar()[:2] == b.isocalendar()[:2]), (zone, at, other)


@pytest.mark.parametrize(
    ("state", "left_by", "fate"),
    [
        ("waiting", "", {"sent": 1}),
        ("done", "", {"sent": 1}),
        ("left", "exit", {"sent": 1}),
        ("left", "goal", {"suppressed": 1}),
        ("left", "cancelled", {"suppressed": 1}),
    ],
)
def test_whoever_left_a_journey_gets_none_of_its_messages_any_more(
    campaign: Make, sink: Sink, state: str, left_by: str, fate: dict[str, int]
) -> None:
    (pk,) = people(1)
    row = campaign()
    planning.plan(row.runs.get(), at=NOW)
    entry = JourneyEntry.objects.create(
        campaign=row,
        version=JourneyVersion.objects.create(campaign=row, number=1, definition={}),
        customer_id=pk,
        key="e",
        state=state,
        left_by=left_by,
        step="end",
        entered_at=NOW,
    )
    Delivery.objects.update(entry=entry)
    assert delivery.deliver_all(clock=lambda: NOW) == fate
    assert Delivery.objects.get().reason == ("left_journey" if fate == {"suppressed": 1} else "")
