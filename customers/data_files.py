"""Files of rows for analysts that wait to be fetched: for their owner's eyes alone, and gone with the next erasure.

Such a file holds many people, so it cannot be sealed under one person's key as their own copy is (`export_files`).
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

KEPT_FOR = timedelta(days=7)
OF_PEOPLE = ".people"


def folder() -> Path:
    found = settings.VAR_DIR / "data-exports"
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def path_of(number: UUID, *, of_people: bool) -> Path:
    return folder() / f"{number}{OF_PEOPLE if of_people else '.things'}"


@contextmanager
def draft(target: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name once it is whole and on the disk; after an error there is none.

    Raises FileNotFoundError where the draft was taken away meanwhile, as an erasure does.
    """
    # A name of its own: two who write the same file do not write into each other's. A dot: nobody takes it for whole.
    path = target.with_name(f".{target.name}.{secrets.token_hex(4)}.draft")
    file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        path.replace(target)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def drop(number: UUID) -> bool:
    """Whether there was a file of this export, whole or in the making."""
    return _drop(folder().glob(f"*{number}*"))


def drop_of_people() -> bool:
    """Remove every file that holds people, those in the making too; whether there was one.

    Who is in a file is not known without reading it, and a copy without one person would have to be written anew.
    """
    return _drop(folder().glob(f"*{OF_PEOPLE}*"))


def drop_old(*, at: datetime) -> bool:
    """Remove what has waited long enough, drafts of the dead included."""
    before = (at - KEPT_FOR).timestamp()
    return _drop(path for path in folder().iterdir() if _changed(path) < before)


def _changed(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):  # somebody else was faster
        return path.stat().st_mtime
    return float("inf")


def _drop(paths: Iterator[Path]) -> bool:
    found = list(paths)
    for path in found:
        path.unlink(missing_ok=True)
    return bool(found)
