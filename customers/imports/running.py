"""Taking a whole file in, or nothing of it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers import journal
from customers.consent import Evidence
from customers.imports import answers, feeds, plain, retail
from customers.imports.intake import Grant, Intake
from customers.imports.source import BadFile, Progress, Source
from customers.models import ImportRun
from customers.purposes import PURPOSES, UnknownNotice, find_notice

Reader = Callable[..., None]
FORMATS: Mapping[str, Reader] = {
    "online-retail": retail.online_retail,
    "complete-journey": retail.complete_journey,
    "movielens": retail.movielens,
    "events-csv": plain.events_csv,
    "products-csv": plain.products_csv,
    "products-jsonl": feeds.products_jsonl,
    "google-merchant": feeds.google_merchant,
    "customers-csv": plain.customers_csv,
    "reviews-csv": plain.reviews_csv,
    "consents-csv": answers.consents_csv,
    "suppressions-csv": plain.suppressions_csv,
    "segment-jsonl": plain.segment_jsonl,
}


@dataclass(frozen=True)
class Imported:
    """What became of a file. `skipped_lines` names the first lines of each reason."""

    run: ImportRun
    counts: Mapping[str, int]
    skipped_lines: Mapping[str, Sequence[int]]


def import_file(
    kind: str,
    path: Source,
    *,
    at: datetime,
    grant: Sequence[str] = (),
    notice: str = "",
    progress: Progress | None = None,
    dry_run: bool = False,
) -> Imported:
    """Take a file in, in one transaction: all of it or none. Running it again changes nothing.

    grant : purposes to record for the file's people who never answered, on the evidence of `notice` (`slug@version`,
    English). Imports grant nothing by themselves, and never over a refusal.
    Raises BadFile; nothing is kept then but the run's row with the error.
    """
    if kind not in FORMATS:
        raise BadFile(
            _("No format “%(format)s”. Formats: %(all)s.") % {"format": kind, "all": ", ".join(FORMATS)}
        )
    intake = Intake(source=kind, at=at, grant=_grant(grant, notice, path))
    run = ImportRun(format=kind, name=path.name)
    try:
        with journal.trial() if dry_run else transaction.atomic():
            read(kind, path, intake, progress=progress)
    except BadFile as error:
        run.error, run.state, run.ended_at = error.kept, ImportRun.State.FAILED, at
        run.save()
        raise
    if dry_run:
        return Imported(run, intake.counts, intake.skipped_lines)
    run.counts, run.sha256, run.ended_at = dict(intake.counts), sha256_of(path), at
    run.save()
    return Imported(run, intake.counts, intake.skipped_lines)


def read(kind: str, path: Source, intake: Intake, *, progress: Progress | None) -> None:
    """Hand everything in the file on. To be called in the transaction that keeps all of it or nothing. Raises BadFile."""
    FORMATS[kind](path, intake, progress=progress)
    if not intake.counts["rows"]:
        raise BadFile(_("%s has no rows below its first line.") % path.name)


def _grant(purposes: Sequence[str], notice: str, path: Source) -> Grant | None:
    if not purposes:
        return None
    for purpose in purposes:
        if purpose not in PURPOSES:
            told = _("No purpose “%(purpose)s”. Purposes: %(all)s.")
            raise BadFile(told % {"purpose": purpose, "all": ", ".join(PURPOSES)})
        try:
            find_notice(notice, "en", purpose)
        except UnknownNotice as error:
            told = _("%s A grant needs the notice that says on what basis (--notice).")
            raise BadFile(told % error) from error
    return Grant(purposes, Evidence(notice, "en", "import", path.name[:100], "command"))


def sha256_of(path: Source) -> str:
    if path.is_dir():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
