"""What a journey is made of, read from its JSON; and every problem of it, named at its step, before it is published."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from django.utils.translation import gettext as _

from campaigns import messages
from campaigns.journeys import calls, steps
from campaigns.models import Message

MOST_STEPS = 50
STEP_NAME = re.compile(r"[a-z0-9_-]{1,40}\Z")
REENTRY = re.compile(r"never\Z|always\Z|after_days:([1-9]\d{0,3})\Z")
PARTS = ("entry", "reentry", "goal", "steps", "start")


@dataclass(frozen=True)
class Problem:
    """What must be mended, and at which step; an empty step is the journey itself."""

    step: str
    words: str

    def __str__(self) -> str:
        return _("Step “%(step)s”: %(words)s") % vars(self) if self.step else self.words


class NotSound(Exception):
    """The journey cannot be published. `problems` names everything that must be mended."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Definition:
    """A journey that has been checked."""

    entry: Mapping[str, Any]
    reentry: str
    goal: Mapping[str, Any] | None
    start: str
    """Empty only where it has no steps yet."""
    steps: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            stored["entry"], stored["reentry"], stored.get("goal"), stored.get("start") or "", stored["steps"]
        )

    @property
    def calls(self) -> calls.Kind:
        return calls.kind_of(self.entry)

    @property
    def again_after(self) -> timedelta | None:
        """How long after entering one may enter again; None is never."""
        if self.reentry == "never":
            return None
        found = REENTRY.match(self.reentry)
        return timedelta(days=int(found[1])) if found and found[1] else timedelta(0)

    def purposes(self, channel_purpose: str) -> tuple[str, ...]:
        """What a person must allow to be in it: what the channel needs, and the use of what they did if that called."""
        return (channel_purpose, "personalization") if self.calls.is_behaviour else (channel_purpose,)


def check(stored: Any, *, channel: str) -> list[Problem]:
    """Everything that keeps this from being published; empty when it is sound. Four queries at most."""
    found = shape(stored)
    inside = stored.get("steps") if isinstance(stored, dict) else None
    if channel not in ("email", "webhook"):
        found.append(Problem("", _("A journey writes by e-mail or webhook.")))
    if not isinstance(inside, dict):
        return found
    if not inside:
        return [*found, Problem("", _("It has no steps."))]
    if len(inside) > MOST_STEPS:
        found.append(Problem("", _("It has more than %s steps; split it in two.") % MOST_STEPS))
    if not any(True for name, step in inside.items() for _wrong in steps.problems(step)):
        found += [*_circles(inside), *_messages(inside, channel)]
    return found


def shape(stored: Any) -> list[Problem]:
    """What keeps this from being read and drawn at all: of a journey without steps nothing does. A query at most."""
    if not isinstance(stored, dict):
        return [Problem("", _("A journey is an object with entry, reentry, goal, steps and start."))]
    found = [Problem("", _("It does not understand “%s”.") % name) for name in stored if name not in PARTS]
    found += [Problem("", words) for words in calls.problems(stored.get("entry"))]
    if not isinstance(stored.get("reentry"), str) or not REENTRY.match(stored["reentry"]):
        found.append(Problem("", _("reentry is “never”, “always” or “after_days:30”.")))
    if stored.get("goal") is not None:
        found += [Problem("", _("goal: %s") % words) for words in steps.act_problems(stored["goal"])]
    inside = stored.get("steps")
    if not isinstance(inside, dict):
        return [*found, Problem("", _("It has no steps."))]
    sound = True
    for name, step in inside.items():
        if not STEP_NAME.match(name):
            found.append(Problem(name[:40], _("A step is named by letters a to z, digits, - and _.")))
        wrong = [Problem(name, words) for words in steps.problems(step)]
        sound = sound and not wrong
        found += wrong
    if (inside or stored.get("start") is not None) and str(stored.get("start")) not in inside:
        found.append(Problem("", _("start names no step.")))
    if sound:
        found += _ways(stored, inside)
    return found


def _ways(stored: Mapping[str, Any], inside: Mapping[str, Any]) -> Iterator[Problem]:
    """Steps that lead nowhere, and that nothing leads to."""
    ways = _targets(inside)
    for name, targets in ways.items():
        for to in targets:
            if to not in inside:
                yield Problem(name, _("It leads to “%s”, and there is no such step.") % to)
    reached: set[str] = set()
    ahead = [str(stored.get("start"))]
    while ahead:
        name = ahead.pop()
        if name in inside and name not in reached:
            reached.add(name)
            ahead += ways[name]
    for name in inside:
        if name not in reached:
            yield Problem(name, _("Nothing leads here."))


def _targets(inside: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: [to for to in steps.ways(step).values() if to is not None] for name, step in inside.items()}


def _circles(inside: Mapping[str, Any]) -> Iterator[Problem]:
    """Circles in which nobody ever waits."""
    passing = {name: to for name, to in _targets(inside).items() if not steps.rests(inside[name])}
    for name in inside:
        if _leads_back(name, passing):
            yield Problem(name, _("It stands in a circle without a wait: nobody would ever rest."))


def _leads_back(name: str, ways: Mapping[str, Sequence[str]]) -> bool:
    seen: set[str] = set()
    ahead = list(ways.get(name, ()))
    while ahead:
        at = ahead.pop()
        if at == name:
            return True
        if at not in seen:
            seen.add(at)
            ahead += ways.get(at, ())
    return False


def _messages(inside: Mapping[str, Any], channel: str) -> Iterator[Problem]:
    wanted = {name: step["message"] for name, step in inside.items() if step["kind"] == "message"}
    rows = {row.slug: row for row in Message.objects.filter(slug__in=set(wanted.values()))}
    for name, slug in wanted.items():
        if slug not in rows:
            yield Problem(name, _("There is no message “%s”.") % slug)
        elif channel == "email":
            for wrong in messages.check(rows[slug]):
                yield Problem(name, f"{slug}: {wrong}")
    if not wanted:
        yield Problem("", _("It has no message."))
