"""People on their way: what is published, who goes in, and what becomes of each at every step, in virtual time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import deciding, experiments, journeys, lifecycle
from campaigns.journeys import Call, NotSound
from campaigns.messages import default_message
from campaigns.models import (
    Campaign,
    CampaignRun,
    Decision,
    Delivery,
    Holdout,
    JourneyEntry,
    JourneyVersion,
    JourneyVisit,
    Message,
)
from campaigns.waterfall import Waterfall
from customers import consent, events, identities, privacy
from customers.events import Incoming
from recommender.models import ModelVersion, Score
from tests.campaigns.conftest import people
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def definition(start: str = "hello", **steps: dict[str, Any]) -> dict[str, Any]:
    """A journey that people are called into by hand; without steps: a message, a day's wait, another message."""
    return {
        "entry": {"event": "added"},
        "reentry": "never",
        "goal": {"did": "ordered"},
        "start": start,
        "steps": steps
        or {
            "hello": message(next="pause"),
            "pause": {"kind": "wait", "days": 1, "next": "again"},
            "again": message(next=None),
        },
    }


def message(**fields: Any) -> dict[str, Any]:
    return {"kind": "message", "message": "hello", "if_not_sent": "go_on", "next": None, **fields}


@pytest.fixture
def journey(campaign: Make) -> Callable[..., Campaign]:
    """Makes, publishes and launches a journey."""

    def make(stored: dict[str, Any] | None = None, **fields: object) -> Campaign:
        row = campaign(kind=Campaign.Kind.JOURNEY, launched=False, **fields)
        journeys.publish(row, stored or definition(), by="tests")
        lifecycle.take(row, "approve", by="tests", at=NOW)
        lifecycle.take(row, "launch", by="tests", at=NOW)
        return row

    return make


def enter(row: Campaign, *ids: int, key: str = "k", at: datetime = NOW) -> journeys.Entered:
    version = journeys.newest(row)
    assert version is not None
    return journeys.enter(version, [Call(pk, key, {"skus": ["rose"]}) for pk in ids], at=at)


def did(customer: int, kind: str, *, at: datetime, sku: str = "rose") -> None:
    name = identities.Customer.objects.get(pk=customer).external_id
    taken = events.take_in(
        [
            Incoming(
                message_id=f"{kind}-{customer}-{at.isoformat()}-{sku}",
                type=kind,
                customer=name,
                sku=sku,
                value=Decimal(9),
                order_id=f"o{customer}" if kind == "ordered" else "",
                occurred_at=at,
            )
        ],
        source="shop",
        at=at,
    )
    assert taken.accepted == 1


def only_entry() -> JourneyEntry:
    return JourneyEntry.objects.get()


def way(entry: JourneyEntry) -> list[tuple[str, str]]:
    """The steps someone came by, and how each ended; "…" where they rest."""
    rows = entry.visits.order_by("pk").values_list("step", "outcome", "left_at")
    return [(step, outcome if left_at else "…") for step, outcome, left_at in rows]


# --- what may be published -----------------------------------------------------------------------------------------


def problems(stored: Any) -> list[str]:
    return [str(problem) for problem in journeys.check(stored, channel="email")]


@pytest.fixture
def message_row(db: None) -> Message:
    return Message.objects.create(slug="hello", **default_message())


