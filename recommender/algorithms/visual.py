"""Items that look alike: their pictures' edges and colours, compared."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from recommender.algorithms import fixed_width
from recommender.algorithms.base import LinearRecommender
from recommender.algorithms.interactions import (
    FloatArray,
    IntArray,
    Interactions,
    Queries,
    SingleArray,
    places_of,
)

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
CELL, ORIENTATIONS, CLIPPED = 8, 9, 0.2
BINS = 4
BLOCK = 512


def _unit(rows: FloatArray) -> FloatArray:
    """The last axis brought to length 1; noughts stay."""
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-9)


def edges(pixels: Pixels) -> FloatArray:
    """(n, d) histograms of oriented gradients, of length 1 (Dalal & Triggs 2005).

    pixels : (n, h, w, 3), h and w multiples of 8 and at least 16. Cells of 8 × 8 with nine unsigned directions, each pixel
    shared between the two nearest; blocks of 2 × 2 cells brought to length 1, cut at 0.2 and brought to length 1 again.
    """
    n, h, w, _three = pixels.shape
    grey = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    place = (np.arctan2(down, right) % np.pi) / np.pi * ORIENTATIONS - 0.5
    lower = np.floor(place)
    upper_share = place - lower
    rows, columns = h // CELL, w // CELL
    cell = np.arange(h)[:, np.newaxis] // CELL * columns + np.arange(w) // CELL
    base = (np.arange(n)[:, np.newaxis, np.newaxis] * rows * columns + cell) * ORIENTATIONS
    cells = np.zeros(n * rows * columns * ORIENTATIONS)
    for offset, share in ((0, 1 - upper_share), (1, upper_share)):
        where = base + ((lower.astype(np.int64) + offset) % ORIENTATIONS)
        cells += np.bincount(where.ravel(), weights=(strength * share).ravel(), minlength=len(cells))
    grid = cells.reshape(n, rows, columns, ORIENTATIONS)
    blocks = np.concatenate(
        [grid[:, dy : rows - 1 + dy, dx : columns - 1 + dx] for dy in (0, 1) for dx in (0, 1)], axis=-1
    )
    return _unit(_unit(np.minimum(_unit(blocks), CLIPPED)).reshape(n, -1))


def colours(pixels: Pixels) -> FloatArray:
    """(n, 64) square roots of the shares of 4 × 4 × 4 colours, of length 1: their product is the Bhattacharyya overlap."""
    n, h, w, _three = pixels.shape
    step = pixels.astype(np.int64) * BINS // 256
    which = (step[..., 0] * BINS + step[..., 1]) * BINS + step[..., 2]
    flat = np.arange(n)[:, np.newaxis] * BINS**3 + which.reshape(n, -1)
    counts = np.bincount(flat.ravel(), minlength=n * BINS**3).reshape(n, -1)
    return np.sqrt(counts / (h * w))


def seen(pixels: Pixels) -> SingleArray:
    """(n, d + 64) float32: edges, then colours.

    pixels : (n, h, w, 3) uint8. Raises ValueError for another shape or kind, or sides that are no multiples of 8 from 16 on.
    """
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
        raise ValueError("pictures must be (n, height, width, 3) of whole numbers from 0 to 255")
    if any(side < 2 * CELL or side % CELL for side in pixels.shape[1:3]):
        raise ValueError(f"a picture's sides must be multiples of {CELL}, from {2 * CELL} on")
    pages = [pixels[start : start + BLOCK] for start in range(0, len(pixels), BLOCK)] or [pixels]
    return np.vstack([np.hstack([edges(page), colours(page)]).astype(np.float32) for page in pages])


def looks(what: SingleArray, usual: SingleArray, *, colour: float) -> SingleArray:
    """(n, d + 64) of length 1, from `seen` and what is usual (its mean over a catalogue).

    Only what differs from the usual counts: the cosine of two is (1 − colour) of their edges' and colour of their colours'.
    """
    apart = what.astype(np.float64) - usual
    kinds = (apart[:, : -(BINS**3)], np.sqrt(1 - colour)), (apart[:, -(BINS**3) :], np.sqrt(colour))
    return np.hstack([weight * _unit(kind) for kind, weight in kinds]).astype(np.float32)


def nearest(
    vectors: SingleArray, k: int, *, among: SingleArray | None = None
) -> tuple[IntArray, SingleArray]:
    """The k nearest by cosine of each vector: places (n, k) and cosines (n, k), nearest first, ties by place.

    Without `among` each one's own place is left out.
    """
    others = vectors if among is None else among
    k = min(k, len(others) - (among is None))
    places, values = (
        np.zeros((len(vectors), max(k, 0)), np.int64),
        np.zeros((len(vectors), max(k, 0)), np.float32),
    )
    if k < 1:
        return places, values
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ others.T
        if among is None:
            own = np.arange(len(cosines))
            cosines[own, own + start] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        places[start : start + BLOCK] = order
        values[start : start + BLOCK] = np.take_along_axis(cosines, order, axis=1)
    return places, values


class Visual(LinearRecommender):
    """score(j) = Σ_i x_i · cos(look of i, look of j), over the `neighbours` that look most like each item.

    Pictures come by `see` before `fit`; an item without one has no neighbours.
    `ids_` : (n_items, N) int32 · `values_` : (n_items, N) float32, nought-padded · for `fit` alone: `pictured_` : (p,) int64,
    sorted · `looks_` : (p, d) float32.
    """

    name = "visual"
    pictured_: IntArray
    looks_: SingleArray
    ids_: np.ndarray[Any, np.dtype[np.int32]]
    values_: SingleArray

    def __init__(self, neighbours: int = 50, colour: float = 0.1, half_life: float | None = None) -> None:
        self.neighbours = neighbours
        self.colour = colour
        self.half_life = half_life

    def see(self, items: IntArray, what: SingleArray) -> Self:
        """Take in one picture an item: (p,) different ids and (p, d) of `seen`. Raises ValueError."""
        if len(items) != len(what) or len(np.unique(items)) != len(items):
            raise ValueError("one picture an item, and one item a picture")
        order = np.argsort(items)
        self.pictured_ = np.asarray(items, dtype=np.int64)[order]
        self.looks_ = looks(what[order], what.mean(axis=0), colour=self.colour) if len(what) else what
        return self

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        n = len(self.items_)
        pictured = getattr(self, "pictured_", np.empty(0, np.int64))
        vectors = getattr(self, "looks_", np.zeros((0, 1), np.float32))
        places, has_one = places_of(self.items_, pictured)
        columns = np.flatnonzero(has_one)
        near, cosines = nearest(vectors[places[columns]], self.neighbours)
        self.ids_ = np.zeros((n, near.shape[1]), np.int32)
        self.values_ = np.zeros((n, near.shape[1]), np.float32)
        self.ids_[columns], self.values_[columns] = columns[near], cosines

    def _score(self, queries: Queries) -> SingleArray:
        return fixed_width.score(queries, self._fade(queries), self.ids_, self.values_)

    def _column(self, column: int) -> SingleArray:
        return fixed_width.column(self.ids_, self.values_, column)
