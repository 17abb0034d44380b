"""Rules asked of everyone, exactly: each condition by a query of its own, put together here.

As one question PostgreSQL asks one condition anew for every person who meets another, and leave for every event. Here
each condition reads its own rows once, what people allow is asked once of all of them, and the answers, one entry a
person, are joined as the rules say. Memory: a byte a person and condition, and the numbers of one answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from django.db import OperationalError, connection, transaction
from django.db.models import BigIntegerField, Case, Expression, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from campaigns.models import Campaign
from campaigns.reach import PURPOSE_OF_CHANNEL
from campaigns.segments.audience import places_of
from campaigns.segments.parts import HERE, key, put_together, spelled_out
from campaigns.segments.reading import Reading
from campaigns.segments.reasons import leaves
from campaigns.segments.rules import compiled
from campaigns.segments.withheld import refuse
from customers import consent
from customers.columns import columns
from customers.models import Customer, Suppression

Mask = np.ndarray[Any, np.dtype[np.bool_]]
PERSONALIZATION = "personalization"


class TookTooLong(Exception):
    """The database was asked for longer than somebody who waits would wait."""


@contextmanager
def large_questions(*, most_s: int | None = None) -> Iterator[None]:
    """Let PostgreSQL keep what it joins and sorts in memory; with `most_s` each question ends after so many seconds.

    Raises TookTooLong. SQLite, of small shops, is asked as it is.
    """
    if connection.vendor != "postgresql":
        yield
        return
    said = {"work_mem": "64MB"} | ({"statement_timeout": f"{most_s}s"} if most_s else {})
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for name, value in said.items():
                cursor.execute(f"SET LOCAL {name} = '{value}'")
            yield
            for name in said:  # inside another transaction they would hold until its end
                cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") == "57014":  # query_canceled
            raise TookTooLong from error
        raise


@dataclass(frozen=True)
class _Rule:
    parts: Any
    needs_behaviour: bool


class Everyone:
    """Who is here, what they allow, and whom each of these rules matches; arrays with one entry a person.

    Raises InvalidRule for the first that cannot be read. A query for the people, and one for each condition.
    """

    def __init__(self, rules: Sequence[Any], *, at: datetime, purposes: Iterable[str] = ()) -> None:
        asked, conditions = _read(rules, at=at)
        needed = set(purposes)
        if any(rule.needs_behaviour for rule in asked):
            needed.add(PERSONALIZATION)
        names = sorted(needed)
        rows = consent.everyone(names).values_list(
            "pk", _bit(~Q(email_index="")), *(_bit(Q(**{f"allows_{name}": True})) for name in names)
        )
        ids, has_address, *allowed = columns(rows, *([np.int64] * (2 + len(names))))
        order = np.argsort(ids)
        self.ids = ids[order]
        self.has_address: Mask = has_address[order].astype(bool)
        self.allow: dict[str, Mask] = {
            name: bits[order].astype(bool) for name, bits in zip(names, allowed, strict=True)
        }
        found: dict[str, Mask] = {HERE: np.ones(len(ids), dtype=bool)}
        found |= {name: self.among(people) for name, people in conditions.items()}
        self.matched: list[Mask] = [
            put_together(rule.parts, found) & (self.allow[PERSONALIZATION] if rule.needs_behaviour else True)
            for rule in asked
        ]

    def among(self, people: QuerySet[Any]) -> Mask:
        """Who of them is in the query of customers."""
        found = np.zeros(len(self.ids), dtype=bool)
        if len(self.ids):
            (ids,) = columns(people.order_by().values_list("pk"), np.int64)
            place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
            found[place[self.ids[place] == ids]] = True
        return found


def _bit(condition: Q) -> Expression:
    return Cast(Case(When(condition, then=Value(1)), default=Value(0)), BigIntegerField())


def _read(rules: Sequence[Any], *, at: datetime) -> tuple[list[_Rule], dict[str, QuerySet[Any]]]:
    """The rules with each condition once, by the same gates as `matching`."""
    asked: list[_Rule] = []
    conditions: dict[str, QuerySet[Any]] = {}
    for rule in rules:
        inner, places = places_of(rule, "")
        whole = Reading(at=at, places=places)
        compiled(inner, whole, dry=True)
        refuse(whole)
        parts = spelled_out(inner)
        asked.append(_Rule(parts, whole.needs_behaviour))
        for path, leaf in leaves(parts):
            if (name := key(leaf)) not in conditions:
                reading = Reading(at=at, places=places, of_everyone=True)
                conditions[name] = Customer.objects.filter(compiled(leaf, reading, path=path))
    return asked, conditions


def waterfall(*rules: Any, channel: str, at: datetime) -> dict[str, Any]:
    """How many match any of the rules (JSON or segments), each person once, and could be reached by the channel.

    The rows add up: {"matched", "no_consent": {purpose: n}, "suppressed": {reason: n}, "no_address", "sendable"}.
    Raises InvalidRule.
    """
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(channel)]
    with large_questions():
        people = Everyone(rules, at=at, purposes=[purpose])
        matched = reduce(or_, people.matched)
        permitted = matched & people.allow[purpose]
        reachable, suppressed = permitted, dict[str, int]()
        if channel == Campaign.Channel.EMAIL:
            reachable = permitted & people.has_address
            listed = Suppression.objects.filter(channel=channel)
            for reason in listed.order_by("reason").values_list("reason", flat=True).distinct():
                addresses = listed.filter(reason=reason).values("address_index")
                is_listed = reachable & people.among(Customer.objects.filter(email_index__in=addresses))
                if n := int(is_listed.sum()):
                    suppressed[reason] = n
    return {
        "matched": int(matched.sum()),
        "no_consent": {purpose: int(matched.sum() - permitted.sum())},
        "suppressed": suppressed,
        "no_address": int(permitted.sum() - reachable.sum()),
        "sendable": int(reachable.sum()) - sum(suppressed.values()),
    }
