"""A journey changed a step at a time: where a step lands, what follows it, and what is refused."""

import json
from typing import Any

import pytest

from campaigns import journeys
from campaigns.admin.journeys import differences as journey_differences
from campaigns.admin.journeys import sentences as journey_sentences
from campaigns.admin.journeys.sentences import Names
from campaigns.journeys import differences, editing, picture
from campaigns.journeys.definition import Definition
from campaigns.journeys.editing import CannotEdit
from tests.campaigns.test_journeys import definition, message

pytestmark = pytest.mark.once
WAIT = {"kind": "wait", "days": 2}


def ways(stored: dict[str, Any]) -> dict[str, list[str | None]]:
    """Where each step leads, from what calls on."""
    return {name: editing.ways(stored, name) for name in [picture.ENTRY, *stored["steps"]]}


def branching() -> dict[str, Any]:
    """A question; yes is a message, no leads straight to where both meet."""
    return definition(
        "ask",
        ask={"kind": "split", "rule": {"segment": "gold"}, "next": "yes", "otherwise": "both"},
        yes=message(next="both"),
        both=message(next=None),
    )


def by_chance() -> dict[str, Any]:
    return definition(
        "ab",
        ab={"kind": "split", "percent": {"a": 60, "b": 40}},
        a=message(next="end"),
        b=message(next="end"),
        end=message(next=None),
    )


# --- putting in ----------------------------------------------------------------------------------------------------


def test_a_step_stands_where_it_was_put_and_what_was_given_stays_as_it_was() -> None:
    stored = definition()
    before = json.dumps(stored)
    found, name = editing.added(stored, ("hello", 0), WAIT, like="wait")
    assert name == "wait"
    assert ways(found) == {
        ".": ["hello"],
        "hello": ["wait"],
        "pause": ["again"],
        "again": [None],
        "wait": ["pause"],
    }
    assert json.dumps(stored) == before
    assert editing.added(found, ("hello", 0), WAIT, like="wait")[1] == "wait-2"


def test_the_first_step_of_an_empty_journey() -> None:
    found, _name = editing.added(editing.begun(), (picture.ENTRY, 0), message(), like="message")
    assert ways(found) == {".": ["message"], "message": [None]}


def test_a_question_put_in_leads_both_ways_to_what_came_after() -> None:
    ask = {"kind": "split", "rule": {"segment": "gold"}}
    found, name = editing.added(definition(), ("hello", 0), ask, like="question")
    assert ways(found)[name] == ["pause", "pause"]


def test_an_exit_cuts_nothing_off() -> None:
    with pytest.raises(CannotEdit, match="would be cut off"):
        editing.added(definition(), ("hello", 0), {"kind": "exit"}, like="out")
    found, name = editing.added(branching(), ("ask", 1), {"kind": "exit"}, like="out")
    assert ways(found)["ask"] == ["yes", name]


def test_chance_leads_to_a_message_and_past_it() -> None:
    branches = [(70, {"kind": "message", "message": "x", "if_not_sent": "go_on"}), (30, None)]
    found, name = editing.added_by_chance(definition(), ("hello", 0), branches)
    assert found["steps"][name]["percent"] == {"message": 70, "pause": 30}
    assert ways(found)["message"] == ["pause"]
    # The end is no step, so that whoever is to get nothing leaves by one.
    found, name = editing.added_by_chance(definition(), ("again", 0), branches)
    assert found["steps"][name]["percent"] == {"message": 70, "out": 30}
    assert found["steps"]["out"] == {"kind": "exit"}


def test_one_branch_more_takes_its_share_from_the_largest() -> None:
    found = editing.with_branch(by_chance(), "ab", 10, message())
    assert found["steps"]["ab"]["percent"] == {"a": 50, "b": 40, "message": 10}
    assert ways(found)["message"] == ["end"]
    with pytest.raises(CannotEdit, match="too small"):
        editing.with_branch(by_chance(), "ab", 60, message())


