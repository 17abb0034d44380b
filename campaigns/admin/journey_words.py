"""What a journey's parts and numbers say, in words for people.

All its numbers hang together: who came by one step stands at another. So each is told in tens, to everybody (N1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.journeys import Problem, picture
from campaigns.journeys.calls import unless_of
from campaigns.journeys.definition import Definition
from campaigns.models import Decision, JourneyEntry
from customers import few

KINDS = {
    "message": gettext_noop("message"),
    "wait": gettext_noop("wait"),
    "wait_for": gettext_noop("wait for"),
    "split": gettext_noop("split"),
    "exit": gettext_noop("exit"),
}
OUTCOMES = {
    "planned": gettext_noop("planned"),
    "waited": gettext_noop("waited"),
    "nothing_to_wait_for": gettext_noop("nothing to wait for"),
    "happened": gettext_noop("it happened"),
    "timed_out": gettext_noop("it did not happen"),
    "yes": gettext_noop("yes"),
    "no": gettext_noop("no"),
    "capped": gettext_noop("too many messages"),
    "quiet_hours": gettext_noop("quiet hours"),
    "no_offer": gettext_noop("no offer fits"),
    "no_consent": gettext_noop("no consent"),
    "suppressed": gettext_noop("on the suppression list"),
    "no_address": gettext_noop("no address"),
    "their_choice": gettext_noop("paused, or left the topic"),
    "holdout": gettext_noop("in the global holdout"),
}
IF_NOT_SENT = {
    "go_on": gettext_noop("otherwise on"),
    "wait": gettext_noop("otherwise asked again"),
    "exit": gettext_noop("otherwise out"),
}


def outcome(name: str) -> str:
    """How a visit ended."""
    if name.startswith("to "):
        return f"→ {name[3:]}"
    labels = dict(JourneyEntry.Left.choices)
    return _(OUTCOMES[name]) if name in OUTCOMES else str(labels.get(name, name))


def left(why: Mapping[str, int]) -> list[tuple[str, str]]:
    labels = dict(JourneyEntry.Left.choices)
    return [(str(labels.get(name, name)), few.short(why[name])) for name in _most_first(why)]


def arms(counted: picture.Counted) -> list[tuple[str, str]]:
    """Who came in, by arm: how many were to travel, and who is only compared with them."""
    labels = dict(Decision.Arm.choices)
    return [
        (str(labels.get(name, name)), few.short(counted.arms[name])) for name in labels if counted.arms[name]
    ]


def _most_first(counts: Mapping[str, int]) -> list[str]:
    """Those of as many by what is told, by name: the order must not tell more than the numbers."""
    return sorted(counts, key=lambda name: (-(counts[name] // few.FEWEST_PEOPLE), name))


def by_step(problems: Sequence[Problem]) -> list[tuple[str, list[str]]]:
    """What must be mended, together by the step it stands at; what is of the whole journey first."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.step, []).append(problem.words)
    return sorted(found.items(), key=lambda pair: pair[0] != "")


def act(one: Mapping[str, Any]) -> str:
    """Something that a person does."""
    place = one.get("sku") or one.get("category")
    return f"{one['did']} ({place})" if place else str(one["did"])


def called(definition: Definition) -> list[str]:
    """What calls people in, whether again, and what it is for: three sentences."""
    entry = definition.entry
    match definition.calls.name:
        case "event":
            told = _("Comes in who did: %s") % act({**entry.get("where", {}), "did": entry["event"]})
            if times := entry.get("where", {}).get("times"):
                told += " " + _("at least %s times within a week") % times
            if unless := unless_of(entry):
                told += ", " + _("unless within hours: %s") % ", ".join(
                    f"{act(one)} ({one['within_hours']:g})" for one in unless
                )
        case "consented":
            told = _("Comes in who newly allows: %s") % entry["consented"]
        case "segment":
            told = _("Comes in whom the segment “%s” matches") % entry["segment"]
        case "score":
            told = _("Comes in whose score “%(score)s” is told as %(gte)s or more") % {
                "score": entry["score"],
                "gte": f"{entry['gte']:.0%}",
            }
        case "expected_order":
            told = (
                _("Comes in whose next order is expected within %s days")
                % entry["expected_order"]["days_before"]
            )
        case "price_drop":
            told = (
                _("Comes in who wanted what has become cheaper by %s %%")
                % f"{entry['price_drop']['percent']:g}"
            )
        case _:
            told = _("Comes in who wanted what can be had again")
    again = definition.again_after
    if again is None:
        second = _("Nobody comes in twice")
    elif again:
        second = _("Again after %s days at the soonest") % again.days
    else:
        second = _("Again whenever something calls, once they have left")
    goal = definition.goal
    third = _("It is for: %s. Whoever does it leaves") % act(goal) if goal else _("It has no goal")
    return [f"{told}.", f"{second}.", f"{third}."]


def step(one: Mapping[str, Any]) -> str:
    """What a step does, in a line."""
    match one["kind"]:
        case "message":
            policy: str = _(IF_NOT_SENT[one["if_not_sent"]])
            return f"{one['message']} · {policy}"
        case "wait":
            return _wait(one)
        case "wait_for":
            return _("%(act)s, %(hours)s hours at most") % {
                "act": act(one["event"]),
                "hours": f"{one['within_hours']:g}",
            }
        case "split" if "percent" in one:
            return " · ".join(f"{name} {share:g} %" for name, share in one["percent"].items())
        case "split":
            return str(one["rule"]).replace("'", "")
    return _("they leave here")


def _wait(one: Mapping[str, Any]) -> str:
    if "until_expected_order" in one:
        told: str = _("until %s days before the expected order") % one["until_expected_order"]["days_before"]
        return told
    parts = [_("%s days") % f"{one['days']:g}"] if "days" in one else []
    parts += [_("%s hours") % f"{one['hours']:g}"] if "hours" in one else []
    parts += [_("until %s, where they are") % one["until"]] if "until" in one else []
    return ", ".join(parts)


@dataclass(frozen=True)
class Box:
    """A step as it is drawn and listed."""

    name: str
    kind: str
    label: str
    told: str
    short: str
    x: int
    y: int
    waiting: str
    passed: str
    outcomes: list[tuple[str, str]]
    left: list[tuple[str, str]]
    link: str

    @property
    def is_end(self) -> bool:
        return not self.name


def boxes(definition: Definition, counted: picture.Counted, *, people: str) -> list[Box]:
    found = []
    for box in picture.drawn(definition).boxes:
        one = definition.steps.get(box.name)
        figures = counted.steps.get(box.name, picture.Figures())
        told = step(one) if one else ""
        found.append(
            Box(
                box.name,
                one["kind"] if one else "end",
                _(KINDS[one["kind"]]) if one else _("the end"),
                told,
                told if len(told) <= 32 else f"{told[:31]}…",
                box.x,
                box.y,
                few.short(figures.waiting),
                few.short(figures.passed),
                [
                    (outcome(name), few.short(figures.outcomes[name]))
                    for name in _most_first(figures.outcomes)
                ],
                left(figures.left),
                f"{people}&step__exact={box.name}&state__exact=waiting",
            )
        )
    return found


def arrows(definition: Definition) -> list[tuple[picture.Arrow, str]]:
    """Each arrow with its words: by which answer people go there."""
    found = []
    shares = {
        f"to {name}": f"{share:g} %"
        for one in definition.steps.values()
        for name, share in one.get("percent", {}).items()
    }
    for arrow in picture.drawn(definition).arrows:
        told = shares.get(arrow.outcome, "") if arrow.outcome.startswith("to ") else outcome(arrow.outcome)
        found.append((arrow, told))
    return found
