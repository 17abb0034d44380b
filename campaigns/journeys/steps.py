"""The kinds of step: what each understands, and where it leads."""

from collections.abc import Callable, Iterator, Mapping
from datetime import time
from typing import Any

from django.utils.translation import gettext as _

from campaigns import segments
from customers.events import TYPES

IF_NOT_SENT = ("go_on", "wait", "exit")
# How long a message that may not go yet is asked for again, hourly, where the step does not say.
WAIT_HOURS = 48
MOST_HOURS, MOST_DAYS = 24 * 365, 365
FIELDS: Mapping[str, tuple[str, ...]] = {
    "message": ("message", "if_not_sent", "wait_hours", "next"),
    "wait": ("hours", "days", "until", "weekdays", "until_expected_order", "next"),
    "wait_for": ("event", "within_hours", "next", "otherwise"),
    "split": ("rule", "percent", "next", "otherwise"),
    "exit": (),
}


def ways(step: Mapping[str, Any]) -> dict[str, str | None]:
    """Where a step leads, by the outcome that a visit notes; None is the end."""
    match step["kind"]:
        case "message" | "wait":
            return {"": step["next"]}
        case "wait_for":
            return {"happened": step["next"], "timed_out": step["otherwise"]}
        case "split" if "percent" in step:
            return {f"to {name}": name for name in step["percent"]}
        case "split":
            return {"yes": step["next"], "no": step["otherwise"]}
    return {}


def rests(step: Mapping[str, Any]) -> bool:
    """Whether everyone who comes by stays a while. A wait for a date that may be past does not."""
    return step["kind"] == "wait_for" or (step["kind"] == "wait" and "until_expected_order" not in step)


def problems(step: Any) -> Iterator[str]:
    """What is wrong with one step by itself."""
    if not isinstance(step, dict) or str(step.get("kind")) not in FIELDS:
        yield _("kind is one of %s.") % ", ".join(FIELDS)
        return
    kind = step["kind"]
    for name in sorted(set(step) - {"kind", *FIELDS[kind]}):
        yield _("It does not understand “%s”.") % name
    needed = {"message": ("next",), "wait": ("next",), "wait_for": ("next", "otherwise")}.get(kind, ())
    if kind == "split" and "percent" not in step:
        needed = ("next", "otherwise")
    for name in needed:
        if name not in step:
            yield _("“%s” is missing: name a step, or null for the end.") % name
        elif step[name] is not None and not isinstance(step[name], str):
            yield _("“%s” names a step, or is null for the end.") % name
    yield from _OWN[kind](step)


def _message(step: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(step.get("message"), str):
        yield _("“message” names a message.")
    if step.get("if_not_sent") not in IF_NOT_SENT:
        yield _("if_not_sent says what happens where it may not go: %s.") % ", ".join(IF_NOT_SENT)
    if "wait_hours" in step:
        yield from _amount(step, "wait_hours", MOST_HOURS)


def _wait(step: Mapping[str, Any]) -> Iterator[str]:
    if not {"hours", "days", "until", "until_expected_order"} & set(step):
        yield _("A wait needs hours, days, until or until_expected_order.")
    for name, most in (("hours", MOST_HOURS), ("days", MOST_DAYS)):
        if name in step:
            yield from _amount(step, name, most)
    if "until" in step and clock(step["until"]) is None:
        yield _("until is an hour such as “09:00”.")
    if "weekdays" in step:
        days = step["weekdays"]
        if "until" not in step:
            yield _("weekdays need until, the hour on such a day.")
        if (
            not isinstance(days, list)
            or not days
            or any(type(day) is not int or not 0 <= day <= 6 for day in days)
        ):
            yield _("weekdays is a list of 0 (Monday) to 6 (Sunday).")
    if "until_expected_order" in step:
        inner = step["until_expected_order"]
        if set(step) & {"hours", "days", "until", "weekdays"}:
            yield _("until_expected_order stands alone.")
        if not isinstance(inner, dict) or set(inner) != {"days_before"}:
            yield _("until_expected_order is {“days_before”: 3}.")
        else:
            yield from _amount(inner, "days_before", MOST_DAYS, or_nought=True)


def _wait_for(step: Mapping[str, Any]) -> Iterator[str]:
    yield from (_("event: %s") % words for words in act_problems(step.get("event")))
    yield from _amount(step, "within_hours", MOST_HOURS)


def _split(step: Mapping[str, Any]) -> Iterator[str]:
    if ("rule" in step) == ("percent" in step):
        yield _("A split needs either a rule or percent.")
    elif "rule" in step:
        try:
            segments.check(step["rule"])
        except segments.InvalidRule as invalid:
            yield _("rule %s") % invalid
    else:
        parts = step["percent"]
        if (
            not isinstance(parts, dict)
            or not parts
            or not all(_is_number(part) and part > 0 for part in parts.values())
        ):
            yield _("percent gives each next step its share, such as {“a”: 50, “b”: 50}.")
        elif abs(sum(parts.values()) - 100) > 1e-9:
            yield _("The shares add up to %s, not to 100.") % f"{sum(parts.values()):g}"
        if isinstance(parts, dict) and any(len(name) > 17 for name in parts):
            yield _("A step that chance leads to has a name of at most 17 letters.")


_OWN: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "message": _message,
    "wait": _wait,
    "wait_for": _wait_for,
    "split": _split,
    "exit": lambda step: iter(()),
}


def act_problems(act: Any) -> Iterator[str]:
    """Of something a person did: {"did": "ordered", "sku": "…", "category": "…"}, the last two as one likes."""
    if not isinstance(act, dict) or set(act) - {"did", "sku", "category"} or str(act.get("did")) not in TYPES:
        yield _("It is such as {“did”: “ordered”}, with sku or category; did is one of %s.") % ", ".join(
            sorted(TYPES)
        )
        return
    if not all(isinstance(act.get(name, ""), str) for name in ("sku", "category")):
        yield _("sku and category are texts.")


def clock(value: Any) -> time | None:
    """The hour and minute that “09:00” names; None where it names none."""
    try:
        found = time.fromisoformat(value) if isinstance(value, str) and len(value) == 5 else None
    except ValueError:
        return None
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _amount(step: Mapping[str, Any], name: str, most: float, *, or_nought: bool = False) -> Iterator[str]:
    value = step.get(name)
    if not _is_number(value) or not 0 <= float(str(value)) <= most or (value == 0 and not or_nought):
        yield _("“%(name)s” is a number of at most %(most)s.") % {"name": name, "most": most}
