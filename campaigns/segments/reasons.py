"""Why people are in or out: each line of a rule with whether it holds of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, Value, When

from campaigns.segments import withheld
from campaigns.segments.audience import places_of
from campaigns.segments.reading import Reading
from campaigns.segments.rules import compiled
from campaigns.segments.words import group_of
from customers import consent
from customers.models import Customer

Met = dict[str, bool | None]


@dataclass(frozen=True)
class Verdict:
    """One person against one rule."""

    is_in: bool
    met: Met = field(repr=False)
    """By path, groups too; None where behaviour may not be asked about."""
    is_silent: bool = False
    """The rule asks for behaviour, and this person does not allow its use: out, whatever they did."""


def verdicts(rule: Any, customer_ids: Collection[int], *, at: datetime) -> dict[int, Verdict]:
    """Every line of the rule (JSON or a segment) for each of these people who are still here. Raises InvalidRule.

    One query for all of them and all lines, as cheap as what they did; and one for each segment that it names.
    """
    rule, places = places_of(rule, "")
    whole = Reading(at=at, ids=customer_ids, places=places)
    compiled(rule, whole)
    withheld.refuse(whole)
    parts = list(leaves(rule))
    asked: dict[str, Any] = {}
    needs: dict[str, bool] = {}
    for n, (path, leaf) in enumerate(parts):
        reading = Reading(at=at, ids=customer_ids, places=places)
        asked[f"leaf_{n}"] = Case(
            When(compiled(leaf, reading, path=path), then=Value(True)), default=Value(False)
        )
        needs[path] = reading.needs_behaviour
    allowed = Case(When(consent.may("personalization"), then=Value(True)), default=Value(False))
    people = Customer.objects.present().filter(pk__in=customer_ids).annotate(is_allowed=allowed, **asked)
    found = {}
    for row in people.values("pk", "is_allowed", *asked):
        met: Met = {
            path: None if needs[path] and not row["is_allowed"] else row[f"leaf_{n}"]
            for n, (path, _leaf) in enumerate(parts)
        }
        holds = _hold(rule, "$", met)
        is_silent = whole.needs_behaviour and not row["is_allowed"]
        found[row["pk"]] = Verdict(bool(holds) and not is_silent, met, is_silent)
    return found


def leaves(rule: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    """(path, condition) of each condition of a rule that compiles."""
    if (group := group_of(rule)) is not None:
        for i, part in enumerate(group[1]):
            yield from leaves(part, f"{path}.{group[0]}[{i}]")
    elif "not" in rule:
        yield from leaves(rule["not"], f"{path}.not")
    else:
        yield path, rule


def _hold(rule: Any, path: str, met: Met) -> bool | None:
    """Whether the part holds, groups from what is inside; noted by path. None: it hangs on what may not be asked."""
    if (group := group_of(rule)) is not None:
        name, parts = group
        inner = [_hold(part, f"{path}.{name}[{i}]", met) for i, part in enumerate(parts)]
        decisive = name == "any"
        met[path] = decisive if decisive in inner else None if None in inner else not decisive
    elif "not" in rule:
        inside = _hold(rule["not"], f"{path}.not", met)
        met[path] = None if inside is None else not inside
    return met[path]
