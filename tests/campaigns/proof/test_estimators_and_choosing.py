"""The proofs in arrays, in a few runs: their shape, and that they would notice a statistic that lies."""

import numpy as np
import pytest

from campaigns import statistics
from campaigns.proof import choosing, estimators
from campaigns.proof.estimators import Design
from campaigns.proof.lines import FAILS, Line
from campaigns.statistics import Estimate, Values
from simulator import response
from simulator.response import World

pytestmark = pytest.mark.once


def by_key(*found: list[Line]) -> dict[str, Line]:
    return {line.key: line for lines in found for line in lines}


def test_every_promise_is_proven_by_a_line_of_its_own() -> None:
    found = by_key(
        estimators.fixed(20, seed=1),
        estimators.without_effect(20, seed=1),
        estimators.peeked(2, seed=1),
        estimators.several(10, seed=1),
        choosing.bandits(2, seed=1),
        choosing.aims(2, seed=1),
        choosing.replays(3, seed=1),
    )
    assert set(found) == {
        "fixed_planned", "fixed_alike", "false_winner", "peeked_planned_at_once", "peeked_people_arriving",
        "false_winner_peeked_planned_at_once", "false_winner_peeked_people_arriving", "several_false_winner",
        "several_held", "regret", "bandit_means", "aim_beats_chance", "aim_right", "aim_refused",
        "replay_doubly_robust", "replay_ips", "replay_snips",
    }  # fmt: skip
    assert [key for key, line in found.items() if line.verdict == FAILS] == []
    assert found["regret"].figure < 0.5


def test_the_same_seed_proves_the_same() -> None:
    assert estimators.several(5, seed=1) == estimators.several(5, seed=1)
    assert choosing.replays(2, seed=1) == choosing.replays(2, seed=1)


def test_an_interval_that_is_too_narrow_is_found_out() -> None:
    def narrow(treated: Values, control: Values) -> Estimate:
        found = statistics.welch(treated, control)
        half = (found.high - found.low) / 4
        return Estimate(found.effect, found.effect - half, found.effect + half, found.sd)

    lying = Design(interval=narrow)
    found = by_key(
        estimators.fixed(150, seed=1, design=lying), estimators.without_effect(150, seed=1, design=lying)
    )
    assert {line.verdict for line in found.values()} == {FAILS}


def test_a_look_is_shown_only_from_enough_buyers_on() -> None:
    rng = np.random.default_rng(1)
    people = response.draw(World(), 3000, rng=rng)
    treated = rng.random(3000) >= 0.3
    few = [*estimators.planned_at_once(response.draw(World(), 200, rng=rng), treated[:200], rng)]
    assert few == []
    for design in estimators.DESIGNS.values():
        looks = list(design(people, treated, rng))
        assert 5 < len(looks) < estimators.LOOKS
        # The last look is at everyone's money.
        assert looks[-1][1] == pytest.approx(people.effect)
