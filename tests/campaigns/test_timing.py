"""When each person's message is due, and what becomes of it where that hour is over or quiet."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns import delivery, planning, rules, timing
from campaigns.models import Campaign, Delivery, Outcome, QuietHours
from campaigns.timing import Moment
from customers import consent
from customers.models import Customer, Event
from tests.campaigns.conftest import Sink, people
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NINE = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)  # in Berlin


def there(name: str, zone: str, **more: object) -> int:
    made = person(name, **more)
    Customer.objects.filter(pk=made.pk).update(time_zone=zone)
    return made.pk


def acted(pk: int, *moments: datetime, kind: str = "ordered") -> list[Event]:
    return [
        Event.objects.create(
            customer_id=pk, type=kind, occurred_at=moment, received_at=moment, source="shop",
            message_id=f"{pk}-{kind}-{moment}", basis="contract" if kind == "ordered" else "default",
        )
        for moment in moments
    ]  # fmt: skip


def of(send_time: str) -> Campaign:
    return Campaign(send_time=send_time, channel="email")


def test_at_once_is_the_due_time_for_everybody_and_now_where_that_is_over(django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        found = timing.moments(of("at_once"), [1, 2], due_at=NOW - HOUR, at=NOW)
    assert found == dict.fromkeys([1, 2], Moment(NOW, NOW + 3 * DAY))
    ahead = timing.moments(of("at_once"), [1], due_at=NINE, at=NOW)
    assert ahead == {1: Moment(NINE, NINE + 3 * DAY)}


def test_local_is_the_shop_s_hour_on_each_person_s_clock(settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Europe/Berlin"
    shanghai, berlin = there("s", "Asia/Shanghai"), there("b", "Europe/Berlin")
    new_york, unknown = there("n", "America/New_York"), there("u", "")
    at = NINE - timing.lead(NINE)
    assert timing.lead(NINE) == 13 * HOUR
    found = timing.moments(of("local"), [shanghai, berlin, new_york, unknown], due_at=NINE, at=at)
    assert {pk: moment.not_before for pk, moment in found.items()} == {
        shanghai: datetime(2026, 11, 25, 1, tzinfo=UTC),
        berlin: NINE,
        new_york: datetime(2026, 11, 25, 14, tzinfo=UTC),
        unknown: NINE,
    }
    assert found[shanghai].not_after == datetime(2026, 11, 26, 1, tzinfo=UTC)


def test_local_planned_too_late_for_someone_is_their_same_hour_tomorrow(settings) -> None:
    settings.DEFAULT_TIME_ZONE = "Europe/Berlin"
    shanghai, delhi = there("s", "Asia/Shanghai"), there("d", "Asia/Kolkata")
    at = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai, 09:30 in Delhi
    found = timing.moments(of("local"), [shanghai, delhi], due_at=NINE, at=at)
    assert found[shanghai].not_before == datetime(2026, 11, 26, 1, tzinfo=UTC)
    assert found[delhi].not_before == at  # half an hour late is still nine o'clock


def test_local_across_a_jump_keeps_to_the_clock(settings) -> None:
    settings.DEFAULT_TIME_ZONE = "UTC"
    berlin = there("b", "Europe/Berlin")
    due = datetime(2026, 3, 29, 2, 30, tzinfo=UTC)  # a time that Berlin does not have that night
    found = timing.moments(of("local"), [berlin], due_at=due, at=due - DAY)
    assert found[berlin].not_before == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_the_best_hour_is_one_s_own_where_there_is_enough_of_it_and_everybody_s_where_not() -> None:
    allowed = ["marketing_email", "personalization", "message_tracking"]
    owl, lark, stranger = (there(name, "UTC", allows=allowed) for name in ("owl", "lark", "stranger"))
    secret = there("secret", "UTC", allows=["marketing_email"])
    consent.withdraw(secret, "personalization", method="page", source="t", actor="customer", at=NOW - DAY)
    acted(owl, *(NOW - (n + 1) * DAY + 9 * HOUR for n in range(3)))  # 21:00, thrice
    acted(lark, *(NOW - (n + 1) * DAY - 5 * HOUR for n in range(5)))  # 07:00, five times
    acted(secret, *(NOW - (n + 1) * DAY + HOUR for n in range(50)))  # 13:00, and nobody may look
    found = timing.moments(of("best_hour"), [owl, lark, stranger, secret], due_at=NOW, at=NOW)
    nine, seven = NOW + 9 * HOUR, NOW + 19 * HOUR
    # Everybody: 3 of 8 at 21:00, 5 of 8 at 07:00. Owl: 3 + 5·3/8 against 5·5/8.
    assert {pk: moment.not_before for pk, moment in found.items()} == {
        owl: nine,
        lark: seven,
        stranger: seven,
        secret: seven,
    }


def test_what_a_machine_clicked_says_nothing_of_a_person_s_day(campaign: Make) -> None:
    (pk,) = people(1)
    row = campaign()
    planning.plan_due(at=NOW)
    (click,) = acted(pk, NOW - 5 * HOUR, kind="clicked")
    best = of("best_hour")
    assert timing.moments(best, [pk], due_at=NOW, at=NOW)[pk].not_before == NOW + 19 * HOUR
    decision = row.decisions.get()
    Outcome.objects.create(decision=decision, event=click, kind="clicked", is_machine=True, at=NOW)
    assert timing.moments(best, [pk], due_at=NOW, at=NOW)[pk].not_before == NOW


@pytest.mark.once
def test_of_equally_good_hours_the_next_to_come_is_taken() -> None:
    zone = ZoneInfo("UTC")
    assert timing.best_hour({3: 1, 15: 1}, {3: 1, 15: 1}, NOW, zone) == 15
    assert timing.best_hour({}, {12: 1}, NOW, zone) == 12
    assert timing.best_hour({9: 1}, {20: 100}, NOW, zone) == 20  # one act is not yet a habit


def test_quiet_hours_put_off_or_end_and_planning_says_so(campaign: Make) -> None:
    early, late = there("early", "Asia/Tokyo"), there("late", "Europe/Berlin")  # 21:00 and 13:00
    QuietHours.objects.create(name="evening", begins=time(20), ends=time(8))
    found = timing.moments(of("at_once"), [early, late], due_at=NOW, at=NOW)
    assert found[early] == Moment(NOW + 11 * HOUR, NOW + 11 * HOUR + 3 * DAY)
    assert found[late] == Moment(NOW, NOW + 3 * DAY)
    QuietHours.objects.create(name="lunch", begins=time(12), ends=time(14), policy="skip")
    assert timing.moments(of("at_once"), [early, late], due_at=NOW, at=NOW).keys() == {early}


def test_planning_counts_whom_quiet_hours_keep_out_and_the_rows_still_add_up(campaign: Make) -> None:
    people(3)
    QuietHours.objects.create(name="noon", begins=time(11), ends=time(13), policy="skip")
    row = campaign()
    assert planning.plan_due(at=NOW) == 3
    waterfall = row.runs.get().waterfall
    assert (waterfall["quiet_hours"], waterfall["sendable"]) == (3, 0)
    assert not Delivery.objects.exists()


def test_a_late_sender_finds_quiet_hours_and_waits_for_their_edge(campaign: Make, sink: Sink) -> None:
    people(2)
    QuietHours.objects.create(name="night", begins=time(20), ends=time(8))
    campaign()
    planning.plan_due(at=NOW)
    night = NOW + 9 * HOUR
    assert delivery.deliver_all(clock=lambda: night) == {"planned": 2}
    edge = NOW + 20 * HOUR
    assert set(Delivery.objects.values_list("not_before", "attempt")) == {(edge, 0)}
    assert sink.recipients() == []
    assert delivery.deliver_all(clock=lambda: edge - timedelta(seconds=1)) == {}
    assert delivery.deliver_all(clock=lambda: edge) == {"sent": 2}


def test_quiet_hours_that_begin_while_the_line_opens_still_hold(campaign: Make, sink: Sink) -> None:
    people(1)
    QuietHours.objects.create(name="night", begins=time(20), ends=time(8))
    campaign()
    planning.plan_due(at=NOW)
    (mine,) = delivery.claim(at=NOW, limit=1)
    # The line took until eight o'clock to open: the commit is where it counts.
    assert delivery._begin(mine, rules.book(["email"]), NOW + 8 * HOUR) is None
    assert sink.recipients() == []
    row = Delivery.objects.get()
    assert (row.status, row.not_before, row.attempt) == ("planned", NOW + 20 * HOUR, 0)


def test_where_waiting_is_not_wanted_a_late_message_is_suppressed(campaign: Make, sink: Sink) -> None:
    people(1)
    QuietHours.objects.create(name="night", begins=time(20), ends=time(8), policy="skip")
    campaign()
    planning.plan_due(at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW + 9 * HOUR) == {"suppressed": 1}
    assert Delivery.objects.get().reason == "quiet_hours"
    assert sink.recipients() == []


def test_what_comes_too_late_is_not_sent(campaign: Make, sink: Sink) -> None:
    people(1)
    campaign()
    planning.plan_due(at=NOW)
    assert delivery.deliver_all(clock=lambda: NOW + 3 * DAY + HOUR) == {"suppressed": 1}
    assert Delivery.objects.get().reason == "too_late"
    assert sink.recipients() == []
