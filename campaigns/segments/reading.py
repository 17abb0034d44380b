"""A rule being read, and its parts checked: what is wrong is named with its place."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import Exact
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from customers import histories
from customers.models import Event

if TYPE_CHECKING:
    from campaigns.segments.withheld import Declared

COMPARISONS = ("gt", "gte", "lt", "lte", "eq")
Rows = TypeVar("Rows", bound=QuerySet[Any])


class InvalidRule(Exception):
    """The rule cannot be read. `path` is where, the message what to do, in the language of who reads it."""

    def __init__(self, path: str, message: str | Promise, **told: object) -> None:
        """told : what is filled into the message, as `%(name)s`."""
        super().__init__(path)
        self.path, self.text, self.told = path, message, told

    @property
    def message(self) -> str:
        return str(self.text) % self.told if self.told else str(self.text)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Asked:
    """One condition of a rule: its kind, the attribute it names (else empty), where it stands, and in which places.

    places : `segment:slug`, `offer:slug` …, from the outermost in; empty for a rule that is nobody's.
    """

    kind: str
    attribute: str
    path: str
    places: tuple[str, ...]


@dataclass
class Reading:
    """One rule being read: the moment, what it turned out to need, and the segments it stands in (against circles)."""

    at: datetime
    within: tuple[str, ...] = ()
    leaves: int = 0
    needs_behaviour: bool = False
    span: tuple[int, int] | None = None
    """Only customers with first < id ≤ last are asked about: each condition then reads their rows and no others'."""
    ids: Collection[int] | None = None
    """Only these customers are asked about."""
    places: tuple[str, ...] = ()
    """Whose rule it is, and the segments on the way to it."""
    declared: "Declared | None" = None
    """What it rests on beside people, where that was asked before."""
    asked: list[Asked] = field(default_factory=list)
    """Every condition that was read, those of inner segments too."""
    of_everyone: bool = False
    """Everybody is asked about: leave is asked once of them all."""

    def behaviour(self, types: Collection[str], *, since: datetime | None) -> QuerySet[Event]:
        """What people did until now, of those who allow it."""
        return self.among(
            histories.behaviour(
                "personalization", types=types, since=since, until=self.at, of_everyone=self.of_everyone
            )
        )

    def of_product(self, field: str, value: str) -> Q:
        """Of events: whose product is that one, or of that category.

        Of a few people it is asked event by event: joined, PostgreSQL reads every event of the category to find theirs.
        """
        if self.span is None and self.ids is None:
            return Q(**{f"product__{field}": value})
        theirs = Product.objects.filter(pk=OuterRef("product_id")).values(field)
        return Q(Exact(Subquery(theirs), value))

    def among(self, rows: Rows, field: str = "customer_id") -> Rows:
        if self.ids is not None:
            return rows.filter(**{f"{field}__in": self.ids})
        if self.span is None:
            return rows
        return rows.filter(**{f"{field}__gt": self.span[0], f"{field}__lte": self.span[1]})


def only(rule: Mapping[str, Any], path: str, *names: str) -> None:
    if extra := sorted(set(rule) - set(names)):
        raise InvalidRule(path, _("does not understand %(names)s here"), names=", ".join(map(repr, extra)))


def as_number(value: Any, path: str, *, low: float = -1e12, high: float = 1e12) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidRule(path, _("needs a number"))
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise InvalidRule(path, _("needs a number")) from error
    if not found.is_finite() or not low <= found <= high:
        raise InvalidRule(
            path, _("needs a number from %(low)s to %(high)s"), low=f"{low:g}", high=f"{high:g}"
        )
    return found


def as_whole(value: Any, path: str, *, low: float = -1e12, high: float = 1e12) -> int:
    found = as_number(value, path, low=low, high=high)
    if found != int(found):
        raise InvalidRule(path, _("needs a whole number"))
    return int(found)


def as_days(value: Any, path: str) -> timedelta:
    return timedelta(days=float(as_number(value, path, low=0, high=36_500)))


def comparison(value: Any, path: str, field: str, read: Callable[[Any, str], Any] = as_number) -> Q:
    """{"gte": 2, "lt": 5} as a condition on an annotation."""
    if not isinstance(value, dict) or not value or set(value) - set(COMPARISONS):
        raise InvalidRule(path, _("needs one or more of %(names)s"), names=", ".join(COMPARISONS))
    condition = Q()
    for name, bound in value.items():
        lookup = field if name == "eq" else f"{field}__{name}"
        condition &= Q(**{lookup: read(bound, f"{path}.{name}")})
    return condition


def as_text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 300 or "\0" in value:
        raise InvalidRule(path, _("needs a text of at most 300 characters"))
    return value
