"""Files brought in at the desk: looked at first, taken in whole or not at all, by the importer that the command has.

Between the look and the press the file waits in the page, signed, and not here; from then on it lies here, sealed, until
the worker has taken it in.
"""

from collections.abc import Mapping, Sequence
from csv import writer
from dataclasses import dataclass, field
from io import StringIO

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from catalog import tables
from catalog.tables import NotReadable
from customers import imports
from customers.admin.file_kinds import Kind
from customers.admin.words import words_of
from customers.imports import BadFile, Imported, import_file, reasons
from customers.imports.source import Held
from customers.models import ImportRun
from customers.purposes import PURPOSES

MOST_ROWS = 20_000
LOOKED_AT = 100
"""Rows that are tried while somebody waits: 1,000 took three seconds, and SQLite lets nobody else write meanwhile."""
SHOWN = 5
CHANGED = ("products_changed", "people_changed")


@dataclass(frozen=True)
class Trial:
    """What would become of a file; nothing of it is kept yet."""

    name: str
    heads: Sequence[str]
    first: Sequence[Sequence[str]]
    rows: int
    looked_at: int
    """So many of the first were tried; the worker tries all."""
    new: int
    changed: int
    unchanged: int
    left_out: Sequence[str]
    """Rows that are no fault and yet not taken, in words."""
    problems: Sequence[tuple[str, str]]
    """(which lines, what is wrong and what to do)"""
    sealed: str = field(repr=False, default="")

    @property
    def is_good(self) -> bool:
        return not self.problems and self.rows > 0

    @property
    def is_whole(self) -> bool:
        return self.looked_at == self.rows

    @property
    def told_rows(self) -> str:
        return f"{self.rows:,}"


def look(kind: Kind, name: str, content: bytes, *, by: str) -> Trial:
    """Read all of it and try its first rows; keep nothing. Raises NotReadable."""
    too_much = gettext("Take it apart, or use manage.py import_data.")
    found = tables.rows(content, most=MOST_ROWS, too_much=too_much)
    rows, first = len(found) - 1, found[: LOOKED_AT + 1]
    done = _try(kind, name, _as_plain(first))
    problems = reasons.problems(done.counts, done.skipped_lines)
    sealed = ""
    if not problems:
        sealed = tables.sealed(kind.slug, _as_plain(found).encode(), by=by, name=name, rows=rows)
    new = sum(done.counts.get(counted, 0) for counted in kind.new)
    changed = sum(done.counts.get(counted, 0) for counted in CHANGED)
    return Trial(
        name=name,
        heads=found[0][1],
        first=[row for _line, row in found[1 : SHOWN + 1]],
        rows=rows,
        looked_at=len(first) - 1,
        new=new,
        changed=changed,
        unchanged=max(0, done.counts.get("kept", 0) - new - changed) + done.counts.get("duplicates", 0),
        left_out=_left_out(done.counts),
        problems=problems,
        sealed=sealed,
    )


def _left_out(counts: Mapping[str, int]) -> list[str]:
    said = []
    if n := counts.get("refusals_kept", 0):
        told = ngettext(
            "%s yes is left out: the person said no, here or in this file.",
            "%s of the yeses are left out: the people said no, here or in this file.",
            n,
        )
        said.append(told % f"{n:,}")
    for purpose in PURPOSES:
        if n := counts.get(f"skipped:no_consent:{purpose}", 0):
            told = ngettext(
                "%(n)s row is left out: its person does not allow “%(purpose)s”.",
                "%(n)s rows are left out: their people do not allow “%(purpose)s”.",
                n,
            )
            said.append(told % {"n": f"{n:,}", "purpose": words_of(purpose)})
    return said


def ask(kind: Kind, value: str, *, by: str) -> ImportRun:
    """Have the worker take in what was looked at, by whoever looked, and no other file. Raises NotReadable."""
    content, said = tables.unsealed(kind.slug, value, by=by)
    return imports.ask(kind.format, said["name"], by=by, content=content, rows=said["rows"])


def _try(kind: Kind, name: str, text: str) -> Imported:
    try:
        return import_file(kind.format, Held(name, text.encode()), at=timezone.now(), dry_run=True)
    except BadFile as error:
        raise NotReadable(str(error)) from error


def _as_plain(found: Sequence[tables.Row]) -> str:
    """With commas and in UTF-8; what a spreadsheet was kept from taking for a formula is itself again.

    Each row ends in the line that it ended in, so that a wrong one is named as it stands in the file.
    """
    text, here = StringIO(), found[0][0]
    write = writer(text)
    for line, row in found:
        cells = [tables.itself(cell) for cell in row]
        text.write("\n" * (line - here - 1 - sum(cell.count("\n") for cell in cells)))
        write.writerow(cells)
        here = line
    return text.getvalue()
