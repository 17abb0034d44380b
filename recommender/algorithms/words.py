"""Text of any language as numbers: hashed n-grams of characters and of words, in one pass over all texts."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from recommender.algorithms.interactions import FloatArray, IntArray, SingleArray

UInts = np.ndarray[Any, np.dtype[np.uint64]]
Range = tuple[int, int]
# Scripts above this are written without spaces (or, as Hangul, are well served by their characters): no words there.
UNSPACED = 0x2E80
IN_WORDS = np.array([chr(point).isalnum() for point in range(UNSPACED)])
# Odd multipliers of a polynomial hash modulo 2^64 (Karp & Rabin 1987): the FNV prime, the golden ratio, and a mixer.
PRIME, PAIR, SPREAD = np.uint64(0x100000001B3), np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
LONGEST = 16
# What keeps n-grams of different n, and words from characters, apart.
OF_CHARACTERS, OF_WORDS = (
    np.array([n * int(odd) % 2**64 for n in range(LONGEST + 1)], dtype=np.uint64) for odd in (PAIR, SPREAD)
)
PAGE = 4096


def cleaned(text: str) -> str:
    """One way of writing: compatible forms united, small letters, no byte-order marks, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("\ufeff", "").lower().split())


class HashedGrams:
    """Counts of n-grams in 2^bits columns. Two n-grams may share a column; no word of a text is kept anywhere.

    characters : the least and greatest n of n-grams of characters, across words; a text begins and ends with a space.
    words : the same of n-grams of words, in scripts that have spaces. (0, 0) for none.
    Raises ValueError for an n above 16 or bits outside 8 to 24.
    """

    def __init__(self, *, characters: Range = (1, 3), words: Range = (1, 2), bits: int = 20) -> None:
        if max(characters[1], words[1]) > LONGEST or not 8 <= bits <= 24:
            raise ValueError(f"n-grams have at most {LONGEST} parts, and 8 to 24 bits number them")
        self.characters = characters
        self.words = words
        self.bits = bits

    def counts(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """(len(texts), 2^bits) float32 CSR of how often each n-gram stands in each text; columns sorted."""
        shape = (0, 1 << self.bits)
        pages = [self._page(texts[start : start + PAGE]) for start in range(0, len(texts), PAGE)]
        return sparse.vstack(pages, format="csr") if pages else sparse.csr_matrix(shape, dtype=np.float32)

    def _page(self, texts: Sequence[str]) -> sparse.csr_matrix:
        padded = [f" {text} " if (text := cleaned(raw)) else "" for raw in texts]
        points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        of_text = np.repeat(np.arange(len(texts)), [len(text) for text in padded])
        found = [*self._characters(points, of_text), *self._words(points, of_text)]
        rows = np.concatenate([rows for rows, _hashes in found])
        columns = np.concatenate([self._column(hashes) for _rows, hashes in found])
        keys, counts = np.unique((rows << self.bits) | columns, return_counts=True)
        starts = np.searchsorted(keys, np.arange(len(texts) + 1) << self.bits)
        return sparse.csr_matrix(
            (counts.astype(np.float32), keys & ((1 << self.bits) - 1), starts),
            shape=(len(texts), 1 << self.bits),
        )

    def _column(self, hashes: UInts) -> IntArray:
        mixed = (hashes ^ (hashes >> np.uint64(31))) * SPREAD
        return (mixed >> np.uint64(64 - self.bits)).astype(np.int64)

    def _characters(self, points: Any, of_text: IntArray) -> Iterator[tuple[IntArray, UInts]]:
        least, most = self.characters
        values = points.astype(np.uint64)
        hashes = np.zeros(len(values), dtype=np.uint64)
        for n in range(1, most + 1):
            hashes = hashes[: len(values) - n + 1] * PRIME + values[n - 1 :]
            if n >= least:
                whole = of_text[: len(hashes)] == of_text[n - 1 :]
                if n == 1:
                    whole = whole & (values != ord(" "))
                yield of_text[: len(hashes)][whole], hashes[whole] + OF_CHARACTERS[n]

    def _words(self, points: Any, of_text: IntArray) -> Iterator[tuple[IntArray, UInts]]:
        least, most = self.words
        inside = (points < UNSPACED) & IN_WORDS[np.minimum(points, UNSPACED - 1)]
        starts = (
            np.flatnonzero(inside & ~np.concatenate([[False], inside[:-1]]))
            if len(points)
            else np.empty(0, int)
        )
        if not most or not len(starts):
            return
        letters = np.flatnonzero(inside)
        first = np.searchsorted(letters, starts)
        lengths = np.diff(np.append(first, len(letters)))
        place = np.arange(len(letters)) - np.repeat(first, lengths)
        powers = np.cumprod(np.full(int(lengths.max()), PRIME))
        word = np.add.reduceat(points[letters].astype(np.uint64) * powers[place], first)
        text = of_text[starts]
        hashes = np.zeros(len(word), dtype=np.uint64)
        for n in range(1, most + 1):
            hashes = hashes[: len(word) - n + 1] * PAIR + word[n - 1 :]
            if n >= least:
                whole = text[: len(hashes)] == text[n - 1 :]
                yield text[: len(hashes)][whole], hashes[whole] + OF_WORDS[n]


def inverse_frequency(counts: sparse.csr_matrix, *, least: int = 1) -> FloatArray:
    """(n_columns,) log((1 + n) / (1 + texts that hold it)) + 1; nought for what fewer than `least` texts hold."""
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + held)) + 1
    return np.where(held >= least, idf, 0.0)


def tf_idf(counts: sparse.csr_matrix, idf: FloatArray | SingleArray) -> sparse.csr_matrix:
    """Rows of length 1 (or nought) of (1 + log tf) · idf. Salton & Buckley 1988."""
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(rows, weights=data * data, minlength=counts.shape[0]))
    data = np.divide(data, length[rows], out=np.zeros_like(data), where=length[rows] > 0)
    return sparse.csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)
