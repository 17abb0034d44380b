"""A journey being changed on the desk, a press at a time. Nothing is kept here before it is saved: the page carries it.

The page is one form: the journey as text, what it was before each change, and the fields of the step that is open. So
it works without a script, and nothing typed is lost: whatever is pressed, the open step's fields are taken in first.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from campaigns import journeys
from campaigns.admin.journeys import chance as journey_chance
from campaigns.admin.journeys import kinds as journey_kinds
from campaigns.admin.journeys import words as journey_words
from campaigns.admin.journeys.entry_form import EntryForm
from campaigns.admin.journeys.form import StepForm
from campaigns.admin.journeys.sentences import Names
from campaigns.journeys import Problem, editing, picture
from campaigns.journeys.definition import Definition, shape
from campaigns.journeys.editing import CannotEdit, Place, Stored
from campaigns.models import Campaign, JourneyVersion

NewForm = journey_chance.NewChanceForm | journey_chance.BranchForm
MOST_UNDO = 10
# What is pressed without the open fields being taken in: they are thrown away, or what they are of is.
LEAVES_FIELDS = ("close", "undo", "ask", "remove", "text")


class Editor:
    def __init__(self, campaign: Campaign, newest: JourneyVersion | None) -> None:
        self.campaign, self.newest = campaign, newest
        self.base = newest.number if newest else 0
        self.stored: Stored = picture.as_stored(newest.definition) if newest else editing.begun()
        self.saved = self.stored
        self.text = written(self.stored)
        self.undo: list[Stored] = []
        self.panel = ""
        self.move = False
        """People inside are to move to the new version."""
        self.form: forms.Form | None = None
        self.error = ""
        """Why what was pressed was not done."""
        self.unread: list[Problem] = []
        """Why the text cannot be read; then it is not drawn."""

    # --- what the page carries -------------------------------------------------------------------------------

    def begin_with(self, stored: Mapping[str, Any]) -> None:
        """Something else than the newest version, which one press undoes."""
        self._change(picture.as_stored(stored))

    def take(self, data: Mapping[str, Any]) -> None:
        """What the page sent back: its text, what it was before, and what is open."""
        self.base = _number(data.get("base"), self.base)
        self.panel = data.get("panel", "")
        self.move = data.get("move") == "yes"
        self.undo = [one for one in _read(data.get("undo", ""), []) if not shape(one)][-MOST_UNDO:]
        self.text = data.get("definition", "")
        try:
            found = json.loads(self.text)
        except json.JSONDecodeError as wrong:
            told = {"line": wrong.lineno, "column": wrong.colno}
            self.unread = [Problem("", _("This is no JSON: line %(line)s, column %(column)s.") % told)]
            return
        if shape(found):
            self.unread = journeys.check(found, channel=self.campaign.channel)
        else:
            self.stored = picture.as_stored(found)
            was = _read(data.get("was", ""), None)
            if was is not None and was != self.stored and not shape(was):
                self._remember(picture.as_stored(was))

    def press(self, do: str, data: Mapping[str, Any]) -> None:
        """Do what was pressed, after what was typed was taken in."""
        name, _colon, rest = do.partition(":")
        if self.unread:
            return
        if self.panel and name not in LEAVES_FIELDS and not self._take_fields(name, data):
            return
        if name in self._DEEDS:
            try:
                self._DEEDS[name](self, rest, data)
            except CannotEdit as why:
                self.error = str(why)
        self.text = written(self.stored)

    @property
    def is_changed(self) -> bool:
        return self.stored != self.saved

    @property
    def definition(self) -> Definition:
        return Definition.of(self.stored)

    def problems(self) -> list[Problem]:
        """What keeps it from being saved."""
        return self.unread or journeys.check(self.stored, channel=self.campaign.channel)

    # --- the open step ---------------------------------------------------------------------------------------

    def _take_fields(self, do: str, data: Mapping[str, Any]) -> bool:
        """Take in what was typed into the open fields; False where it must be mended first, or where it was all."""
        what, _colon, rest = self.panel.partition(":")
        if what in ("new", "branch"):
            return self._put(data) if do == "put" else True
        if what != "step" or not self._is_there(rest):
            return True
        form = self._form_of(rest, data)
        if form is None:
            return True
        if not form.is_valid():
            self.form = form
            return False
        try:
            self._change(_changed(self.stored, rest, form))
        except CannotEdit as why:
            self.error, self.form = str(why), form
            return False
        return True

    def _put(self, data: Mapping[str, Any]) -> bool:
        """Put the new step, or branch, where it was asked for."""
        rest = self.panel.partition(":")[2]
        form = self.fresh_form(data)
        if form is None or not form.is_valid():
            self.form = form
            return False
        if isinstance(form, journey_chance.BranchForm):
            values = form.cleaned_data
            step = journey_chance.sending(values["message"])
            self._change(editing.with_branch(self.stored, rest, values["share"], step))
            self.panel = f"step:{rest}"
            return False
        place = _place(rest)
        try:
            if isinstance(form, journey_chance.NewChanceForm):
                found, name = editing.added_by_chance(self.stored, place, form.branches())
            else:
                found, name = editing.added(self.stored, place, form.step, like=form.like)
        except CannotEdit as why:
            self.error, self.form = str(why), form
            return False
        self._change(found)
        self.panel = f"step:{name}"
        return False

    def _form_of(self, name: str, data: Mapping[str, Any] | None = None) -> StepForm | EntryForm | None:
        if data is not None and not any(key.startswith("f-") for key in data):
            return None
        if name == picture.ENTRY:
            return EntryForm(data, stored=self.stored)
        return journey_kinds.form_of(self.stored["steps"][name])(
            data, stored=self.stored["steps"][name], targets=self.targets()
        )

    def fresh_form(self, data: Mapping[str, Any] | None = None) -> StepForm | NewForm | None:
        """The form of the step that is being put in."""
        what, _colon, rest = self.panel.partition(":")
        if what == "branch":
            return journey_chance.BranchForm(data)
        kind = rest.rpartition(":")[2]
        if kind == "chance":
            return journey_chance.NewChanceForm(data)
        found = journey_kinds.ADDABLE.get(kind)
        return found.form(data, stored=found.blank) if found is not None else None

    def open_form(self) -> forms.Form | None:
        """The form that is shown."""
        what, _colon, rest = self.panel.partition(":")
        if self.form is not None:
            return self.form
        if what in ("new", "branch"):
            return self.fresh_form()
        return self._form_of(rest) if what == "step" and self._is_there(rest) else None

    def targets(self) -> list[tuple[str, str]]:
        """The steps that a way may lead to, in words."""
        names, definition = Names.of(self.stored), self.definition
        return [(one, journey_words.name_of(one, definition, names)) for one in picture.order_of(definition)]

    def _is_there(self, name: str) -> bool:
        return name == picture.ENTRY or name in self.stored["steps"]

    # --- what can be pressed ---------------------------------------------------------------------------------

    def _change(self, stored: Stored) -> None:
        if stored != self.stored:
            self._remember(self.stored)
            self.stored = picture.as_stored(stored)
            self.text = written(self.stored)

    def _remember(self, stored: Stored) -> None:
        self.undo = [*self.undo, stored][-MOST_UNDO:]

    def _select(self, name: str, data: Mapping[str, Any]) -> None:
        self.panel = f"step:{name}" if self._is_there(name) else ""

    def _close(self, rest: str, data: Mapping[str, Any]) -> None:
        self.panel = ""

    def _undo(self, rest: str, data: Mapping[str, Any]) -> None:
        if self.undo:
            self.stored = picture.as_stored(self.undo.pop())
        what, _colon, name = self.panel.partition(":")
        if what != "step" or not self._is_there(name):
            self.panel = ""

    def _add(self, place: str, data: Mapping[str, Any]) -> None:
        self._known(_place(place))
        self.panel = f"add:{place}"

    def _kind(self, rest: str, data: Mapping[str, Any]) -> None:
        self._known(_place(rest))
        if rest.rpartition(":")[2] in journey_kinds.ADDABLE:
            self.panel = f"new:{rest}"

    def _branch(self, name: str, data: Mapping[str, Any]) -> None:
        if "percent" in self.stored["steps"].get(name, {}):
            self.panel = f"branch:{name}"

    def _up(self, name: str, data: Mapping[str, Any]) -> None:
        self._change(editing.moved_up(self.stored, self._step(name)))

    def _down(self, name: str, data: Mapping[str, Any]) -> None:
        self._change(editing.moved_down(self.stored, self._step(name)))

    def _move(self, name: str, data: Mapping[str, Any]) -> None:
        place = _place(data.get("place", ""))
        self._known(place)
        self._change(editing.moved(self.stored, self._step(name), place))

    def _twin(self, name: str, data: Mapping[str, Any]) -> None:
        found, twin = editing.duplicated(self.stored, self._step(name))
        self._change(found)
        self.panel = f"step:{twin}"

    def _ask(self, name: str, data: Mapping[str, Any]) -> None:
        self.panel = f"remove:{self._step(name)}"

    def _remove(self, name: str, data: Mapping[str, Any]) -> None:
        keep = _number(data.get("keep"), 0)
        if not 0 <= keep < max(1, len(editing.ways(self.stored, self._step(name)))):
            keep = 0
        self._change(editing.removed(self.stored, name, keep=keep))
        self.panel = ""

    def _step(self, name: str) -> str:
        if name not in self.stored["steps"]:
            raise CannotEdit(_("This step is not there any more."))
        return name

    def _known(self, place: Place) -> None:
        if place not in editing.places(self.stored):
            raise CannotEdit(_("This place is not there any more."))

    _DEEDS: Mapping[str, Callable[["Editor", str, Mapping[str, Any]], None]] = {
        "select": _select,
        "close": _close,
        "undo": _undo,
        "add": _add,
        "kind": _kind,
        "branch": _branch,
        "up": _up,
        "down": _down,
        "move": _move,
        "twin": _twin,
        "ask": _ask,
        "remove": _remove,
    }


def written(stored: Mapping[str, Any]) -> str:
    return json.dumps(stored, indent=2, ensure_ascii=False)


def _changed(stored: Stored, name: str, form: StepForm | EntryForm) -> Stored:
    if isinstance(form, EntryForm):
        return {**stored, **form.parts}
    found = editing.changed(stored, name, form.step)
    if gone := [one for one in stored["steps"] if one not in found["steps"]]:
        # Leading elsewhere must not make steps vanish unasked.
        raise CannotEdit(
            _("Nothing would lead to “%s” any more. Remove it first, or let another step lead there.")
            % "”, “".join(gone)
        )
    return found


def _place(text: str) -> Place:
    """“pause:0” and “pause:0:wait” name the first way of “pause”."""
    name, _colon, rest = text.partition(":")
    return name, _number(rest.partition(":")[0], 0)


def _number(text: Any, otherwise: int) -> int:
    return (
        int(text)
        if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 9
        else otherwise
    )


def _read(text: str, otherwise: Any) -> Any:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return otherwise
    return found if isinstance(found, list if otherwise == [] else dict) else otherwise
