"""Groups as the shop declared them, counted: never worked out from anything else (N3)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from campaigns.models import Campaign, Decision
from campaigns.reach import PURPOSE_OF_CHANNEL
from customers import consent, sensitive
from customers.models import Customer, Suppression

LANGUAGE = "language"
OWN = ("country", LANGUAGE)
MOST_GROUPS = 30
BAND = 10
NOT_SAID, OTHER = "", "*"


@dataclass(frozen=True)
class Compared:
    """One attribute's groups, counted, and the group of each value as it is written."""

    counted: dict[str, "Counted"]
    group_of: dict[str, str]


@dataclass
class Counted:
    """How many people of a group there are, and how many of them were selected."""

    people: int = 0
    selected: int = 0


def compared() -> list[str]:
    """What is compared by: country, language, and what the shop declared sensitive, to be watched. One query."""
    return [*OWN, *sorted(sensitive.declared() - set(OWN))]


def reached(campaign: Campaign) -> QuerySet[Customer]:
    """Everybody whom the channel may and can reach now: among whom the campaign chooses."""
    purpose = PURPOSE_OF_CHANNEL[Campaign.Channel(campaign.channel)]
    people: QuerySet[Customer] = consent.everyone([purpose]).filter(**{f"allows_{purpose}": True})
    if campaign.channel != Campaign.Channel.EMAIL:
        return people
    listed = Suppression.objects.filter(channel=campaign.channel, address_index=OuterRef("email_index"))
    return people.exclude(email_index="").exclude(Exists(listed))


def decided(campaign: Campaign) -> Exists:
    """Whether the campaign has decided about a customer, in whichever arm."""
    return Exists(Decision.objects.filter(campaign=campaign, customer_id=OuterRef("pk")))


def value_of(name: str, person: str = "") -> Any:
    """The attribute as text, empty where it is not said; `person` is the way to them, such as `customer__`."""
    if name in OWN:
        return F(f"{person}{'locale' if name == LANGUAGE else name}")
    told = Cast(KeyTextTransform(name, f"{person}attributes"), TextField())
    return Coalesce(told, Value(NOT_SAID), output_field=TextField())


def count(people: QuerySet[Customer], chosen: Any, names: Sequence[str]) -> dict[str, Compared]:
    """The groups of these people by each attribute, and who of them is chosen (a condition).

    A query for the shop's own columns together, which have few values, and one for each other attribute.
    """
    own = [name for name in names if name in OWN]
    found: dict[str, Compared] = {}
    for together in [own, *([name] for name in names if name not in OWN)]:
        found |= _counted(people, chosen, together)
    return {name: found[name] for name in names}


def _counted(people: QuerySet[Customer], chosen: Any, names: Sequence[str]) -> dict[str, Compared]:
    """One query, grouped there by all of these attributes at once."""
    selected = Case(When(chosen, then=Value(1)), default=Value(0), output_field=IntegerField())
    groups = {f"group_{i}": value_of(name) for i, name in enumerate(names)}
    asked = people.order_by().annotate(selected=selected, **groups).values_list(*groups, "selected")
    by_name: list[Counter[tuple[str, int]]] = [Counter() for _name in names]
    for *values, is_selected, n in asked.annotate(n=Count("pk")):
        for counts, value in zip(by_name, values, strict=True):
            counts[value, is_selected] += n
    return {name: _compared(name, counts) for name, counts in zip(names, by_name, strict=True)}


def _compared(name: str, counts: Mapping[tuple[str, int], int]) -> Compared:
    sizes: Counter[str] = Counter()
    for (value, _selected), n in counts.items():
        sizes[value] += n
    group_of = folded(name, sizes)
    found: dict[str, Counted] = {}
    for (value, is_selected), n in counts.items():
        one = found.setdefault(group_of[value], Counted())
        one.people += n
        one.selected += n * is_selected
    return Compared(found, group_of)


def folded(name: str, values: Mapping[str, int]) -> dict[str, str]:
    """Each value's group: a language without its region, numbers in bands of ten where there are many, and beyond the 30
    largest all others together."""
    by: dict[str, str] = {value: value for value in values}
    if name == LANGUAGE:
        by = {value: value.replace("_", "-").partition("-")[0].lower() for value in values}
    numbers = {value: number for value in values if (number := _number(value)) is not None}
    if name not in OWN and len(numbers) > BAND:
        by |= {value: _band(number) for value, number in numbers.items()}
    sizes: Counter[str] = Counter()
    for value, group in by.items():
        sizes[group] += values[value]
    largest = {group for group, _n in sizes.most_common(MOST_GROUPS)}
    return {value: group if group in largest else OTHER for value, group in by.items()}


def _number(value: str) -> float | None:
    try:
        return float(value) if len(value) <= 15 and value.strip("-.0123456789") == "" else None
    except ValueError:
        return None


def _band(number: float) -> str:
    low = int(number // BAND) * BAND
    return f"{low}–{low + BAND - 1}"


def union(conditions: Iterable[QuerySet[Customer]]) -> Q:
    """Being in any of these query sets."""
    return Q(pk__in=reduce(or_, conditions).order_by().values("pk"))
