"""The newest checkpoint's tree in one file, for receipts and for the next checkpoint. It can be made again from the ledger.

A first line of JSON, 512 bytes long, then the heads, then the levels, leaves first. Replaced whole, so that whoever
has it open goes on reading the tree of their root.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from django.conf import settings

from customers.proof.merkle import HEAD, Tree, sizes

FIRST_LINE = 512


def _path() -> Path:
    return Path(settings.CHECKPOINT_DIR) / "tree.bin"


def save(tree: Tree) -> None:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    parts = [tree.heads, *tree.levels]
    for part in parts:
        digest.update(part.view(np.uint8).data)
    first = {"root": tree.root().hex(), "people": tree.people, "sha256": digest.hexdigest()}
    fresh = path.with_suffix(f".{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(json.dumps(first).encode().ljust(FIRST_LINE - 1) + b"\n")
        for part in parts:
            file.write(part.data)
    fresh.replace(path)


def load(root: str, *, whole: bool = False) -> Tree | None:
    """The tree of this root, or None if the file has another, or none.

    It is mapped, not read: a receipt touches a few dozen pages. With `whole` every byte is read and its sum compared,
    as must be before anything is signed on it.
    """
    try:
        with _path().open("rb") as file:
            first = json.loads(file.readline(FIRST_LINE))
            if first["root"] != root:
                return None
            mapped = np.memmap(file, np.uint8, "r")
    except (OSError, ValueError):
        return None
    people = first["people"]
    counts = list(sizes(people))
    if len(mapped) != FIRST_LINE + people * HEAD.itemsize + sum(counts) * 32:
        return None
    if whole and hashlib.sha256(mapped[FIRST_LINE:].data).hexdigest() != first["sha256"]:
        return None
    place = FIRST_LINE + people * HEAD.itemsize
    heads = mapped[FIRST_LINE:place].view(HEAD)
    levels = []
    for count in counts:
        levels.append(mapped[place : place + count * 32].reshape(count, 32))
        place += count * 32
    tree = Tree(heads, levels)
    return tree if tree.root().hex() == root else None