def test_a_sound_journey_has_no_problem(message_row) -> None:
    assert problems(definition()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steps": {}}, "It has no steps."),
        ({"start": "nowhere"}, "start names no step."),
        ({"reentry": "sometimes"}, "reentry is “never”, “always” or “after_days:30”."),
        ({"goal": {"did": "danced"}}, "goal: It is such as"),
        ({"entry": {}}, "entry needs exactly one of"),
        ({"entry": {"event": "danced"}}, "entry: event is one of"),
        ({"entry": {"segment": "nobody"}}, "entry: There is no segment “nobody”."),
        ({"entry": {"score": "churn"}}, "entry: “gte” is a number from 0 to 1."),
        ({"surprise": 1}, "It does not understand “surprise”."),
    ],
)
def test_what_is_wrong_with_a_journey_is_told(message_row, change, told) -> None:
    assert any(words.startswith(told) for words in problems({**definition(), **change})), told


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ({"hello": message(message="gone")}, "Step “hello”: There is no message “gone”."),
        ({"hello": message(next="lost")}, "Step “hello”: It leads to “lost”, and there is no such step."),
        (
            {"hello": {"kind": "message", "message": "hello", "if_not_sent": "exit"}},
            "Step “hello”: “next” is missing",
        ),
        ({"hello": message(if_not_sent="hope")}, "Step “hello”: if_not_sent says what happens"),
        ({"hello": message(), "island": {"kind": "exit"}}, "Step “island”: Nothing leads here."),
        ({"hello": message(next="hello")}, "Step “hello”: It stands in a circle without a wait"),
        (
            {"hello": message(next="w"), "w": {"kind": "wait", "next": None}},
            "Step “w”: A wait needs hours, days",
        ),
        (
            {"hello": message(next="w"), "w": {"kind": "wait", "days": 0, "next": None}},
            "Step “w”: “days” is a number",
        ),
        (
            {"hello": message(next="w"), "w": {"kind": "wait", "until": "25:00", "next": None}},
            "Step “w”: until is an",
        ),
        (
            {"hello": message(next="s"), "s": {"kind": "split", "percent": {"a": 50}}, "a": {"kind": "exit"}},
            "Step “s”: The shares add up to 50, not to 100.",
        ),
        (
            {
                "hello": message(next="s"),
                "s": {"kind": "split", "rule": {"segment": "x"}, "next": None, "otherwise": None},
            },
            "Step “s”: rule $.segment: there is no segment “x”",
        ),
        (
            {
                "hello": message(next="w"),
                "w": {"kind": "wait_for", "event": {"did": "x"}, "within_hours": 1, "next": None},
            },
            "Step “w”: “otherwise” is missing",
        ),
        ({"hello": {"kind": "dance"}}, "Step “hello”: kind is one of"),
        (
            {f"s{n}": message(next=f"s{n + 1}" if n < 51 else None) for n in range(52)},
            "It has more than 50 steps",
        ),
    ],
)
def test_what_is_wrong_with_a_step_is_told_at_the_step(message_row, steps, told) -> None:
    found = problems(definition(next(iter(steps)), **steps))
    assert any(words.startswith(told) for words in found), found


def test_a_circle_with_a_wait_in_it_is_sound(message_row) -> None:
    round_ = {"hello": message(next="w"), "w": {"kind": "wait", "days": 30, "next": "hello"}}
    assert problems(definition(**round_)) == []


def test_what_is_not_sound_is_not_published_and_all_of_it_is_named(campaign: Make) -> None:
    row = campaign(kind=Campaign.Kind.JOURNEY, launched=False)
    with pytest.raises(NotSound) as refused:
        journeys.publish(row, {**definition(), "start": "x", "reentry": "y"}, by="tests")
    assert len(refused.value.problems) == 2 + 3  # and nothing leads to any of the three steps
    assert not JourneyVersion.objects.exists()


# --- going in ------------------------------------------------------------------------------------------------------


def test_the_same_cause_enters_once_and_nobody_is_inside_twice(journey) -> None:
    (anna,) = people(1)
    row = journey({**definition(), "reentry": "always"})
    assert enter(row, anna).arms == {anna: "treated"}
    assert enter(row, anna).refused == {anna: "again"}  # the same cause
    assert enter(row, anna, key="other").refused == {anna: "again"}  # still inside
    JourneyEntry.objects.update(state="done", wake_at=None)
    assert enter(row, anna).refused == {anna: "again"}
    assert enter(row, anna, key="other").arms == {anna: "treated"}
    assert JourneyEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("reentry", "days", "may"),
    [("never", 1000, False), ("after_days:30", 29, False), ("after_days:30", 30, True), ("always", 0, True)],
)
def test_who_may_come_again(journey, reentry, days, may) -> None:
    (anna,) = people(1)
    row = journey({**definition(), "reentry": reentry})
    enter(row, anna)
    JourneyEntry.objects.update(state="done", wake_at=None)
    assert bool(enter(row, anna, key="next", at=NOW + days * DAY).arms) is may


