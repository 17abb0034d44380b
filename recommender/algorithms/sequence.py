"""What models of order share: everyone's acts one after the other, and reference pieces tested by hand."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from recommender.algorithms.interactions import (
    FloatArray,
    IntArray,
    Interactions,
    newest_first,
    places_back,
)

Vector = np.ndarray[Any, np.dtype[np.floating[Any]]]


def sigmoid(x: Vector) -> Vector:
    return (1 + np.tanh(x / 2)) / 2  # as 1 / (1 + e^−x), which overflows far below nought


def lstm_cell(
    x: Vector, h: Vector, c: Vector, *, weights: Vector, recurrent: Vector, bias: Vector
) -> tuple[Vector, Vector]:
    """One step: c_t = f⊙c + i⊙g with g = tanh(…), h_t = o⊙tanh(c_t); f, i and o are logistic.

    x : (…, n_in) · h, c : (…, n), one or many at once · weights : (4n, n_in), recurrent : (4n, n), bias : (4n,),
    stacked as f, i, g, o. Returns (h_t, c_t), as precise as what is given. Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """
    forget, enter, candidate, out = np.split(x @ weights.T + h @ recurrent.T + bias, 4, axis=-1)
    cell = sigmoid(forget) * c + sigmoid(enter) * np.tanh(candidate)
    return sigmoid(out) * np.tanh(cell), cell


@dataclass(frozen=True, eq=False)
class Walks:
    """Everyone's acts, person after person, each person's from the oldest to the newest.

    rows, columns : (n_acts,) int64 · weights : (n_acts,) float64 · after : (n_acts,) int64, the person's later acts.
    """

    rows: IntArray
    columns: IntArray
    weights: FloatArray
    after: IntArray

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        order = newest_first(interactions.rows, interactions.days)[::-1]
        rows = interactions.rows[order]
        after = places_back(interactions.rows, interactions.days)[order]
        return cls(rows, interactions.columns[order], interactions.weights[order].astype(np.float64), after)

    @property
    def longest(self) -> int:
        return int(self.after.max(initial=-1)) + 1

    def pairs(self, lag: int) -> tuple[IntArray, IntArray]:
        """(m,) and (m,) places of each act and of the same person's act `lag` places later."""
        earlier = np.flatnonzero(self.after >= lag)
        return earlier, earlier + lag
