"""When the home's figures are counted, and by whom."""

from datetime import timedelta

import pytest

from campaigns import figures
from campaigns.figures.noting import LEASE
from campaigns.figures.rows import day_of
from campaigns.models import DailyFigure
from customers.models import Customer
from tests.campaigns.reporting import DAY, built
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Name = DailyFigure.Name
TODAY = day_of(NOW)


def days() -> set[object]:
    return set(DailyFigure.objects.values_list("day", flat=True))


def test_today_is_counted_first_and_then_the_weeks_before_one_at_a_time() -> None:
    assert figures.note_due(at=NOW) == TODAY
    counted = [figures.note_due(at=NOW) for _ring in range(13)]
    assert counted[0] == TODAY - 30 * DAY
    assert counted[1:] == [TODAY - 7 * n * DAY for n in range(1, 13)]
    assert figures.note_due(at=NOW) is None
    assert len(days()) == 14


def test_six_hours_later_today_is_counted_anew() -> None:
    while figures.note_due(at=NOW):
        pass
    built(40, 20)
    assert figures.note_due(at=NOW + figures.EVERY - timedelta(minutes=1)) is None
    later = NOW + figures.EVERY
    assert figures.note_due(at=later) == TODAY
    found = figures.read(at=later)
    assert found.counted_at == later
    assert found.get(Name.REACHED).value == 40.0
    assert found.get(Name.REACHED, back=timedelta(days=28)).value is None


def test_of_two_who_are_rung_at_once_one_counts() -> None:
    DailyFigure.objects.create(day=TODAY, name=Name.KNOWN, counted_at=NOW)
    assert figures.note_due(at=NOW + timedelta(minutes=5)) is None
    assert DailyFigure.objects.count() == 1
    assert figures.note_due(at=NOW + LEASE) == TODAY, "whoever began has died"


def test_what_is_no_more_leaves_the_day() -> None:
    made = built(40, 20)
    figures.note_due(at=NOW)
    assert figures.read(at=NOW).about(Name.EFFECT)[0].about == "spring"
    made.campaign.delete()
    figures.note_due(at=NOW + figures.EVERY)
    assert figures.read(at=NOW).about(Name.EFFECT) == []


def test_figures_are_kept_for_a_year_and_a_month() -> None:
    for age in (400, 401):
        DailyFigure.objects.create(day=TODAY - age * DAY, name=Name.REACHED, counted_at=NOW)
    figures.note_due(at=NOW)
    assert TODAY - 400 * DAY in days()
    assert TODAY - 401 * DAY not in days()


def test_reading_asks_twice_whatever_there_is(django_assert_num_queries) -> None:
    built(40, 20)
    Customer.objects.update(created_at=NOW - 90 * DAY)
    while figures.note_due(at=NOW):
        pass
    with django_assert_num_queries(2):
        found = figures.read(at=NOW)
    assert [row.value if row else None for row in found.over_time(Name.KNOWN)] == [60.0] * 13