def test_who_does_not_allow_it_or_matches_no_audience_stays_out(journey, boris, clara) -> None:
    (anna,) = people(1)
    (no_behaviour,) = people(1, allows=("marketing_email",), prefix="n")
    row = journey(rule={"not": {"attribute": "id", "is": "c000"}})
    found = enter(row, anna, boris.pk, clara.pk, no_behaviour)
    assert found.arms == {}
    assert found.refused == {
        anna: "not_matched", boris.pk: "no_consent", clara.pk: "no_consent", no_behaviour: "no_consent",
    }  # fmt: skip
    assert not JourneyEntry.objects.exists()


def test_control_and_holdout_are_kept_and_travel_nowhere(journey) -> None:
    ids = people(40)
    Holdout.objects.create(slug="all", name="All", percent=20, starts_at=NOW - DAY, salt="h")
    row = journey(control_percent=Decimal(30))
    arms = enter(row, *ids).arms
    held = experiments.held_out_of_all(ids, at=NOW)
    control = experiments.arms(row.salt, row.control_percent, [pk for pk in ids if pk not in held])
    assert arms == {pk: "holdout" if pk in held else control[pk] for pk in ids}
    assert {"holdout", "control", "treated"} == set(arms.values())
    assert journeys.advance_all(at=NOW) == sum(arm == "treated" for arm in arms.values())
    still = JourneyEntry.objects.exclude(arm="treated")
    assert set(still.values_list("state", "wake_at", "left_at", "entered_at")) == {("done", None, NOW, NOW)}
    assert not JourneyVisit.objects.filter(entry__in=still).exists()
    assert not Decision.objects.filter(entry__in=still).exists()
    waterfall = Waterfall.from_dict(CampaignRun.objects.get().waterfall)
    assert (waterfall.matched, waterfall.left) == (40, 0)


# --- going on ------------------------------------------------------------------------------------------------------


def test_a_message_a_wait_and_another_message(journey) -> None:
    (anna,) = people(1)
    row = journey()
    enter(row, anna)
    assert journeys.advance_all(at=NOW) == 1
    entry = only_entry()
    assert way(entry) == [("hello", "planned"), ("pause", "…")]
    assert (entry.step, entry.wake_at) == ("pause", NOW + DAY)
    assert journeys.advance_all(at=NOW + DAY - HOUR) == 0
    assert journeys.advance_all(at=NOW + DAY) == 1
    entry.refresh_from_db()
    assert way(entry) == [("hello", "planned"), ("pause", "waited"), ("again", "planned")]
    assert (entry.state, entry.left_at, entry.wake_at) == ("done", NOW + DAY, None)
    rows = Delivery.objects.order_by("pk")
    assert [(d.step, d.entry_id, d.not_before, d.status) for d in rows] == [
        (0, entry.pk, NOW, "planned"),
        (1, entry.pk, NOW + DAY, "planned"),
    ]
    assert journeys.advance_all(at=NOW + 9 * DAY) == 0


