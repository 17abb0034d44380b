"""A rule asked: who matches, why, and how many could be reached."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, reduce
from operator import or_
from typing import Any, cast

import orjson
from django.db.models import BigIntegerField, Count, DateTimeField, OuterRef, Q, Subquery

from campaigns.models import Campaign, Segment
from campaigns.reach import PURPOSE_OF_CHANNEL
from campaigns.segments import withheld
from campaigns.segments.reading import Reading
from campaigns.segments.rules import compiled, read
from catalog.questions import Given, Questions, Rows
from customers import consent
from customers.models import Customer, Suppression
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
    declared : what is sensitive, where it was asked before; no query then, but for a segment inside or an affinity.

    A rule that asks for behaviour, or for what is inferred from it, sees only people who allow personalization:
    nobody is chosen, nor left out by a "not", for what they did without their leave.
    """
    rule, places = _places(rule, where)
    reading = Reading(at=at, span=span, ids=ids, places=places)
    people = _people(rule, reading)
    withheld.refuse(reading, declared)
    return people


def _places(rule: Any, where: str) -> tuple[Any, tuple[str, ...]]:
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
    inner, places = _places(rule, where)
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


def waterfall(*rules: Any, channel: str, at: datetime) -> dict[str, Any]:
    """How many match any of the rules (JSON or segments), each person once, and could be reached by the channel. Three queries.

    The rows add up: {"matched", "no_consent": {purpose: n}, "suppressed": {reason: n}, "no_address", "sendable"}
    """
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(channel)]
    people = reduce(or_, [matching(rule, at=at) for rule in rules])
    allowed = people.filter(consent.may(purpose))
    matched, permitted = (
        people.count(),
        allowed.aggregate(n=Count("pk"), without=Count("pk", filter=Q(email_index=""))),
    )
    without, suppressed = 0, {}
    if channel == Campaign.Channel.EMAIL:
        without = permitted["without"]
        reason = Suppression.objects.filter(channel=channel, address_index=OuterRef("email_index")).values(
            "reason"
        )[:1]
        listed = allowed.exclude(email_index="").annotate(why=Subquery(reason)).filter(why__isnull=False)
        suppressed = dict(listed.order_by("why").values_list("why").annotate(n=Count("pk")))
    return {
        "matched": matched,
        "no_consent": {purpose: matched - permitted["n"]},
        "suppressed": suppressed,
        "no_address": without,
        "sendable": permitted["n"] - without - sum(suppressed.values()),
    }
