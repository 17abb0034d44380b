"""A Merkle tree over the heads of people's chains, hashed as RFC 6962 (2.1) says: 0x00 before a leaf, 0x01 before a node.

A leaf is 48 bytes: the customer's number and the length of their chain, 8 bytes each, big-endian, and the 32 bytes of
the newest hash. Leaves stand in order of the number.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = np.dtype([("number", ">u8"), ("length", ">u8"), ("hash", "V32")])
Heads = NDArray[Any]
EMPTY_ROOT = sha256(b"").digest()


def packed(number: int, length: int, head: str) -> bytes:
    """One leaf's 48 bytes; `head` is the hash in hex."""
    return number.to_bytes(8, "big") + length.to_bytes(8, "big") + bytes.fromhex(head)


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_from(hashed: bytes, *, index: int, people: int, path: Iterable[bytes]) -> bytes:
    """The root that a leaf's hash and its path lead to (RFC 9162, 2.1.3.2). Raises ValueError if they cannot fit."""
    place, last = index, people - 1
    if not 0 <= place <= last:
        raise ValueError("the place lies outside the tree")
    for beside in path:
        if last == 0:
            raise ValueError("the path is too long")
        if place & 1 or place == last:
            hashed = node_hash(beside, hashed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hashed = node_hash(hashed, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return hashed


class RunningRoot:
    """The root of leaves that come one after the other, in order. Memory grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.people = 0
        self.records = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, number: int, length: int, head: str) -> None:
        height, hashed = 0, leaf_hash(packed(number, length, head))
        while self._peaks and self._peaks[-1][0] == height:
            height, hashed = height + 1, node_hash(self._peaks.pop()[1], hashed)
        self._peaks.append((height, hashed))
        self.people += 1
        self.records += length

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        *rest, (_height, hashed) = self._peaks
        for _height, left in reversed(rest):
            hashed = node_hash(left, hashed)
        return hashed


def sizes(people: int) -> Iterator[int]:
    """How many nodes each level has, leaves first."""
    while people > 0:
        yield people
        if people == 1:
            return
        people = (people + 1) // 2


class Tree:
    """All heads and all nodes: 48 + 64 bytes a person. A node without a partner is carried up as it is.

    heads  : (people,) of HEAD, by number
    levels : one (nodes, 32) uint8 a level, leaves first, the root last; none for an empty tree
    """

    def __init__(self, heads: Heads | None = None, levels: Sequence[NDArray[np.uint8]] = ()) -> None:
        self.heads: Heads = np.empty(0, HEAD) if heads is None else heads
        self.levels = list(levels)

    @property
    def people(self) -> int:
        return len(self.heads)

    @property
    def records(self) -> int:
        return int(self.heads["length"].sum(dtype=np.uint64))

    def root(self) -> bytes:
        return self.levels[-1][0].tobytes() if self.levels else EMPTY_ROOT

    def find(self, number: int) -> int | None:
        """Where a customer's leaf stands."""
        numbers = self.heads["number"]
        place = bisect_left(range(self.people), number, key=lambda n: int(numbers[n]))
        return place if place < self.people and int(self.heads["number"][place]) == number else None

    def head(self, number: int) -> tuple[int, str] | None:
        """(length, hash in hex) of a customer's chain."""
        place = self.find(number)
        if place is None:
            return None
        leaf = self.heads[place]
        return int(leaf["length"]), leaf["hash"].tobytes().hex()

    def path(self, place: int) -> list[bytes]:
        """The hashes beside the way from a leaf to the root, lowest first."""
        found = []
        for level in self.levels[:-1]:
            if (beside := place ^ 1) < len(level):
                found.append(level[beside].tobytes())
            place >>= 1
        return found

    def update(self, heads: Heads) -> None:
        """Put in the newest heads of some people (by number, each once), and hash anew only what they change.

        A new person among the old ones moves everyone after them: all from there on is hashed anew, about a
        microsecond a node.
        """
        if not len(heads):
            return
        known = self.heads["number"].astype(np.uint64)
        places = np.searchsorted(known, heads["number"])
        is_old = np.zeros(len(heads), bool)
        within = places < len(known)
        is_old[within] = known[places[within]] == heads["number"][within]
        if not self.heads.flags.writeable:
            self.heads = self.heads.copy()
        self.heads[places[is_old]] = heads[is_old]
        changed = places[is_old]
        if not is_old.all():
            first = int(places[~is_old].min())
            self.heads = np.insert(self.heads, places[~is_old], heads[~is_old])
            changed = np.concatenate([changed[changed < first], np.arange(first, self.people)])
        self._hash(changed)

    def _hash(self, changed: NDArray[np.intp]) -> None:
        leaves = self.heads.view(np.uint8).data
        levels: list[NDArray[np.uint8]] = []
        for height, size in enumerate(sizes(self.people)):
            level = np.empty((size, 32), np.uint8)
            if height < len(self.levels):
                kept = min(size, len(self.levels[height]))
                level[:kept] = self.levels[height][:kept]
            if height == 0:
                hashed = [sha256(b"\x00" + leaves[n * 48 : n * 48 + 48]).digest() for n in changed.tolist()]
            else:
                below = levels[-1]
                changed = np.unique(changed >> 1)
                if len(below) & 1 and len(changed) and changed[-1] == size - 1:
                    level[size - 1] = below[-1]
                    hashable = changed[:-1]
                else:
                    hashable = changed
                nodes = below.data.cast("B")
                hashed = [sha256(b"\x01" + nodes[n * 64 : n * 64 + 64]).digest() for n in hashable.tolist()]
            places = changed if height == 0 else hashable
            if hashed:
                level[places] = np.frombuffer(b"".join(hashed), np.uint8).reshape(-1, 32)
            levels.append(level)
        self.levels = levels