def test_a_circle_s_second_round_is_another_step(journey) -> None:
    (anna,) = people(1)
    row = journey(definition(hello=message(next="w"), w={"kind": "wait", "days": 30, "next": "hello"}))
    enter(row, anna)
    for n in range(3):
        journeys.advance_all(at=NOW + 30 * n * DAY)
    assert list(Delivery.objects.order_by("pk").values_list("step", flat=True)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        ("Europe/Berlin", "2026-11-25T08:00"),
        ("Asia/Shanghai", "2026-11-25T01:00"),
        ("Nowhere/Land", "2026-11-25T09:00"),
    ],
)
def test_an_hour_is_the_person_s_own(journey, zone, until) -> None:
    (anna,) = people(1)
    identities.Customer.objects.update(time_zone=zone)
    row = journey(definition("w", w={"kind": "wait", "until": "09:00", "next": "hello"}, hello=message()))
    enter(row, anna)
    journeys.advance_all(at=NOW)  # a Tuesday, 12:00 UTC
    assert only_entry().wake_at == datetime.fromisoformat(f"{until}+00:00")


def test_people_of_many_zones_each_wake_at_their_own_hour(journey) -> None:
    ids = people(12)
    for hours, pk in enumerate(ids):
        identities.Customer.objects.filter(pk=pk).update(time_zone=f"Etc/GMT-{hours}")
    row = journey(definition("w", w={"kind": "wait", "until": "15:00", "next": "hello"}, hello=message()))
    enter(row, *ids)
    journeys.advance_all(at=NOW)
    # Noon UTC is 12:00 to 23:00 there: three hours to go, two, one hour; then it is the next day's.
    expected = {pk: NOW + ((3 - hours) % 24 or 24) * HOUR for hours, pk in enumerate(ids)}
    assert dict(JourneyEntry.objects.values_list("customer_id", "wake_at")) == expected
    journeys.advance_all(at=NOW + 24 * HOUR)
    assert Delivery.objects.count() == 12


def test_a_wait_for_weekdays_passes_over_the_others(journey) -> None:
    (anna,) = people(1)
    wait = {"kind": "wait", "days": 2, "until": "10:00", "weekdays": [0, 1], "next": "hello"}
    row = journey(definition("w", w=wait, hello=message()))
    enter(row, anna)
    journeys.advance_all(at=NOW)
    assert only_entry().wake_at == datetime.fromisoformat(
        "2026-11-30T10:00+00:00"
    )  # Thursday is too soon: Monday


def test_a_wait_until_shortly_before_the_expected_order(journey) -> None:
    anna, nobody_knows = people(2)
    model = ModelVersion.objects.create(
        task="propensity", algorithm="futures", state="live", file="x", sha256="0" * 64, people=1, interactions=1,
        trained_until=NOW, metrics={},
    )  # fmt: skip
    Score.objects.create(customer_id=anna, expected_at="2026-12-10", model=model)
    wait = {"kind": "wait", "until_expected_order": {"days_before": 3}, "next": "hello"}
    row = journey(definition("w", w=wait, hello=message()))
    enter(row, anna, nobody_knows)
    journeys.advance_all(at=NOW)
    assert JourneyEntry.objects.get(customer=anna).wake_at == datetime.fromisoformat("2026-12-07T09:00+00:00")
    entry = JourneyEntry.objects.get(customer=nobody_knows)
    assert way(entry) == [("w", "nothing_to_wait_for"), ("hello", "planned")]


def test_what_is_waited_for_wakes_and_what_does_not_come_times_out(journey) -> None:
    wants, does_not, other = people(3)
    steps = {
        "w": {"kind": "wait_for", "event": {"did": "wished", "category": "garden"}, "within_hours": 72,
              "next": "hello", "otherwise": None},
        "hello": message(),
    }  # fmt: skip
    row = journey(definition("w", **steps))
    did(does_not, "wished", at=NOW - HOUR)  # before: not what is waited for
    enter(row, wants, does_not, other)
    journeys.advance_all(at=NOW)
    did(wants, "wished", at=NOW + 5 * HOUR)
    did(other, "wished", at=NOW + 5 * HOUR, sku="mug")
    assert journeys.wake(at=NOW + 6 * HOUR) == 1
    assert journeys.advance_all(at=NOW + 6 * HOUR) == 1
    assert way(JourneyEntry.objects.get(customer=wants)) == [("w", "happened"), ("hello", "planned")]
    assert journeys.advance_all(at=NOW + 72 * HOUR) == 2
    for pk in (does_not, other):
        assert way(JourneyEntry.objects.get(customer=pk)) == [("w", "timed_out")]


