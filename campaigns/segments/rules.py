"""The language of rules: what is allowed where, and one query per rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from django.db.models import Case, CharField, Count, FloatField, Max, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import MD5, Cast, Concat, Substr

from campaigns.models import Decision, Outcome, Segment
from catalog.models import Product
from customers import histories
from customers.events import TYPES
from customers.models import Customer, Event
from recommender.models import ClusterMembership, Interest, Score
from recommender.serving import affinity

MAX_DEPTH = 8
MAX_LEAVES = 50
COLUMNS = {"id": "external_id", "country": "country", "locale": "locale", "time_zone": "time_zone"}
COMPARISONS = ("gt", "gte", "lt", "lte", "eq")
BEHAVIOURAL = (
    "did", "recency_days", "frequency", "monetary", "interest", "cluster", "received", "affinity", "score",
)  # fmt: skip
SCORES = ("purchase", "churn", "lifetime_value")
# What of an attribute's text is a number; short enough for every database to read.
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"


Rows = TypeVar("Rows", bound=QuerySet[Any])


class InvalidRule(Exception):
    """The rule cannot be read. `path` is where, the message what to do."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path, self.message = path, message


@dataclass
class Reading:
    """One rule being read: the moment, what it turned out to need, and the segments it stands in (against circles)."""

    at: datetime
    within: tuple[str, ...] = ()
    leaves: int = 0
    needs_behaviour: bool = False
    span: tuple[int, int] | None = None
    """Only customers with first < id ≤ last are asked about: each condition then reads their rows and no others'."""

    def among(self, rows: Rows, field: str = "customer_id") -> Rows:
        if self.span is None:
            return rows
        return rows.filter(**{f"{field}__gt": self.span[0], f"{field}__lte": self.span[1]})


def check(rule: Any) -> None:
    """Raise InvalidRule unless the rule can be compiled."""
    compiled(rule, Reading(at=datetime.now(UTC)), dry=True)


def compiled(rule: Any, reading: Reading, *, path: str = "$", depth: int = 0, dry: bool = False) -> Q:
    """The rule as a condition on Customer. Raises InvalidRule."""
    if depth > MAX_DEPTH:
        raise InvalidRule(path, f"more than {MAX_DEPTH} groups in one another; flatten the rule")
    if not isinstance(rule, dict) or not rule:
        raise InvalidRule(path, 'a rule is an object such as {"attribute": "country", "is": "DE"}')
    for group in ("all", "any"):
        if group in rule:
            _only(rule, path, group)
            if not isinstance(rule[group], list) or not rule[group]:
                raise InvalidRule(f"{path}.{group}", "needs a list of at least one rule")
            parts = [
                compiled(part, reading, path=f"{path}.{group}[{i}]", depth=depth + 1, dry=dry)
                for i, part in enumerate(rule[group])
            ]
            condition = parts[0]
            for part in parts[1:]:
                condition = condition & part if group == "all" else condition | part
            return condition
    if "not" in rule:
        _only(rule, path, "not")
        return ~compiled(rule["not"], reading, path=f"{path}.not", depth=depth + 1, dry=dry)
    reading.leaves += 1
    if reading.leaves > MAX_LEAVES:
        raise InvalidRule(path, f"more than {MAX_LEAVES} conditions; split the segment in two")
    kind = next((name for name in LEAVES if name in rule), None)
    if kind is None:
        raise InvalidRule(path, f"no known condition; use one of {', '.join(('all', 'any', 'not', *LEAVES))}")
    if kind in BEHAVIOURAL:
        reading.needs_behaviour = True
    try:
        return LEAVES[kind](rule, path, reading, dry)
    except OverflowError as error:
        raise InvalidRule(path, "a number is too large") from error


def _only(rule: Mapping[str, Any], path: str, *names: str) -> None:
    if extra := sorted(set(rule) - set(names)):
        raise InvalidRule(path, f"does not understand {', '.join(map(repr, extra))} here")


def _number(value: Any, path: str, *, low: float = -1e12, high: float = 1e12) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidRule(path, "needs a number")
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise InvalidRule(path, "needs a number") from error
    if not found.is_finite() or not low <= found <= high:
        raise InvalidRule(path, f"needs a number from {low:g} to {high:g}")
    return found


def _whole(value: Any, path: str, *, low: float = -1e12, high: float = 1e12) -> int:
    found = _number(value, path, low=low, high=high)
    if found != int(found):
        raise InvalidRule(path, "needs a whole number")
    return int(found)


def _days(value: Any, path: str) -> timedelta:
    return timedelta(days=float(_number(value, path, low=0, high=36_500)))


def _comparison(value: Any, path: str, field: str, read: Callable[[Any, str], Any] = _number) -> Q:
    """{"gte": 2, "lt": 5} as a condition on an annotation."""
    if not isinstance(value, dict) or not value or set(value) - set(COMPARISONS):
        raise InvalidRule(path, f"needs one or more of {', '.join(COMPARISONS)}")
    condition = Q()
    for name, bound in value.items():
        lookup = field if name == "eq" else f"{field}__{name}"
        condition &= Q(**{lookup: read(bound, f"{path}.{name}")})
    return condition


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 300 or "\0" in value:
        raise InvalidRule(path, "needs a text of at most 300 characters")
    return value


