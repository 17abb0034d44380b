"""How often any two items were taken by the same person: XᵀX, exactly, in bounded memory, whole or in shards.

XᵀX = Σ over people of xᵀx, so people can be dealt into shards, each shard counted by itself and the counts added. Counts
are integers, and sums of integers below 2^24 (float32) or 2^53 (float64) are exact in any order: one shard or seven, one
worker or two, every number is the same.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.base import Arrays
from recommender.algorithms.interactions import IntArray

Dense = np.ndarray[Any, np.dtype[np.floating[Any]]]
Check = Callable[[], None]

BLOCK = 1024  # items; of 512, 1024, 2048 and 4096 the fastest on two cores at 20,000 items
PAGE = 4096  # people, where BLAS counts
WORKERS = 4  # each holds a block of BLOCK × n_items numbers, and as much again in its sparse product
BLAS_IS_FASTER = 20  # times as many multiplications a second, at the least, as a sparse product does
WHOLE = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}


def gram(x: sparse.csr_matrix, *, dtype: Any = np.float32, check: Check | None = None) -> Dense:
    """XᵀX of `x` (n_users, n_items), as a new (n_items, n_items) C-ordered array of `dtype`, float32 or float64.

    Whole numbers give whole, exact numbers. `check` is called between blocks and stops the count by raising.
    Memory: the answer, two copies of `x`, and some blocks. Raises ValueError where `dtype` cannot count so far.
    """
    n = x.shape[1]
    total = np.zeros((n, n), dtype=dtype)
    add(total, x, check=check)
    return total


def add(total: Dense, x: sparse.csr_matrix, *, check: Check | None = None) -> None:
    """total += XᵀX in place: one shard of people more. Raises ValueError as `gram`; then `total` is as before."""
    check = check or (lambda: None)
    x = x.astype(total.dtype)
    # No pair is counted more often than the greater of its two items (Cauchy-Schwarz).
    squares = np.bincount(x.indices, weights=x.data.astype(np.float64) ** 2, minlength=x.shape[1])
    if (np.diagonal(total) + squares).max(initial=0.0) > WHOLE[total.dtype]:
        raise ValueError(f"{total.dtype} cannot count to {squares.max():.0f} exactly; use float64")
    lengths = np.diff(x.indptr).astype(np.float64)
    if (lengths**2).sum() * BLAS_IS_FASTER > float(x.shape[0]) * x.shape[1] ** 2:
        _by_blas(total, x, check)
    else:
        _by_sparse_products(total, x, check)


def _by_blas(total: Dense, x: sparse.csr_matrix, check: Check) -> None:
    """A page of people at a time, made dense: for matrices that hardly have a nought."""
    for start in range(0, x.shape[0], PAGE):
        check()
        page = x[start : start + PAGE].toarray()
        total += page.T @ page


def _by_sparse_products(total: Dense, x: sparse.csr_matrix, check: Check) -> None:
    """Blocks of rows right of the diagonal, several at once (scipy lets go of the interpreter); then the mirror."""
    by_item = x.tocsc()
    starts = range(0, x.shape[1], BLOCK)

    def count(start: int) -> None:
        block = by_item[:, start : start + BLOCK].T.tocsr()
        total[start : start + BLOCK, start:] += (block @ by_item[:, start:].tocsr()).toarray()

    check()
    with ThreadPoolExecutor(min(os.cpu_count() or 1, WORKERS)) as threads:
        try:
            for _done in threads.map(count, starts):
                check()
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    for start in starts:
        total[start + BLOCK :, start : start + BLOCK] = total[start : start + BLOCK, start + BLOCK :].T


def pack(total: Dense, items: IntArray) -> Arrays:
    """What `total` holds on and right of the diagonal, as arrays for a file: never larger than `total` in float32.

    items : (n_items,) int64, the sorted ids of its rows.
    """
    parts = [
        sparse.csr_matrix(np.triu(total[start : start + BLOCK], k=start))
        for start in range(0, len(items), BLOCK)
    ]
    whole = sparse.vstack(parts, format="csr") if parts else sparse.csr_matrix(total)
    return {"items": items, "data": whole.data, "indices": whole.indices, "indptr": whole.indptr}


def summed(packs: Iterator[Arrays], *, dtype: Any = np.float32) -> tuple[Dense, IntArray]:
    """The sum of packed shards that count the same items, and those items. Raises ValueError where they differ."""
    first = next(packs)
    items: IntArray = first["items"]
    total = np.zeros((len(items), len(items)), dtype=dtype)
    _unpack(total, first)
    for shard in packs:
        if not np.array_equal(shard["items"], items):
            raise ValueError("the shards do not count the same items")
        _unpack(total, shard)
    for start in range(0, len(items), BLOCK):
        end = start + BLOCK
        total[end:, start:end] = total[start:end, end:].T
        square = total[start:end, start:end]
        square += np.triu(square, k=1).T
    return total, items


def _unpack(total: Dense, shard: Arrays) -> None:
    upper = sparse.csr_matrix((shard["data"], shard["indices"], shard["indptr"]), shape=total.shape)
    for start in range(0, len(total), BLOCK):
        total[start : start + BLOCK] += upper[start : start + BLOCK].toarray()
