"""Things that staff define (categories, offers, segments) out to a file and in again: all of it or nothing.

What comes in is held against what is here; only what differs is written, by the door that each thing has already.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from catalog import tables
from catalog.tables import NotReadable

MOST_ROWS = 500
"""In one request: each thing that differs is checked as if it were sent by hand."""


@dataclass(frozen=True)
class Column:
    """kind : text, json or list (of words, with commas between them). must : a new thing cannot be without it."""

    name: str
    about: str | Promise
    kind: str = "text"
    must: bool = False


@dataclass(frozen=True)
class Refusal:
    line: int
    column: str
    why: str


@dataclass(frozen=True)
class Change:
    line: int
    name: str
    is_new: bool
    fields: Sequence[tuple[str, str, str]]
    """(column, what is here, what comes)"""


@dataclass
class Trial:
    """What would become of a file, or has."""

    changes: list[Change] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    same: int = 0

    @property
    def new(self) -> list[Change]:
        return [one for one in self.changes if one.is_new]

    @property
    def changed(self) -> list[Change]:
        return [one for one in self.changes if not one.is_new]

    @property
    def is_good(self) -> bool:
        return bool(self.changes) and not self.refusals


class Refused(Exception):
    """Why a row cannot be taken in: {column: reason}."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(str(dict(reasons)))
        self.reasons = reasons


class Things(Protocol):
    """One kind of thing: told as a row, and made of one. The slug says which."""

    @property
    def columns(self) -> Sequence[Column]: ...

    def known(self, slugs: Sequence[str]) -> dict[str, Any]:
        """Those that are here, by slug, held until the transaction ends."""

    def told(self, thing: Any) -> dict[str, Any]:
        """Its row: {column: value} in JSON's types."""

    def read(self, said: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
        """The row as it would be told of a thing that holds it. Raises Refused."""

    def save(self, thing: Any, said: dict[str, Any]) -> Any:
        """Keep what was said; None is made anew. Raises Refused."""

    def settle(self, things: Sequence[tuple[Any, dict[str, Any]]]) -> Iterator[tuple[int, Refused]]:
        """What can be said once all are kept, such as what they name of each other: (place, why not)."""


class _Undone(Exception):
    """Nothing of it is kept."""


def bring_in(
    things: Things,
    records: Sequence[tuple[int, dict[str, Any]]],
    *,
    keep: bool,
    before: Callable[[Any], object] = lambda _thing: None,
    after: Callable[[Any, Change], object] = lambda _thing, _change: None,
) -> Trial:
    """Hold the rows against what is here and take in what differs; without `keep`, or with one refusal, nothing stays."""
    trial = Trial()
    try:
        with transaction.atomic():
            done = _write(things, records, trial, before)
            for place, refused in things.settle([(thing, said) for thing, said, _change in done]):
                _refuse(trial, done[place][2].line, refused)
            if trial.refusals or not keep:
                raise _Undone
            for thing, _said, change in done:
                after(thing, change)
    except _Undone:
        trial.refusals.sort(key=lambda one: one.line)
    return trial


def _write(
    things: Things,
    records: Sequence[tuple[int, dict[str, Any]]],
    trial: Trial,
    before: Callable[[Any], object],
) -> list[tuple[Any, dict[str, Any], Change]]:
    known = things.known([str(said.get("slug", "")) for _line, said in records])
    done: list[tuple[Any, dict[str, Any], Change]] = []
    seen: set[str] = set()
    for line, given in records:
        slug = str(given.get("slug", "")).strip()
        thing = known.get(slug)
        try:
            _look(things, slug, given, is_new=thing is None, seen=seen)
            said = things.read({**given, "slug": slug}, is_new=thing is None)
            change = _change(things, line, slug, thing, said)
            if not change.fields:
                trial.same += 1
                continue
            if thing is not None:
                before(thing)
            names = {name for name, _was, _is in change.fields}
            differs = {name: value for name, value in said.items() if thing is None or name in names}
            done.append((things.save(thing, differs), differs, change))
            trial.changes.append(change)
        except Refused as refused:
            _refuse(trial, line, refused)
    return done


def _look(things: Things, slug: str, given: Mapping[str, Any], *, is_new: bool, seen: set[str]) -> None:
    if not slug:
        raise Refused({"slug": _("must be there")})
    if slug in seen:
        raise Refused({"slug": _("stands in this file before")})
    seen.add(slug)
    if is_new and (
        missing := [one.name for one in things.columns if one.must and given.get(one.name) in (None, "")]
    ):
        raise Refused({name: _("must be there") for name in missing})


def _change(things: Things, line: int, slug: str, thing: Any, said: Mapping[str, Any]) -> Change:
    now = things.told(thing) if thing is not None else {}
    fields = [
        (column.name, _in_short(now.get(column.name)), _in_short(said[column.name]))
        for column in things.columns
        if column.name in said and (thing is None or not _is_same(now[column.name], said[column.name]))
    ]
    return Change(line, slug, thing is None, fields)


def _is_same(here: Any, comes: Any) -> bool:
    if isinstance(here, str) and isinstance(comes, str):  # a spreadsheet ends lines in its own way
        return here.replace("\r\n", "\n") == comes.replace("\r\n", "\n")
    return bool(here == comes)


def _in_short(value: Any, longest: int = 120) -> str:
    if value is None or value == "":
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _refuse(trial: Trial, line: int, refused: Refused) -> None:
    trial.refusals += [Refusal(line, name, why) for name, why in refused.reasons.items()]


# --- as files ----------------------------------------------------------------------------------------------------------


def read(content: bytes, columns: Sequence[Column]) -> list[tuple[int, dict[str, Any]]]:
    """(line, {column: value}) of a CSV file or a JSON list; in JSON its number in the list. Raises NotReadable.

    A column that is not there is not said; an empty cell is null.
    """
    kinds = {column.name: column.kind for column in columns}
    too_much = _("Take it apart.")
    if content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"[", b"{"):
        return _from_json(content, kinds, too_much)
    (_line, heads), *below = tables.rows(content, most=MOST_ROWS, too_much=too_much)
    names = [head.strip().casefold().replace(" ", "_") for head in heads]
    _all_known(names, kinds)
    return [(line, _from_cells(line, names, cells, kinds)) for line, cells in below]


