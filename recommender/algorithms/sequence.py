"""Reference pieces of sequence models: small, exact, and tested by hand."""

from typing import Any

import numpy as np

Vector = np.ndarray[Any, np.dtype[np.float64]]


def sigmoid(x: Vector) -> Vector:
    return 1 / (1 + np.exp(-x))


def lstm_cell(
    x: Vector, h: Vector, c: Vector, *, weights: Vector, recurrent: Vector, bias: Vector
) -> tuple[Vector, Vector]:
    """One step: c_t = f⊙c + i⊙g with g = tanh(…), h_t = o⊙tanh(c_t); f, i and o are logistic.

    x : (n_in,) · h, c : (n,) · weights : (4n, n_in), recurrent : (4n, n), bias : (4n,), stacked as f, i, g, o.
    Returns (h_t, c_t). Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """
    forget, enter, candidate, out = np.split(weights @ x + recurrent @ h + bias, 4)
    cell = sigmoid(forget) * c + sigmoid(enter) * np.tanh(candidate)
    return sigmoid(out) * np.tanh(cell), cell
