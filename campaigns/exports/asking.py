"""Wishing for an export, fetching its file, and the end of it: the row says who did what, and stays."""

from datetime import datetime
from pathlib import Path

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.exports.leaving import mark
from campaigns.exports.writing import DATASETS
from campaigns.models import Export
from customers import data_files

State = Export.State
AGED = gettext_noop("Its seven days are over.")
LEFT = gettext_noop("Somebody in it may have been erased or restricted since.")


class Gone(Exception):
    """There is no file to fetch: not yet, or not any more."""


def ask(
    dataset: str, *, form: str, by: str, since: datetime | None = None, until: datetime | None = None
) -> Export:
    """Write the wish down; the worker takes it up. Raises ValueError as `wish` does."""
    export = wish(dataset, form=form, by=by, since=since, until=until)
    export.save()
    return export


def wish(dataset: str, *, form: str, by: str, since: datetime | None, until: datetime | None) -> Export:
    """A row that is not kept yet. Raises ValueError for an unknown set or format, or a span it cannot have."""
    if dataset not in DATASETS:
        raise ValueError(f"There is no set {dataset!r}; there are {', '.join(DATASETS)}.")
    if form not in Export.Format.values:
        raise ValueError(f"There is no format {form!r}; there are {', '.join(Export.Format.values)}.")
    if since is not None and until is not None and since >= until:
        raise ValueError(_("It ends before it begins."))
    if (since or until) and not DATASETS[dataset].time:
        raise ValueError(_("%s: how things are now; it takes no time.") % DATASETS[dataset].title)
    return Export(dataset=dataset, format=form, since=since, until=until, requested_by=by[:150])


def is_waiting(export: Export, *, at: datetime) -> bool:
    """Whether its file may be fetched. Two queries for a set that holds people."""
    return _why_gone(export, at=at) == ""


def fetch(export: Export, *, by: str, at: datetime) -> Path:
    """The file, whose fetching is written down. Raises Gone."""
    if why := _why_gone(export, at=at):
        raise Gone(why)
    Export.objects.filter(pk=export.pk).update(
        downloads=F("downloads") + 1, downloaded_at=at, downloaded_by=by[:150]
    )
    return _path(export)


def _path(export: Export) -> Path:
    return data_files.path_of(export.pk, of_people=DATASETS[export.dataset].of_people)


def _why_gone(export: Export, *, at: datetime) -> str:
    if export.state != State.DONE or export.expires_at is None:
        return export.why or "There is no file of it here."
    if export.expires_at <= at:
        return AGED
    if DATASETS[export.dataset].of_people and export.mark != mark():
        return LEFT
    return "" if _path(export).exists() else LEFT


def sweep(*, at: datetime) -> int:
    """Delete the files that may not be fetched any more, and say so in their rows; how many. An erasure deletes at once."""
    gone = 0
    for export in Export.objects.filter(state=State.DONE, expires_at__isnull=False):
        if why := _why_gone(export, at=at):
            data_files.drop(export.pk)
            gone += Export.objects.filter(pk=export.pk, state=State.DONE).update(
                state=State.GONE, expires_at=None, why=why
            )
    data_files.drop_old(at=at)
    return gone