def test_a_rule_parts_people_and_chance_parts_them_for_good(journey) -> None:
    ids = people(60)
    steps = {
        "s": {
            "kind": "split",
            "rule": {"attribute": "id", "in": ["c000", "c001"]},
            "next": "out",
            "otherwise": "dice",
        },
        "dice": {"kind": "split", "percent": {"hello": 70, "none": 30}},
        "hello": message(),
        "none": {"kind": "wait", "days": 1, "next": None},
        "out": {"kind": "exit"},
    }
    row = journey(definition("s", **steps))
    enter(row, *ids)
    journeys.advance_all(at=NOW)
    left = set(JourneyEntry.objects.filter(left_by="exit").values_list("customer_id", flat=True))
    assert left == set(ids[:2])
    drawn = {pk: experiments.drawn(f"{row.salt}:dice", {"hello": 70, "none": 30}, pk) for pk in ids[2:]}
    asked = dict(JourneyVisit.objects.filter(step="dice").values_list("entry__customer_id", "outcome"))
    assert asked == {pk: f"to {to}" for pk, to in drawn.items()}
    assert Delivery.objects.count() == sum(to == "hello" for to in drawn.values()) > 20


@pytest.mark.parametrize(
    ("policy", "outcome", "state", "left_by"),
    [("go_on", "capped", "done", ""), ("exit", "capped", "left", "skipped")],
)
def test_a_step_says_what_becomes_of_a_message_that_may_not_go(
    journey, monkeypatch, policy, outcome, state, left_by
) -> None:
    (anna,) = people(1)
    monkeypatch.setattr(deciding.rules, "capped", lambda ids, **_: set(ids))
    row = journey(definition(hello=message(if_not_sent=policy)))
    enter(row, anna)
    journeys.advance_all(at=NOW)
    entry = only_entry()
    assert way(entry) == [("hello", outcome)]
    assert (entry.state, entry.left_by) == (state, left_by)
    assert not Delivery.objects.exists()


def test_a_message_that_waits_is_asked_again_hourly_and_not_for_ever(journey, monkeypatch) -> None:
    anna, berta = people(2)
    monkeypatch.setattr(deciding.rules, "capped", lambda ids, **_: set(ids))
    row = journey(definition(hello=message(if_not_sent="wait", wait_hours=3)))
    enter(row, anna, berta)
    journeys.advance_all(at=NOW)
    entry = JourneyEntry.objects.get(customer=anna)
    assert (way(entry), entry.wake_at) == ([("hello", "…")], NOW + HOUR)
    assert journeys.advance_all(at=NOW + HOUR) == 2
    monkeypatch.setattr(deciding.rules, "capped", lambda ids, **_: {berta} & set(ids))
    journeys.advance_all(at=NOW + 2 * HOUR)
    assert way(entry) == [("hello", "planned")]
    journeys.advance_all(at=NOW + 3 * HOUR)
    assert way(JourneyEntry.objects.get(customer=berta)) == [("hello", "capped")]
    waterfall = Waterfall.from_dict(CampaignRun.objects.get().waterfall)
    assert (waterfall.matched, waterfall.capped, waterfall.sendable, waterfall.left) == (2, 1, 1, 0)


# --- leaving -------------------------------------------------------------------------------------------------------


