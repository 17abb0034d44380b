"""About how many a rule matches, within a second whatever the shop's size: asked of some people drawn by chance.

The same people are drawn for every rule, so that two rules are compared among the same. What is told is coarse by
design (N1): of fewer than 20 among those who were drawn only that they are fewer, and else to the nearest ten of them,
so that nobody who happens to be drawn is told of by asking twice.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, Max, Min, OuterRef, QuerySet, Value

from campaigns.models import Campaign
from campaigns.reach import PURPOSE_OF_CHANNEL
from campaigns.segments.audience import places_of
from campaigns.segments.parts import HERE, key, put_together, spelled_out
from campaigns.segments.reading import Reading, Rows
from campaigns.segments.reasons import leaves
from campaigns.segments.rules import compiled
from campaigns.segments.withheld import Declared, refuse
from customers import consent
from customers.few import FEWEST_PEOPLE, in_tens, two_digits
from customers.models import Customer, Suppression
from customers.models.customer import CustomerQuerySet

EMAIL = Campaign.Channel.EMAIL
DRAWN = 2000
WHOLE = 5000
"""Up to so many numbers of customers, all of them are asked."""
MOST_PLACES = 30_000
"""So many ids stand in one query at most; more rules are asked in several."""
Z = 1.96


@dataclass(frozen=True)
class Drawn:
    """Whose answers stand for everyone's. Erased and merged people among them match nothing, so nothing is lost."""

    of: int
    """How many numbers of customers there are."""
    span: tuple[int, int] | None = None
    ids: tuple[int, ...] | None = None

    @property
    def is_whole(self) -> bool:
        return self.ids is None

    def among(self, rows: Rows, person: str = "pk") -> Rows:
        """Of these rows those of people who were drawn; `person` is the rows' column of them."""
        if self.ids is not None:
            return rows.filter(**{f"{person}__in": self.ids})
        first, last = self.span or (0, 0)
        return rows.filter(**{f"{person}__gt": first, f"{person}__lte": last})


def draw(size: int = DRAWN) -> Drawn:
    """One query."""
    edges = Customer.objects.aggregate(low=Min("pk"), high=Max("pk"))
    if edges["low"] is None:
        return Drawn(0, span=(0, 0))
    low, high = edges["low"], edges["high"]
    of = high - low + 1
    if of <= max(WHOLE, size):
        return Drawn(of, span=(low - 1, high))
    return Drawn(of, ids=tuple(sorted(random.Random(low).sample(range(low, high + 1), size))))


@dataclass(frozen=True)
class Estimate:
    """How many of everyone. `people` is exact where `asked` is everyone, else to two digits and None if too few."""

    people: int | None
    low: int
    high: int
    asked: int
    is_exact: bool = False


def estimated(matched: int, drawn: Drawn) -> Estimate:
    """From how many of those drawn match, to how many of everyone do, with its 95 % interval (Wilson 1927)."""
    if drawn.ids is None:
        return Estimate(matched, matched, matched, drawn.of, is_exact=True)
    asked = len(drawn.ids)
    told = in_tens(matched)
    if matched < FEWEST_PEOPLE:
        return Estimate(None, 0, _coarse(_wilson(FEWEST_PEOPLE, asked)[1], drawn.of), asked)
    low, high = _wilson(told, asked)
    return Estimate(
        int(two_digits(drawn.of * told / asked)), _coarse(low, drawn.of), _coarse(high, drawn.of), asked
    )


def _wilson(n: int, of: int) -> tuple[float, float]:
    share, z2 = n / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return middle - half, middle + half


def _coarse(share: float, of: int) -> int:
    return int(two_digits(max(share, 0.0) * of))


def estimate(rule: Any, *, at: datetime, where: str = "") -> Estimate:
    """About how many match the rule (JSON or a segment). Two queries, and what withholding asks. Raises InvalidRule."""
    return estimates([rule], at=at, where=where)[0]


def estimate_reach(
    *rules: Any, at: datetime, where: str = "", channel: str = EMAIL
) -> tuple[Estimate, Estimate]:
    """About how many match any of the rules, and how many of them the channel could reach now, as `waterfall` has it
    exactly. One query more than `estimate`."""
    drawn = draw()
    people = set[int]().union(*matched(rules, drawn, at=at, where=where))
    allowing = Customer.objects.filter(
        consent.may(PURPOSE_OF_CHANNEL[Campaign.Channel(channel)]), pk__in=people
    )
    if channel == EMAIL:
        listed = Suppression.objects.filter(channel=EMAIL, address_index=OuterRef("email_index"))
        allowing = allowing.filter(~Exists(listed)).exclude(email_index="")
    return estimated(len(people), drawn), estimated(allowing.count(), drawn)


def estimates(
    rules: Sequence[Any], *, at: datetime, where: str = "", drawn: Drawn | None = None
) -> list[Estimate]:
    """The same of many rules, together. Raises InvalidRule for the first that cannot be read."""
    drawn = drawn or draw()
    return [estimated(len(people), drawn) for people in matched(rules, drawn, at=at, where=where)]


def matched(rules: Sequence[Any], drawn: Drawn, *, at: datetime, where: str = "") -> list[set[int]]:
    """Whom of those drawn each rule matches, by the same gates as `matching`. Raises InvalidRule.

    Each condition is asked once, however many rules it stands in, by a query of its own; the queries go together, and
    the groups are put together here. As one question for each rule, PostgreSQL asks one condition for every person who
    meets another.
    """
    declared = Declared(at=at)
    asked: dict[str, CustomerQuerySet] = {}
    read: list[tuple[Any, bool]] = []
    for rule in rules:
        inner, places = places_of(rule, where)
        whole = Reading(at=at, places=places)
        compiled(inner, whole, dry=True)
        refuse(whole, declared)
        parts = spelled_out(inner)
        read.append((parts, whole.needs_behaviour))
        # Everyone who is here, or of them who allows what rules of behaviour need: asked where a rule needs it.
        if whole.needs_behaviour:
            asked["allowing"] = drawn.among(consent.permitted("personalization"))
        if not whole.needs_behaviour or '"not":' in key(parts):
            asked[HERE] = drawn.among(Customer.objects.present())
        for path, leaf in leaves(parts):
            if (name := key(leaf)) not in asked:
                reading = Reading(at=at, span=drawn.span, ids=drawn.ids, places=places)
                people = drawn.among(Customer.objects.all())
                asked[name] = people.filter(compiled(leaf, reading, path=path))
    found = _answered(asked, drawn)
    return [
        put_together(rule, found) & found["allowing" if needs_behaviour else HERE]
        for rule, needs_behaviour in read
    ]


def _answered(asked: Mapping[str, CustomerQuerySet], drawn: Drawn) -> dict[str, set[int]]:
    """Whom each query holds: as many at once as a database takes values, in a shop where all are asked all at once."""
    names, found = list(asked), {name: set[int]() for name in asked}
    most = max(1, MOST_PLACES // (2 * len(drawn.ids))) if drawn.ids else len(names)
    for begin in range(0, len(names), most):
        queries: list[QuerySet[Any, Any]] = [
            asked[name].order_by().annotate(part=Value(n)).values_list("part", "pk")
            for n, name in enumerate(names[begin : begin + most], begin)
        ]
        first, *rest = queries
        for n, pk in first.union(*rest, all=True) if rest else first:
            found[names[n]].add(pk)
    return found
