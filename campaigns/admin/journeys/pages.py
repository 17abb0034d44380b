"""What the pages of one journey show: looked at, being changed, and two versions side by side."""

import json
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import journeys
from campaigns.admin.journeys import differences as journey_differences
from campaigns.admin.journeys import kinds as journey_kinds
from campaigns.admin.journeys import sentences as journey_sentences
from campaigns.admin.journeys import words as journey_words
from campaigns.admin.journeys.edit import Editor, written
from campaigns.admin.journeys.sentences import Names
from campaigns.journeys import counting, editing, picture
from campaigns.journeys import differences as comparing
from campaigns.journeys.definition import Definition
from campaigns.models import Campaign, JourneyVersion


def state(campaign: Campaign) -> str:
    """The line under a journey's name."""
    match campaign.status:
        case Campaign.Status.DRAFT:
            return _("A draft: nobody comes in before it is approved and launched.")
        case Campaign.Status.APPROVED:
            return _("Approved; nobody comes in before it is launched.")
        case Campaign.Status.RUNNING:
            return _("Running: whom something calls comes in by the newest version.")
        case Campaign.Status.PAUSED:
            return _("Paused: everyone stands still where they are, and nobody is lost.")
    return _("It has ended: everyone inside has left.")


def looked_at(version: JourneyVersion, *, step: str | None) -> dict[str, Any]:
    """One version with its numbers. Seven queries at most."""
    definition, counted = Definition.of(version.definition), counting.counted(version)
    names = Names.of(version.definition)
    people = f"{reverse('admin:campaigns_journeyentry_changelist')}?version__id__exact={version.pk}"
    of, since = journey_words.of_whom(counted)
    way = journey_words.told(definition, counted, names, link=people)
    return {
        "goal": journey_sentences.goal(definition, names),
        "way": way,
        "open": way.card(step) if step is not None else None,
        "people": people,
        "of": of,
        "since": since,
        "waiting": journey_words.people(counted.waiting),
        "done": journey_words.people(counted.done),
        "arms": journey_words.arms(counted),
        "left": journey_words.left(counted.left),
    }


def edited(editor: Editor) -> dict[str, Any]:
    """The journey as it is being changed, and what saving would do."""
    problems = editor.problems()
    context: dict[str, Any] = {
        "editor": editor,
        "problems": journey_words.by_step(problems),
        "base": editor.base,
        "was": written(editor.stored),
        "undo": json.dumps(editor.undo, ensure_ascii=False),
        "panel": editor.panel,
        "next_number": editor.base + 1,
        "why_not_saved": journeys.why_not_published(editor.campaign),
    }
    if editor.unread:
        return context
    counted = counting.counted(editor.newest) if editor.newest else counting.Counted({})
    names = Names.of(editor.stored, editor.saved)
    way = journey_words.told(editor.definition, counted, names, problems=problems)
    inside = journeys.would_move(editor.campaign, editor.stored)
    what, _colon, rest = editor.panel.partition(":")
    name = rest.rpartition(":")[0].partition(":")[0] if what in ("add", "new") else rest
    return context | {
        "way": way,
        "goal": journey_sentences.goal(editor.definition, names),
        "what": what,
        "open": way.card(name),
        "open_name": name,
        "place": next((one.place for one in way.ways if f"{one.step}:{one.n}" == _place(rest)), ""),
        "place_at": _place(rest),
        "form": editor.open_form(),
        "kinds": journey_kinds.ADDABLE.items() if what == "add" else (),
        "kind": journey_kinds.ADDABLE.get(rest.rpartition(":")[2]) if what == "new" else None,
        "can_move": what == "step" and _can_move(editor, name),
        "has_branches": "percent" in editor.stored["steps"].get(name, {}),
        "places": _places(way, name) if what == "step" and _can_move(editor, name) else [],
        "keeps": _keeps(editor, name, names) if what == "remove" else [],
        "differences": differences(editor.saved, editor.stored)
        if editor.is_changed and editor.newest
        else [],
        "has_people": inside.moving + inside.staying > 0,
        "moving": journey_words.people(inside.moving),
        "staying": journey_words.people(inside.staying),
        "everyone": journey_words.people(inside.moving + inside.staying),
        "here": journey_words.people(_here(editor, name)) if what == "remove" else "",
    }


def _place(rest: str) -> str:
    return ":".join(rest.split(":")[:2])


def _can_move(editor: Editor, name: str) -> bool:
    return name in editor.stored["steps"] and len(editing.ways(editor.stored, name)) == 1


def _places(way: journey_words.Told, name: str) -> list[tuple[str, str]]:
    """Where a step may be moved to, in words."""
    return [(f"{one.step}:{one.n}", one.place) for one in way.ways if one.step != name]


def _here(editor: Editor, name: str) -> int:
    return sum(n for _version, step, n in counting.inside(editor.campaign) if step == name)


def _keeps(editor: Editor, name: str, names: Names) -> list[tuple[int, str, list[str]]]:
    """Of a step with branches: which may stay, and which steps go with the others."""
    if name not in editor.stored["steps"]:
        return []
    definition = editor.definition
    one = editor.stored["steps"][name]
    outcomes = [arrow.outcome for arrow in picture.drawn(definition).arrows if arrow.step == name]
    found = []
    for n, outcome in enumerate(outcomes if len(outcomes) > 1 else []):
        gone = editing.goes_too(editor.stored, name, keep=n)
        told = [journey_words.name_of(step, definition, names) for step in gone]
        found.append((n, journey_sentences.answer(one, outcome), told))
    return found


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What differs, in words. Three queries."""
    names = Names.of(old, new)
    return [journey_differences.difference(one, old, new, names) for one in comparing.between(old, new)]
