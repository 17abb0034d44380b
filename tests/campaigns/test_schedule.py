"""Recurring campaigns: which due times a rule has, and which of them become runs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from campaigns import planning, schedule
from campaigns.models import Campaign, CampaignRun
from campaigns.schedule import BadRule
from tests.campaigns.conftest import people

Make = Callable[..., Campaign]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAYS = "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0"
TUESDAY = datetime(2026, 11, 24, 12, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _berlin(settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Europe/Berlin"


def of(rule: str, **fields: object) -> Campaign:
    values = {"kind": "recurring", "recurrence": rule, "starts_at": utc(2026, 1, 5, 8), **fields}
    return Campaign(**values)


@pytest.fixture
def recurring(campaign: Make) -> Callable[..., Campaign]:
    """A recurring campaign that runs since Tuesday noon and has no run yet."""

    def make(rule: str, **fields: object) -> Campaign:
        made = campaign(kind="recurring", recurrence=rule, **{"starts_at": utc(2026, 1, 5, 8), **fields})
        made.runs.all().delete()
        Campaign.objects.filter(pk=made.pk).update(updated_at=TUESDAY)
        return made

    return make


@pytest.mark.once
@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "cannot be read"),
        ("every monday", "cannot be read"),
        ("FREQ=WEEKLY\nFREQ=DAILY", "cannot be read"),
        ("FREQ=WEEKLY;BYDAY=XX", "cannot be read"),
        ("FREQ=DAILY;FREQ=WEEKLY", "twice"),
        ("FREQ=DAILY;COUNT=3", "COUNT"),
        ("FREQ=DAILY;UNTIL=20270101", "UNTIL"),
        ("FREQ=SECONDLY", "FREQ is one of"),
        ("FREQ=HOURLY", "FREQ is one of"),
        ("BYDAY=MO", "FREQ is one of"),
        ("FREQ=DAILY;BYSECOND=1", "BYSECOND"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;BYHOUR=x", "numbers"),
        ("FREQ=DAILY;BYHOUR=99", "cannot be read"),
        ("FREQ=DAILY;BYHOUR=8,9,10;BYMINUTE=0,5,10,15,20,25,30,35,40", "24 times"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never due"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_with_its_reason(rule: str, says: str) -> None:
    with pytest.raises(BadRule, match=says):
        schedule.rule_of(of(rule))
    assert says in schedule.problems(of(rule), at=TUESDAY)[0]


@pytest.mark.once
@pytest.mark.parametrize(
    ("rule", "words", "chinese"),
    [
        (MONDAYS, "every Monday at 9:00; next: 30 Nov 2026, 09:00", "2026年11月30日"),
        ("FREQ=DAILY;BYHOUR=8,17;BYMINUTE=30", "every day at 8:30, 17:30; next: 24 Nov 2026, 17:30", "17:30"),
        ("FREQ=DAILY;INTERVAL=3", "every 3 days at 9:00; next: 25 Nov 2026, 09:00", "9:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,TU;BYHOUR=7;BYMINUTE=5", "every 2 weeks on Tuesday, Friday at 7:05; next: 27 Nov 2026, 07:05", "7:05"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15;BYHOUR=9;BYMINUTE=0", "on day 1, 15 of every month at 9:00; next: 1 Dec 2026, 09:00", "9:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9;BYMINUTE=0", "on the last day of every month at 9:00; next: 30 Nov 2026, 09:00", "9:00"),
        ("FREQ=MONTHLY;BYDAY=2TU;BYHOUR=9;BYMINUTE=0", "on the second Tuesday of every month at 9:00; next: 8 Dec 2026, 09:00", "9:00"),
        ("rrule:freq=yearly;bymonth=12;bymonthday=24;byhour=9;byminute=0", "by the rule FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;BYHOUR=9;BYMINUTE=0 at 9:00; next: 24 Dec 2026, 09:00", "9:00"),
    ],
)  # fmt: skip
def test_a_rule_is_told_in_words(rule: str, words: str, chinese: str) -> None:
    assert schedule.told(of(rule), at=TUESDAY) == words
    with translation.override("zh-hans"):
        assert chinese in schedule.told(of(rule), at=TUESDAY)


@pytest.mark.once
def test_the_rule_keeps_to_the_shop_s_clock_through_its_jumps() -> None:
    nightly = of("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", starts_at=utc(2026, 3, 1))
    assert schedule.upcoming(nightly, at=utc(2026, 3, 28, 0)) == [
        utc(2026, 3, 28, 1, 30),
        utc(2026, 3, 29, 1),  # 02:30 does not exist: 03:00 is the next that does
        utc(2026, 3, 30, 0, 30),
    ]
    assert schedule.upcoming(nightly, at=utc(2026, 10, 24, 12), count=2) == [
        utc(2026, 10, 25, 0, 30),  # the first of two, and only the first
        utc(2026, 10, 26, 1, 30),
    ]
    assert schedule.newest(schedule.rule_of(nightly), until=utc(2026, 10, 25, 1, 10)) == utc(
        2026, 10, 25, 0, 30
    )


@pytest.mark.once
def test_nothing_is_due_before_the_start_or_after_the_end() -> None:
    short = of(MONDAYS, starts_at=utc(2026, 12, 1), ends_at=utc(2026, 12, 14, 8))
    assert schedule.newest(schedule.rule_of(short), until=TUESDAY) is None
    assert schedule.upcoming(short, at=TUESDAY) == [utc(2026, 12, 7, 8), utc(2026, 12, 14, 8)]
    assert schedule.upcoming(short, at=utc(2026, 12, 14, 8)) == []
    assert "not due again" in schedule.problems(short, at=utc(2026, 12, 14, 8))[0]


@pytest.mark.django_db
def test_r4_each_due_time_becomes_a_run_once(recurring, django_assert_max_num_queries) -> None:
    row = recurring(MONDAYS)
    monday = utc(2026, 11, 30, 8)
    assert schedule.ring(at=monday - timedelta(seconds=1)) == 0
    with django_assert_max_num_queries(5):  # a savepoint about the insert on SQLite
        assert schedule.ring(at=monday) == 1
    assert schedule.ring(at=monday + HOUR) == 0
    assert schedule.ring(at=monday + 7 * DAY) == 1
    assert list(row.runs.order_by("due_at").values_list("due_at", flat=True)) == [monday, monday + 7 * DAY]


@pytest.mark.django_db
def test_a_due_time_before_the_launch_is_none_of_the_campaign_s(recurring) -> None:
    row = recurring("FREQ=DAILY;BYHOUR=9;BYMINUTE=0")  # today's nine o'clock was before noon
    assert schedule.ring(at=TUESDAY + HOUR) == 0
    assert schedule.ring(at=utc(2026, 11, 25, 8)) == 1
    assert row.runs.get().due_at == utc(2026, 11, 25, 8)


@pytest.mark.django_db
def test_r4_after_a_standstill_only_the_newest_due_time_is_made_and_a_late_one_asks_a_person(
    recurring,
) -> None:
    people(2)
    row = recurring("FREQ=DAILY;BYHOUR=9;BYMINUTE=0")
    back = utc(2026, 12, 20, 12)
    assert schedule.ring(at=back) == 1
    run = row.runs.get()
    assert run.due_at == utc(2026, 12, 20, 8)
    assert planning.plan_due(at=back) == 0
    assert list(planning.late(at=back)) == [run]


@pytest.mark.django_db
def test_only_a_campaign_that_runs_is_rung_and_one_by_local_hours_early(recurring) -> None:
    row = recurring(MONDAYS, send_time="local")
    monday = utc(2026, 11, 30, 8)
    Campaign.objects.update(status="paused")
    assert schedule.ring(at=monday) == 0
    Campaign.objects.filter(pk=row.pk).update(status="running")
    first_on_earth = monday - 13 * HOUR  # nine o'clock at UTC+14
    assert schedule.ring(at=first_on_earth - timedelta(seconds=1)) == 0
    assert schedule.ring(at=first_on_earth) == 1
    assert CampaignRun.objects.get().due_at == monday
