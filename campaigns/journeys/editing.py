"""Changing a journey a step at a time. Each change answers a new definition; what was given stays as it is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from campaigns.journeys import picture, steps
from campaigns.journeys.definition import Definition

Stored = dict[str, Any]
# A way: the step that it leaves, and which of its ways. What calls has one.
Place = tuple[str, int]
# So long a name fits wherever chance leads to it.
LONGEST_NAME = 17
START: Mapping[str, Any] = {
    "entry": {"event": "added", "unless": [{"did": "ordered", "within_hours": 4}]},
    "reentry": "after_days:7",
    "goal": {"did": "ordered"},
    "start": None,
    "steps": {},
}


class CannotEdit(Exception):
    """The change cannot be made; the message says what to do instead."""


def begun() -> Stored:
    """A journey to begin with, which has no steps yet."""
    return _copy(START)


def ways(stored: Mapping[str, Any], name: str) -> list[str | None]:
    """Where a step, or what calls, leads."""
    if name == picture.ENTRY:
        return [stored["start"]]
    return list(steps.ways(stored["steps"][name]).values())


def places(stored: Mapping[str, Any]) -> list[Place]:
    """Every way, in reading order: each is a place for a step."""
    return [(arrow.step, arrow.n) for arrow in picture.drawn(Definition.of(stored)).arrows]


def free_name(stored: Mapping[str, Any], like: str) -> str:
    """A name that no step has yet: wait, wait-2, wait-3 …"""
    stem = like[: LONGEST_NAME - 3]
    name, n = stem, 1
    while name in stored["steps"]:
        n += 1
        name = f"{stem}-{n}"
    return name


def added(
    stored: Mapping[str, Any], place: Place, step: Mapping[str, Any], *, like: str
) -> tuple[Stored, str]:
    """A step put where the way `place` is; whatever its ways, they lead on to where that led. Answers its name too."""
    found, name = _copy(stored), free_name(stored, like)
    after = ways(found, place[0])[place[1]]
    found["steps"][name] = _leading({**step}, after)
    _lead(found, place, name)
    if len(_reached(found)) < len(found["steps"]):
        raise CannotEdit(
            _("What comes after would be cut off. Put it where a way ends, or remove those steps first.")
        )
    return found, name


def added_by_chance(
    stored: Mapping[str, Any], place: Place, branches: Sequence[tuple[float, Mapping[str, Any] | None]]
) -> tuple[Stored, str]:
    """A split by chance: each branch with its share and its first step, None for one that goes straight on."""
    found, name = _copy(stored), free_name(stored, "split")
    after = ways(found, place[0])[place[1]]
    found["steps"][name] = {"kind": "split", "percent": {}}
    _lead(found, place, name)
    for share, step in branches:
        _branch(found, name, share, step, after)
    return found, name


def with_branch(stored: Mapping[str, Any], name: str, share: float, step: Mapping[str, Any]) -> Stored:
    """One branch more of a split by chance; its share comes off the largest. It goes on to where the first does."""
    found = _copy(stored)
    percent = found["steps"][name]["percent"]
    largest = max(percent, key=lambda to: percent[to])
    if percent[largest] <= share:
        raise CannotEdit(_("The shares are too small for one branch more."))
    percent[largest] -= share
    after = ways(found, next(iter(percent)))
    _branch(found, name, share, step, after[0] if after else None)
    return found


def changed(stored: Mapping[str, Any], name: str, step: Mapping[str, Any]) -> Stored:
    """A step with other fields; the steps that nothing leads to then go with it."""
    found = _copy(stored)
    found["steps"][name] = _copy(step)
    return _pruned(found)


def removed(stored: Mapping[str, Any], name: str, *, keep: int = 0) -> Stored:
    """Without a step: what led to it leads where its way `keep` did. What only its other ways led to goes too."""
    found = _copy(stored)
    targets = ways(found, name)
    after = targets[keep] if targets else None
    for place in _leading_to(found, name):
        _lead(found, place, after if after != name else None)
    del found["steps"][name]
    return _pruned(found)


def duplicated(stored: Mapping[str, Any], name: str) -> tuple[Stored, str]:
    """The same step once more, right after it."""
    targets = ways(stored, name)
    if not targets:
        raise CannotEdit(_("Nobody goes on from here, so nothing can follow."))
    found, twin = _copy(stored), free_name(stored, name.rstrip("0123456789").rstrip("-") or name)
    found["steps"][twin] = _copy(stored["steps"][name])
    _lead(found, (name, 0), twin)
    return _pruned(found), twin


def moved(stored: Mapping[str, Any], name: str, place: Place) -> Stored:
    """A step with one way, put into another place."""
    if len(ways(stored, name)) != 1:
        raise CannotEdit(_("A step with branches stays where it is; move the steps around it."))
    if place[0] == name or _leading_to(stored, name) == [place]:
        return _copy(stored)
    found = removed(stored, name)
    step = _leading(_copy(stored["steps"][name]), ways(found, place[0])[place[1]])
    found["steps"][name] = step
    _lead(found, place, name)
    return found


def moved_up(stored: Mapping[str, Any], name: str) -> Stored:
    """Before the step that leads to it."""
    before = _leading_to(stored, name)[0][0]
    if before == picture.ENTRY:
        raise CannotEdit(_("It is the first step already."))
    if len(ways(stored, name)) != 1:
        raise CannotEdit(_("A step with branches stays where it is; move the steps around it."))
    found = removed(stored, name)
    found["steps"][name] = _leading(_copy(stored["steps"][name]), before)
    for place in _leading_to(found, before):
        if place[0] != name:
            _lead(found, place, name)
    return found


def moved_down(stored: Mapping[str, Any], name: str) -> Stored:
    """After the step that it leads to: into the first branch, where that has several."""
    after = ways(stored, name)[0] if ways(stored, name) else None
    if after is None or not ways(stored, after):
        raise CannotEdit(_("It is the last step already."))
    return moved(stored, name, (after, 0))


def goes_too(stored: Mapping[str, Any], name: str, *, keep: int) -> list[str]:
    """Which other steps go when a step is removed and its way `keep` stays."""
    left = removed(stored, name, keep=keep)["steps"]
    return [one for one in stored["steps"] if one not in left and one != name]


# --- the ways ------------------------------------------------------------------------------------------------------


def _lead(stored: Stored, place: Place, to: str | None) -> None:
    """Let a way lead elsewhere."""
    name, n = place
    if name == picture.ENTRY:
        stored["start"] = to
        return
    step = stored["steps"][name]
    if "percent" in step:
        parts = list(step["percent"].items())
        if to is None or any(to == other for at, (other, _share) in enumerate(parts) if at != n):
            raise CannotEdit(
                _("Each branch of a split by chance needs a step of its own. Put another one there first.")
            )
        parts[n] = (to, parts[n][1])
        step["percent"] = dict(parts)
        return
    step["next" if n == 0 else "otherwise"] = to


def _leading(step: dict[str, Any], to: str | None) -> dict[str, Any]:
    """The step with all its ways leading there."""
    for field in ("next", "otherwise"):
        if field in steps.FIELDS[step["kind"]] and (field == "next" or step["kind"] in ("wait_for", "split")):
            step[field] = to
    return step


def _branch(
    stored: Stored, name: str, share: float, step: Mapping[str, Any] | None, after: str | None
) -> None:
    percent = stored["steps"][name]["percent"]
    if step is None and after is not None and after not in percent:
        percent[after] = share
        return
    if step is None and after is not None:
        raise CannotEdit(
            _("Each branch of a split by chance needs a step of its own. Put another one there first.")
        )
    # Chance cannot lead to the end itself.
    first = {"kind": "exit"} if step is None else _leading({**step}, after)
    own = free_name(stored, "out" if step is None else str(first["kind"]))
    stored["steps"][own] = first
    percent[own] = share


def _leading_to(stored: Mapping[str, Any], name: str) -> list[Place]:
    everything = [picture.ENTRY, *stored["steps"]]
    return [(one, n) for one in everything for n, to in enumerate(ways(stored, one)) if to == name]


def _reached(stored: Mapping[str, Any]) -> set[str]:
    return set(_walk(stored))


def _walk(stored: Mapping[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    ahead = [stored["start"]]
    while ahead:
        name = ahead.pop()
        if name is not None and name not in seen and name in stored["steps"]:
            seen.add(name)
            yield name
            ahead += ways(stored, name)


def _pruned(stored: Stored) -> Stored:
    reached = _reached(stored)
    stored["steps"] = {name: step for name, step in stored["steps"].items() if name in reached}
    return stored


def _copy(stored: Mapping[str, Any]) -> Stored:
    found: Stored = json.loads(json.dumps(stored))
    return found
