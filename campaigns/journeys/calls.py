"""What calls for a journey: the kinds of entry, what each understands, and which rows it is told from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from campaigns.journeys.steps import MOST_DAYS, MOST_HOURS, act_problems
from campaigns.models import Segment
from customers.events import TYPES
from customers.purposes import PURPOSES

# A look at everyone whom a segment or a date calls is not repeated sooner.
EVERY_MINUTES = 60
SCORES = ("churn", "purchase")


@dataclass(frozen=True)
class Kind:
    """One kind of entry. `rows` is what its cursor counts: with another, looking begins anew."""

    name: str
    rows: str
    is_behaviour: bool
    problems: Callable[[Mapping[str, Any]], Iterator[str]]


def kind_of(entry: Mapping[str, Any]) -> Kind:
    return next(kind for name, kind in KINDS.items() if name in entry)


def problems(entry: Any) -> Iterator[str]:
    """What is wrong with an entry."""
    named = [name for name in KINDS if isinstance(entry, dict) and name in entry]
    if len(named) != 1:
        yield _("entry needs exactly one of %s.") % ", ".join(KINDS)
        return
    yield from (_("entry: %s") % words for words in KINDS[named[0]].problems(entry))


def unless_of(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What would keep the event from calling, as a list."""
    unless = entry.get("unless", [])
    return unless if isinstance(unless, list) else [unless]


def delay_of(entry: Mapping[str, Any]) -> timedelta:
    """How old an event must be before it can be told whether it calls."""
    return timedelta(hours=max((act["within_hours"] for act in unless_of(entry)), default=0))


def _only(inner: Any, *names: str) -> Iterator[str]:
    if not isinstance(inner, dict):
        yield _("It is an object.")
    elif extra := sorted(set(inner) - set(names)):
        yield _("It does not understand “%s”.") % ", ".join(extra)


def _within(inner: Mapping[str, Any], name: str, low: float, high: float) -> Iterator[str]:
    value = inner.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        yield _("“%(name)s” is a number from %(low)s to %(high)s.") % {
            "name": name,
            "low": f"{low:g}",
            "high": f"{high:g}",
        }


def _event(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "event", "unless", "where")
    if str(entry["event"]) not in TYPES:
        yield _("event is one of %s.") % ", ".join(sorted(TYPES))
    for act in unless_of(entry):
        if not isinstance(act, dict):
            yield _("unless is such as {“did”: “ordered”, “within_hours”: 4}.")
            continue
        yield from act_problems({name: value for name, value in act.items() if name != "within_hours"})
        yield from _within(act, "within_hours", 0.01, MOST_HOURS)
    where = entry.get("where", {})
    yield from _only(where, "sku", "category", "times", "value_gte")
    if isinstance(where, dict):
        if not all(isinstance(where.get(name, ""), str) for name in ("sku", "category")):
            yield _("sku and category are texts.")
        if "times" in where:
            yield from _within(where, "times", 1, 100)
        if "value_gte" in where:
            yield from _within(where, "value_gte", 0, 1e9)


def _consented(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "consented")
    if str(entry["consented"]) not in PURPOSES:
        yield _("consented is one of %s.") % ", ".join(PURPOSES)


def _segment(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "segment", "every_minutes")
    if not Segment.objects.filter(slug=str(entry["segment"])).exists():
        yield _("There is no segment “%s”.") % entry["segment"]
    if "every_minutes" in entry:
        yield from _within(entry, "every_minutes", 1, 60 * 24 * 7)


def _score(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "score", "gte")
    if str(entry["score"]) not in SCORES:
        yield _("score is one of %s.") % ", ".join(SCORES)
    yield from _within(entry, "gte", 0, 1)


def _expected_order(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "expected_order", "every_minutes")
    yield from _only(entry["expected_order"], "days_before")
    if isinstance(entry["expected_order"], dict):
        yield from _within(entry["expected_order"], "days_before", 0, MOST_DAYS)
    if "every_minutes" in entry:
        yield from _within(entry, "every_minutes", 1, 60 * 24 * 7)


def _price_drop(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "price_drop")
    yield from _only(entry["price_drop"], "percent")
    if isinstance(entry["price_drop"], dict):
        yield from _within(entry["price_drop"], "percent", 0.1, 100)


def _back_in_stock(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _only(entry, "back_in_stock")
    yield from _only(entry["back_in_stock"])


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("event", "events", True, _event),
        Kind("consented", "ledger", False, _consented),
        Kind("segment", "people", False, _segment),
        Kind("score", "scores", True, _score),
        Kind("expected_order", "people", True, _expected_order),
        Kind("price_drop", "changes", True, _price_drop),
        Kind("back_in_stock", "changes", True, _back_in_stock),
    )
}
