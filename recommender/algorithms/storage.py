"""A fitted model as one file: arrays without pickle, a JSON manifest inside, and the SHA-256 of the whole."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from recommender.algorithms.base import Arrays, Recommender
from recommender.algorithms.registry import make

MANIFEST = "manifest"


class TornModel(Exception):
    """The file is missing, cut, altered, or no model."""


def write_arrays(path: Path, manifest: dict[str, Any], arrays: Arrays) -> str:
    """Write beside and rename into place, so that a reader sees a whole file or none. Answers the SHA-256 (hex).

    Straight to the disk and read back for the hash: a model of 20,000 × 20,000 weights has no room in memory twice.
    """
    content = np.frombuffer(json.dumps(manifest).encode(), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w+b") as file:
            np.savez(
                file,
                allow_pickle=False,
                **{MANIFEST: content},
                **{f"a.{name}": value for name, value in arrays.items()},
            )
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return sha256


def read_arrays(path: Path, *, sha256: str) -> tuple[dict[str, Any], Arrays]:
    """The manifest and the arrays. Raises TornModel when the file is not the one whose hash this is."""
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise TornModel(f"{path.name} is not the file that was published")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                manifest: dict[str, Any] = json.loads(archive[MANIFEST].tobytes())
                return manifest, {name[2:]: archive[name] for name in archive.files if name != MANIFEST}
    except OSError as error:
        raise TornModel(f"{path.name} cannot be read: {error.strerror}") from error


def save(path: Path, model: Recommender) -> str:
    """Publish a fitted recommender; answers the file's SHA-256 (hex)."""
    return write_arrays(path, {"algorithm": model.name, "parameters": model.parameters}, model.state())


def load(path: Path, *, sha256: str) -> Recommender:
    """The recommender that was saved. Raises TornModel."""
    manifest, arrays = read_arrays(path, sha256=sha256)
    return make(manifest["algorithm"], manifest["parameters"]).restore(arrays)
