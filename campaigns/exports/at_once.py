"""An export written at once, to a path of the asker's; its row says who took what out."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from campaigns.exports.asking import wish
from campaigns.exports.datasets import Span
from campaigns.exports.leaving import SomebodyLeft, mark
from campaigns.exports.writing import DATASETS, write
from campaigns.models import Export
from customers import data_files

BY = "command line"


def write_to(
    path: Path,
    dataset: str,
    *,
    form: str,
    at: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    tell: Callable[[int], object] = lambda _rows: None,
) -> Export:
    """All rows in `path`, or no file and no row.

    Raises ValueError as `wish`, OSError, and SomebodyLeft where somebody was erased or restricted meanwhile.
    """
    export, what = wish(dataset, form=form, by=BY, since=since, until=until), DATASETS[dataset]
    before = mark()
    with data_files.draft(path) as file:
        export.rows = write(what, file, form=form, span=Span(at, since, until), tell=tell)
        if what.of_people and mark() != before:
            raise SomebodyLeft
        export.size = file.tell()
    export.state, export.mark, export.started_at, export.ended_at = Export.State.DONE, before, at, at
    export.save()
    return export
