"""How many people two reports' cells differ by, found without keeping who stood in them.

An odd sketch (Mitzenmacher, Pagh & Pham 2014): each element flips one of 1,024 bits, so two sketches differ in at most as
many bits as their sets have elements apart. What is read from them is therefore never more than the truth, which is the
safe side: a change of twenty may be taken for one of nineteen, and never the other way round.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from campaigns.reports.people import Flags, Ids, People
from campaigns.reports.thin import FEWEST_ORDERS, FEWEST_PEOPLE

BITS = 1_024
Hashes = np.ndarray[Any, np.dtype[np.uint64]]


def _mixed(values: Ids, key: int) -> Hashes:
    """splitmix64 (Steele, Lea & Flood 2014) of each value and the key."""
    mixed = values.astype(np.uint64) + np.uint64(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


@dataclass(frozen=True)
class Sketch:
    """One set. `bits`: which of 1,024 were flipped, as a number · `sum`: all hashes XORed, to know equal sets."""

    bits: int = 0
    sum: int = 0

    @classmethod
    def of(cls, hashes: Hashes) -> "Sketch":
        if not len(hashes):
            return cls()
        places = (hashes & np.uint64(BITS - 1)).astype(np.int64)
        flipped = np.packbits(np.bincount(places, minlength=BITS) % 2 > 0)
        return cls(int.from_bytes(flipped.tobytes(), "big"), int(np.bitwise_xor.reduce(hashes)))

    def __xor__(self, other: "Sketch") -> "Sketch":
        """Of disjoint sets: their union. Of any: what stands in one of them only."""
        return Sketch(self.bits ^ other.bits, self.sum ^ other.sum)

    def is_near(self, other: "Sketch", fewest: int) -> bool:
        """Whether the two sets differ, and by fewer elements than `fewest`."""
        apart = self ^ other
        return apart != Sketch() and apart.bits.bit_count() < fewest


@dataclass(frozen=True)
class CellSketch:
    """Who stands in a cell, who of them bought, and what each paid (a person whose sum changed counts as two elements)."""

    people: Sketch = field(default_factory=Sketch)
    buyers: Sketch = field(default_factory=Sketch)
    money: Sketch = field(default_factory=Sketch)

    @classmethod
    def of(cls, people: People, mask: Flags, key: int) -> "CellSketch":
        paid = mask & (people.revenue != 0)
        cents = np.rint(people.revenue[paid] * 100).astype(np.int64)
        # A person's sum is an element of its own: another sum is another element.
        sums = _mixed((_mixed(people.ids[paid], key) ^ cents.astype(np.uint64)).astype(np.int64), key)
        return cls(
            Sketch.of(_mixed(people.ids[mask], key)),
            Sketch.of(_mixed(people.ids[mask & people.ordered], key)),
            Sketch.of(sums),
        )

    def __xor__(self, other: "CellSketch") -> "CellSketch":
        return CellSketch(self.people ^ other.people, self.buyers ^ other.buyers, self.money ^ other.money)

    def is_near(self, other: "CellSketch") -> bool:
        """Whether one could be subtracted from the other to learn of a few: 1 to 19 people, or 1 to 9 who paid."""
        return (
            self.people.is_near(other.people, FEWEST_PEOPLE)
            or self.buyers.is_near(other.buyers, FEWEST_ORDERS)
            or self.money.is_near(other.money, 2 * FEWEST_ORDERS)
        )

    def as_json(self) -> list[str]:
        parts = (self.people, self.buyers, self.money)
        return [f"{number:x}" for part in parts for number in (part.bits, part.sum)]

    @classmethod
    def from_json(cls, stored: list[str]) -> "CellSketch":
        numbers = [int(text, 16) for text in stored]
        return cls(*(Sketch(numbers[place], numbers[place + 1]) for place in (0, 2, 4)))


def union(cells: Iterable[CellSketch]) -> CellSketch:
    """Of cells that have nobody in common."""
    return reduce(lambda a, b: a ^ b, cells, CellSketch())


@dataclass
class Shown:
    """One earlier report's cells, and which of them it showed."""

    cells: Mapping[str, CellSketch]
    names: frozenset[str]


@dataclass
class Guard:
    """What earlier reports showed of a campaign, and what this one is about to show.

    Without earlier reports nothing is near, and only small cells are held back.
    """

    key: int = 0
    before: tuple[Shown, ...] = ()
    cells: dict[str, CellSketch] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """People, and those of them who paid anything."""
    shown: set[str] = field(default_factory=set)

    def note(self, name: str, people: People, mask: Flags) -> None:
        self.cells[name] = CellSketch.of(people, mask, self.key)
        self.sizes[name] = int(mask.sum()), int((people.revenue[mask] != 0).sum())

    def show(self, name: str) -> None:
        self.shown.add(name)

    def is_near(self, name: str) -> bool:
        """Whether an earlier report showed nearly this cell."""
        mine = self.cells[name]
        return any(name in old.names and mine.is_near(old.cells[name]) for old in self.before)

    def is_safe(self, names: Iterable[str]) -> bool:
        """Whether the sum of these cells, which subtracting tells, may be known: no few, and no few more or fewer."""
        names = list(names)
        buyers = sum(self.sizes[name][1] for name in names)
        if 0 < buyers < FEWEST_ORDERS:
            return False
        mine = union(self.cells[name] for name in names)
        return not any(
            mine.is_near(union(old.cells[name] for name in names))
            for old in self.before
            if all(name in old.cells for name in names)
        )
