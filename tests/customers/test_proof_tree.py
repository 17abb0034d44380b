"""The Merkle tree's arithmetic, by RFC 6962's own words (L3)."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from customers.proof import checkpoints, treefile
from customers.proof.merkle import EMPTY_ROOT, HEAD, RunningRoot, Tree, leaf_hash, packed, root_from


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: the slow way round."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def heads(lengths: dict[int, int]):
    rows = [packed(n, k, hashlib.sha256(b"%d/%d" % (n, k)).hexdigest()) for n, k in sorted(lengths.items())]
    return np.frombuffer(b"".join(rows), HEAD)


def leaves(lengths: dict[int, int]) -> list[bytes]:
    return [row.tobytes() for row in heads(lengths)]


def test_the_root_is_that_of_rfc_6962() -> None:
    """The RFC's own example of a tree of seven leaves, by hand: ((0 1)(2 3))((4 5) 6)."""
    lengths = dict.fromkeys(range(1, 8), 1)
    a, b, c, d, e, f, g = (hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves(lengths))

    def pair(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    tree = Tree()
    tree.update(heads(lengths))
    assert tree.root() == pair(pair(pair(a, b), pair(c, d)), pair(pair(e, f), g))
    assert tree.path(6) == [pair(e, f), pair(pair(a, b), pair(c, d))]
    assert Tree().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.integers(1, 60), st.integers(1, 9), max_size=12), max_size=6))
def test_a_tree_that_is_changed_piece_by_piece_is_the_tree_made_at_once(steps) -> None:
    tree, known = Tree(), {}
    for step in steps:
        tree.update(heads(step))
        known |= step
        running = RunningRoot()
        for number, length in sorted(known.items()):
            running.add(number, length, hashlib.sha256(b"%d/%d" % (number, length)).hexdigest())
        assert tree.root() == mth(leaves(known)) == running.root()
        assert (tree.people, tree.records) == (len(known), sum(known.values()))
    for place, leaf in enumerate(leaves(known)):
        assert (
            root_from(leaf_hash(leaf), index=place, people=len(known), path=tree.path(place)) == tree.root()
        )


def test_a_leaf_leads_to_the_root_from_its_own_place_only() -> None:
    for people in range(1, 20):
        lengths = dict.fromkeys(range(people), 1)
        tree = Tree()
        tree.update(heads(lengths))
        hashed = leaf_hash(leaves(lengths)[people // 2])
        path = tree.path(people // 2)
        for index in range(-1, people + 2):
            try:
                fits = root_from(hashed, index=index, people=people, path=path) == tree.root()
            except ValueError:
                fits = False
            assert fits is (index == people // 2), (people, index)


def test_a_tree_comes_back_from_its_file_and_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    tree = Tree()
    tree.update(heads({n: n for n in range(1, 12)}))
    treefile.save(tree)
    root = tree.root().hex()
    again = treefile.load(root, whole=True)
    assert again is not None
    assert again.path(4) == tree.path(4)
    assert treefile.load("0" * 64) is None
    file = checkpoints.folder() / "tree.bin"
    body = bytearray(file.read_bytes())
    body[700] ^= 1
    file.write_bytes(body)
    assert treefile.load(root, whole=True) is None
