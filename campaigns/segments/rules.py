"""The language of rules: what is allowed where, and one query per rule."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db.models import Case, CharField, Count, FloatField, Max, Q, Sum, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import MD5, Cast, Concat, Substr
from django.utils.translation import gettext_lazy as _

from campaigns.models import Segment
from campaigns.segments import inferred, withheld
from campaigns.segments.reading import (
    Asked,
    InvalidRule,
    Reading,
    as_days,
    as_number,
    as_text,
    as_whole,
    comparison,
    only,
)
from customers import histories
from customers.events import TYPES
from customers.models import Customer, Event

MAX_DEPTH = 8
MAX_LEAVES = 50
COLUMNS = {"id": "external_id", "country": "country", "locale": "locale", "time_zone": "time_zone"}
BEHAVIOURAL = (
    "did", "recency_days", "frequency", "monetary", "interest", "cluster", "received", "affinity", "score",
    "uplift",
)  # fmt: skip
# What of an attribute's text is a number; short enough for every database to read.
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"


def check(rule: Any, *, where: str = "", at: datetime | None = None) -> None:
    """Raise InvalidRule unless the rule can be compiled; Withheld where it asks for a sensitive attribute unapproved.

    where : whose rule it is, such as `offer:slug` · at : now, if it is not said.
    """
    withheld.refuse(read(rule, where=where, at=at))


def read(rule: Any, *, where: str = "", within: tuple[str, ...] = (), at: datetime | None = None) -> Reading:
    """The rule read and not asked: what it names stands in `asked`. Raises InvalidRule.

    Every condition is noted by what compiles it, so nothing that can be asked goes unnoticed. A query a segment inside.
    """
    reading = Reading(at=at or datetime.now(UTC), within=within, places=(where,) if where else ())
    compiled(rule, reading, dry=True)
    return reading


def compiled(rule: Any, reading: Reading, *, path: str = "$", depth: int = 0, dry: bool = False) -> Q:
    """The rule as a condition on Customer. Raises InvalidRule."""
    if depth > MAX_DEPTH:
        raise InvalidRule(
            path, _("more than %(most)s groups in one another; flatten the rule"), most=MAX_DEPTH
        )
    if not isinstance(rule, dict) or not rule:
        raise InvalidRule(path, _('a rule is an object such as {"attribute": "country", "is": "DE"}'))
    for group in ("all", "any"):
        if group in rule:
            only(rule, path, group)
            if not isinstance(rule[group], list) or not rule[group]:
                raise InvalidRule(f"{path}.{group}", _("needs a list of at least one rule"))
            parts = [
                compiled(part, reading, path=f"{path}.{group}[{i}]", depth=depth + 1, dry=dry)
                for i, part in enumerate(rule[group])
            ]
            condition = parts[0]
            for part in parts[1:]:
                condition = condition & part if group == "all" else condition | part
            return condition
    if "not" in rule:
        only(rule, path, "not")
        return ~compiled(rule["not"], reading, path=f"{path}.not", depth=depth + 1, dry=dry)
    reading.leaves += 1
    if reading.leaves > MAX_LEAVES:
        raise InvalidRule(path, _("more than %(most)s conditions; split the segment in two"), most=MAX_LEAVES)
    kind = next((name for name in LEAVES if name in rule), None)
    if kind is None:
        raise InvalidRule(
            path,
            _("no known condition; use one of %(names)s"),
            names=", ".join(("all", "any", "not", *LEAVES)),
        )
    if kind in BEHAVIOURAL:
        reading.needs_behaviour = True
    named = rule[kind] if kind == "attribute" and isinstance(rule[kind], str) else ""
    reading.asked.append(Asked(kind, named, path, reading.places))
    try:
        return LEAVES[kind](rule, path, reading, dry)
    except OverflowError as error:
        raise InvalidRule(path, _("a number is too large")) from error


def _attribute(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    name = as_text(rule["attribute"], f"{path}.attribute")
    operators = set(rule) - {"attribute"}
    if len(operators) != 1:
        raise InvalidRule(
            path, _("needs exactly one of %(names)s"), names="is, in, contains, gt, gte, lt, lte, exists"
        )
    (operator,) = operators
    value, place = rule[operator], f"{path}.{operator}"
    column = COLUMNS.get(name)
    if column is None and not name.replace("_", "").replace("-", "").isalnum():
        raise InvalidRule(f"{path}.attribute", _("a name has letters, digits, - and _ only"))
    # An attribute's text form is compared, so that "5" and 5 mean the same on every database.
    field = column or "as_text"
    if operator == "exists":
        if not isinstance(value, bool):
            raise InvalidRule(place, _("needs true or false"))
        present = (
            ~Q(**{column: ""}) & Q(**{f"{column}__isnull": False}) if column else Q(attributes__has_key=name)
        )
        return present if value else ~present
    match operator:
        case "is":
            condition = _equals(field, value, place)
        case "in":
            if not isinstance(value, list) or not 0 < len(value) <= 1000:
                raise InvalidRule(place, _("needs a list of 1 to 1,000 values"))
            condition = Q()
            for i, one in enumerate(value):
                condition |= _equals(field, one, f"{place}[{i}]")
        case "contains":
            condition = Q(**{f"{field}__icontains": as_text(value, place)})
        case "gt" | "gte" | "lt" | "lte":
            if column is not None:
                raise InvalidRule(
                    place, _("%(name)s is a text; compare it with is, in or contains"), name=name
                )
            condition = Q(**{f"as_number__{operator}": float(as_number(value, place))})
        case _:
            raise InvalidRule(
                place,
                _("is no comparison; use one of %(names)s"),
                names="is, in, contains, gt, gte, lt, lte, exists",
            )
    if column is not None:
        return condition
    number = Case(When(as_text__regex=NUMBER, then=Cast("as_text", FloatField())))
    text = Cast(KeyTextTransform(name, "attributes"), TextField())
    rows = reading.among(Customer.objects.all(), "pk").annotate(as_text=text, as_number=number)
    return Q(pk__in=rows.filter(condition).values("pk"))


def _equals(field: str, value: Any, path: str) -> Q:
    if isinstance(value, bool):
        return Q(**{f"{field}__in": ["true", "1"] if value else ["false", "0"]})
    if isinstance(value, int | float):
        return Q(**{field: str(value)})
    return Q(**{field: as_text(value, path)})


def _did(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    only(rule, path, "did", "times", "within_days", "sku", "category", "value_sum")
    kind = rule["did"]
    if not isinstance(kind, str) or kind not in TYPES:
        raise InvalidRule(f"{path}.did", _("needs one of %(names)s"), names=", ".join(sorted(TYPES)))
    within = as_days(rule["within_days"], f"{path}.within_days") if "within_days" in rule else None
    conditions = Q()
    for name, field in (("sku", "sku"), ("category", "category__slug")):
        if name in rule:
            conditions &= reading.of_product(field, as_text(rule[name], f"{path}.{name}"))
    having = Q()
    if "times" in rule:
        having &= comparison(rule["times"], f"{path}.times", "times", as_whole)
    if "value_sum" in rule:
        having &= comparison(rule["value_sum"], f"{path}.value_sum", "money")
    if dry:
        return Q()
    since = reading.at - within if within is not None else None
    acts = reading.behaviour([kind], since=since).filter(conditions)
    # Two lines of one order are one time.
    counted = histories.an_order() if kind in ("ordered", "refunded") else "pk"
    who = acts.values("customer_id").annotate(
        times=Count(counted, distinct=counted != "pk"), money=Sum("value")
    )
    return Q(pk__in=who.filter(having).order_by().values("customer_id"))


def _rfm(name: str, read: Callable[[Any, str], Any]) -> Callable[[dict[str, Any], str, Reading, bool], Q]:
    """Of those who ordered: how long ago last, how often, and for how much less refunds."""

    def leaf(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
        only(rule, path, name, "within_days")
        bounds = rule[name]
        within = as_days(rule["within_days"], f"{path}.within_days") if "within_days" in rule else None
        having = comparison(bounds, f"{path}.{name}", name, read)
        if dry:
            return Q()
        since = reading.at - within if within is not None else None
        kinds, ordered = (Event.Type.ORDERED, Event.Type.REFUNDED), Q(type=Event.Type.ORDERED)
        who = (
            reading.behaviour(kinds, since=since)
            .values("customer_id")
            .annotate(
                newest=Max("occurred_at", filter=ordered),
                frequency=Count(histories.an_order(), filter=ordered, distinct=True),
                monetary=Sum(histories.REVENUE),
            )
        )
        if name == "recency_days":
            having = _ago(bounds, reading.at)
        return Q(pk__in=who.filter(having, newest__isnull=False).order_by().values("customer_id"))

    return leaf


def _ago(bounds: Mapping[str, Any], at: datetime) -> Q:
    """At most 30 days ago is not before 30 days ago: the comparison turns round. 3 days ago is that whole day."""
    turned = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte", "eq": "lte"}
    condition = Q()
    for operator, bound in bounds.items():
        edge = at - as_days(bound, operator)
        condition &= Q(**{f"newest__{turned[operator]}": edge})
        if operator == "eq":
            condition &= Q(newest__gt=edge - timedelta(days=1))
    return condition


def _segment(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    only(rule, path, "segment")
    slug = as_text(rule["segment"], f"{path}.segment")
    if slug in reading.within:
        raise InvalidRule(f"{path}.segment", _("“%(name)s” stands in itself"), name=slug)
    if reading.declared is None:
        named = Segment.objects.filter(slug=slug).values_list("rule", flat=True).first()
    else:
        named = orjson.loads(reading.declared.rule_of.get(slug, "null"))
    if named is None:
        raise InvalidRule(f"{path}.segment", _("there is no segment “%(name)s”"), name=slug)
    inner = Reading(
        reading.at,
        within=(*reading.within, slug),
        leaves=reading.leaves,
        span=reading.span,
        ids=reading.ids,
        places=(*reading.places, f"segment:{slug}"),
        declared=reading.declared,
        asked=reading.asked,
    )
    condition = compiled(named, inner, path=f"{path}.segment({slug})", dry=dry)
    reading.leaves = inner.leaves
    reading.needs_behaviour |= inner.needs_behaviour
    return condition


def _random(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    inner = rule["random"]
    if not isinstance(inner, dict):
        raise InvalidRule(f"{path}.random", _('needs {"salt": "…", "percent": 10}'))
    only(rule, path, "random")
    only(inner, f"{path}.random", "salt", "percent")
    salt = as_text(inner.get("salt"), f"{path}.random.salt")
    percent = as_number(inner.get("percent"), f"{path}.random.percent", low=0, high=100)
    # The first four hex digits of MD5(salt ‖ id), compared as text: both databases order them alike.
    edge = f"{round(float(percent) * 65536 / 100):04x}"
    if edge == "10000":
        return Q(pk__isnull=False)
    place = Substr(MD5(Concat(Value(salt), Cast("pk", output_field=CharField()))), 1, 4)
    rows = reading.among(Customer.objects.all(), "pk").annotate(place=place)
    return Q(pk__in=rows.filter(place__lt=edge).values("pk"))


LEAVES: Mapping[str, Callable[[dict[str, Any], str, Reading, bool], Q]] = {
    "attribute": _attribute,
    "did": _did,
    "recency_days": _rfm("recency_days", as_days),
    "frequency": _rfm("frequency", as_whole),
    "monetary": _rfm("monetary", as_number),
    "interest": inferred.interest,
    "cluster": inferred.cluster,
    "score": inferred.score,
    "segment": _segment,
    "random": _random,
    "received": inferred.received,
    "affinity": inferred.affinity,
    "uplift": inferred.uplift,
}
