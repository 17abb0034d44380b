"""A file of people between the desk and the worker: sealed, and gone with an erasure as other files of people are."""

import contextlib
import zlib
from datetime import datetime, timedelta

from customers import data_files, encryption
from customers.imports.source import Held
from customers.models import ImportRun
from customers.queued import Signs

SEALED_AS = "import"
KEPT_FOR = timedelta(days=1)
"""For so long what failed can be begun again."""
SIGNS = Signs("import", data_files.OF_PEOPLE)


class Gone(Exception):
    """The file is not here any more."""


def keep(run: ImportRun, content: bytes) -> None:
    """Readable by nobody who has not the installation's key."""
    with data_files.draft(SIGNS.path(run)) as file:
        file.write(encryption.opaque_token(SEALED_AS, zlib.compress(content)).encode())


def opened(run: ImportRun) -> Held:
    """Raises Gone."""
    try:
        token = SIGNS.path(run).read_text("ascii")
        return Held(run.name, zlib.decompress(encryption.open_token(SEALED_AS, token)))
    except (FileNotFoundError, encryption.Unreadable) as error:
        raise Gone from error


def drop_old(*, at: datetime) -> None:
    before = (at - KEPT_FOR).timestamp()
    for path in data_files.folder().glob("import-*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
