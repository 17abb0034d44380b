"""What one shop may tell another of which products go together, and how the other learns from it.

A person is bounded first: at most `most_items` of their products, drawn by chance, so at most m = k(k+1)/2 pairs (each
product with itself is one) and one for being there. Then the counts get noise, and small ones are left out (`noise`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms import noise, storage
from recommender.algorithms.base import Arrays
from recommender.algorithms.interactions import IntArray, Interactions, places_of
from recommender.algorithms.item_knn import ItemKNN

EVERYONE = "*"
"""The key that counts people."""


def pairs_of(most_items: int) -> int:
    """How many pairs a person of so many products has, each product with itself among them."""
    return most_items * (most_items + 1) // 2


def bounded(interactions: Interactions, most_items: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
    """(n_users, n_items) float32 CSR of ones: of each person at most so many products, drawn by chance."""
    taken = interactions.binary()
    rows = np.repeat(np.arange(taken.shape[0]), np.diff(taken.indptr))
    order = np.lexsort((rng.random(len(rows)), rows))
    place = np.arange(len(rows)) - np.repeat(taken.indptr[:-1], np.diff(taken.indptr))
    kept = np.sort(order[place < most_items])
    return sparse.csr_matrix(
        (np.ones(len(kept), np.float32), (rows[kept], taken.indices[kept])), shape=taken.shape
    )


def counted(taken: sparse.csr_matrix, names: Sequence[str]) -> dict[str, int]:
    """How many people have each pair of products, by a JSON list of the two names; and how many there are in all.

    names : (n_items,) what both shops call each product; a product without a name ("") is not told.
    """
    upper = sparse.triu(sparse.csr_matrix(taken.T @ taken), format="coo")
    found = {EVERYONE: taken.shape[0]}
    for a, b, n in zip(upper.row.tolist(), upper.col.tolist(), upper.data.tolist(), strict=True):
        if names[a] and names[b]:
            found[json.dumps(sorted((names[a], names[b])))] = int(n)
    return found


@dataclass(frozen=True)
class Told:
    """pairs : (name, name, people with both) · people : with noise, rounded down to a hundred · the rest: what it cost."""

    pairs: list[tuple[str, str, int]]
    people: int
    most_items: int
    epsilon: float
    delta: float
    threshold: int


def tell(
    interactions: Interactions,
    names: Sequence[str],
    *,
    most_items: int,
    epsilon: float,
    delta: float,
    rng: np.random.Generator,
) -> Told:
    """The counts as they may leave the shop. Raises noise.NoNoise."""
    counts = counted(bounded(interactions, most_items, rng=rng), names)
    most = pairs_of(most_items) + 1
    found = noise.release_keyed(counts, most=most, epsilon=epsilon, delta=delta)
    people = found.counts.pop(EVERYONE, 0) if EVERYONE in found.counts else 0
    pairs = []
    for key, n in found.counts.items():
        first, second = json.loads(key)
        pairs.append((first, second, n))
    return Told(pairs, people // 100 * 100, most_items, found.epsilon, found.delta, found.threshold)


def as_arrays(pairs: Sequence[tuple[str, str, int]], items: Mapping[str, int]) -> Arrays:
    """Of the pairs whose products are both known here: first, second (ids), n, as aligned arrays."""
    known = [(items[a], items[b], n) for a, b, n in pairs if a in items and b in items]
    table = np.array(known, dtype=np.int64).reshape(-1, 3)
    return {"first": table[:, 0], "second": table[:, 1], "n": table[:, 2]}


class SharedItemKNN(ItemKNN):
    """Cosine between products over the people here and, each counting `weight`, those whom other shops told of.

    c_ij = own c_ij + weight · told c_ij, and n_i alike; sim = c_ij / √(n_i n_j). A product's told number is at least that
    of its most frequent pair, since small counts were left out.
    files : [[path, sha256], …] of what `as_arrays` made; one that is gone was taken back, and counts nothing.
    """

    name = "item_knn_shared"

    def __init__(
        self,
        neighbours: int = 200,
        weight: float = 1.0,
        files: Sequence[Sequence[str]] = (),
        half_life: float | None = None,
    ) -> None:
        super().__init__(neighbours=neighbours, half_life=half_life)
        self.weight = weight
        self.files = [list(file) for file in files]

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "neighbours": self.neighbours,
            "weight": self.weight,
            "files": self.files,
            "half_life": self.half_life,
        }

    def _learn(self, interactions: Interactions, *, at: float, texts: Mapping[int, str]) -> None:
        told = self._told(interactions.items)
        if not told.nnz:
            super()._learn(interactions, at=at, texts=texts)
            return
        taken = interactions.binary()
        together = sparse.csr_matrix((taken.T @ taken).astype(np.float64) + self.weight * told)
        n = len(interactions.items)
        width = max(1, min(self.neighbours, n - 1))
        root = np.sqrt(together.diagonal())
        rows = np.repeat(np.arange(n), np.diff(together.indptr))
        columns = together.indices
        values = (together.data / (root[rows] * root[columns])).astype(np.float32)
        values[rows == columns] = 0.0
        self.ids_ = np.zeros((n, width), dtype=np.int32)
        self.values_ = np.zeros((n, width), dtype=np.float32)
        self._keep_best(0, together.indptr, columns, values, width)

    def _told(self, items: IntArray) -> sparse.csr_matrix:
        """The sum of all files that are there. Raises storage.TornModel where one is another's."""
        found = sparse.csr_matrix((len(items), len(items)), dtype=np.float64)
        for path, sha256 in self.files:
            if Path(path).exists():
                _manifest, arrays = storage.read_arrays(Path(path), sha256=sha256)
                found = found + _together(arrays, items)
        return found


def _together(arrays: Arrays, items: IntArray) -> sparse.csr_matrix:
    """(n_items, n_items) float64 CSR, symmetric, of the pairs whose products are both among `items` (sorted ids)."""
    a, is_a = places_of(arrays["first"], items)
    b, is_b = places_of(arrays["second"], items)
    known = is_a & is_b
    rows, columns = a[known], b[known]
    n = arrays["n"][known].astype(np.float64)
    apart = rows != columns
    size = np.zeros(len(items), np.float64)
    for side in (rows, columns):
        np.maximum.at(size, side, n)
    return sparse.csr_matrix(
        (
            np.concatenate([n[apart], n[apart], size]),
            (
                np.concatenate([rows[apart], columns[apart], np.arange(len(items))]),
                np.concatenate([columns[apart], rows[apart], np.arange(len(items))]),
            ),
        ),
        shape=(len(items), len(items)),
    )
