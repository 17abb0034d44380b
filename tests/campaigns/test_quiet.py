"""A person's own clock, its jumps, and the hours in which nobody is written to."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from campaigns import clocks
from campaigns.models import QuietHours
from campaigns.quiet import Hours, Rule, hours_of

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Rule(time(22), time(8), frozenset(), skips=False)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def shown(*parts: int) -> datetime:
    return utc(*parts).replace(tzinfo=None)


@pytest.mark.once
@pytest.mark.parametrize("name", ["", "Mars/Base", "America", "../etc/passwd", "Europe/Berlin\n", "\0"])
def test_r6_an_unknown_zone_is_the_shop_s_and_never_none(name: str, settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Asia/Shanghai"
    assert clocks.zone(name) == ZoneInfo("Asia/Shanghai")
    settings.DEFAULT_TIME_ZONE = "Mars/Base"
    assert clocks.zone(name) == ZoneInfo("UTC")


@pytest.mark.once
def test_a_time_that_does_not_exist_is_the_next_that_does_and_one_that_comes_twice_is_its_first() -> None:
    # On 29 March 2026 Berlin has no 02:00 to 03:00; on 25 October it has two.
    assert clocks.instant(shown(2026, 3, 29, 2, 30), BERLIN) == utc(2026, 3, 29, 1)
    assert clocks.instant(shown(2026, 10, 25, 2, 30), BERLIN) == utc(2026, 10, 25, 0, 30)
    assert clocks.instant(shown(2026, 10, 25, 2, 30), BERLIN, second=True) == utc(2026, 10, 25, 1, 30)
    # Apia left out the whole of 30 December 2011; Beirut's days in spring begin at one o'clock.
    assert clocks.instant(shown(2011, 12, 30, 9), ZoneInfo("Pacific/Apia")) == utc(2011, 12, 30, 10)
    assert clocks.midnight(date(2026, 3, 29), ZoneInfo("Asia/Beirut")) == utc(2026, 3, 28, 22)


@pytest.mark.once
def test_a_night_goes_over_midnight_and_its_edge_is_outside() -> None:
    hours = Hours([NIGHT])
    assert hours.verdict(utc(2026, 11, 24, 20, 59), BERLIN).until == utc(2026, 11, 24, 20, 59)
    assert hours.verdict(utc(2026, 11, 24, 21), BERLIN).until == utc(2026, 11, 25, 7)
    assert hours.verdict(utc(2026, 11, 25, 6, 59), BERLIN).until == utc(2026, 11, 25, 7)
    assert hours.verdict(utc(2026, 11, 25, 7), BERLIN).until == utc(2026, 11, 25, 7)


@pytest.mark.once
def test_weekdays_are_those_on_which_the_hours_begin() -> None:
    hours = Hours([Rule(time(22), time(8), frozenset({5}), skips=False)])  # Saturday night
    sunday = utc(2026, 11, 29, 3)
    assert hours.verdict(sunday, BERLIN).until == utc(2026, 11, 29, 7)
    assert hours.verdict(sunday + timedelta(days=1), BERLIN).until == sunday + timedelta(days=1)


@pytest.mark.once
def test_of_two_rules_one_that_skips_ends_it_and_two_that_wait_add_up() -> None:
    noon = Rule(time(8), time(9, 30), frozenset(), skips=False)
    assert Hours([NIGHT, noon]).verdict(utc(2026, 11, 24, 23), BERLIN).until == utc(2026, 11, 25, 8, 30)
    never = Rule(time(8), time(9), frozenset(), skips=True)
    verdict = Hours([NIGHT, never]).verdict(utc(2026, 11, 24, 23), BERLIN)
    assert (verdict.until, verdict.skips) == (None, True)


@pytest.mark.once
def test_the_same_time_twice_is_the_whole_day_and_every_day_is_never() -> None:
    sundays = Hours([Rule(time(0), time(0), frozenset({6}), skips=False)])
    assert sundays.verdict(utc(2026, 11, 29, 12), BERLIN).until == utc(2026, 11, 29, 23)
    assert (
        Hours([Rule(time(0), time(0), frozenset(), skips=False)]).verdict(utc(2026, 11, 29), BERLIN).until
        is None
    )


@pytest.mark.once
def test_r6_a_night_in_which_clocks_go_back_is_quiet_both_times() -> None:
    hours = Hours([Rule(time(1), time(2, 30), frozenset(), skips=False)])
    assert hours.verdict(utc(2026, 10, 24, 23, 30), BERLIN).until == utc(
        2026, 10, 25, 0, 30
    )  # the first 02:30
    assert hours.verdict(utc(2026, 10, 25, 1, 15), BERLIN).until == utc(
        2026, 10, 25, 1, 30
    )  # the second 02:15


@pytest.mark.django_db
def test_only_what_is_in_force_for_the_channel_is_read() -> None:
    QuietHours.objects.create(name="a", begins=time(22), ends=time(8), weekdays=[0], policy="skip")
    QuietHours.objects.create(name="b", channel="webhook", begins=time(1), ends=time(2))
    QuietHours.objects.create(name="c", begins=time(3), ends=time(4), is_active=False)
    assert hours_of("email").rules == [Rule(time(22), time(8), frozenset({0}), skips=True)]


def jumps(zone: ZoneInfo) -> list[datetime]:
    """Moments within a day of which this zone's clock jumps, 2010 to 2030."""
    found, moment = [], utc(2010, 1, 1)
    while moment < utc(2031, 1, 1):
        beyond = moment + timedelta(days=7)
        if moment.astimezone(zone).utcoffset() != beyond.astimezone(zone).utcoffset():
            low, high = moment, beyond
            while high - low > timedelta(hours=1):
                middle = low + (high - low) / 2
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(low)
        moment = beyond
    return found


@pytest.mark.once
def test_r6_in_every_zone_nothing_leaves_in_quiet_hours_and_nothing_waits_longer_than_they_last() -> None:
    rng = random.Random(7)
    seen = 0
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        around = rng.sample(found, min(len(found), 6)) if (found := jumps(zone)) else [utc(2026, 3, 29)]
        for jump in around:
            begins, ends = (time(rng.randrange(24), rng.choice((0, 15, 30))) for _ in "be")
            weekdays = frozenset(rng.sample(range(7), rng.randrange(7)))
            rule = Rule(begins, ends, weekdays, skips=False)
            moment = jump + timedelta(seconds=rng.randrange(-36 * 3600, 36 * 3600))
            until = Hours([rule]).verdict(moment, zone).until
            if until is None:
                assert begins == ends
                assert not weekdays
                continue
            seen += 1
            assert until >= moment
            assert rule.end_at(clocks.wall(until, zone)) is None, (name, moment, rule)
            if until > moment:
                # It waits for nothing but quiet hours: just before the edge they still hold, all the way.
                for part in range(1, 8):
                    between = moment + (until - moment) * part / 8
                    assert rule.end_at(clocks.wall(between, zone)) is not None, (name, moment, rule)
                before = clocks.wall(until - timedelta(microseconds=1), zone)
                assert rule.end_at(before) is not None, (name, moment, until, rule)
    assert seen > 1000
