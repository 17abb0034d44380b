"""What differs between two versions of a journey, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from campaigns.admin.journeys.sentences import Names, again, calls, goal, note, step
from campaigns.journeys.definition import Definition
from campaigns.journeys.differences import Difference
from campaigns.journeys.steps import ways


def difference(
    one: Difference, old: Mapping[str, Any], new: Mapping[str, Any], names: Names
) -> tuple[str, str]:
    """What differs: (what kind of change, in words)."""
    match one.what:
        case "added":
            return _("put in"), step(new["steps"][one.name], names)
        case "removed":
            return _("gone"), step(old["steps"][one.name], names)
        case "led":
            return _("leads elsewhere"), _leads(new["steps"], one.name, names)
        case "changed":
            return _("altered"), _from_to(
                _full(old["steps"][one.name], names), _full(new["steps"][one.name], names)
            )
    before, after = Definition.of(old), Definition.of(new)
    match one.what:
        case "entry":
            return _("what calls"), _from_to(" ".join(calls(before, names)), " ".join(calls(after, names)))
        case "reentry":
            return _("again"), _from_to(again(before), again(after))
        case "goal":
            return _("the goal"), _from_to(goal(before, names), goal(after, names))
    first = new["steps"].get(new.get("start"))
    return _("begins with"), step(first, names) if first else _("nothing yet")


def _leads(steps: Mapping[str, Any], name: str, names: Names) -> str:
    """A step, and where it leads now."""
    told = [
        step(steps[to], names) if to is not None and to in steps else _("the end")
        for to in ways(steps[name]).values()
    ]
    return _from_to(step(steps[name], names), "; ".join(told))


def _from_to(before: str, after: str) -> str:
    return f"{before} → {after}"


def _full(one: Mapping[str, Any], names: Names) -> str:
    beside = note(one)
    return f"{step(one, names)}. {beside}" if beside else step(one, names)
