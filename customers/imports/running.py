"""Taking a whole file in, or nothing of it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from customers.consent import Evidence
from customers.imports import feeds, plain, retail
from customers.imports.intake import Grant, Intake
from customers.imports.source import BadFile, Progress
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
    "segment-jsonl": plain.segment_jsonl,
}


@dataclass(frozen=True)
class Imported:
    """What became of a file. `skipped_lines` names the first lines of each reason."""

    run: ImportRun
    counts: Mapping[str, int]
    skipped_lines: Mapping[str, Sequence[int]]


class _DryRun(Exception):
    """Undoes everything at the end of a trial."""


def import_file(
    kind: str,
    path: Path,
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
        raise BadFile(f"No format {kind!r}. Formats: {', '.join(FORMATS)}.")
    intake = Intake(source=kind, at=at, grant=_grant(grant, notice, path))
    run = ImportRun(format=kind, name=path.name)
    try:
        with transaction.atomic():
            FORMATS[kind](path, intake, progress=progress)
            if not intake.counts["rows"]:
                raise BadFile(f"{path.name} has no rows below its first line.")
            if dry_run:
                raise _DryRun
    except _DryRun:
        return Imported(run, intake.counts, intake.skipped_lines)
    except BadFile as error:
        # Not the names of the columns there are: a file without a first line has a person's there.
        run.error, run.ended_at = str(error).partition(" It has: ")[0], at
        run.save()
        raise
    run.counts, run.sha256, run.ended_at = dict(intake.counts), _sha256(path), at
    run.save()
    return Imported(run, intake.counts, intake.skipped_lines)


def _grant(purposes: Sequence[str], notice: str, path: Path) -> Grant | None:
    if not purposes:
        return None
    for purpose in purposes:
        if purpose not in PURPOSES:
            raise BadFile(f"No purpose {purpose!r}. Purposes: {', '.join(PURPOSES)}.")
        try:
            find_notice(notice, "en", purpose)
        except UnknownNotice as error:
            raise BadFile(f"{error} A grant needs the notice that says on what basis (--notice).") from error
    return Grant(purposes, Evidence(notice, "en", "import", path.name[:100], "command"))


def _sha256(path: Path) -> str:
    if path.is_dir():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
