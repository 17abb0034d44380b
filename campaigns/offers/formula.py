"""A placement's formula: numbers of an offer and a person, put together by a small arithmetic in JSON.

[{"when": a segment rule or null, "value": an expression}, …]: of each person the first line that matches counts.
An expression is a number, {"priority": 2} (a name times a number) or {"plus"|"times"|"least"|"most": [a, b, …]},
{"minus"|"divided": [a, b]}.
"""

import json
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from campaigns import segments
from campaigns.offers.candidates import Floats, Page
from campaigns.offers.facts import Facts
from campaigns.segments import InvalidRule

NAMES = ("priority", "fit", "generosity", "benefit", "works")
MOST_BYTES = 8192
MOST_LINES = 10
MOST_DEPTH = 8
MOST_PARTS = 100


class InvalidFormula(InvalidRule):
    """The formula cannot be read. `path` is where, the message what to do."""


def _divided(a: Floats, b: Floats) -> Floats:
    """Nought where the divisor is nought, so that no offer wins by it."""
    found: Floats = np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b != 0)
    return found


OPERATIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "plus": np.add,
    "times": np.multiply,
    "minus": np.subtract,
    "divided": _divided,
    "least": np.minimum,
    "most": np.maximum,
}
_OF_TWO = ("minus", "divided")


def check(formula: Any, *, where: str = "") -> None:
    """Raise InvalidFormula unless the formula can be worked out. where : whose it is, as `placement:slug`."""
    if not isinstance(formula, list) or not formula:
        raise InvalidFormula("$", _('a formula is a list such as [{"when": null, "value": {"fit": 1}}]'))
    if len(formula) > MOST_LINES or len(json.dumps(formula)) > MOST_BYTES:
        raise InvalidFormula(
            "$",
            _("has at most %(lines)s lines and %(characters)s characters"),
            lines=MOST_LINES,
            characters=f"{MOST_BYTES:,}",
        )
    for n, line in enumerate(formula):
        path = f"$[{n}]"
        if not isinstance(line, dict) or set(line) - {"when", "value"} or "value" not in line:
            raise InvalidFormula(path, _('a line has "value" and perhaps "when"'))
        if (rule := line.get("when")) is not None:
            try:
                segments.check(rule, where=where)
            except InvalidRule as error:
                raise InvalidFormula(f"{path}.when{error.path[1:]}", error.text, **error.told) from error
        _check(line["value"], f"{path}.value", [0])
    if formula[-1].get("when") is not None:
        raise InvalidFormula(
            f"$[{len(formula) - 1}]", _('the last line is for everybody else: leave out its "when"')
        )


def _check(part: Any, path: str, seen: list[int], depth: int = 0) -> None:
    seen[0] += 1
    if depth > MOST_DEPTH or seen[0] > MOST_PARTS:
        raise InvalidFormula(
            path, _("at most %(parts)s parts, %(depth)s in one another"), parts=MOST_PARTS, depth=MOST_DEPTH
        )
    if _is_number(part):
        return
    if not isinstance(part, dict) or len(part) != 1:
        raise InvalidFormula(path, _('needs a number, a name such as {"fit": 1}, or {"times": [a, b]}'))
    ((name, inner),) = part.items()
    if name in NAMES:
        if not _is_number(inner):
            raise InvalidFormula(f"{path}.{name}", _("is multiplied by a number"))
    elif name in OPERATIONS:
        if not isinstance(inner, list) or len(inner) < 2 or (name in _OF_TWO and len(inner) > 2):
            raise InvalidFormula(
                f"{path}.{name}", _("needs two parts") if name in _OF_TWO else _("needs two parts or more")
            )
        for n, one in enumerate(inner):
            _check(one, f"{path}.{name}[{n}]", seen, depth + 1)
    else:
        known = ", ".join((*NAMES, *OPERATIONS))
        raise InvalidFormula(
            path, _("does not know “%(name)s”; use one of %(names)s"), name=name, names=known
        )


def _is_number(part: Any) -> bool:
    return isinstance(part, int | float) and not isinstance(part, bool) and abs(part) <= 1e9


def worked_out(formula: Any, page: Page, works: Floats, facts: Facts, *, where: str = "") -> Floats:
    """(n_people, n_offers) the value of each offer for each person. Asks of `facts` whom a line with a "when" is for.

    works : (n_offers,) the share of people each offer worked for until now · where : as for `check`. Raises InvalidRule.
    """
    known = {
        "priority": np.array([float(offer.priority) for offer in page.offers]),
        "fit": page.fit,
        "generosity": page.generosity,
        "benefit": page.benefit,
        "works": works,
    }
    with np.errstate(over="ignore", invalid="ignore"):
        found = _by_lines(formula, page, known, facts, where)
    # What grew beyond all numbers is still a number, so that it can be compared and kept.
    return np.nan_to_num(found, nan=0.0, posinf=1e300, neginf=-1e300)


def _by_lines(formula: Any, page: Page, known: Mapping[str, Floats], facts: Facts, where: str) -> Floats:
    found = np.zeros(page.fit.shape)
    open_ = np.ones(len(page.people), dtype=bool)
    for line in formula:
        mine = open_.copy()
        if line.get("when") is not None:
            if not open_.any():
                break
            matched = facts.matching(line["when"], where)
            mine &= np.array([pk in matched for pk in page.people])
        value = np.broadcast_to(_value(line["value"], known), found.shape)
        found[mine] = value[mine]
        open_ &= ~mine
    return found


def _value(part: Any, known: Mapping[str, Floats]) -> Floats:
    if isinstance(part, int | float):
        return np.asarray(float(part))
    ((name, inner),) = part.items()
    if name in known:
        return known[name] * float(inner)
    return reduce(OPERATIONS[name], (_value(one, known) for one in inner))
