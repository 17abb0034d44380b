"""A rule asked: who matches, and why."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import orjson
from django.db.models import BigIntegerField, DateTimeField

from campaigns.models import Segment
from campaigns.segments import withheld
from campaigns.segments.reading import Reading
from campaigns.segments.rules import compiled, read
from catalog.questions import Given, Questions, Rows
from customers import consent
from customers.models import Customer
from customers.models.customer import CustomerQuerySet


def matching(
    rule: Any,
    *,
    at: datetime,
    span: tuple[int, int] | None = None,
    ids: Collection[int] | None = None,
    where: str = "",
    declared: withheld.Declared | None = None,
) -> CustomerQuerySet:
    """Everyone the rule matches now, as one query. Raises InvalidRule; Withheld where it asks for a sensitive
    attribute that is not approved in its place: a rule that names attributes costs a short query more.

    rule : JSON, or a segment that is kept · where : whose the JSON is, such as `offer:slug`
    span : only customers with first < id ≤ last; the query then costs as much as these people did, whatever the rest.
    ids : only these customers, with the same promise.
    declared : what it rests on beside people, where that was asked before; no query then.

    A rule that asks for behaviour, or for what is inferred from it, sees only people who allow personalization:
    nobody is chosen, nor left out by a "not", for what they did without their leave.
    """
    rule, places = places_of(rule, where)
    reading = Reading(at=at, span=span, ids=ids, places=places, declared=declared)
    people = _people(rule, reading)
    withheld.refuse(reading, declared)
    return people


def places_of(rule: Any, where: str) -> tuple[Any, tuple[str, ...]]:
    """The rule itself (JSON or of a segment), and whose it is."""
    if isinstance(rule, Segment):
        return rule.rule, (f"segment:{rule.slug}",)
    return rule, (where,) if where else ()


def _people(rule: Any, reading: Reading) -> CustomerQuerySet:
    condition = compiled(rule, reading)
    people: CustomerQuerySet = (
        consent.permitted("personalization") if reading.needs_behaviour else Customer.objects.present()
    )
    return reading.among(people, "pk").filter(condition)


# --- one person, in a hurry --------------------------------------------------------------------------------------------

CHANGING = ("segment", "affinity")
"""What these conditions say rests on more than the rule: they are put into words each time anew."""


@lru_cache(maxsize=500)
def _read(rule: str) -> Reading:
    return read(orjson.loads(rule))


def _one(rule: str, person: Given, at: Given) -> Rows:
    # Places for both: no condition looks at the moment itself, it only stands in the words, less a span.
    reading = Reading(at=cast(datetime, at), ids=cast(Collection[int], person))
    return _people(orjson.loads(rule), reading).values_list("pk", flat=True)


_ONE = Questions(_one, person=BigIntegerField(), at=DateTimeField())


def matching_one(
    rule: Any,
    customer_id: int,
    *,
    at: datetime,
    where: str = "",
    declared: withheld.Declared | None = None,
) -> Rows:
    """The person's id if the rule matches them, as `matching` does, in words that are kept."""
    inner, places = places_of(rule, where)
    text = orjson.dumps(inner, option=orjson.OPT_SORT_KEYS).decode()
    if any(f'"{name}":' in text for name in CHANGING):
        people = matching(rule, at=at, ids=[customer_id], where=where, declared=declared)
        return people.values_list("pk", flat=True)
    asked = [replace(one, places=places) for one in _read(text).asked]
    withheld.refuse(Reading(at=at, places=places, asked=asked), declared)
    return _ONE(text, person=customer_id, at=at)


def matches(rule: Any, customer_id: int, *, at: datetime) -> bool:
    """Whether the rule matches this person. One query, over what this person did. Raises InvalidRule."""
    return matching(rule, at=at, span=(customer_id - 1, customer_id)).exists()


def explain(rule: Any, customer_id: int, *, at: datetime, path: str = "$") -> list[dict[str, Any]]:
    """Each condition of the rule (JSON) with whether this person meets it. One query a condition."""
    inner: list[dict[str, Any]] = []
    for group in ("all", "any"):
        if isinstance(rule, dict) and group in rule:
            for i, part in enumerate(rule[group]):
                inner += explain(part, customer_id, at=at, path=f"{path}.{group}[{i}]")
            return inner
    if isinstance(rule, dict) and "not" in rule:
        return explain(rule["not"], customer_id, at=at, path=f"{path}.not")
    return [{"path": path, "condition": rule, "met": matches(rule, customer_id, at=at)}]
