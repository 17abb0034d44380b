"""Item-to-item weights kept to each item's strongest, in arrays of one width: a request costs history × width."""

from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.interactions import Queries, SingleArray

Ids = np.ndarray[Any, np.dtype[np.int32]]
BLOCK = 1024


def strongest(weights: "SingleArray | sparse.csr_matrix", width: int) -> tuple[Ids, SingleArray]:
    """(n, w) int32 and (n, w) float32, w = min(width, n): each row's entries greatest in size, greatest first.

    weights : (n, n), dense or CSR; row i is what i speaks for. Ties go to the smaller id; short rows end in noughts.
    """
    n = weights.shape[0]
    width = min(width, n)
    ids, values = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
    for start in range(0, n, BLOCK):
        rows = weights[start : start + BLOCK]
        dense: SingleArray = rows if isinstance(rows, np.ndarray) else rows.toarray()
        if width < n:  # only those that can be among the strongest are put in order
            edge = np.partition(np.abs(dense), n - width, axis=1)[:, n - width]
        else:
            edge = np.zeros(len(dense), np.float32)
        for row, (line, least) in enumerate(zip(dense, edge, strict=True), start):
            kept = np.flatnonzero((np.abs(line) >= least) & (line != 0))
            kept = kept[np.argsort(-np.abs(line[kept]), kind="stable")][:width]
            ids[row, : len(kept)], values[row, : len(kept)] = kept, line[kept]
    return ids, values


def score(queries: Queries, weights: SingleArray, ids: Ids, values: SingleArray) -> SingleArray:
    """(queries.n, n) float32: what the acts, each counting its weight, say of every item."""
    n, width = ids.shape
    if not width:
        return np.zeros((queries.n, n), dtype=np.float32)
    if queries.n == 1:  # the live path: no sparse product to set up
        said = values[queries.columns] * weights[:, np.newaxis]
        flat = np.bincount(ids[queries.columns].ravel(), weights=said.ravel(), minlength=n)
        return flat.astype(np.float32)[np.newaxis, :]
    query = queries.of_acts(weights)
    query.eliminate_zeros()
    matrix = sparse.csr_matrix(
        (values.ravel(), ids.ravel(), np.arange(0, n * width + 1, width)), shape=(n, n)
    )
    dense: SingleArray = (query @ matrix).toarray()
    return dense


def column(ids: Ids, values: SingleArray, item: int) -> SingleArray:
    """(n,) float32: what one unit of each item adds to this item's score."""
    return (values * (ids == item)).sum(axis=1, dtype=np.float32)
