"""The data map: every kind of row about people, drawn from the models themselves."""

# ruff: noqa: SLF001 - `_meta` is Django's documented way of asking a model about itself

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.papers.lines import BESIDE, BEYOND, LINES, Line
from config.papers.page import Paper, Part, Table, listed, told_days, told_each
from customers import privacy, purposes, retention
from customers.models import ConsentRecord, Customer


class Fate(Enum):
    """What erasing a person does to the rows of a model."""

    DELETED = gettext_lazy("deleted")
    LET_GO = gettext_lazy("stay, without the person")
    EMPTIED = gettext_lazy("emptied; its number stays, because the ledger points at it")
    KEPT = gettext_lazy("stay: the proof outlives the person, and says nothing without their key")


@dataclass(frozen=True)
class Kind:
    """One kind of row: what of it lies how, what for, how long, and what erasure does."""

    model: type[models.Model]
    line: Line
    path: str
    """The foreign keys that lead to the person; empty where none does."""
    fate: str
    kept_for: timedelta | None
    """None: until erasure."""

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def name(self) -> str:
        """What its rows are called; those of a link between many and many by the two that it links."""
        owner: Any = self.model._meta.auto_created
        if owner:
            link = next(
                column for column in owner._meta.many_to_many if column.remote_field.through is self.model
            )
            return f"{owner._meta.verbose_name_plural} · {link.verbose_name}"
        return str(self.model._meta.verbose_name_plural)

    def columns(self) -> dict[str, list[str]]:
        """How they lie → their names, in words."""
        found: dict[str, list[str]] = {}
        for column in self.model._meta.concrete_fields:
            if not column.primary_key:
                found.setdefault(_lies(column), []).append(str(column.verbose_name))
        return found


def _lies(column: "models.Field[Any, Any]") -> str:
    """Sealed under a key, as a keyed hash or a hash of a secret, as a link to another row, or as it is."""
    name = column.name
    if isinstance(column, models.BinaryField) and name in ("sealed", "wrapped"):
        return _("sealed")
    if name.endswith(("_index", "_hash")) or name in ("commitment", "hash"):
        return _("as a hash")
    return _("links") if column.is_relation else _("plain")


def kinds() -> Iterator[Kind]:
    """Every kind of row about people: those with a path to a customer, and those registered beside. No query.

    Raises KeyError for a model with a path and without a line in `lines.py`.
    """
    spans = {kept.model: kept.for_long for kept in retention.kept()}
    for model in sorted(privacy.trails(), key=lambda model: model._meta.label):
        path = "" if model is Customer else min(privacy.trails()[model], key=len)
        yield Kind(
            model, LINES[model._meta.label], _told(model, path), str(fate_of(model).value), spans.get(model)
        )
    for label, line in BESIDE.items():
        model = apps.get_model(label)
        yield Kind(model, line, "", str(line.after_erasure), spans.get(model))


def fate_of(model: type[models.Model]) -> Fate:
    """Read from the foreign keys on the way to the person: one that lets go leaves the row."""
    if model is Customer:
        return Fate.EMPTIED
    if model is ConsentRecord:
        return Fate.KEPT
    if model in privacy.NUMBERED:  # a number in a plain column: `privacy.erase` deletes these rows by hand
        return Fate.DELETED
    ways = [list(_rules(model, path.split("__"))) for path in privacy.trails()[model]]
    # A row goes when any way to its person is deleted step by step.
    return Fate.DELETED if any(all(rule is models.CASCADE for rule in way) for way in ways) else Fate.LET_GO


def _told(model: type[models.Model], path: str) -> str:
    """The way along the foreign keys, in words."""
    words = []
    for step in filter(None, path.split("__")):
        column = model._meta.get_field(step)
        words.append(str(getattr(column, "verbose_name", step)))
        model = column.related_model  # type: ignore[assignment]
    return " → ".join(words)


def _rules(model: type[models.Model], steps: list[str]) -> Iterator[Any]:
    for step in steps:
        column = model._meta.get_field(step)
        yield getattr(column.remote_field, "on_delete", None)
        model = column.related_model  # type: ignore[assignment]


def title_of(reason: str) -> str:
    """A purpose or another reason in words."""
    if reason in purposes.PURPOSES:
        return str(purposes.PURPOSES[reason].title)
    return str(BEYOND[reason].title)


def _row(kind: Kind) -> list[str]:
    way = f" ({kind.path})" if kind.path else ""
    columns = [
        _("%(how)s: %(names)s") % {"how": how, "names": listed(names)}
        for how, names in kind.columns().items()
    ]
    return [
        _("%(how)s: %(names)s") % {"how": kind.name, "names": f"{kind.line.what}{way}"},
        told_each(columns),
        told_each([title_of(reason) for reason in kind.line.reasons]),
        told_days(kind.kept_for) if kind.kept_for else _("until erasure"),
        kind.fate,
    ]


def paper(*, at: datetime) -> Paper:
    """A table for each room of the platform."""
    rooms: dict[str, list[list[str]]] = {}
    for kind in kinds():
        rooms.setdefault(str(kind.model._meta.app_config.verbose_name), []).append(_row(kind))
    headers = [_("What"), _("Columns"), _("What for"), _("How long"), _("After erasure")]
    return Paper(
        "data-map",
        _(
            "Every kind of row about people: how each of its columns lies, what it is for, how long it is kept and "
            "what becomes of it when the person is erased. In brackets: the links that lead to the person."
        ),
        at,
        [Part(room, table=Table(headers, rows)) for room, rows in rooms.items()],
    )
