"""How people answer one message, alone and vectorised: enough people for ten thousand campaigns a minute.

Both outcomes of a person come from the same random numbers, so what a message does to them is known and nobody is
won or lost by chance alone. Nothing here knows the platform.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]

KINDS = ("persuadable", "anyway", "never", "driven_away")
PERSUADABLE, ANYWAY, NEVER, DRIVEN_AWAY = range(4)
USUAL_DISCOUNT = 0.10


@dataclass(frozen=True)
class World:
    """One shop and one message. Shares and chances stand in the order of `KINDS`; money is in the shop's currency."""

    shares: tuple[float, float, float, float] = (0.15, 0.15, 0.65, 0.05)
    chances: tuple[float, float, float, float] = (0.06, 0.75, 0.01, 0.15)
    """of an order in the window, without the message"""
    discount: float = 0.10
    pull: float = 0.5
    """what the message adds to the chance of who can be persuaded, at full match and the usual discount's full weight"""
    push: float = 0.7
    """what it takes off the chance of who is driven away, as a share"""
    basket: float = 38.0
    """median"""
    levels: float = 0.65
    """spread of people's own levels of spending, which stay from one period to the next (log-normal)"""
    spread: float = 0.4
    """spread of one person's baskets about their level (log-normal)"""

    def without_effect(self) -> "World":
        """The same shop with a message that changes nobody."""
        return replace(self, pull=0.0, push=0.0)


@dataclass(frozen=True, eq=False)
class Answers:
    """Aligned arrays, one entry a person.

    kind : place in `KINDS`, which no shop ever sees · match, sensitivity, fatigue : 0 to 1, which a shop may know
    before : money in the period before · y0, y1 : money in the window without the message and with it.
    """

    kind: IntArray
    match: FloatArray
    sensitivity: FloatArray
    fatigue: FloatArray
    before: FloatArray
    y0: FloatArray
    y1: FloatArray

    @property
    def effect(self) -> float:
        """The true average effect on these people, in money per person."""
        return float((self.y1 - self.y0).mean())

    def seen(self) -> FloatArray:
        """(n, 4) what a shop may know before it sends: match, sensitivity, fatigue, log of money before."""
        return np.column_stack([self.match, self.sensitivity, self.fatigue, np.log1p(self.before)])


def draw(world: World, people: int, *, rng: np.random.Generator) -> Answers:
    """So many people of that world, with both outcomes.

    Who is tired is likelier to be driven away; who is persuaded follows the match of taste, and price sensitivity times
    discount. The period before has the same chances and levels, and its own luck.
    """
    match, sensitivity, fatigue, luck, luck_before, place = rng.random((6, people))
    tired = 2 * fatigue * world.shares[DRIVEN_AWAY]
    others = np.cumsum(world.shares[:DRIVEN_AWAY]) / sum(world.shares[:DRIVEN_AWAY])
    kind = np.searchsorted(others, (place - tired) / (1 - tired).clip(1e-9)).clip(0, NEVER)
    kind = np.where(place < tired, DRIVEN_AWAY, kind)
    without = np.array(world.chances)[kind]
    drawn = world.pull * (match + sensitivity * world.discount / USUAL_DISCOUNT) / 2
    told = np.where(kind == PERSUADABLE, np.minimum(without + drawn, 1.0), without)
    told = np.where(kind == DRIVEN_AWAY, without * (1 - world.push), told)
    level, now, then = rng.standard_normal((3, people))
    basket = world.basket * np.exp(world.levels * level + world.spread * now)
    basket_before = world.basket * np.exp(world.levels * level + world.spread * then)
    return Answers(
        kind=kind,
        match=match,
        sensitivity=sensitivity,
        fatigue=fatigue,
        before=np.where(luck_before < without, basket_before, 0.0),
        y0=np.where(luck < without, basket, 0.0),
        y1=np.where(luck < told, basket, 0.0),
    )