# --- removing, moving, duplicating ---------------------------------------------------------------------------------


def test_what_led_to_a_removed_step_leads_past_it() -> None:
    assert ways(editing.removed(definition(), "pause")) == {
        ".": ["hello"],
        "hello": ["again"],
        "again": [None],
    }
    assert ways(editing.removed(definition(), "hello"))["."] == ["pause"]


def test_of_a_removed_question_one_branch_stays_and_what_only_the_others_led_to_goes() -> None:
    assert ways(editing.removed(branching(), "ask", keep=0)) == {
        ".": ["yes"],
        "yes": ["both"],
        "both": [None],
    }
    assert ways(editing.removed(branching(), "ask", keep=1)) == {".": ["both"], "both": [None]}
    assert editing.goes_too(branching(), "ask", keep=1) == ["yes"]


def test_a_branch_of_chance_is_not_left_without_a_step() -> None:
    stored = by_chance()
    found = editing.removed(stored, "a")
    assert found["steps"]["ab"]["percent"] == {"end": 60, "b": 40}
    with pytest.raises(CannotEdit, match="a step of its own"):
        editing.removed(found, "b")
    assert found["steps"]["ab"]["percent"] == {"end": 60, "b": 40}


def test_steps_change_places() -> None:
    up = editing.moved_up(definition(), "pause")
    assert ways(up) == {".": ["pause"], "hello": ["again"], "again": [None], "pause": ["hello"]}
    down = editing.moved_down(definition(), "hello")
    assert ways(down) == {".": ["pause"], "pause": ["hello"], "again": [None], "hello": ["again"]}
    with pytest.raises(CannotEdit, match="the first step already"):
        editing.moved_up(definition(), "hello")
    with pytest.raises(CannotEdit, match="the last step already"):
        editing.moved_down(definition(), "again")


def test_a_step_is_moved_into_a_branch() -> None:
    found = editing.moved(branching(), "both", ("ask", 1))
    assert ways(found) == {".": ["ask"], "ask": ["yes", "both"], "yes": [None], "both": [None]}
    with pytest.raises(CannotEdit, match="stays where it is"):
        editing.moved(branching(), "ask", ("yes", 0))


def test_a_duplicate_follows_at_once() -> None:
    found, twin = editing.duplicated(definition(), "pause")
    assert (twin, ways(found)["pause"], ways(found)[twin]) == ("pause-2", ["pause-2"], ["again"])
    found, twin = editing.duplicated(by_chance(), "a")
    assert (twin, ways(found)["a"], ways(found)["ab"]) == ("a-2", ["a-2"], ["a", "b"])


@pytest.mark.django_db
def test_whatever_is_done_can_still_be_published() -> None:
    from campaigns.messages import default_message  # noqa: PLC0415
    from campaigns.models import Message  # noqa: PLC0415

    Message.objects.create(slug="hello", **default_message())
    stored = definition()
    for place in editing.places(stored):
        stored, name = editing.added(stored, place, WAIT, like="wait")
        stored = editing.moved_up(stored, name) if place[0] != picture.ENTRY else stored
    assert len(stored["steps"]) == 7
    assert journeys.check(stored, channel="email") == []


# --- what differs, and the drawing ---------------------------------------------------------------------------------


def test_what_differs_is_told_in_words() -> None:
    old, (new, _name) = definition(), editing.added(definition(), ("hello", 0), WAIT, like="wait")
    new = editing.removed(new, "again")
    new["steps"]["pause"]["days"] = 5
    new["goal"], new["reentry"] = None, "after_days:30"
    found = differences.between(old, new)
    names = Names({"hello": "Good morning"})
    assert [journey_differences.difference(one, old, new, names) for one in found] == [
        ("again", "Nobody comes in twice. → Nobody comes in again before 30 days are over."),
        (
            "the goal",
            "As soon as they order, they leave: that is what it is for. → "
            "It has no goal: everyone goes on to the end.",
        ),
        ("leads elsewhere", "Send “Good morning” → Wait 2 days"),
        ("put in", "Wait 2 days"),
        ("altered", "Wait 1 day → Wait 5 days"),
        ("gone", "Send “Good morning”"),
    ]
    assert differences.between(old, definition()) == []


