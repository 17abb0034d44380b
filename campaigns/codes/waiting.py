"""A file of codes between the desk and the worker."""

import shutil
from typing import IO, TextIO

from campaigns.models import CodeBatch
from customers import data_files
from customers.queued import Signs

SIGNS = Signs("codes", ".csv")


def keep(batch: CodeBatch, content: IO[bytes]) -> None:
    with data_files.draft(SIGNS.path(batch)) as file:
        shutil.copyfileobj(content, file)


def opened(batch: CodeBatch) -> TextIO:
    """Raises FileNotFoundError."""
    return SIGNS.path(batch).open(encoding="utf-8-sig", newline="")


def size(batch: CodeBatch) -> int:
    """Raises FileNotFoundError."""
    return SIGNS.path(batch).stat().st_size