def _attribute(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    name = _text(rule["attribute"], f"{path}.attribute")
    operators = set(rule) - {"attribute"}
    if len(operators) != 1:
        raise InvalidRule(path, "needs exactly one of is, in, contains, gt, gte, lt, lte, exists")
    (operator,) = operators
    value, place = rule[operator], f"{path}.{operator}"
    column = COLUMNS.get(name)
    if column is None and not name.replace("_", "").replace("-", "").isalnum():
        raise InvalidRule(f"{path}.attribute", "a name has letters, digits, - and _ only")
    # An attribute's text form is compared, so that "5" and 5 mean the same on every database.
    field = column or "as_text"
    if operator == "exists":
        if not isinstance(value, bool):
            raise InvalidRule(place, "needs true or false")
        present = (
            ~Q(**{column: ""}) & Q(**{f"{column}__isnull": False}) if column else Q(attributes__has_key=name)
        )
        return present if value else ~present
    match operator:
        case "is":
            condition = _equals(field, value, place)
        case "in":
            if not isinstance(value, list) or not 0 < len(value) <= 1000:
                raise InvalidRule(place, "needs a list of 1 to 1,000 values")
            condition = Q()
            for i, one in enumerate(value):
                condition |= _equals(field, one, f"{place}[{i}]")
        case "contains":
            condition = Q(**{f"{field}__icontains": _text(value, place)})
        case "gt" | "gte" | "lt" | "lte":
            if column is not None:
                raise InvalidRule(place, f"{name} is a text; compare it with is, in or contains")
            condition = Q(**{f"as_number__{operator}": float(_number(value, place))})
        case _:
            raise InvalidRule(place, "is no comparison; use is, in, contains, gt, gte, lt, lte or exists")
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
    return Q(**{field: _text(value, path)})


def _did(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    _only(rule, path, "did", "times", "within_days", "sku", "category", "value_sum")
    kind = rule["did"]
    if not isinstance(kind, str) or kind not in TYPES:
        raise InvalidRule(f"{path}.did", f"needs one of {', '.join(sorted(TYPES))}")
    within = _days(rule["within_days"], f"{path}.within_days") if "within_days" in rule else None
    conditions = Q()
    if "sku" in rule:
        conditions &= Q(product__sku=_text(rule["sku"], f"{path}.sku"))
    if "category" in rule:
        conditions &= Q(product__category__slug=_text(rule["category"], f"{path}.category"))
    having = Q()
    if "times" in rule:
        having &= _comparison(rule["times"], f"{path}.times", "times", _whole)
    if "value_sum" in rule:
        having &= _comparison(rule["value_sum"], f"{path}.value_sum", "money")
    if dry:
        return Q()
    since = reading.at - within if within is not None else None
    acts = histories.behaviour("personalization", types=[kind], since=since, until=reading.at).filter(
        conditions
    )
    # Two lines of one order are one time.
    counted = histories.an_order() if kind in ("ordered", "refunded") else "pk"
    who = (
        reading.among(acts)
        .values("customer_id")
        .annotate(times=Count(counted, distinct=True), money=Sum("value"))
    )
    return Q(pk__in=who.filter(having).order_by().values("customer_id"))


def _rfm(name: str, read: Callable[[Any, str], Any]) -> Callable[[dict[str, Any], str, Reading, bool], Q]:
    """Of those who ordered: how long ago last, how often, and for how much less refunds."""

    def leaf(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
        _only(rule, path, name, "within_days")
        comparison = rule[name]
        within = _days(rule["within_days"], f"{path}.within_days") if "within_days" in rule else None
        having = _comparison(comparison, f"{path}.{name}", name, read)
        if dry:
            return Q()
        since = reading.at - within if within is not None else None
        kinds, ordered = (Event.Type.ORDERED, Event.Type.REFUNDED), Q(type=Event.Type.ORDERED)
        acts = histories.behaviour("personalization", types=kinds, since=since, until=reading.at)
        who = (
            reading.among(acts)
            .values("customer_id")
            .annotate(
                newest=Max("occurred_at", filter=ordered),
                frequency=Count(histories.an_order(), filter=ordered, distinct=True),
                monetary=Sum(histories.REVENUE),
            )
        )
        if name == "recency_days":
            having = _ago(comparison, reading.at)
        return Q(pk__in=who.filter(having, frequency__gt=0).order_by().values("customer_id"))

    return leaf


def _ago(comparison: Mapping[str, Any], at: datetime) -> Q:
    """At most 30 days ago is not before 30 days ago: the comparison turns round. 3 days ago is that whole day."""
    turned = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte", "eq": "lte"}
    condition = Q()
    for operator, bound in comparison.items():
        edge = at - _days(bound, operator)
        condition &= Q(**{f"newest__{turned[operator]}": edge})
        if operator == "eq":
            condition &= Q(newest__gt=edge - timedelta(days=1))
    return condition


def _interest(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    _only(rule, path, "interest", "gte")
    slug = _text(rule["interest"], f"{path}.interest")
    least = float(_number(rule.get("gte", 0.5), f"{path}.gte", low=0, high=1))
    rows = Interest.objects.filter(category__slug=slug, probability__gte=least)
    return Q(pk__in=reading.among(rows).values("customer_id"))


def _cluster(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    _only(rule, path, "cluster")
    number = _whole(rule["cluster"], f"{path}.cluster", low=0, high=1000)
    return Q(pk__in=reading.among(ClusterMembership.objects.filter(cluster=number)).values("customer_id"))


def _score(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    """A person without the score, for want of data or of leave, matches no comparison of it."""
    name = rule["score"]
    if name not in SCORES:
        raise InvalidRule(f"{path}.score", f"there is no score {name!r}; use one of {', '.join(SCORES)}")
    _only(rule, path, "score", *COMPARISONS)
    bounds = {operator: value for operator, value in rule.items() if operator != "score"}
    condition = _comparison(bounds, path, name)
    return Q(pk__in=reading.among(Score.objects.filter(condition)).values("customer_id"))


def _segment(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    _only(rule, path, "segment")
    slug = _text(rule["segment"], f"{path}.segment")
    if slug in reading.within:
        raise InvalidRule(f"{path}.segment", f"{slug!r} stands in itself")
    row = Segment.objects.filter(slug=slug).first()
    if row is None:
        raise InvalidRule(f"{path}.segment", f"there is no segment {slug!r}")
    inner = Reading(reading.at, within=(*reading.within, slug), leaves=reading.leaves, span=reading.span)
    condition = compiled(row.rule, inner, path=f"{path}.segment({slug})", dry=dry)
    reading.leaves = inner.leaves
    reading.needs_behaviour |= inner.needs_behaviour
    return condition


def _random(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    inner = rule["random"]
    if not isinstance(inner, dict):
        raise InvalidRule(f"{path}.random", 'needs {"salt": "…", "percent": 10}')
    _only(rule, path, "random")
    _only(inner, f"{path}.random", "salt", "percent")
    salt = _text(inner.get("salt"), f"{path}.random.salt")
    percent = _number(inner.get("percent"), f"{path}.random.percent", low=0, high=100)
    # The first four hex digits of MD5(salt ‖ id), compared as text: both databases order them alike.
    edge = f"{round(float(percent) * 65536 / 100):04x}"
    if edge == "10000":
        return Q(pk__isnull=False)
    place = Substr(MD5(Concat(Value(salt), Cast("pk", output_field=CharField()))), 1, 4)
    rows = reading.among(Customer.objects.all(), "pk").annotate(place=place)
    return Q(pk__in=rows.filter(place__lt=edge).values("pk"))


def _received(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    _only(rule, path, "received", "outcome")
    slug = _text(rule["received"], f"{path}.received")
    sent = Decision.objects.filter(campaign__slug=slug, delivery__status="sent")
    if "outcome" in rule:
        if rule["outcome"] not in Outcome.Kind.values:
            raise InvalidRule(f"{path}.outcome", f"needs one of {', '.join(Outcome.Kind.values)}")
        # Through the event, so that a click counts only while noting clicks is allowed.
        seen = reading.among(histories.behaviour("personalization", types=[rule["outcome"]]))
        sent = sent.filter(outcomes__event__in=seen.values("pk"), outcomes__is_machine=False)
    return Q(pk__in=reading.among(sent).values("customer_id"))


def _affinity(rule: dict[str, Any], path: str, reading: Reading, dry: bool) -> Q:
    """The `top` customers whom a product or a category suits most: ids, worked out once a model."""
    _only(rule, path, "affinity", "top")
    wanted = rule["affinity"]
    if not isinstance(wanted, dict) or len(set(wanted) & {"sku", "category"}) != 1:
        raise InvalidRule(f"{path}.affinity", 'needs {"sku": "…"} or {"category": "…"}')
    _only(wanted, f"{path}.affinity", "sku", "category")
    ((name, value),) = wanted.items()
    slug = _text(value, f"{path}.affinity.{name}")
    top = _whole(rule.get("top", 1000), f"{path}.top", low=1, high=affinity.MOST)
    if dry:
        return Q()
    products = Product.objects.filter(**{"sku" if name == "sku" else "category__slug": slug})
    try:
        ids = affinity.ids_for(list(products.values_list("pk", flat=True)), top=top, at=reading.at)
    except affinity.NothingLearnt as reason:
        raise InvalidRule(f"{path}.affinity", str(reason)) from reason
    if reading.span is not None:
        ids = tuple(pk for pk in ids if reading.span[0] < pk <= reading.span[1])
    return Q(pk__in=ids)


LEAVES: Mapping[str, Callable[[dict[str, Any], str, Reading, bool], Q]] = {
    "attribute": _attribute,
    "did": _did,
    "recency_days": _rfm("recency_days", _days),
    "frequency": _rfm("frequency", _whole),
    "monetary": _rfm("monetary", _number),
    "interest": _interest,
    "cluster": _cluster,
    "score": _score,
    "segment": _segment,
    "random": _random,
    "received": _received,
    "affinity": _affinity,
}