def test_branches_stand_side_by_side_and_nothing_covers_anything() -> None:
    stored = definition(
        "a",
        a={"kind": "split", "percent": {"b": 30, "c": 30, "d": 40}},
        b={
            "kind": "wait_for",
            "event": {"did": "clicked"},
            "within_hours": 24,
            "next": "e",
            "otherwise": "x",
        },
        c=message(next="e"),
        d={"kind": "split", "rule": {"segment": "gold"}, "next": "f", "otherwise": "a2"},
        e=message(next=None),
        f=message(next="e"),
        a2={"kind": "wait", "days": 1, "next": "a"},
        x={"kind": "exit"},
    )
    boxes = {box.name: box for box in picture.drawn(Definition.of(stored)).boxes}
    assert set(boxes) == {".", "", "*", "a", "b", "c", "d", "e", "f", "a2", "x"}
    assert boxes["b"].y == boxes["c"].y == boxes["d"].y
    assert boxes["b"].x < boxes["c"].x < boxes["d"].x
    pairs = [(one, two) for one in boxes.values() for two in boxes.values() if one.name < two.name]
    assert [
        (one.name, two.name) for one, two in pairs if one.y == two.y and abs(one.x - two.x) < picture.WIDTH
    ] == []
    lines = [arrow for arrow in picture.drawn(Definition.of(stored)).arrows if arrow.to == "a"]
    assert [(arrow.step, arrow.is_plain) for arrow in lines] == [(".", True), ("a2", False)]


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({"kind": "wait", "days": 1, "until": "09:00", "weekdays": [0, 4]},
         "Wait 1 day, then until 09:00 on Monday or Friday where they are"),
        ({"kind": "wait", "days": 2, "hours": 1}, "Wait 2 days and 1 hour"),
        ({"kind": "wait", "until_expected_order": {"days_before": 3}},
         "Wait until 3 days before the order that is expected"),
        ({"kind": "wait_for", "event": {"did": "ordered", "category": "garden"}, "within_hours": 4},
         "Wait until they order something of “Garden”, at most 4 hours"),
        ({"kind": "split", "rule": {"segment": "gold"}}, "Are they in the segment “Gold”?"),
        ({"kind": "split", "rule": {"did": "ordered", "times": {"gte": 2}, "within_days": 90}},
         "Did they order at least 2 times in the last 90 days?"),
        ({"kind": "split", "rule": {"attribute": "country", "is": "DE"}}, "Does a rule of its own match them?"),
        ({"kind": "split", "percent": {"a": 50, "b": 50}}, "Split by chance: 50 % / 50 %"),
        ({"kind": "exit"}, "They leave here"),
    ],
)  # fmt: skip
def test_a_step_is_said_in_a_sentence(stored, told) -> None:
    names = Names(segments={"gold": "Gold"}, categories={"garden": "Garden"})
    assert journey_sentences.step(stored, names) == told


def test_what_calls_is_said_in_sentences() -> None:
    entry = {
        "event": "added",
        "where": {"times": 2, "value_gte": 50},
        "unless": [
            {"did": "ordered", "within_hours": 4},
            {"did": "viewed", "within_hours": 4},
            {"did": "added", "within_hours": 72},
        ],
    }
    assert journey_sentences.calls(Definition.of({**definition(), "entry": entry}), Names()) == [
        "Begins when someone puts something into the basket at least 2 times within a week, worth 50 or more.",
        "Counts from the last time: whoever does it again within 3 days begins anew.",
        "Not if they order or look at a product within 4 hours.",
    ]