def _from_cells(
    line: int, names: Sequence[str], cells: Sequence[str], kinds: Mapping[str, str]
) -> dict[str, Any]:
    if len(cells) != len(names):
        told = _("Line %(line)s has %(there)s columns where the first line names %(named)s.")
        raise NotReadable(told % {"line": line, "there": len(cells), "named": len(names)})
    return {
        name: _from_cell(line, name, tables.itself(cell.strip()), kinds[name])
        for name, cell in zip(names, cells, strict=True)
    }


def _from_cell(line: int, name: str, cell: str, kind: str) -> Any:
    if kind == "list":
        return [word.strip() for word in cell.split(",") if word.strip()]
    if not cell:
        return None
    if kind == "json":
        try:
            return json.loads(cell)
        except ValueError as error:
            told = _("Line %(line)s: what stands under “%(name)s” is no JSON.")
            raise NotReadable(told % {"line": line, "name": name}) from error
    return cell


def _from_json(content: bytes, kinds: Mapping[str, str], too_much: str) -> list[tuple[int, dict[str, Any]]]:
    if len(content) > tables.LARGEST:
        raise NotReadable(_("The file is larger than 2 MB.") + " " + too_much)
    try:
        found = json.loads(tables.decoded(content).lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        told = _("This is no JSON: see line %(line)s, sign %(sign)s.")
        raise NotReadable(told % {"line": error.lineno, "sign": error.colno}) from error
    except RecursionError as error:
        raise NotReadable(_("This JSON is nested too deep.")) from error
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise NotReadable(_("This JSON is no list of objects."))
    if len(found) > MOST_ROWS:
        raise NotReadable(_("More than %s rows.") % f"{MOST_ROWS:,}" + " " + too_much)
    for one in found:
        _all_known(list(one), kinds)
    return list(enumerate(found, 1))


def _all_known(names: Sequence[str], kinds: Mapping[str, str]) -> None:
    if len(set(names)) != len(names):
        raise NotReadable(_("A column stands in it twice."))
    if "slug" not in names:
        raise NotReadable(_("It has no column “slug”, by which each is known."))
    if unknown := [name for name in names if name not in kinds]:
        told = _("Nobody knows the columns %(unknown)s. There are: %(known)s.")
        raise NotReadable(
            told % {"unknown": ", ".join(name[:40] or "–" for name in unknown[:5]), "known": ", ".join(kinds)}
        )


def as_cells(told: Mapping[str, Any], columns: Iterable[Column]) -> list[Any]:
    return [_as_cell(told[column.name], column.kind) for column in columns]


def _as_cell(value: Any, kind: str) -> Any:
    if value is None:
        return ""
    if kind == "list":
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if kind == "json" else value


def told_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
