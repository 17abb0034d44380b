"""The intervals alone, thousands of campaigns in arrays: what they hold, and what they call a winner."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from campaigns import statistics
from campaigns.proof.lines import Line, share
from campaigns.statistics import MINIMUM_ORDERS, Estimate, Values
from simulator import response
from simulator.response import Answers, World

SEVERAL_PEOPLE = 2000
PEEKED_AT, PEEKED_CONTROL = 3000, 0.30
LOOKS = 40
FIXED_RUNS, PEEKED_RUNS, SEVERAL_RUNS = 10_000, 2_000, 4_000
ARMS = 3
Masks = np.ndarray[tuple[int], np.dtype[np.bool_]]
Look = tuple[Estimate, float]
"""what is shown, and the truth at that moment"""
Interval = Callable[[Values, Values], Estimate]


@dataclass(frozen=True)
class Design:
    """Which campaigns are drawn, and which interval is asked of them."""

    people: int = 2000
    control: float = 0.20
    world: World = field(default_factory=World)
    interval: Interval = statistics.hall

    def __str__(self) -> str:
        return f"{self.people:,} people, {self.control:.0%} held out"


USUAL = Design()


def fixed(runs: int, *, seed: int, design: Design = USUAL) -> list[Line]:
    """The interval after the window's end, as the report shows it: CUPED, then Hall."""
    of_planned, of_all = [], []
    alike = response.draw(design.world, 2_000_000, rng=np.random.default_rng([seed, 1])).effect
    for i in range(runs):
        rng = np.random.default_rng([seed, 2, i])
        people = response.draw(design.world, design.people, rng=rng)
        treated = rng.random(design.people) >= design.control
        found = _adjusted(people.before, np.where(treated, people.y1, people.y0), treated, design.interval)
        of_planned.append(found.low <= people.effect <= found.high)
        of_all.append(found.low <= alike <= found.high)
    return [
        share(
            "fixed_planned", "The interval at the end holds the effect on those planned", of_planned,
            least=0.94, most=0.96, full=FIXED_RUNS, note=str(design),
        ),
        share(
            "fixed_alike", "… and that on all people like them", of_all,
            least=0.94, most=0.96, full=FIXED_RUNS, note=str(design),
        ),
    ]  # fmt: skip


def _adjusted(before: Values, now: Values, treated: Masks, interval: Interval) -> Estimate:
    a, b, _theta = statistics.cuped(now[treated], now[~treated], before[treated], before[~treated])
    return interval(a, b)


def _sequence(before: Values, now: Values, treated: Masks, planned: int) -> Estimate | None:
    """As the report shows it before the end; None while an arm has too few buyers."""
    if min(int((now[treated] > 0).sum()), int((now[~treated] > 0).sum())) < MINIMUM_ORDERS:
        return None
    a, b, _theta = statistics.cuped(now[treated], now[~treated], before[treated], before[~treated])
    return statistics.confidence_sequence(a, b, planned=planned)


def planned_at_once(people: Answers, treated: Masks, rng: np.random.Generator) -> Iterator[Look]:
    """Everyone is planned on one day and the orders come in; the truth grows with them."""
    n = len(treated)
    moment = rng.random(n)
    for until in np.linspace(0, 1, LOOKS + 1)[1:]:
        come = moment <= until
        y1, y0 = np.where(come, people.y1, 0.0), np.where(come, people.y0, 0.0)
        shown = _sequence(people.before, np.where(treated, y1, y0), treated, n)
        if shown is not None:
            yield shown, float((y1 - y0).mean())


def arriving(people: Answers, treated: Masks, rng: np.random.Generator) -> Iterator[Look]:
    """People come one after another, each with all their money; the truth is that of those who came."""
    total = len(treated)
    for n in np.unique(np.geomspace(total / 10, total, LOOKS).astype(int)).tolist():
        some = treated[:n]
        if not 0 < some.sum() < n:
            continue
        now = np.where(some, people.y1[:n], people.y0[:n])
        shown = _sequence(people.before[:n], now, some, total)
        if shown is not None:
            yield shown, float((people.y1[:n] - people.y0[:n]).mean())


DESIGNS: dict[str, Callable[[Answers, Masks, np.random.Generator], Iterator[Look]]] = {
    "planned at once": planned_at_once,
    "people arriving": arriving,
}


def peeked(runs: int, *, seed: int) -> list[Line]:
    """Looked at forty times, held every time; and a message without effect, called a winner at no look."""
    lines = []
    for number, (name, design) in enumerate(DESIGNS.items()):
        held: list[bool] = []
        named: list[bool] = []
        for i in range(runs):
            for world, into in ((World(), held), (World().without_effect(), named)):
                rng = np.random.default_rng([seed, 3, number, i])
                people = response.draw(world, PEEKED_AT, rng=rng)
                looks = list(design(people, rng.random(PEEKED_AT) >= PEEKED_CONTROL, rng))
                if into is held:
                    into.append(all(shown.low <= truth <= shown.high for shown, truth in looks))
                else:
                    into.append(any(shown.verdict == "earned" for shown, _truth in looks))
        about = f"{LOOKS} looks, {name}"
        key = name.replace(" ", "_")
        lines += [
            share(
                f"peeked_{key}", "The always-valid interval holds the truth at every look", held,
                least=0.95, full=PEEKED_RUNS, note=about,
            ),
            share(
                f"false_winner_peeked_{key}", "A message without effect is called a winner at any look", named,
                most=0.05, full=PEEKED_RUNS, note=about,
            ),
        ]  # fmt: skip
    return lines


def without_effect(runs: int, *, seed: int, design: Design = USUAL) -> list[Line]:
    """A/A at the end: how often chance is called a winner."""
    world = design.world.without_effect()
    named = []
    for i in range(runs):
        rng = np.random.default_rng([seed, 4, i])
        people = response.draw(world, design.people, rng=rng)
        treated = rng.random(design.people) >= design.control
        named.append(_adjusted(people.before, people.y0, treated, design.interval).verdict == "earned")
    return [
        share(
            "false_winner", "A message without effect is called a winner at the end", named,
            most=0.05, full=FIXED_RUNS, note=str(design),
        )
    ]  # fmt: skip


def several(runs: int, *, seed: int) -> list[Line]:
    """Three messages without effect against one control group: whether any is called a winner, and what the intervals hold."""
    world = World().without_effect()
    named, held = [], []
    for i in range(runs):
        rng = np.random.default_rng([seed, 5, i])
        people, arm = response.draw(world, SEVERAL_PEOPLE, rng=rng), rng.integers(0, ARMS + 1, SEVERAL_PEOPLE)
        masks = [arm == k for k in range(ARMS + 1)]
        (*arms, control), _theta = statistics.cuped_arms(
            [people.y0[mask] for mask in masks], [people.before[mask] for mask in masks]
        )
        found = statistics.against_control(arms, control)
        named.append(any(one.verdict == "earned" for one in found))
        held.append(all(one.low <= 0 <= one.high for one in found))
    about = f"{ARMS} messages and control, {SEVERAL_PEOPLE:,} people"
    return [
        share(
            "several_false_winner", "Any of several messages without effect is called a winner", named,
            most=0.05, full=SEVERAL_RUNS, note=about,
        ),
        share(
            "several_held", "The intervals of several messages hold all truths at once", held,
            least=0.95, full=SEVERAL_RUNS, note=about,
        ),
    ]  # fmt: skip
