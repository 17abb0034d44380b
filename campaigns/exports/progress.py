"""How far an export is: by the last one of its kind, since to count all that it will hold takes as long as to write it."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import ngettext

from campaigns.models import Export
from catalog.progress import Progress, steady

NEARLY = 0.99
"""What was expected may be fewer than there are: what is written is never said to be whole before it is."""


def is_silent(export: Export, *, at: datetime) -> bool:
    """Whether the worker that had it must have died: its lease is over."""
    return export.state == Export.State.RUNNING and export.lease_until is not None and export.lease_until < at


def progress(export: Export, *, at: datetime) -> Progress:
    """One query for an export that is being written, and none else."""
    if export.state != Export.State.RUNNING or export.started_at is None:
        return Progress(0.0)
    words = ngettext("%s row", "%s rows", export.rows) % f"{export.rows:,}"
    expected = _expected(export)
    if not expected:
        return Progress(None, words=words)
    share = min(export.rows / expected, NEARLY)
    return steady(share, for_s=(at - export.started_at).total_seconds(), words=words)


def _expected(export: Export) -> float:
    """As many rows as the last one had, for as long a time; 0 where there is nothing to go by."""
    alike = Export.objects.filter(dataset=export.dataset, state__in=(Export.State.DONE, Export.State.GONE))
    last = _of_its_span(alike, export).order_by("-ended_at").first()
    if last is None:
        return 0
    return last.rows * _days(export) / _days(last)


def _of_its_span(rows: QuerySet[Export], export: Export) -> QuerySet[Export]:
    """Those that leave open what it leaves open; of a half-open span nobody knows how long it is."""
    rows = rows.filter(since__isnull=export.since is None, until__isnull=export.until is None)
    return rows if (export.since is None) == (export.until is None) else rows.filter(since=export.since)


def _days(export: Export) -> float:
    if export.since is None or export.until is None:
        return 1
    return (export.until - export.since).total_seconds() / 86_400
