"""What another way of choosing would have brought: worked by hand, right on logs of known truth, refused elsewhere."""

import numpy as np
import pytest

from recommender.algorithms import offpolicy
from recommender.algorithms.offpolicy import Log, NotReplayable

pytestmark = pytest.mark.once

TIMES = 100


def by_hand() -> Log:
    """Two actions at ¾ and ¼; rewards 4, 0, 8 of the first and 12 of the second; each row a hundred times."""
    n = 4 * TIMES
    return Log(
        people=np.arange(n),
        actions=np.tile([0, 0, 0, 1], TIMES),
        rewards=np.tile([4.0, 0.0, 8.0, 12.0], TIMES),
        propensities=np.tile([0.75, 0.25], (n, 1)),
        features=np.zeros((n, 1)),
    )


def always(log: Log, *chances: float) -> np.ndarray:
    return np.tile(chances, (len(log), 1))


def simulated(seed: int, decisions: int = 1200, *, per_person: int = 2) -> tuple[Log, np.ndarray, float]:
    """A log whose first action suits who has 1 and whose second who has 0, the way that gives it, and that way's truth."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(decisions // per_person), per_person)
    x = rng.integers(0, 2, decisions // per_person)[people]
    likes_first = np.column_stack([x, 1 - x])
    p = 0.3 + 0.4 * likes_first[:, ::-1]  # the log chose badly
    actions = (rng.random(decisions) > p[:, 0]).astype(int)
    suits = likes_first[np.arange(decisions), actions]
    rewards = rng.normal(1 + 2 * suits, 1) + rng.normal(0, 0.5, decisions // per_person)[people]
    wanted = 0.1 + 0.8 * likes_first
    return Log(people, actions, rewards, p, x[:, np.newaxis].astype(float)), wanted, 1 + 2 * 0.9


# --- by hand -----------------------------------------------------------------------------------------------


def test_three_estimators_by_hand() -> None:
    log = by_hand()
    found = offpolicy.replay(log, always(log, 0.25, 0.75), rng=np.random.default_rng(1), resamples=200)
    # Weights ⅓, ⅓, ⅓, 3: Σw = 4, so IPS and SNIPS are both (4/3 + 0 + 8/3 + 36)/4 = 10.
    assert found.ips.value == pytest.approx(10.0)
    assert found.snips.value == pytest.approx(10.0)
    # The model says 4 and 12 (nearly: the mean of all weighs as one decision): ¼·4 + ¾·12 = 10.
    assert found.doubly_robust.value == pytest.approx(10.0, abs=0.02)
    assert found.logged.value == pytest.approx(6.0)
    # (Σw)²/Σw² = 16/(1/3 + 9) of four, a hundred times.
    assert found.effective == pytest.approx(100 * 16 / (28 / 3))
    assert (found.clipped, found.largest, found.decisions) == (0.0, 3.0, 400)


def test_a_clip_cuts_weights_and_says_how_many() -> None:
    log = by_hand()
    found = offpolicy.replay(
        log, always(log, 0.25, 0.75), rng=np.random.default_rng(1), clip=2.0, resamples=50
    )
    # ⅓, ⅓, ⅓, 2: (4 + 24)/4 = 7, and (4 + 24)/3 = 28/3. The model mends most of what the clip took.
    assert found.ips.value == pytest.approx(7.0)
    assert found.snips.value == pytest.approx(28 / 3)
    assert found.doubly_robust.value == pytest.approx(10.0, abs=0.05)
    assert (found.clipped, found.largest) == (0.25, 3.0)


def test_choosing_as_the_log_did_brings_what_the_log_brought() -> None:
    log = by_hand()
    found = offpolicy.replay(log, log.propensities, rng=np.random.default_rng(1), resamples=50)
    assert found.ips == found.snips == found.logged
    assert found.doubly_robust.value == pytest.approx(6.0, abs=0.02)
    assert found.effective == 400


def test_the_same_chance_gives_the_same_interval() -> None:
    log, wanted, _truth = simulated(1)
    one, same = (offpolicy.replay(log, wanted, rng=np.random.default_rng(3), resamples=50) for _ in range(2))
    assert one == same


# --- with known truth ------------------------------------------------------------------------------------------


def test_intervals_hold_the_truth_about_95_times_in_a_hundred() -> None:
    held, runs = np.zeros(3), 200
    for seed in range(runs):
        log, wanted, truth = simulated(seed)
        found = offpolicy.replay(log, wanted, rng=np.random.default_rng([seed, 1]), resamples=200)
        three = (found.ips, found.snips, found.doubly_robust)
        held += [value.low <= truth <= value.high for value in three]
    # Three standard deviations of a share of 200 runs are 4.6 points.
    assert (held / runs > 0.90).all()


def test_people_are_drawn_whole() -> None:
    """Ten decisions alike tell no more than one: the interval does not shrink by writing a log ten times."""
    log, wanted, _truth = simulated(2, decisions=600, per_person=1)
    again = np.repeat(np.arange(600), 10)
    tenfold = Log(
        *(getattr(log, name)[again] for name in ("people", "actions", "rewards", "propensities", "features"))
    )
    one = offpolicy.replay(log, wanted, rng=np.random.default_rng(1), resamples=500).ips
    ten = offpolicy.replay(tenfold, wanted[again], rng=np.random.default_rng(1), resamples=500).ips
    assert ten.value == pytest.approx(one.value)
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.01)


def test_the_doubly_robust_is_the_narrowest_where_the_model_knows_something() -> None:
    log, wanted, _truth = simulated(3)
    found = offpolicy.replay(log, wanted, rng=np.random.default_rng(1), resamples=300)
    widths = [value.high - value.low for value in (found.doubly_robust, found.ips)]
    assert widths[0] < 0.8 * widths[1]


# --- refusals --------------------------------------------------------------------------------------------------


def test_what_had_no_chance_in_the_log_cannot_be_replayed() -> None:
    log = by_hand()
    log = Log(log.people, log.actions * 0, log.rewards, always(log, 1.0, 0.0), log.features)
    with pytest.raises(NotReplayable, match="In some of the 400 decisions"):
        offpolicy.replay(log, always(log, 0.9, 0.1), rng=np.random.default_rng(1))
    assert (
        offpolicy.replay(log, always(log, 1.0, 0.0), rng=np.random.default_rng(1), resamples=10).ips.value
        == 6.0
    )


def test_a_log_that_gives_what_it_chose_no_chance_is_refused() -> None:
    log = by_hand()
    log = Log(log.people, log.actions, log.rewards, always(log, 1.0, 0.0), log.features)
    with pytest.raises(NotReplayable, match="no chance by its own account"):
        offpolicy.replay(log, always(log, 1.0, 0.0), rng=np.random.default_rng(1))


@pytest.mark.parametrize(("decisions", "chance"), [(99, 0.5), (20_000, 0.004)])
def test_too_small_an_effective_number_is_refused(decisions: int, chance: float) -> None:
    rng = np.random.default_rng(1)
    actions = (rng.random(decisions) < chance).astype(int)
    log = Log(
        np.arange(decisions), actions, np.ones(decisions), np.tile([1 - chance, chance], (decisions, 1)), np.zeros((decisions, 1))
    )  # fmt: skip
    with pytest.raises(NotReplayable, match="differs too much"):
        offpolicy.replay(log, always(log, 0.0, 1.0), rng=rng)


def test_a_reward_model_that_misleads_is_refused() -> None:
    """Two hundred features of a thousand decisions that have nothing to do with the reward: learnt by heart, and wrong."""
    rng = np.random.default_rng(2)
    n, some = 1000, np.arange(1000) // 5
    own = np.eye(n // 5)[some] * rng.normal(0, 1, (n, 1))
    log = Log(np.arange(n), np.zeros(n, int), rng.normal(0, 1, n // 5)[some], np.ones((n, 1)), own)
    with pytest.raises(NotReplayable, match="worse than the plain mean"):
        offpolicy.replay(log, np.ones((n, 1)), rng=rng)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rewards": np.ones(3)}, "one length"),
        ({"propensities": np.tile([0.5, 0.4], (400, 1))}, "sum to one"),
        ({"features": np.full((400, 1), np.nan)}, "gaps"),
    ],
)
def test_a_log_that_is_none_is_refused(change: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Log(**{**vars(by_hand()), **change})


def test_chances_that_are_none_are_refused() -> None:
    log = by_hand()
    with pytest.raises(ValueError, match="sum to one"):
        offpolicy.replay(log, always(log, 0.5, 0.4), rng=np.random.default_rng(1))