def test_whoever_does_what_the_journey_is_for_leaves_and_what_waits_is_not_sent(journey) -> None:
    anna, berta = people(2)
    row = journey()
    enter(row, anna, berta)
    journeys.advance_all(at=NOW)
    did(anna, "ordered", at=NOW + HOUR)
    entry = JourneyEntry.objects.get(customer=anna)
    assert journeys.is_over(entry.pk, at=NOW + HOUR)
    assert journeys.wake(at=NOW + 2 * HOUR) == 1
    assert journeys.advance_all(at=NOW + 2 * HOUR) == 1
    entry.refresh_from_db()
    assert way(entry) == [("hello", "planned"), ("pause", "goal")]
    assert (entry.state, entry.left_by, entry.left_at) == ("left", "goal", NOW + 2 * HOUR)
    assert dict(Delivery.objects.values_list("customer_id", "reason")) == {anna: "left_journey", berta: ""}
    assert not journeys.is_over(JourneyEntry.objects.get(customer=berta).pk, at=NOW + HOUR)


def test_an_order_before_they_came_in_is_no_goal(journey) -> None:
    (anna,) = people(1)
    row = journey()
    did(anna, "ordered", at=NOW - HOUR)
    enter(row, anna)
    assert journeys.wake(at=NOW) == 0
    journeys.advance_all(at=NOW)
    assert only_entry().left_by == ""


@pytest.mark.parametrize("purpose", ["marketing_email", "personalization"])
def test_a_withdrawal_ends_the_journey_at_the_next_step(journey, purpose) -> None:
    (anna,) = people(1)
    row = journey()
    enter(row, anna)
    journeys.advance_all(at=NOW)
    consent.withdraw(anna, purpose, method="page", source="tests", actor="customer", at=NOW + HOUR)
    journeys.advance_all(at=NOW + DAY)
    entry = only_entry()
    assert (entry.state, entry.left_by) == ("left", "no_consent")
    assert way(entry) == [("hello", "planned"), ("pause", "no_consent")]
    assert [d.reason for d in Delivery.objects.all()] == ["left_journey"]


def test_whoever_is_merged_into_another_is_gone(journey) -> None:
    anna, other = people(2)
    row = journey()
    enter(row, anna)
    journeys.advance_all(at=NOW)
    identities.merge(other, anna, actor="tests", at=NOW + HOUR)
    journeys.advance_all(at=NOW + DAY)
    assert only_entry().left_by == "gone"


def test_whoever_is_erased_vanishes_with_their_way_and_the_others_go_on(journey) -> None:
    anna, berta = people(2)
    row = journey()
    enter(row, anna, berta)
    journeys.advance_all(at=NOW)
    privacy.erase(anna, actor="tests", at=NOW + HOUR)
    assert journeys.advance_all(at=NOW + DAY) == 1
    assert only_entry().customer_id == berta
    assert not JourneyVisit.objects.exclude(entry__customer=berta).exists()
    assert set(Delivery.objects.values_list("customer_id", flat=True)) == {berta}


def test_a_paused_campaign_stands_still_and_loses_nothing(journey) -> None:
    (anna,) = people(1)
    row = journey()
    enter(row, anna)
    journeys.advance_all(at=NOW)
    lifecycle.take(row, "pause", by="tests", at=NOW)
    assert journeys.advance_all(at=NOW + 5 * DAY) == 0
    assert enter(row, anna, key="x", at=NOW).arms == {}
    lifecycle.take(row, "resume", by="tests", at=NOW + 5 * DAY)
    assert journeys.advance_all(at=NOW + 5 * DAY) == 1
    assert Delivery.objects.count() == 2


def test_who_is_in_a_cancelled_campaign_leaves(journey) -> None:
    anna, berta = people(2)
    row = journey()
    enter(row, anna, berta)
    journeys.advance_all(at=NOW)
    lifecycle.take(row, "cancel", by="tests", at=NOW + HOUR)
    assert journeys.advance_all(at=NOW + 2 * DAY) == 0
    assert set(JourneyEntry.objects.values_list("state", "left_by", "wake_at")) == {
        ("left", "cancelled", None)
    }
    assert way(JourneyEntry.objects.get(customer=anna)) == [("hello", "planned"), ("pause", "cancelled")]
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}


