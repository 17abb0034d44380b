"""When a campaign stops itself, and when it only warns."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns import lifecycle, planning, stopping
from campaigns.models import Bounce, Campaign, Delivery
from tests.campaigns.conftest import people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


@pytest.fixture
def row(campaign: Make) -> Campaign:
    """200 messages, planned."""
    people(200)
    made = campaign(stop_at_complaints=Decimal("1.00"))
    planning.plan_due(at=NOW)
    return made


def ended(sent: int, failed: int = 0, *, unknown: int = 0) -> None:
    """The first so many were sent, the next failed, the next are unknown; each a second later than the one before."""
    fates = ["sent"] * sent + ["failed"] * failed + ["unknown"] * unknown
    rows = Delivery.objects.order_by("pk")[: len(fates)]
    for n, (row, fate) in enumerate(zip(rows, fates, strict=True)):
        Delivery.objects.filter(pk=row.pk).update(
            status=fate, basis="default", ended_at=NOW + timedelta(seconds=n), transmitting_at=NOW
        )


def complain(count: int) -> None:
    rows = Delivery.objects.filter(status="sent").order_by("pk")[:count]
    for again in range(2):  # a second complaint about the same message is the same
        Bounce.objects.bulk_create(
            Bounce(key=f"{row.pk}-{again}", source="t", kind="complaint", delivery=row, at=NOW)
            for row in rows
        )


def status(row: Campaign) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.stopped_because


def test_u7_complaints_at_the_limit_pause_the_campaign_and_a_person_lets_it_go_on(row: Campaign) -> None:
    ended(200)
    complain(2)
    assert stopping.check(at=NOW) == [row]
    assert status(row) == (
        "paused",
        "Fewer than 10 complaints, but too many for 200 messages; it stops at 1.00 %.",
    )
    assert stopping.check(at=NOW) == []
    later = NOW + timedelta(hours=1)
    lifecycle.take(row, "resume", by="marta", at=later)
    # What she knew when she let it go on does not stop it again; what comes since does.
    assert stopping.check(at=later) == []
    assert status(row)[0] == "running"
    Delivery.objects.update(ended_at=later + timedelta(hours=1))
    Bounce.objects.update(at=later + timedelta(hours=1))
    assert stopping.check(at=later + timedelta(hours=2)) == [row]


def test_u7_below_the_limit_it_only_warns(row: Campaign, django_assert_num_queries) -> None:
    ended(200)
    complain(1)
    with django_assert_num_queries(3):
        assert stopping.check(at=NOW) == []
    (found,) = stopping.health()
    assert (found.complaints, found.sent, found.warns) == (1, 200, True)
    assert status(row) == ("running", "")


@pytest.mark.parametrize(
    ("complaints", "sent", "warns", "stops"),
    [
        (0, 1000, False, False),
        (1, 1001, False, False),
        (1, 1000, True, False),
        (3, 1001, True, False),
        (3, 1000, True, True),
        (2, 99, False, False),
    ],
)
def test_u7_it_warns_at_a_tenth_of_a_percent_and_stops_at_three(
    complaints: int, sent: int, warns: bool, stops: bool
) -> None:
    found = stopping.Health(Campaign(), complaints, sent, ended=sent, failed=0)
    assert (found.warns, bool(found.stops_because)) == (warns, stops)


def test_n1_why_it_stopped_tells_of_no_few_people() -> None:
    row = Campaign(stop_at_complaints=Decimal("0.30"), stop_at_errors=Decimal("5.0"))
    few, many = stopping.Health(row, 9, 1000, 0, 0), stopping.Health(row, 10, 1000, 0, 0)
    assert few.stops_because.startswith("Fewer than 10 complaints")
    assert many.stops_because == "10 complaints about 1,000 messages, 1.00 %; it stops at 0.30 %."
    few, many = stopping.Health(row, 0, 0, 200, 19), stopping.Health(row, 0, 0, 200, 20)
    assert few.stops_because.startswith("Fewer than 20 of the last 200 messages failed")
    assert many.stops_because == "20 of the last 200 messages failed, 10.0 %; it stops at 5.0 %."


def test_where_nothing_went_wrong_one_question_is_enough(row: Campaign, django_assert_num_queries) -> None:
    ended(200)
    with django_assert_num_queries(1):
        assert stopping.check(at=NOW) == []


def test_u7_of_fewer_than_a_hundred_messages_nothing_is_concluded(row: Campaign) -> None:
    ended(90, 9)
    complain(9)
    assert stopping.check(at=NOW) == []
    assert not stopping.health()[0].warns
    ended(91, 9)
    assert stopping.check(at=NOW) == []  # 91 were sent, 9 of 100 failed


@pytest.mark.parametrize("fates", [{"failed": 10}, {"failed": 6, "unknown": 4}])
def test_failures_at_the_limit_pause_it(row: Campaign, fates: dict[str, int]) -> None:
    ended(90, **fates)
    assert stopping.check(at=NOW) == [row]
    assert status(row) == (
        "paused",
        "Fewer than 20 of the last 100 messages failed, but too many; it stops at 10.0 %.",
    )


def test_only_the_newest_messages_count(row: Campaign, monkeypatch) -> None:
    monkeypatch.setattr(stopping, "NEWEST", 100)
    ended(100, 10)
    assert stopping.health()[0].failed == 10
    Delivery.objects.filter(status="failed").update(ended_at=NOW - timedelta(days=1))
    assert stopping.health()[0].failed == 0
    assert stopping.check(at=NOW) == []


def test_a_campaign_that_is_paused_already_is_left_as_it_is(row: Campaign) -> None:
    ended(200)
    complain(5)
    lifecycle.take(row, "pause", by="marta", at=NOW)
    assert stopping.check(at=NOW) == []
    assert status(row) == ("paused", "")
