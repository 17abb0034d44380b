"""What differs between two versions of a journey."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from campaigns.journeys import picture, steps
from campaigns.journeys.definition import Definition

What = Literal["added", "removed", "changed", "led", "entry", "reentry", "goal", "start"]


@dataclass(frozen=True)
class Difference:
    """One thing that differs: a step (`name`), or a part of the journey itself. `led`: it leads elsewhere."""

    what: What
    name: str = ""


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """From an old version to a new one: of the journey first, then its steps in reading order."""
    found = [
        Difference(part) for part in ("entry", "reentry", "goal", "start") if old.get(part) != new.get(part)
    ]
    before, after = old["steps"], new["steps"]
    for name in picture.order_of(Definition.of(new)):
        if name not in before:
            found.append(Difference("added", name))
        elif before[name] != after[name]:
            found.append(Difference(_how(before[name], after[name]), name))
    gone = [name for name in picture.order_of(Definition.of(old)) if name not in after]
    return found + [Difference("removed", name) for name in gone]


def _how(before: Mapping[str, Any], after: Mapping[str, Any]) -> What:
    """Whether only where it leads differs."""
    same = before["kind"] == after["kind"] and _own(before) == _own(after)
    return (
        "led" if same and list(steps.ways(before).values()) != list(steps.ways(after).values()) else "changed"
    )


def _own(step: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in step.items() if name not in ("next", "otherwise", "percent")}
    if "percent" in step:
        found["percent"] = list(step["percent"].values())
    return found
