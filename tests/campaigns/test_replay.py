"""What another order would have earned, from the log alone; the truth is known here."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns import replay
from campaigns.models import Campaign, Decision, Offer, Outcome, Placement
from customers.models import Event
from tests.campaigns.conftest import offer, people
from tests.campaigns.test_offers import choose, place
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=8)


def logged(placement: Placement, n: int, *, at=NOW) -> None:
    """n people decided for; whoever got `good` orders for 20 in half the cases, the others in every tenth."""
    ids = people(n)
    chosen = choose(ids, *Offer.objects.all(), placement=placement, at=at, rng=np.random.default_rng(1))
    rng = np.random.default_rng(2)
    rows = {row.customer_id: row for row in Decision.objects.filter(slot=0)}
    bought = [pk for pk in chosen if rng.random() < (0.5 if rows[pk].offer.slug == "good" else 0.1)]
    Event.objects.bulk_create(
        Event(
            customer_id=pk, type="ordered", occurred_at=at, received_at=at, source="s", message_id=str(pk), basis="contract"
        )
        for pk in bought
    )  # fmt: skip
    events = dict(Event.objects.values_list("customer_id", "pk"))
    Outcome.objects.bulk_create(
        Outcome(decision=rows[pk], event_id=events[pk], kind="ordered", value=20, at=at + timedelta(days=1))
        for pk in bought
    )


@pytest.fixture
def home() -> Placement:
    offer("good", value=1)
    offer("better", value=20)
    offer("best", value=30)
    return place("home", explore_percent=60)


def tried(placement: Placement | Campaign, by: object, **more: object) -> replay.Replayed:
    return replay.replay(placement, by, at=LATER, rng=np.random.default_rng(3), **more)


def test_another_order_s_worth_is_found_in_the_log(home: Placement) -> None:
    logged(home, 900)
    # The log shows `best` to 40 % and one in five of the rest to each: it earns 0.1 but for the 20 % of `good`.
    found = tried(home, [{"value": {"minus": [0, {"generosity": 1}]}}])
    assert (found.decisions, found.left_out, found.refusal) == (900, 0, "")
    # The least generous first: 60 % + 20 % of the people get `good` then: 0.6 × 0.5 + 0.4 × 0.1 = 0.34 of …
    truth = 0.6 * 0.5 + 0.4 * 0.1
    assert found.found.logged.value == pytest.approx(0.2 * 0.5 + 0.8 * 0.1, abs=0.04)
    for value in (found.found.ips, found.found.snips, found.found.doubly_robust):
        assert value.low < truth < value.high
        assert value.low > found.found.logged.value
    money = tried(home, [{"value": {"minus": [0, {"generosity": 1}]}}], reward="value").found
    assert money.snips.value == pytest.approx(20 * found.found.snips.value)
    same = tried(home, "priority").found
    assert same.ips.value == pytest.approx(same.logged.value)


def test_a_log_without_chance_tells_nothing_of_another_order(home: Placement) -> None:
    Placement.objects.update(explore_percent=0)
    logged(Placement.objects.get(), 150)
    home.refresh_from_db()
    found = tried(home, [{"value": {"minus": [0, {"generosity": 1}]}}])
    assert found.found is None
    assert "had no chance in the log" in found.refusal


def test_too_little_tells_nothing(home: Placement) -> None:
    logged(home, 30)
    assert "tell as much" in tried(home, "priority").refusal
    assert (
        tried(home, "priority", until=NOW - timedelta(days=1)).refusal
        == "Nothing was decided there in that time."
    )


def test_decisions_that_cannot_be_told_any_more_are_left_out(home: Placement) -> None:
    logged(home, 200)
    Decision.objects.filter(offer__slug="better").update(candidates=[])
    left = Decision.objects.filter(offer__slug="better").count()
    found = tried(home, "priority")
    assert (found.left_out, found.decisions) == (left, 200 - left)


def test_the_command_tells_it_or_says_why_not(home: Placement, tmp_path: Path, capsys) -> None:
    logged(home, 400, at=timezone.now() - timedelta(days=8))
    path = tmp_path / "formula.json"
    path.write_text('[{"value": {"minus": [0, {"generosity": 1}]}}]')
    call_command("replay_offers", "home", "--ranking", str(path), "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["decisions"], told["by"], told["refusal"]) == (400, "formula", "")
    assert told["doubly_robust"]["low"] < told["doubly_robust"]["value"] < told["doubly_robust"]["high"]
    call_command("replay_offers", "home", "--ranking", "priority")
    assert "doubly robust" in capsys.readouterr().out
    path.write_text('[{"value": {"fits": 1}}]')
    for arguments, why in (
        (("home", "--ranking", str(path)), "At \\$\\[0\\].value"),
        (("home", "--ranking", "nothing.json"), "neither a ranking"),
        (("nowhere", "--ranking", "priority"), "no placement"),
        (("campaign:spring", "--ranking", "priority"), "no campaign"),
    ):
        with pytest.raises(CommandError, match=why):
            call_command("replay_offers", *arguments)