def test_one_bad_step_fails_alone(journey, monkeypatch) -> None:
    ids = people(5)
    row = journey()
    enter(row, *ids)
    whole = deciding.plan_people

    def fails(run, asked, **more):
        if ids[2] in asked:
            raise ValueError("a defect")
        return whole(run, asked, **more)

    monkeypatch.setattr(deciding, "plan_people", fails)
    journeys.advance_all(at=NOW)
    assert list(JourneyEntry.objects.filter(left_by="failed").values_list("customer_id", flat=True)) == [
        ids[2]
    ]
    assert Delivery.objects.count() == 4


# --- versions ------------------------------------------------------------------------------------------------------


def second() -> dict[str, Any]:
    """The wait is of two days now and leads out; the second message is no more."""
    return definition(
        hello=message(next="pause"), pause={"kind": "wait", "days": 2, "next": "out"}, out={"kind": "exit"}
    )


def test_people_inside_finish_the_version_they_began(journey) -> None:
    anna, berta = people(2)
    row = journey()
    enter(row, anna)
    journeys.advance_all(at=NOW)
    assert journeys.publish(row, second(), by="marta").number == 2
    enter(row, berta, at=NOW)
    journeys.advance_all(at=NOW)
    journeys.advance_all(at=NOW + DAY)
    assert way(JourneyEntry.objects.get(customer=anna))[-1] == ("again", "planned")
    assert way(JourneyEntry.objects.get(customer=berta))[-1] == ("pause", "…")


def test_people_inside_may_be_moved_where_their_step_still_is(journey) -> None:
    anna, berta = people(2)
    row = journey()
    enter(row, anna)
    journeys.advance_all(at=NOW)
    enter(row, berta, at=NOW)
    JourneyEntry.objects.filter(customer=berta).update(step="again", wake_at=NOW + 3 * DAY)
    journeys.publish(row, second(), by="marta", move=True)
    numbers = dict(JourneyEntry.objects.values_list("customer_id", "version__number"))
    assert numbers == {anna: 2, berta: 1}
    journeys.advance_all(at=NOW + DAY)  # woken when the first version said: the second says two days
    assert JourneyEntry.objects.get(customer=anna).wake_at == NOW + 2 * DAY
    journeys.advance_all(at=NOW + 2 * DAY)
    assert way(JourneyEntry.objects.get(customer=anna))[-1] == ("out", "exit")


def test_s5_no_door_changes_a_running_journey_of_many_people(journey, settings) -> None:
    settings.APPROVAL_ABOVE = 100
    row = journey()
    Campaign.objects.filter(pk=row.pk).update(approved_people=101)
    with pytest.raises(journeys.NeedsApproval, match="pause the campaign"):
        journeys.publish(row, second(), by="marta")
    assert journeys.newest(row).number == 1
    Campaign.objects.filter(pk=row.pk).update(status="paused")
    assert journeys.publish(row, second(), by="marta").number == 2


# --- what it costs -------------------------------------------------------------------------------------------------


def test_a_page_of_many_costs_as_many_queries_as_one_of_few(journey) -> None:
    first, few, many = people(1, prefix="a"), people(5, prefix="f"), people(60, prefix="m")
    row = journey()
    enter(row, *first)  # the run is set going once
    journeys.advance(row, at=NOW)
    counts = {}
    for ids in (few, many):
        with CaptureQueriesContext(connection) as entering:
            enter(row, *ids)
        with CaptureQueriesContext(connection) as advancing:
            assert journeys.advance(row, at=NOW) == len(ids)
        counts[len(ids)] = (len(entering), len(advancing))
    assert counts[60][0] == counts[5][0] <= 14, counts
    # Two statements more hold what one could not of the decisions and entries.
    assert counts[60][1] - 2 <= counts[5][1] <= 34, counts


def test_who_is_not_due_is_not_read(journey) -> None:
    ids = people(30)
    row = journey()
    enter(row, *ids)
    journeys.advance_all(at=NOW)
    with CaptureQueriesContext(connection) as queries:
        assert journeys.advance_all(at=NOW + HOUR) == 0
    assert len(queries) <= 4
