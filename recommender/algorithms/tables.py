"""What was known of people at a moment, a column a fact; whatever was known only afterwards is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.algorithms.features import refuse_identifiers
from recommender.algorithms.interactions import BoolArray, FloatArray, IntArray

Words = np.ndarray[Any, np.dtype[np.str_]]


class Leak(ValueError):
    """A column holds what was known only afterwards."""


@dataclass(frozen=True, eq=False)
class Table:
    """One row a person and moment; all arrays are (n,).

    moments, latest : days; `latest` is the newest thing that any column of the row rests on, never after its moment.
    numbers : nan is missing · words : categories, "" is missing. Raises IdentifierAsNumber, Leak.
    """

    people: IntArray
    moments: FloatArray
    latest: FloatArray
    numbers: Mapping[str, FloatArray]
    words: Mapping[str, Words]

    def __post_init__(self) -> None:
        refuse_identifiers([*self.numbers, *self.words])
        if late := int((self.latest > self.moments).sum()):
            raise Leak(f"{late} of {len(self)} rows rest on what happened after their moment")

    def __len__(self) -> int:
        return len(self.people)

    def chosen(self, keep: BoolArray | IntArray) -> "Table":
        return Table(
            self.people[keep],
            self.moments[keep],
            self.latest[keep],
            {name: column[keep] for name, column in self.numbers.items()},
            {name: column[keep] for name, column in self.words.items()},
        )
