"""What chooses for people, where the best choice is known: the bandit, aiming by uplift, and replay of logs."""

from collections.abc import Sequence

import numpy as np

from campaigns.proof.lines import Line, ratio, share
from recommender.algorithms import bandit, offpolicy, uplift
from recommender.algorithms.bandit import Conversions
from recommender.algorithms.interactions import FloatArray, IntArray
from recommender.algorithms.offpolicy import Log, NotReplayable
from recommender.algorithms.uplift import Trial
from simulator import response
from simulator.response import World

BANDIT_RUNS, UPLIFT_WORLDS, REPLAY_RUNS = 200, 100, 400
RATES = np.array([0.05, 0.05, 0.05, 0.08])
DAYS, A_DAY = 20, 500
AIMED_AT = 4000
# Many whom a message draws in, and as many whom it drives away: who tells them apart gains.
MIXED = World(shares=(0.30, 0.15, 0.30, 0.25), chances=(0.08, 0.45, 0.02, 0.50), pull=0.6, push=0.9)
ALIKE = (World(), World().without_effect())
ACTIONS = 4


def bandits(runs: int, *, seed: int) -> list[Line]:
    """Four messages, one of them better, for twenty days: what learning lost against what chance loses."""
    lost, by_chance, held = [], [], []
    for i in range(runs):
        rng = np.random.default_rng([seed, 11, i])
        rates = rng.permutation(RATES)
        people, arms, propensities, done = _bandit(rates, rng)
        lost.append(bandit.regret(people, rates))
        by_chance.append(bandit.regret(np.full(len(rates), DAYS * A_DAY / len(rates)), rates))
        means = bandit.means(arms, propensities, done, k=len(rates))
        held += [mean.low <= rate <= mean.high for mean, rate in zip(means, rates, strict=True)]
    about = f"{len(RATES)} messages, {DAYS} days of {A_DAY}"
    return [
        ratio(
            "regret", "The bandit's regret, in parts of an even split's", lost, by_chance,
            most=0.5, full=BANDIT_RUNS, note=about,
        ),
        share(
            "bandit_means", "The weighted mean's interval holds an arm's true rate", held,
            least=0.92, most=0.98, full=BANDIT_RUNS * len(RATES), note=about,
        ),
    ]  # fmt: skip


def _bandit(rates: FloatArray, rng: np.random.Generator) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """One life of a bandit: people by arm, and the log: arms, propensities, what was done."""
    k = len(rates)
    given, people, successes = np.full(k, 1 / k), np.zeros(k, np.int64), np.zeros(k, np.int64)
    log: list[tuple[IntArray, FloatArray, FloatArray]] = []
    for day in range(DAYS):
        arms = rng.choice(k, A_DAY, p=given)
        done = (rng.random(A_DAY) < rates[arms]).astype(np.float64)
        log.append((arms, given[arms], done))
        people += np.bincount(arms, minlength=k)
        successes += np.bincount(arms, weights=done, minlength=k).astype(np.int64)
        given = bandit.shares(Conversions(people, successes), in_force=given, days=day + 1, rng=rng)
    arms, propensities, done = (np.concatenate(part) for part in zip(*log, strict=True))
    return people, arms, propensities, done


def aims(worlds: int, *, seed: int) -> list[Line]:
    """Aiming by predicted effect: where there is something to gain, and where there is not."""
    beats, right = [], []
    for i in range(worlds):
        advice, chosen, effect = _aim(MIXED, [seed, 12, i])
        beats.append(bool(chosen.any()) and effect[chosen].mean() > effect.mean())
        if advice == "target":
            right.append((effect * chosen).mean() > max(effect.mean(), 0.0))
    advised = [_aim(ALIKE[i % 2], [seed, 13, i])[0] == "target" for i in range(worlds)]
    about = f"{AIMED_AT:,} people, half held out"
    return [
        share(
            "aim_beats_chance", "Aiming truly beats as many people drawn by chance", beats,
            least=0.95, full=UPLIFT_WORLDS, note=about,
        ),
        share(
            "aim_right", "Where aiming is advised it truly beats all and none", right,
            least=0.95, full=UPLIFT_WORLDS // 2, note=f"advised in {len(right)} of {worlds}",
        ),
        share(
            "aim_refused", "Aiming is advised where there is nothing to gain", advised,
            most=0.05, full=UPLIFT_WORLDS, note=about,
        ),
    ]  # fmt: skip


def _aim(
    world: World, seed: Sequence[int]
) -> tuple[str, np.ndarray[tuple[int], np.dtype[np.bool_]], FloatArray]:
    """(the advice, whom it would be, everyone's true effect)"""
    rng = np.random.default_rng(seed)
    people = response.draw(world, AIMED_AT, rng=rng)
    treated = rng.random(AIMED_AT) < 0.5
    trial = Trial(people.seen(), treated, np.where(treated, people.y1, people.y0), 0.5)
    effects = uplift.predicted(trial, rng=rng)
    return uplift.recommend(trial, effects).what, effects > 0, people.y1 - people.y0


def replays(runs: int, *, seed: int) -> list[Line]:
    """Logs of decisions by taste with a fifth of chance, asked what choosing more boldly would have brought."""
    truth = float(np.mean([_decisions(200_000, np.random.default_rng([seed, 14, i]))[2] for i in range(5)]))
    names = ("doubly_robust", "ips", "snips")
    held: dict[str, list[bool]] = {name: [] for name in names}
    refused = 0
    for i in range(runs):
        rng = np.random.default_rng([seed, 15, i])
        log, wanted, _truth = _decisions(2000, rng)
        try:
            found = offpolicy.replay(log, wanted, rng=rng, resamples=500)
        except NotReplayable:
            refused += 1
            continue
        for name in names:
            value = getattr(found, name)
            held[name].append(value.low <= truth <= value.high)
    about = f"2,000 decisions on 1,000 people, {refused} refused"
    return [
        share(
            f"replay_{name}", f"The replay's interval holds the truth ({name.replace('_', ' ')})", held[name],
            least=0.92, most=0.98, full=REPLAY_RUNS * 9 // 10, note=about,
        )
        for name in names
    ]  # fmt: skip


def _decisions(n: int, rng: np.random.Generator) -> tuple[Log, FloatArray, float]:
    """Two decisions a person: (the log, the bolder way's chances, what it truly brings in these situations)."""
    people = np.repeat(np.arange(n // 2), 2)
    taste = rng.normal(size=(n // 2, ACTIONS - 1))[people]
    liking = np.column_stack([0.5 * taste, np.zeros(n)])
    rates = 1 / (1 + np.exp(2 - 1.2 * liking))
    money = np.exp(rng.normal(3, 0.7, n))
    chances = np.exp(0.8 * liking)
    chances = 0.8 * chances / chances.sum(axis=1, keepdims=True) + 0.2 / ACTIONS
    actions = (rng.random(n)[:, np.newaxis] > chances.cumsum(axis=1)).sum(axis=1).clip(0, ACTIONS - 1)
    rewards = np.where(rng.random(n) < rates[np.arange(n), actions], money, 0.0)
    wanted = np.exp(3 * liking)
    wanted /= wanted.sum(axis=1, keepdims=True)
    truth = float((wanted * rates).sum(axis=1).mean() * np.exp(3 + 0.7**2 / 2))
    return Log(people, actions, rewards, chances, taste), wanted, truth
